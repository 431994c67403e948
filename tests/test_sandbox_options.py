"""Options that make no sense are refused before anything listens."""

import pytest

from bulk_provision.sandbox import (
    CodeForm,
    CodeIn,
    FaultPlan,
    Latency,
    SandboxOptionError,
    SandboxOptions,
)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"appid": 0}, "app id 0"),
        ({"secret": ""}, "the secret is empty"),
        ({"limit": 0}, "limit 0"),
        ({"existing": (("ada", ""),)}, "'ada'.*must not be empty"),
        ({"existing": (("ada", "x"), ("ada", "y"))}, "'ada' is named twice"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(options, why):
    with pytest.raises(SandboxOptionError, match=why):
        SandboxOptions(**options)


def test_neither_secret_nor_passwords_are_shown():
    shown = repr(SandboxOptions(secret="MARK-1", existing=(("ada", "MARK-2"),)))
    assert "MARK" not in shown


def test_the_texts_of_the_command_line_become_options(tmp_path):
    file = tmp_path / "users.csv"
    file.write_text("\ufeffUsername,Password\ncy,pw-3\n0042,a:b\n\n", encoding="utf-8")
    options = SandboxOptions.from_flags(
        appid=5,
        secret="x",
        fault=["cut@3", "420@from:9"],
        seed=4,
        existing=["ada:pw:1"],
        existing_file=file,
        state_file=tmp_path / "state",
        code_in="status",
        code_form="number",
        latency="0.1-0.5",
        limit=50,
    )
    assert options == SandboxOptions(
        appid=5,
        secret="x",
        existing=(("ada", "pw:1"), ("cy", "pw-3"), ("0042", "a:b")),
        state_file=tmp_path / "state",
        faults=FaultPlan.parse("cut@3", "420@from:9", seed=4),
        code_in=CodeIn.STATUS,
        code_form=CodeForm.NUMBER,
        latency=Latency(0.1, 0.5),
        limit=50,
    )


def test_without_texts_the_options_are_the_defaults():
    assert SandboxOptions.from_flags() == SandboxOptions()


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        ({"fault": ["explode"]}, "there is no kind 'explode'"),
        ({"existing": ["ada"]}, "write username:password"),
        ({"code_in": "head"}, "choose one of status, body, both"),
        ({"code_form": "roman"}, "choose one of cmi, text, number"),
        ({"latency": "soon"}, "write seconds"),
        ({"latency": "0.5-0.1"}, "the shorter first"),
        ({"latency": "nan"}, "write seconds"),
        ({"latency": "-1"}, "write seconds"),
    ],
)
def test_a_text_that_cannot_be_understood_is_refused_with_what_to_write(flags, why):
    with pytest.raises(SandboxOptionError, match=why):
        SandboxOptions.from_flags(**flags)


@pytest.mark.parametrize("text", ["0.2", "0.2-0.2"])
def test_one_latency_is_a_range_of_one(text):
    assert Latency.parse(text) == Latency(0.2, 0.2)


def test_a_file_of_existing_users_is_named_when_it_cannot_be_read(tmp_path):
    with pytest.raises(SandboxOptionError, match=r"none\.csv cannot be read"):
        SandboxOptions.from_flags(existing_file=tmp_path / "none.csv")
    file = tmp_path / "users.csv"
    file.write_bytes(b"ada,p\xffw\n")
    with pytest.raises(SandboxOptionError, match=r"users\.csv cannot be read as CSV in UTF-8"):
        SandboxOptions.from_flags(existing_file=file)
    file.write_text("ada,pw\nbob\n")
    with pytest.raises(SandboxOptionError, match="row 2: it has no password"):
        SandboxOptions.from_flags(existing_file=file)
