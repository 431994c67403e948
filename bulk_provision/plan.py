"""What to do about each row: the source's wish, what the ledger knows, and the policy. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from bulk_provision.ledger.schema import LISTED, UNSETTLED, State
from bulk_provision.model import OnExists, Outcome, Reconcile
from bulk_provision.passwords import Recipe, generate, weaknesses

if TYPE_CHECKING:
    from bulk_provision.ledger import Known, OpenRow, Vault
    from bulk_provision.ways import Choice


@dataclass(frozen=True, slots=True)
class Policy:
    """The choices of a run that decide what is done about a row.

    Args:
        on_exists: what to do about usernames that are somebody else's.
        recheck: ask the vendor again about what the ledger remembers.
        recipe: how passwords are generated.
        reconcile: whether the vendor's list is read before calls are made row by row.
    """

    on_exists: OnExists = OnExists.SKIP
    recheck: bool = False
    recipe: Recipe = field(default_factory=Recipe)
    reconcile: Reconcile = Reconcile.AUTO


class Action(StrEnum):
    """What calls a row needs."""

    SETTLE = "settle"  # an earlier request is in doubt: read back first
    VERIFY = "verify"  # created earlier; read back whether it is still so
    CREATE = "create"
    COMPARE = "compare"  # known to exist: read back and compare
    RESET = "reset"  # known to exist: set the password
    REMOVE = "remove"  # ours: read back whether it still is, and remove it (undo)


_CALLS = {Action.REMOVE: 2}  # that an action takes when every answer is clear, if not one


class Remembered(NamedTuple):
    """A row that the ledger settles without a call."""

    outcome: Outcome
    code: str
    message: str
    tip: str = ""


class Step(NamedTuple):
    """A row that needs calls.

    Args:
        seq: the row in its run; None for an endpoint that only an earlier run's source had.
        username: whose.
        password: what the endpoint shall have.
        of_sheet: the source's password; "" when its cell was blank.
        action: what to begin with.
        doubted: whether an earlier request may have had an effect that we did not see.
        purpose: of the request in doubt, or of the one that made the endpoint ours: "create",
            "reset" (somebody else's), "change" (the password of our own), or "remove".
        acknowledged: the vendor said 200 to it: whatever password is there, it is ours.
        is_ours: whether an earlier run made the endpoint, or its password, ours.
        earlier: the sealed password that the vendor may hold, when it is another than `password`.
    """

    seq: int | None
    username: str
    password: str
    of_sheet: str
    action: Action
    doubted: bool = False
    purpose: str = "create"
    acknowledged: bool = False
    is_ours: bool = False
    earlier: str | None = None

    def __repr__(self) -> str:
        return f"Step({self.seq}, {self.username!r}, {self.action})"


def decide(
    username: str, of_sheet: str, known: Known | None, policy: Policy, vault: Vault
) -> Remembered | Action:
    """Say what a row needs: nothing but memory, or calls.

    Args:
        username: the row's.
        of_sheet: the row's password; "" when blank.
        known: what the ledger knows of the username.
        policy: the run's choices.
        vault: opens the ledger's passwords.
    """
    if known is None:
        return Action.CREATE
    match known.state:
        case State.INTENDED | State.IN_DOUBT:
            return Action.SETTLE
        case State.CREATED | State.RESET:
            return _about_ours(username, of_sheet, known, policy, vault)
        case State.EXISTS:
            return _about_others(username, of_sheet, known, policy, vault)
        case _:
            return Action.CREATE


def _about_ours(
    username: str, of_sheet: str, known: Known, policy: Policy, vault: Vault
) -> Remembered | Action:
    wants_another = False
    is_forgotten = known.sealed is None
    if of_sheet and known.sealed is not None:
        wants_another = vault.open(username, known.sealed) != of_sheet
    if of_sheet and policy.on_exists is OnExists.RESET and (wants_another or is_forgotten):
        return Action.RESET
    if policy.recheck and not is_forgotten:  # without its password nobody can tell whose it is
        return Action.VERIFY
    if known.state == State.RESET:
        message, outcome = "Existed; an earlier run set its password.", Outcome.EXISTS
    else:
        message, outcome = "Created by an earlier run.", Outcome.UNCHANGED
    if not wants_another:
        return Remembered(outcome, "", message)
    return Remembered(
        outcome,
        "",
        f"{message} The source now has another password; the one shown here is the one that works.",
        "To set the source's password: --on-exists reset",
    )


def _about_others(
    username: str, of_sheet: str, known: Known, policy: Policy, vault: Vault
) -> Remembered | Action:
    if policy.on_exists is OnExists.RESET:
        return Action.RESET
    if policy.recheck:
        return Action.CREATE
    if policy.on_exists is OnExists.COMPARE:
        compared = (known.compared or "").partition(" ")
        if compared[2] != vault.mark(username, of_sheet):
            return Action.COMPARE
        return Remembered(Outcome.EXISTS, "400", comparison(compared[0]))
    whence = (
        "it is in TeleCMI's list" if known.proof == LISTED else "remembered from an earlier run"
    )
    return Remembered(
        Outcome.EXISTS,
        "400",
        f"Already exists at TeleCMI, skipped ({whence}).",
        "To ask TeleCMI again: --recheck",
    )


def comparison(result: str) -> str:
    """Say what `--on-exists compare` found: "same", "other" or "none" (no password to compare)."""
    if result == "same":
        return "Already exists at TeleCMI, and its password is the source's."
    if result == "other":
        return "Already exists at TeleCMI, and its password is not the source's."
    return "Already exists at TeleCMI; the source has no password to compare."


def step_for(row: OpenRow, policy: Policy, vault: Vault, *, replaces_weak: bool = False) -> Step:
    """Choose a row's password and first action; a generated password is kept for all time.

    Args:
        row: without an outcome.
        policy: the run's choices.
        vault: opens the ledger's passwords.
        replaces_weak: a weak password that an earlier run took from the source, and that no
            endpoint can have got since, is not kept.
    """
    known = row.known
    of_sheet = "" if row.sealed is None else vault.open(row.username, row.sealed)
    kept = None if known is None else known.sealed
    kept_password = "" if kept is None else vault.open(row.username, kept)
    if replaces_weak and known is not None and _is_left_over(kept_password, row, known, policy):
        kept_password = ""
    action = decide(row.username, of_sheet, known, policy, vault)
    password = of_sheet or kept_password or generate(policy.recipe)
    if known is None:
        return Step(row.seq, row.username, password, of_sheet, Action.CREATE)
    is_ours = known.state in (State.CREATED, State.RESET)
    return Step(
        row.seq,
        row.username,
        password,
        of_sheet,
        action if isinstance(action, Action) else Action.CREATE,
        doubted=known.doubted,
        purpose=known.purpose,
        acknowledged=known.proof == "acknowledged",
        is_ours=is_ours,
        earlier=kept if (known.doubted or is_ours) and password != kept_password else None,
    )


def _is_left_over(kept: str, row: OpenRow, known: Known, policy: Policy) -> bool:
    """Say whether a kept password is a weak one of the source, and no endpoint may have it."""
    may_be_held = known.doubted or known.state in (*UNSETTLED, State.CREATED, State.RESET)
    if may_be_held or policy.recipe.may_have_made(kept):
        return False
    return bool(weaknesses(kept, row.username))


def stray_step(username: str, known: Known, vault: Vault) -> Step:
    """Return the step that settles an endpoint in doubt which no row asks for."""
    password = "" if known.sealed is None else vault.open(username, known.sealed)
    return Step(
        None,
        username,
        password,
        "",
        Action.SETTLE,
        doubted=True,
        purpose=known.purpose,
        acknowledged=known.proof == "acknowledged",
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do, for `plan` and for the summary before a run.

    Args:
        rows: rows read.
        remembered: rows that need no call, by outcome (invalid among them).
        actions: rows that need calls, by what they begin with.
        calls: calls to be made when every answer is clear.
        seconds: how long they take at the configured rate; None when there is no limit.
        way: how it is found out which usernames exist; None: it was not asked for.
        wave: rows that are done in this run, when others are left for a later one: `calls` and
            `seconds` are theirs. None: all of them.
    """

    rows: int
    remembered: dict[Outcome, int]
    actions: dict[Action, int]
    calls: int
    seconds: float | None
    way: Choice | None = None
    wave: int | None = None


def plan_of(
    remembered: dict[Outcome, int],
    actions: dict[str, int],
    rate: float | None,
    wave: int | None = None,
) -> Plan:
    """Add up what a run would do, from the counts of its staged rows.

    Args:
        remembered: rows that need no call, by outcome.
        actions: rows that need calls, by what they begin with.
        rate: calls a second; None: no limit.
        wave: how many of these are done in this run; None: all.
    """
    wanted = {Action(action): count for action, count in actions.items()}
    needing = sum(wanted.values())
    calls = sum(count * _CALLS.get(action, 1) for action, count in wanted.items())
    if wave is not None:
        wave = max(wave, wanted.get(Action.SETTLE, 0))  # every doubt is settled
        if needing > wave:
            calls = wave  # of what a wave begins with, only an undo takes more than one each
        else:
            wave = None
    return Plan(
        rows=needing + sum(remembered.values()),
        remembered=remembered,
        actions=wanted,
        calls=calls,
        seconds=None if rate is None else calls / rate,
        wave=wave,
    )
