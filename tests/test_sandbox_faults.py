"""A fault is written as one short text, and hits exactly the calls that it names."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_provision.sandbox import (
    Fault,
    FaultKind,
    FaultPlan,
    FaultRule,
    SandboxOptionError,
    Which,
)
from bulk_provision.sandbox.schedule import FaultSchedule

BEFORE, AFTER = False, True
KIND = FaultKind


@pytest.mark.parametrize(
    ("text", "fault", "which"),
    [
        ("cut", Fault(KIND.CUT, AFTER), Which()),
        ("drop-after-commit@3", Fault(KIND.DROP, AFTER), Which(3, 3)),
        ("drop-before-commit@p0.01", Fault(KIND.DROP, BEFORE), Which(probability=0.01)),
        ("drop-before-commit@p:0.01", Fault(KIND.DROP, BEFORE), Which(probability=0.01)),
        ("html-502@5-9", Fault(KIND.HTML, BEFORE, 502), Which(5, 9)),
        ("html-502-after-commit", Fault(KIND.HTML, AFTER, 502), Which()),
        ("json-502", Fault(KIND.JSON, BEFORE, 502), Which()),
        ("420@from:100", Fault(KIND.JSON, BEFORE, 420), Which(100)),
        ("429", Fault(KIND.TOO_MANY, BEFORE, 1), Which()),
        ("429:5", Fault(KIND.TOO_MANY, BEFORE, 5), Which()),
        ("redirect", Fault(KIND.REDIRECT, BEFORE, 302), Which()),
        ("redirect:307", Fault(KIND.REDIRECT, BEFORE, 307), Which()),
        ("slow:2.5@every10", Fault(KIND.SLOW, AFTER, 2.5), Which(every=10)),
        ("slow-commit:3@every:10", Fault(KIND.SLOW_COMMIT, AFTER, 3), Which(every=10)),
        ("garbage-before-commit", Fault(KIND.GARBAGE, BEFORE), Which()),
        ("truncated@each:2", Fault(KIND.TRUNCATED, AFTER), Which(2, 2, each=True)),
        ("no-code@each:1-3", Fault(KIND.NO_CODE, AFTER), Which(1, 3, each=True)),
        ("huge", Fault(KIND.HUGE, AFTER, 100), Which()),
        ("newcomer@every:20", Fault(KIND.NEWCOMER, AFTER), Which(every=20)),
    ],
)
def test_a_text_says_kind_effect_number_and_which_calls(text, fault, which):
    assert FaultRule.parse(text) == FaultRule(fault, which)


@pytest.mark.parametrize(
    ("text", "call", "username"),
    [
        ("add_sip:huge:1@2", "add_sip", ""),
        ("huge:1@user:ada@2", "", "ada"),
        ("huge:1@2@user:ada", "", "ada"),
        ("get_sip:huge:1@user:0042@2", "get_sip", "0042"),
    ],
)
def test_a_fault_can_be_for_one_call_and_one_username(text, call, username):
    fault = Fault(KIND.HUGE, AFTER, 1)
    assert FaultRule.parse(text) == FaultRule(fault, Which(2, 2), call, username)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not the form"),
        ("explode@3", "there is no kind 'explode'"),
        ("make_sip:drop@3", "not the form"),
        ("drop@3", "say drop-before-commit or drop-after-commit"),
        ("cut@0", "@0 chooses no calls"),
        ("cut@9-5", "ends before it begins"),
        ("cut@p0", "chooses no calls"),
        ("cut@p1.5", "chooses no calls"),
        ("cut@sometimes", "chooses no calls"),
        ("cut@every:0", "chooses no calls"),
        ("cut@", "not the form"),
        ("cut@3@5", "one choice of calls too many"),
        ("cut@user:a@user:b", "chooses no calls|too many"),
        ("cut:3", "cut takes no number"),
        ("html", "html needs a status"),
        ("html-200", "there is no kind"),
        ("html-502:3", "html takes no number"),
        ("slow", "slow needs its seconds"),
        ("slow-after-commit:3", "cannot be told when"),
        ("429:0.5", "takes whole seconds"),
        ("redirect:200", "a redirect's status"),
        ("huge:1.5", "takes whole MiB"),
    ],
)
def test_a_text_that_is_no_fault_is_refused_with_what_to_write(text, why):
    with pytest.raises(SandboxOptionError, match=why) as refused:
        FaultRule.parse(text)
    assert repr(text) in str(refused.value)
    assert "write [CALL:]KIND[:NUMBER][@WHICH]" in str(refused.value)


def test_the_error_names_every_kind():
    with pytest.raises(SandboxOptionError) as refused:
        FaultRule.parse("?")
    assert all(kind in str(refused.value) for kind in FaultKind)


KINDS = [
    *(
        "drop-after-commit",
        "cut",
        "html-503",
        "json-400",
        "429:7",
        "redirect:308",
        "slow:0.25",
        "slow-commit:3",
    ),
    *("other-username", "garbage", "truncated", "duplicate-keys", "no-code", "code-number"),
    *("code-text", "huge:2", "drop-before-commit", "html-500-after-commit", "429-after-commit:2"),
]
NUMBERS = st.integers(1, 999)
WHICH = st.one_of(
    st.just(""),
    NUMBERS.map("@{}".format),
    st.tuples(NUMBERS, NUMBERS).map(lambda ends: f"@{min(ends)}-{max(ends)}"),
    NUMBERS.map("@from:{}".format),
    NUMBERS.map("@every:{}".format),
    NUMBERS.map("@p:0.{:03}".format),
    NUMBERS.map("@each:{}".format),
)
TEXTS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "add_sip:", "list_sip:"]),
    st.sampled_from(KINDS),
    st.sampled_from(["", "@user:ada", "@user:0042"]),
    WHICH,
)


@given(TEXTS)
def test_a_rule_written_out_reads_back_as_the_same_rule(text):
    rule = FaultRule.parse(text)
    assert FaultRule.parse(str(rule)) == rule


def hits(text, calls, *, seed=0):
    """The numbers of those calls (all "add_sip" of "u", unless pairs) that the fault happens to."""
    schedule = FaultSchedule(FaultPlan.parse(text, seed=seed))
    pairs = [("add_sip", "u")] * calls if isinstance(calls, int) else calls
    return [n for n, pair in enumerate(pairs, 1) if schedule.next(*pair) is not None]


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ("", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ("@3", [3]),
        ("@3-5", [3, 4, 5]),
        ("@from:8", [8, 9, 10]),
        ("@every:4", [4, 8]),
    ],
)
def test_calls_are_counted_from_one(which, expected):
    assert hits(f"cut{which}", 10) == expected


def test_a_named_call_is_counted_among_its_own_kind():
    calls = [("get_sip", "a"), ("add_sip", "a"), ("get_sip", "b"), ("add_sip", "b")]
    assert hits("add_sip:cut@2", calls) == [4]


def test_each_counts_every_username_apart():
    calls = [("add_sip", name) for name in "abaabb"]
    assert hits("cut@each:2", calls) == [3, 5]


def test_a_user_is_counted_apart_from_the_others():
    calls = [("add_sip", name) for name in "abaabb"]
    assert hits("cut@user:b@2-3", calls) == [5, 6]


def test_a_draw_hits_about_as_often_as_it_says_and_the_same_calls_for_the_same_seed():
    drawn = hits("cut@p:0.1", 5000, seed=7)
    assert 400 < len(drawn) < 600
    assert drawn == hits("cut@p:0.1", 5000, seed=7)
    assert drawn != hits("cut@p:0.1", 5000, seed=8)


def test_the_first_fault_that_hits_happens_and_the_others_go_on_counting():
    schedule = FaultSchedule(FaultPlan.parse("420@2-3", "garbage@every:3", "cut"))
    happened = [schedule.next("add_sip", "u").kind for _ in range(6)]
    assert happened == ["cut", "json", "json", "cut", "cut", "garbage"]


def test_a_plan_without_faults_hits_nothing():
    schedule = FaultSchedule(FaultPlan())
    assert Counter(schedule.next("add_sip", "u") for _ in range(3)) == {None: 3}
