"""Lists of users as telephony services answer them: JSON, as people save it."""

from __future__ import annotations

import io
import json

import pytest

from bulk_provision.errors import SourceError
from bulk_provision.intake.exports.export import Seen, Shape
from bulk_provision.intake.exports.grammars import GRAMMARS
from bulk_provision.intake.exports.json_items import Items
from grammars_read import SAMPLES, file, read, reader, sample, told, user

LIST = "CL00000000000000000000000000000000"
USERS = {
    ("3cx-v20", "3cx_v20_users.json"): [
        user(1, "r7Kq2mVb9X", "Tq8ZpW1nYc",
             extension="100", name="Hannah Clark", email="hannah@example.co.uk"),
        user(2, "dP4sHf6LwA", "mB7xUj3RkE",
             extension="101", name="Imran Sheikh", email="imran@example.in"),
        user(3, "102", "liftPw102x", extension="102", name="Lift"),
        told(4, "missing", "Zk90aLq3Vt", extension="103", name="Ana Pérez",
             email="ana@example.com"),
        told(5, "disabled", "Gh55tRe2Mn", "Wx44cVb1Qa", extension="104", name="Former Staff"),
    ],
    ("telnyx", "telnyx_credential_connections.json"): [
        user(1, "zoyadesk01", "zD!8charsPlus", name="Zoya desk"),
        user(2, "abeldesk02", "aB9charsPlusX", name="Abel desk"),
        told(3, "disabled", "oldpbx03", "oP7charsPlusY", name="Old PBX"),
        user(4, "chloe0004", "cH6charsPlusZ", name="Chloe"),
        user(5, "danuser05", "dA5charsPlusW", name="Dan"),
    ],
    ("telnyx", "telnyx_telephony_credentials.json"): [
        user(1, "gencred00000000000000000001", "0000000000000000000000000000abc1", name="Esha app"),
        user(2, "gencred00000000000000000002", "0000000000000000000000000000abc2", name="Faiz app"),
        told(3, "disabled", "gencred00000000000000000003", "0000000000000000000000000000abc3",
             name="Gopal app"),
        user(4, "gencred00000000000000000004", "0000000000000000000000000000abc4", name="Hema app"),
        user(5, "gencred00000000000000000005", "0000000000000000000000000000abc5",
             name="Ilyas app"),
    ],
    ("voipms", "voipms_subaccounts.json"): [
        user(1, "100001_jack", "VmJack001x", extension="101", name="Jack desk"),
        user(2, "100001_kim", "VmKim002y", extension="102", name="Kim desk"),
        told(3, "by-address", "100001_pbx", extension="103", name="Static IP PBX"),
        told(4, "iax", "100001_branch", extension="104", name="IAX branch"),
        user(5, "100001_lee", "VmLee005w", name="Lee"),
    ],
    ("twilio", "twilio_credentials.json"): [
        told(1, "missing", "ravi", list=LIST),
        told(2, "missing", "sunita", list=LIST),
        told(3, "missing", "desk-101", list=LIST),
        told(4, "missing", "0102", list=LIST),
        told(5, "missing", "1440013725.28", list=LIST),
    ],
    ("plivo", "plivo_endpoints.json"): [
        told(1, "missing", "tarun240703093944", name="tarun"),
        told(2, "missing", "frontdesk240703094001", name="front desk"),
        told(3, "missing", "umesh240704101500", name="umesh"),
        told(4, "missing", "vidya240705113000", name="vidya"),
        told(5, "missing", "support240706120000", name="support"),
    ],
    ("signalwire", "signalwire_sip_endpoints.json"): [
        told(1, "missing", "waseem", name="Waseem A"),
        told(2, "missing", "xenia", name="Xenia B"),
        told(3, "missing", "desk-301"),
        told(4, "missing", "0302", name="Lobby"),
        told(5, "missing", "yash", name="Yash C"),
    ],
    # The login of channels.sip is one that Vonage shows elsewhere: it is not taken.
    ("vonage", "vonage_users.json"): [
        told(1, "foreign", "manoj", name="Manoj T",
             address="sip:4442138907@sip.example.com;transport=tls"),
        told(2, "missing", "nora", name="Nora V"),
        told(3, "missing", "omar", name="Omar W", address="sip:omar@sip.example.com"),
        told(4, "missing", "pia", name="Pia X"),
        told(5, "foreign", "qas", name="Qasim Y", address="sip:qas@sip.example.com"),
    ],
}  # fmt: skip
TWILIO, TELNYX, THREECX = reader("twilio"), reader("telnyx"), reader("3cx-v20")


