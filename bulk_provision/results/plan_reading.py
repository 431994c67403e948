"""A plan read again, after people had it: what it is bound to, and who approved it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulk_provision.approval import Binding
from bulk_provision.errors import SourceError, UsageError
from bulk_provision.intake.pages import PLAN_TITLE, page
from bulk_provision.results import plan_words as words

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROWS = 500  # of the sheet `Plan`, which has some sixty
_CURE = "Give the workbook that bulk-provision plan SOURCE -o FILE wrote."


def read_plan(path: str) -> tuple[Binding, str]:
    """Read what a plan is bound to, and who approved it.

    Args:
        path: of a workbook that `write_plan` wrote; spreadsheet programs may have saved it since.

    Returns:
        Its binding; and who approved it and when, as people wrote it, "" when nobody did.

    Raises:
        UsageError: it cannot be read, is no plan, or what is in it was changed since.
    """
    try:
        rows = page(path, "Plan", _ROWS)
    except SourceError as problem:
        raise UsageError(f"The plan cannot be read. {problem.what}", _CURE) from None
    lines = [[cell.strip() for cell in cells[1:3]] for cells in rows or []]
    if not any(line[:1] == [PLAN_TITLE] for line in lines):
        raise UsageError(f"{path} is no plan of bulk-provision.", _CURE)
    values = {line[0]: line[1] for line in lines if len(line) == 2}
    sha256, appid, base_url = (
        values.get(label, "") for label in (words.SHA256, words.APPID, words.BASE_URL)
    )
    binding = Binding(sha256, appid, base_url, _options(lines))
    if binding.hash != values.get(words.HASH):
        raise UsageError(
            f"{path}: this plan was changed after it was made, or is damaged: its hash does not "
            "fit what it says of source, account and options.",
            "Have a new plan made and approved. What people write under Approval changes nothing.",
        )
    approval = (values.get(words.APPROVED_BY, ""), values.get(words.APPROVED_ON, ""))
    return binding, ", ".join(filter(None, approval))


def _options(lines: Sequence[Sequence[str]]) -> dict[str, str]:
    """Return the options: they stand below their title, up to the next blank row."""
    titles = [number for number, line in enumerate(lines) if line[:1] == [words.OPTIONS]]
    options: dict[str, str] = {}
    for line in lines[titles[0] + 1 :] if titles else []:
        if len(line) < 2 or not all(line):
            break
        options[line[0]] = line[1]
    return options
