"""A fault plan being carried out."""

from __future__ import annotations

import random
from collections import Counter

from bulk_provision.sandbox.faults import Fault, FaultPlan, FaultRule


class FaultSchedule:
    """A plan being carried out: it counts the calls, and says what happens to each."""

    def __init__(self, plan: FaultPlan) -> None:
        self.plan = plan
        self._counts = [_RuleCount(rule, f"{plan.seed}/{n}") for n, rule in enumerate(plan.rules)]

    def next(self, call: str, username: str) -> Fault | None:
        """Count one call, and return the fault that happens to it, if any."""
        hits = [count.rule.fault for count in self._counts if count.hits(call, username)]
        return hits[0] if hits else None


class _RuleCount:
    def __init__(self, rule: FaultRule, seed: str) -> None:
        self.rule = rule
        self._seen: Counter[str] = Counter()
        # Repeatable on purpose, and each rule its own: adding one leaves the others' draws alone.
        self._draws = random.Random(seed)  # noqa: S311  nothing secret is drawn

    def hits(self, call: str, username: str) -> bool:
        rule = self.rule
        if (rule.call and rule.call != call) or (rule.username and rule.username != username):
            return False
        counted = username if rule.which.each else ""
        self._seen[counted] += 1
        drawn = rule.which.probability >= 1 or self._draws.random() < rule.which.probability
        return drawn and rule.which.holds(self._seen[counted])