@pytest.mark.parametrize(("name", "source"), USERS)
def test_the_samples(name, source):
    assert read(reader(name), sample(source)) == USERS[name, source]


def credential(name, **more):
    return {"sid": "CR1", "username": name, **more}


def logins(text, one=TWILIO):
    return [entry.login for entry in read(one, file("x.json", text))]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([credential("a"), credential("b")]),
        json.dumps({"page": 0, "credentials": [credential("a"), credential("b")], "end": None}),
        json.dumps([{"credentials": [credential("a")]}, {"credentials": [credential("b")]}]),
        json.dumps({"credentials": [credential("a")]})
        + "\n"
        + json.dumps({"credentials": [credential("b")]}),
        json.dumps({"credentials": [credential("a")]}) + json.dumps([credential("b")]),
        json.dumps({"credentials": [credential("a")]}, indent=4)
        + ",\n"
        + json.dumps({"credentials": [credential("b")]}, indent=4),
        json.dumps({"status": 200, "body": {"credentials": [credential("a"), credential("b")]}}),
        "\ufeff" + json.dumps({"credentials": [credential("a"), credential("b")]}) + "\r\n",
    ],
)
def test_pages_may_be_saved_in_any_way(text):
    assert logins(text) == ["a", "b"]
    assert [one.name for one in GRAMMARS if one.recognise(Seen(Shape.JSON, text, ""))] == ["twilio"]


def test_several_files_are_numbered_on():
    one, two = (file(f"{name}.json", json.dumps([credential(name)])) for name in "ab")
    assert [(entry.number, entry.login) for entry in read(TWILIO, one, two)] == [(1, "a"), (2, "b")]


def test_utf_16_as_windows_tools_save_it():
    text = json.dumps([credential("ä")], ensure_ascii=False)
    for codec in ("utf-16", "utf-16-le", "utf-8"):
        assert [entry.login for entry in read(TWILIO, file("x", text.encode(codec)))] == ["ä"]


@pytest.mark.parametrize(
    ("item", "remarks", "login"),
    [
        ({"user_name": None, "password": "x"}, "no-login", ""),
        ({"user_name": ["a"], "password": "x"}, "no-login", ""),
        ({"user_name": True, "password": "x"}, "no-login", ""),
        ({"user_name": " ", "password": "x"}, "no-login", ""),
        ({}, "no-login", ""),
        ({"user_name": "u", "password": None}, "missing", "u"),
        ({"user_name": "u", "password": {"hidden": 1}}, "missing", "u"),
        ({"user_name": "u", "password": "********"}, "masked", "u"),
        ({"user_name": 42, "password": "x"}, "", "42"),
        ({"user_name": "u", "password": "x", "active": "false"}, "disabled", "u"),
        ({"user_name": "u", "password": "x", "active": None}, "", "u"),
        (None, "no-login", ""),
        ("u", "no-login", ""),
        ([[]], "no-login", ""),
    ],
)
def test_values_of_a_wrong_kind_are_remarks(item, remarks, login):
    (entry,) = read(TELNYX, file("x.json", json.dumps({"data": [item]})))
    assert (entry.remarks, entry.login) == (remarks, login)
    assert entry.password == ("x" if remarks in ("", "disabled") else "")


def test_a_concealed_password_of_3cx_is_masked():
    text = json.dumps({"value": [{"Number": "1", "AuthID": "a", "AuthPassword": {"Value": "x"}}]})
    (entry,) = read(THREECX, file("x.json", text))
    assert (entry.remarks, entry.password) == ("masked", "")


