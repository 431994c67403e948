"""Figures beside their aims: as a table for people, as JSON for comparing runs."""

import json
from typing import NamedTuple


class Figure(NamedTuple):
    """One figure.

    Args:
        name: what was measured.
        aim: what is wanted, in words.
        measured: what came out, in words.
        value: what came out, as a number.
        reached: whether the aim is met; None where there is none.
    """

    name: str
    aim: str
    measured: str
    value: float
    reached: bool | None = None

    @property
    def verdict(self):
        """Return the word for the table."""
        return {True: "reached", False: "MISSED", None: ""}[self.reached]


def at_least(name, aim, value, measured, hoped_for=None):
    """Return a figure that shall not be less than its aim (and is hoped to be better still)."""
    wanted = f">= {aim:,g}" + (f" (hoped for: {hoped_for:g})" if hoped_for else "")
    return Figure(name, wanted, measured, value, value >= aim)


def at_most(name, aim, value, measured):
    """Return a figure that shall not be more than its aim."""
    return Figure(name, f"<= {aim:,g}", measured, value, value <= aim)


def told(name, value, measured):
    """Return a figure without an aim: it explains the others."""
    return Figure(name, "", measured, value)


def table(figures):
    """Return the table's lines."""
    rows = [("figure", "aim", "measured", "verdict")]
    rows += [(one.name, one.aim, one.measured, one.verdict) for one in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        if row is rows[0]:
            yield "  ".join("-" * width for width in widths)


def as_json(figures, machine):
    """Return all of it, for a file."""
    found = [{**one._asdict(), "verdict": one.verdict} for one in figures]
    return json.dumps({"machine": machine, "figures": found}, indent=2) + "\n"
