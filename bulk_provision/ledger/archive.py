"""Reading runs of the past (and the present one) for people: records, rows, counts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bulk_provision.errors import UsageError
from bulk_provision.ledger.opening import READS
from bulk_provision.ledger.schema import UNSETTLED, State, accounts, attempts, endpoints, rows, runs
from bulk_provision.ledger.waves import later_counts
from bulk_provision.model import LATER_WAVE, OUTCOMES_OF, Outcome, ResultRow, RunRecord, Warned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection, Engine

    from bulk_provision.ledger.vault import Vault

_PAGE = 2000
_NOT_ENDED = {
    Outcome.IN_DOUBT: "A request may have left; what came of it is not written down.",
    Outcome.UNPROCESSED: "The run has not come to this row.",
}
_OURS = (State.CREATED, State.RESET)


def run_records(engine: Engine, *, limit: int = 50) -> list[RunRecord]:
    """Return the newest runs, newest first; plans are none."""
    newest = _RUNS.where(runs.c.state != "plan").order_by(runs.c.id.desc()).limit(limit)
    with engine.connect().execution_options(**READS) as connection:
        return [_record(connection, row) for row in connection.execute(newest).mappings()]


def last_record(engine: Engine, job: str) -> RunRecord | None:
    """Return a job's newest run; None when it has none."""
    newest = _RUNS.where(runs.c.job == job, runs.c.state != "plan").order_by(runs.c.id.desc())
    with engine.connect().execution_options(**READS) as connection:
        row = connection.execute(newest.limit(1)).mappings().one_or_none()
        return None if row is None else _record(connection, row)


def run_record(engine: Engine, run_id: int) -> RunRecord:
    """Return a run.

    Raises:
        UsageError: there is no such run.
    """
    with engine.connect().execution_options(**READS) as connection:
        row = connection.execute(_RUNS.where(runs.c.id == run_id)).mappings().one_or_none()
        if row is None:
            raise UsageError(
                f"There is no run {run_id} in this ledger.",
                "See which there are: bulk-provision runs",
            )
        return _record(connection, row)


def outcome_counts(connection: Connection, run_id: int) -> dict[Outcome | None, int]:
    """Count a run's rows by outcome; None counts those that have none yet."""
    counted = connection.execute(
        sa.select(rows.c.outcome, sa.func.count())
        .where(rows.c.run_id == run_id)
        .group_by(rows.c.outcome)
    )
    return {None if outcome is None else Outcome(outcome): count for outcome, count in counted}


def _maybe_sent(connection: Connection, run_id: int, account_id: int) -> int:
    """Count the rows without an outcome whose request may have left."""
    return (
        connection.scalar(
            sa.select(sa.func.count())
            .select_from(rows)
            .join(endpoints, endpoints.c.username == rows.c.username)
            .where(
                rows.c.run_id == run_id,
                rows.c.outcome.is_(None),
                endpoints.c.account_id == account_id,
                endpoints.c.state.in_(UNSETTLED),
            )
        )
        or 0
    )


def counts_of(
    connection: Connection, run_id: int
) -> tuple[dict[Outcome | None, int], int, dict[Outcome, int]]:
    """Count a run's rows by outcome (as `outcome_counts`), the calls that left, and `later`."""
    kept = connection.scalar(sa.select(runs.c.counts).where(runs.c.id == run_id))
    if kept is not None:  # its rows were removed
        told = json.loads(kept)
        later = {Outcome(name): n for name, n in told.get("later", {}).items()}
        return {Outcome(name): n for name, n in told["outcomes"].items()}, told["calls"], later
    calls = connection.scalar(
        sa.select(sa.func.count()).where(
            attempts.c.run_id == run_id, attempts.c.verdict != "unsent"
        )
    )
    return outcome_counts(connection, run_id), calls or 0, later_counts(connection, run_id)