def test_a_key_that_stands_twice_is_a_doubt():
    text = '{"data": [{"user_name": "a", "user_name": "b", "password": "x"}, {"user_name": "c"}]}'
    first, second = read(TELNYX, file("x.json", text))
    assert [doubt.kind for doubt in first.doubts] == ["key-twice"]
    assert second.doubts == ()


def test_half_a_surrogate_pair_cannot_be_a_login():
    (entry,) = read(TWILIO, file("x.json", '[{"sid": "CR1", "username": "a\\ud800"}]'))
    assert entry.login.doubt.kind == "character-impossible"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"credentials": [{"username": "a"},\n {"user', "line 2: the JSON is damaged, or cut off"),
        ('{"credentials": [{"username": "a"}\n', "it ends in the middle"),
        ('{"credentials": [{"username": "a"}]\n', "it ends in the middle"),
        ('{"credentials": [{"username": "a"}}\n', "one of , ] should stand there"),
        ("{credentials: []}", "a name in quotation marks should stand there"),
        ('{"credentials": [tru]}', "expecting value"),
        ('{"credentials": [{"a": ' + "1" * 5000 + "}]}", "line 1"),
        ('{"credentials": ' + "[" * 100_000, "too many values stand in one another"),
        ('{"a": ' * 100_000, "too many values stand in one another"),
        ("<html>", "line 1"),
        ('{"error": "unauthorized"}', 'there is no list "credentials" in it'),
        ("", 'there is no list "credentials" in it'),
        ("17", 'there is no list "credentials" in it'),
    ],
)
def test_damaged_json_is_an_error_that_says_where(text, words):
    with pytest.raises(SourceError) as error:
        read(TWILIO, file("x.json", text))
    assert words in error.value.what
    assert error.value.what.startswith("x.json")
    assert error.value.cure


def test_bytes_that_are_no_text_are_an_error():
    with pytest.raises(SourceError, match=r"x\.json: the text is not utf-8"):
        read(TWILIO, file("x.json", b'[{"sid": "\xff"}]'))


def test_an_error_in_a_long_file_is_told_where_it_is():
    items = ",\n".join(json.dumps(credential(f"u{n}")) for n in range(20_000))
    with pytest.raises(SourceError, match=r"x\.json, line 10001: .*expecting property name"):
        read(
            TWILIO, file("x.json", "[" + items.replace('{"sid": "CR1", "username": "u10000"', "{x"))
        )


class _Trickle(io.StringIO):
    """A text that comes in small pieces, whatever is asked for."""

    def read(self, size=-1):
        return super().read(min(size, 3))


def test_a_text_may_be_cut_anywhere_between_two_pieces():
    items = [1234567, "a\\b\u20ac", {"a": [True, None, -1.5e3]}, [], {}]
    text = json.dumps({"x": {"y": items}, "z": 12345, "list": items}) + " 77 " + json.dumps(items)
    assert list(Items(_Trickle(text), "x", "list")) == items * 2


def test_a_list_of_nobody_is_nobody():
    assert logins('{"credentials": []}') == []


@pytest.mark.parametrize(
    "text",
    [
        '[{"id": 1, "name": "x", "username": "y"}]',
        '{"data": [{"username": "a", "type": "person"}]}',
        '{"users": [{"id": "7", "name": "x", "channels": {}}]}',
        '{"value": [{"Number": "1"}]}',
        "[1, 2]",
        "{",
        "",
    ],
)
def test_other_json_is_nobodys(text):
    assert [one.name for one in GRAMMARS if one.recognise(Seen(Shape.JSON, text, ""))] == []


def test_voipms_codes_may_be_words_or_numbers():
    def account(**more):
        return {"account": "1_a", "username": "a", "password": "x", **more}

    items = [
        account(protocol=1, auth_type=1),
        account(protocol="SIP"),
        account(protocol="IAX2"),
        account(protocol="9"),
        account(protocol="1", auth_type="2"),
    ]
    entries = read(reader("voipms"), file("x.json", json.dumps({"accounts": items})))
    assert [entry.remarks for entry in entries] == ["", "", "iax", "not-sip", "by-address"]


def test_no_sample_is_left_out():
    assert {name for _, name in USERS} == {path.name for path in SAMPLES.glob("*.json")}
