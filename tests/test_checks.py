"""The checks before any call, one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_provision.checks import USERNAME_LIMIT, Rules, check
from bulk_provision.comparisons import (
    differs_only_by_case,
    duplicate,
    lost_zeros,
    zeros_lost,
)
from bulk_provision.errors import UsageError
from bulk_provision.model import Invalid, Problem, Row, User, WeakPasswords

GOOD = "kT7-mango-Velvet"
READ_BADLY = Problem(
    "cell-date", "Users!A7", "1 Feb", "it is a date", "Format it as text.", field="username"
)


def where(number, field):
    return f"Users!{ {'username': 'A', 'password': 'B'}[field] }{number}"


def checked(username="asha", password=GOOD, *, problems=(), **rules):
    return check(Row(7, username, password, ("Asha",), problems), Rules(**rules), where)


def kinds(result):
    return [problem.kind for problem in result.problems]


def warned(result):
    assert isinstance(result, User), result.problems
    return [problem.kind for problem in result.warnings]


@pytest.mark.parametrize(
    "username",
    ["asha", "Asha.Rao", "0042", "a", "a_b-c+d.e", "+919876543210", ".a", "_9", "x" * 64],
)
def test_usernames_that_every_phone_takes_pass(username):
    assert checked(username) == User(7, username, GOOD, ("Asha",))


@pytest.mark.parametrize(
    ("username", "named"),
    [
        ("asha rao", "U+0020 SPACE"),
        ("asha@example.com", '"@"'),
        ("100%", '"%"'),
        ("a;b", '";"'),
        ("jörg", 'U+00F6 LATIN SMALL LETTER O WITH DIAERESIS ("ö")'),
        ("аsha", 'U+0430 CYRILLIC SMALL LETTER A ("а")'),
        ("a\u200bb", "U+200B ZERO WIDTH SPACE"),
        ("a\tb", "U+0009 TAB"),
        ("a\u202eb", "U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("a\x07b", "U+0007 a control character"),
        ("a/b?c:d&e=f", '"/", "?", ":", "&" and 1 more'),
    ],
)
def test_other_characters_are_refused_by_name(username, named):
    result = checked(username)
    (problem,) = result.problems
    assert (problem.kind, problem.where) == ("username-characters", "Users!A7")
    assert named in problem.why
    assert "--allow-username" in problem.cure
    assert problem.seen.isprintable()


@pytest.mark.parametrize(
    ("username", "proposal"),
    [
        ("asha rao", "asha.rao"),
        ("asha@example.com", "asha"),
        ("Jörg", "Jorg"),
        ("１００１", "1001"),
        ("10%", "10"),
    ],
)
def test_a_username_that_would_do_is_proposed(username, proposal):
    assert f": {proposal}, for example" in checked(username).problems[0].cure


@pytest.mark.parametrize(
    "username", ["%%%", "p\u0430vel", "pawe\u0142", "\u5c71\u7530", "a b" * 40]
)
def test_nothing_is_proposed_where_too_little_remains(username):
    assert "example" not in checked(username).problems[-1].cure


@pytest.mark.parametrize(("username", "allowed"), [("a@b", "@"), ("a b", " "), ("jörg", "ö")])
def test_characters_can_be_allowed(username, allowed):
    assert warned(checked(username, allow_username=allowed)) == []
    assert kinds(checked(username, allow_username="%")) == ["username-characters"]


@pytest.mark.parametrize("allowed", ["*-,", "]^\\", "-", "^"])
def test_allowed_characters_are_meant_literally(allowed):
    for character in allowed:
        assert warned(checked(f"a{character}b", allow_username=allowed)) == []
    assert kinds(checked("a$b", allow_username=allowed)) == ["username-characters"]


@pytest.mark.parametrize("allowed", ["\u200b", "\t", "\u00a0", "a\n"])
def test_what_nobody_can_see_cannot_be_allowed(allowed):
    with pytest.raises(UsageError, match=r"U\+"):
        Rules(allow_username=allowed)


@pytest.mark.parametrize(
    ("cell", "named"),
    [
        (" asha", "U+0020 SPACE"),
        ("asha\u00a0", "U+00A0 NO-BREAK SPACE"),
        ("\ufeffasha\u200b", "U+FEFF ZERO WIDTH NO-BREAK SPACE"),
        ("asha\r\n", "U+000D CARRIAGE RETURN"),
    ],
)
def test_what_cannot_be_seen_round_a_username_is_trimmed_with_a_warning(cell, named):
    result = checked(cell)
    assert warned(result) == ["username-trimmed"]
    assert result.username == "asha"
    assert named in result.warnings[0].why


@pytest.mark.parametrize("username", ["", " ", "\u00a0\u200b"])
def test_a_row_needs_a_username(username):
    assert kinds(checked(username)) == ["username-empty"]


def test_an_overlong_username_is_refused():
    assert kinds(checked("x" * (USERNAME_LIMIT + 1))) == ["username-long"]


@pytest.mark.parametrize("username", [".", "-", "..", "+-_"])
def test_a_username_needs_a_letter_or_a_digit(username):
    assert kinds(checked(username)) == ["username-without-letter"]


@pytest.mark.parametrize("cell", ["9.19877E+11", "1E+20", "9,1662E+31"])
def test_a_number_that_a_spreadsheet_program_has_damaged_is_refused(cell):
    assert kinds(checked(cell)) == ["username-number-damaged"]
    assert kinds(checked(password=cell)) == ["password-number-damaged"]


@pytest.mark.parametrize("cell", ["1e5", "TRUE", "1E5", "E+10", "2E", "00123"])
def test_what_only_resembles_a_number_is_left_alone(cell):
    assert warned(checked(cell)) == []


@pytest.mark.parametrize("cell", ["#N/A", "#REF!", "#VALUE!"])
def test_the_error_of_a_formula_is_refused(cell):
    assert kinds(checked(cell)) == ["username-error-value"]
    assert kinds(checked(password=cell)) == ["password-error-value"]


@pytest.mark.parametrize("username", ["null", "NULL", "None", "NaN", "nil", "tbd"])
def test_a_word_for_nothing_is_warned_of(username):
    assert warned(checked(username)) == ["username-placeholder"]


def test_a_blank_password_is_fine():
    assert checked(password="") == User(7, "asha", "", ("Asha",))


@pytest.mark.parametrize("password", ["!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "=1+1-mango-Velvet"])
def test_a_password_may_hold_any_sign(password):
    assert checked(password=password) == User(7, "asha", password, ("Asha",))


@pytest.mark.parametrize(
    ("password", "named"),
    [
        (f" {GOOD}", "U+0020 SPACE at its start or end"),
        (f"{GOOD} ", "U+0020 SPACE"),
        (f"{GOOD}\u00a0", "U+00A0 NO-BREAK SPACE"),
        (f"ab{GOOD}\u2028", "U+2028 LINE SEPARATOR"),
        (f"kT7\u200b{GOOD}", "U+200B ZERO WIDTH SPACE"),
        (f"kT7\t{GOOD}", "U+0009 TAB"),
        (f"kT7\n{GOOD}", "U+000A LINE FEED"),
        (f"kT7\x00{GOOD}", "U+0000 NUL"),
        (f"kT7\u00ad{GOOD}", "U+00AD SOFT HYPHEN"),
        ("   ", "U+0020 SPACE"),
    ],
)
def test_what_cannot_be_seen_in_a_password_is_refused_by_name(password, named):
    result = checked(password=password)
    problem = result.problems[0]
    assert (problem.kind, problem.where, problem.seen) == ("password-invisible", "Users!B7", "")
    assert named in problem.why
    assert GOOD not in repr(result.problems)


def test_a_space_in_a_password_is_warned_of():
    assert warned(checked(password=f"kT7 {GOOD}")) == ["password-space"]


def test_characters_that_phones_encode_differently_are_warned_of():
    assert warned(checked(password=f"{GOOD}ü")) == ["password-not-ascii"]


def test_an_overlong_password_is_refused():
    assert warned(checked(password="aB3-" * 32)) == []
    assert kinds(checked(password="aB3-" * 32 + "x")) == ["password-long"]


@pytest.mark.parametrize("password", ["****", "••••••••", "XXXXXXXX", "***"])
def test_a_mask_is_no_password(password):
    assert kinds(checked(password=password)) == ["password-masked"]


def test_weak_passwords_are_warned_of_refused_or_allowed_as_told():
    assert warned(checked(password="asha")) == ["password-equals-username", "password-short"]
    refused = checked(password="asha", weak_passwords=WeakPasswords.REFUSE)
    assert isinstance(refused, Invalid)
    assert kinds(refused) == ["password-equals-username", "password-short"]
    assert warned(checked(password="asha", weak_passwords=WeakPasswords.ALLOW)) == []


def test_weak_passwords_are_replaced_as_told_and_strong_ones_are_not():
    replaced = checked(password="asha", weak_passwords=WeakPasswords.REPLACE)
    assert warned(replaced) == ["password-equals-username", "password-short"]
    assert replaced.password == ""  # one is generated, or is known from an earlier run
    assert all("a new one is made" in problem.why for problem in replaced.warnings)
    kept = checked(password=f"{GOOD}ü", weak_passwords=WeakPasswords.REPLACE)
    assert (kept.password, warned(kept)) == (f"{GOOD}ü", ["password-not-ascii"])
    refused = checked("a b", "1234", weak_passwords=WeakPasswords.REPLACE)
    assert kinds(refused)[0] == "username-characters"
    assert refused.row.password == "1234"


def test_all_that_is_wrong_with_a_row_is_told_at_once_errors_first():
    result = checked(" a b", "12345678 ")
    assert kinds(result) == [
        "username-characters",
        "password-invisible",
        "username-trimmed",
    ]
    assert result.row == Row(7, " a b", "12345678 ", ("Asha",))


def test_what_was_read_badly_is_refused_without_judging_the_cell_again():
    result = checked("1/2/2024", GOOD, problems=(READ_BADLY,))
    assert result.problems == (READ_BADLY,)


@pytest.mark.parametrize("username", ["", "Rao, Asha"])
def test_the_cells_of_a_line_that_cannot_be_told_apart_are_not_judged(username):
    quotes = Problem("row-quotes", "row 7", "", "the cells cannot be told apart", "Quote it.")
    hidden = Problem("row-hidden", "row 7", "", "it is hidden", "Nothing.", warning=True)
    result = checked(username, "password", problems=(hidden, quotes))
    assert result.problems == (quotes, hidden)


def test_what_reading_warned_of_goes_on_with_the_user():
    hidden = Problem("row-hidden", "Users!7", "", "it is hidden", "Nothing.", warning=True)
    result = checked(problems=(hidden,))
    assert result.warnings == (hidden,)


def test_a_username_that_stands_twice_names_the_first_row():
    problem = duplicate("Users!A9", "asha", 4)
    assert not problem.warning
    assert (problem.where, problem.seen) == ("Users!A9", "asha, as in row 4")


def test_usernames_that_differ_by_case_alone_are_a_warning():
    problem = differs_only_by_case("Users!A9", "Asha", "asha", 4)
    assert problem.warning
    assert problem.seen == "Asha, and asha in row 4"


@pytest.mark.parametrize(
    ("lengths", "usual"),
    [
        ({4: 10, 2: 1}, 4),
        ({4: 10, 2: 4, 3: 5}, 4),
        ({4: 3}, None),  # all alike
        ({4: 10, 5: 2}, None),  # longer ones have lost nothing
        ({4: 5, 3: 5}, None),  # none is the usual one
        ({4: 2, 3: 1}, None),  # too few to tell
        ({}, None),
    ],
)
def test_zeros_are_lost_where_most_usernames_have_more_digits(lengths, usual):
    assert lost_zeros(lengths) == usual


def test_the_username_before_its_zeros_were_lost_is_shown():
    problem = zeros_lost("Users!A9", "42", 4)
    assert (problem.warning, problem.seen, problem.field) == (True, "42, not 0042", "username")


@given(username=st.text(max_size=80), password=st.text(max_size=140))
def test_a_password_is_never_changed_and_never_told(username, password):
    result = checked(username, password)
    if isinstance(result, User):
        assert result.password == password
        assert result.username in username
        assert result.username.strip() == result.username
        told = result.warnings
    else:
        assert any(not problem.warning for problem in result.problems)
        told = result.problems
    if len(password) > 3 and password not in username:
        assert all(password not in problem.seen for problem in told)
    assert all(problem.why and problem.cure and problem.where for problem in told)


@given(st.text(alphabet="abcXYZ019._+-", min_size=1, max_size=64))
def test_the_quick_way_and_the_close_look_agree(username):
    note = Problem("note", "", "", "a", "b", warning=True)
    quick = checked(username)
    close = checked(username, problems=(note,))  # a warning sends the row the long way
    assert type(quick) is type(close)
    if isinstance(quick, User):
        assert (quick.username, quick.password) == (close.username, close.password)