def _record(connection: Connection, row: Any) -> RunRecord:  # noqa: ANN401  (a row mapping)
    counts, calls, later = counts_of(connection, row["id"])
    outcomes = {outcome: counts.get(outcome, 0) for outcome in OUTCOMES_OF[row["kind"]]}
    if still_open := counts.get(None, 0):  # it runs, or was killed
        maybe_sent = _maybe_sent(connection, row["id"], row["account_id"])
        outcomes[Outcome.IN_DOUBT] += maybe_sent
        outcomes[Outcome.UNPROCESSED] += still_open - maybe_sent
    return RunRecord(
        run_id=row["id"],
        appid=row["appid"],
        base_url=row["base_url"],
        source=row["source"],
        sheet=row["sheet"],
        sha256=row["sha256"],
        columns=tuple(json.loads(row["columns"])),
        state=row["state"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        started_by=row["started_by"],
        rate=row["rate"],
        calls=calls,
        outcomes=outcomes,
        rows=sum(counts.values()),
        reason=row["reason"],
        warnings=tuple(Warned(*warned) for warned in json.loads(row["warnings"])),
        exit_code=row["exit_code"],
        kind=row["kind"],
        undoes=row["undoes"],
        job=row["job"],
        has_rows=row["counts"] is None,
        later=later,
        selection=row["selection"],
    )


def unchanged(connection: Connection, run_id: int) -> dict[Outcome, int]:
    """Count the rows of a run that are as an earlier run left them, or left for a later one."""
    counted = (
        sa.select(rows.c.outcome, sa.func.count())
        .where(rows.c.run_id == run_id, ~_IS_CHANGED)
        .group_by(rows.c.outcome)
    )
    return {Outcome(outcome): count for outcome, count in connection.execute(counted)}


def result_rows(
    engine: Engine, vault: Vault, account_id: int, run_id: int, *, changed: bool = False
) -> Iterator[ResultRow]:
    """Yield a run's rows in the source's order, with the credentials as they are known now.

    Args:
        engine: the ledger's connections.
        vault: opens the account's passwords.
        account_id: the account in the ledger.
        run_id: whose rows.
        changed: leave out those that are as an earlier run left them, or left for a later one.
    """
    after = 0
    wanted = _RESULTS.where(rows.c.run_id == run_id, *([_IS_CHANGED] if changed else []))
    while True:
        page = wanted.where(rows.c.seq > after).limit(_PAGE)
        with engine.connect().execution_options(**READS) as connection:
            found = connection.execute(page, {"account_id": account_id}).all()
        if not found:
            return
        for row in found:
            yield _result_row(vault, row)
        after = found[-1].seq


def _result_row(vault: Vault, row: Any) -> ResultRow:  # noqa: ANN401  (a database row)
    outcome = Outcome(row.outcome or _without_outcome(row.state))
    of_sheet = "" if row.sealed is None else vault.open(row.username, row.sealed)
    known = "" if row.known is None else vault.open(row.username, row.known)
    handed_over, password = _credential(outcome, of_sheet, known, vault, row)
    told = row.message if row.outcome else _NOT_ENDED[outcome]
    tells_url = handed_over or outcome is Outcome.EXISTS
    return ResultRow(
        number=row.number,
        username=row.username,
        password=password,
        connect_url=(row.connect_url or "") if tells_url else "",
        outcome=outcome,
        code=row.code or "",
        message=" ".join(part for part in (told, row.note) if part),
        tip=row.tip or _about_missing_password(outcome, known, row.state, row.purpose),
        others=tuple(json.loads(row.cells)),
        handed_over=handed_over,
    )


def _without_outcome(state: str | None) -> Outcome:
    """Say what a row is while its run goes on, or after it was killed."""
    return Outcome.IN_DOUBT if state in UNSETTLED else Outcome.UNPROCESSED


def _about_missing_password(
    outcome: Outcome, known: str, state: str | None, purpose: str | None
) -> str:
    """Say why a row that was created has no password to show; "" when it has one."""
    if outcome not in (Outcome.CREATED, Outcome.UNCHANGED):
        return ""
    if state in UNSETTLED:
        what = "Its removal" if purpose == "remove" else "A change of its password"
        return f"{what} is in doubt: run the source again to settle it."
    if state == State.REMOVED:
        return "It was removed again (bulk-provision undo)."
    if state not in _OURS:
        return "It was ours, but TeleCMI holds another password or nothing by now."
    return "" if known else "Its password was erased from the ledger (bulk-provision forget)."


def _credential(
    outcome: Outcome,
    of_sheet: str,
    known: str,
    vault: Vault,
    row: Any,  # noqa: ANN401  (a database row)
) -> tuple[bool, str]:
    """Return whether the credential is ours to hand over, and the password to show."""
    if row.kind == "undo":  # of what is removed, or is not ours, no password is of use to anybody
        return False, ""
    if outcome in (Outcome.CREATED, Outcome.UNCHANGED):
        still_works = row.state in _OURS
        return still_works, known if still_works else ""
    if outcome is Outcome.EXISTS:
        if row.state in _OURS and row.proof is not None:
            return True, known
        matches = row.compared == f"same {vault.mark(row.username, of_sheet)}"
        return False, of_sheet if matches and of_sheet else ""
    if outcome is Outcome.IN_DOUBT:  # it may well be the one that works
        return False, known or of_sheet
    return False, of_sheet


# Calls were needed for it, or it is nothing that the ledger could remember; and they were not left
# for a later wave.
_IS_CHANGED = (sa.func.coalesce(rows.c.code, "") != LATER_WAVE) & (
    rows.c.action.is_not(None)
    | sa.func.coalesce(rows.c.outcome, "").not_in((Outcome.UNCHANGED, Outcome.EXISTS))
)
_RUNS = sa.select(runs, accounts.c.appid, accounts.c.base_url).join(
    accounts, accounts.c.id == runs.c.account_id
)
_RESULTS = (
    sa.select(
        rows.c.seq,
        rows.c.number,
        rows.c.username,
        rows.c.sealed,
        rows.c.cells,
        rows.c.outcome,
        rows.c.code,
        rows.c.message,
        rows.c.tip,
        rows.c.note,
        endpoints.c.sealed.label("known"),
        endpoints.c.state,
        endpoints.c.proof,
        endpoints.c.connect_url,
        endpoints.c.compared,
        endpoints.c.purpose,
        runs.c.kind,
    )
    .join(runs, runs.c.id == rows.c.run_id)
    .join(
        endpoints,
        (endpoints.c.account_id == sa.bindparam("account_id"))
        & (endpoints.c.username == rows.c.username),
        isouter=True,
    )
    .order_by(rows.c.seq)
)
