"""FreeSWITCH's directory: one file or many, with what they set and include."""

from __future__ import annotations

import pytest

from bulk_provision.errors import SourceError
from bulk_provision.intake.exports.export import Certainty, Seen, Shape
from grammars_read import file, read, reader, sample, told, user

FREESWITCH = reader("freeswitch")


def phone(login, password="x", *, attributes="", more=""):
    return (
        f'<user id="{login}" {attributes}><params><param name="password" value="{password}"/>'
        f"{more}</params></user>\n"
    )


def test_the_sample():
    domain = "fs.example.in"
    assert read(FREESWITCH, sample("freeswitch_directory.xml")) == [
        user(7, "1001", "Fs1001&pw", extension="1001", name="Priya Sethi", domain=domain),
        told(18, "generate", "1002",
             extension="1002", name="Uses Global Default", domain=domain),
        told(22, "hashed", "qadir", extension="1003", name="Qadir (hash only)", domain=domain),
        told(29, "disabled", "1004", "Fs1004pw", extension="1004", domain=domain),
        told(30, "trunk", "trunkuser", domain=domain),
        user(36, "01005", "Fs01005pw", extension="01005", domain=domain),
        # two on one line: the second takes the next number
        told(39, "pointer", "1001", extension="1001", domain=domain),
        told(40, "pointer", "1002", extension="1002", domain=domain),
    ]  # fmt: skip


def test_a_file_for_each_user_as_in_the_vanilla_configuration():
    files = [
        file("directory/default.xml",
             '<include>\n<domain name="$${domain}">\n<groups><group name="default"><users>\n'
             '<X-PRE-PROCESS cmd="include" data="default/*.xml"/>\n'
             "</users></group></groups></domain></include>\n"),
        file("directory/default/1000.xml",
             f"<include>\n{phone('1000', '$${default_password}')}</include>\n"),
        file("directory/default/asha.xml",
             "<?xml version='1.0'?>\n<include>" + phone("asha", attributes='number-alias="1001"')
             + "</include>\n"),
        file("vars.xml",
             '<include>\n<X-PRE-PROCESS cmd="set" data="default_password=1234"/>\n'
             '<X-PRE-PROCESS cmd="set" data="site=pbx"/>\n'
             '<X-PRE-PROCESS cmd="set" data="domain=$${site}.example.in"/>\n</include>\n'),
        file("notes.txt", "not XML at all"),
    ]  # fmt: skip
    assert read(FREESWITCH, *files) == [
        told(7, "generate", "1000", extension="1000", domain="pbx.example.in",
             file="directory/default/1000.xml:2"),
        user(10, "asha", "x", extension="1001", domain="pbx.example.in",
             file="directory/default/asha.xml:2"),
    ]  # fmt: skip


def test_the_domain_is_blank_when_nobody_sets_it():
    text = f'<domain name="$${{domain}}"><users>{phone("1")}</users></domain>'
    assert read(FREESWITCH, file("a.xml", text)) == [user(1, "1", "x", extension="1")]


def test_an_include_of_what_is_not_there_is_told():
    warnings = []
    text = f'<include>\n<X-PRE-PROCESS cmd="include" data="/etc/passwd"/>\n{phone("1")}</include>'
    assert len(read(FREESWITCH, file("a.xml", text), tell=warnings)) == 1
    assert [(one.kind, one.where) for one in warnings] == [("include-missing", "a.xml, line 2")]


def test_fragments_need_no_root_of_their_own():
    text = "\ufeff" + phone("1") + "<!-- <user id='2'/> -->\n" + phone("3")
    assert read(FREESWITCH, file("a.xml", text)) == [
        user(1, "1", "x", extension="1"),
        user(3, "3", "x", extension="3"),
    ]


@pytest.mark.parametrize(
    ("text", "remarks", "password"),
    [
        (phone("1", "a&quot;b c"), "", 'a"b c'),
        (phone("1", ""), "missing", ""),
        (phone("1", "$${team_password}"), "generate", ""),
        (phone("1", "x$${suffix}"), "generate", ""),
        (phone("1", more='<param name="a1-hash" value="0cc1"/>'), "hashed", ""),
        (phone("1", "", attributes='cidr="192.0.2.0/24"'), "by-address", ""),
        (phone("1", attributes='cidr="192.0.2.0/24"'), "", "x"),
        (phone("1", attributes='type="pointer"'), "pointer", ""),
        (phone("1", more='<param name="sip-forbid-register" value="TRUE"/>'), "disabled", "x"),
        (phone("1", more='<param name="sip-forbid-register" value="false"/>'), "", "x"),
        ('<user id="1"><params><param name="vm-password" value="1234"/></params></user>',
         "missing", ""),
        ('<user id="1"><variables><variable name="password" value="x"/></variables></user>',
         "missing", ""),
        (phone("$${unknown}"), "no-login", ""),
        # one password for the whole domain
        ('<domain><params><param name="password" value="x"/></params><user id="1"/></domain>',
         "generate", ""),
    ],
)  # fmt: skip
def test_passwords_and_what_is_none(text, remarks, password):
    (entry,) = read(FREESWITCH, file("a.xml", text))
    assert (entry.remarks, entry.password) == (remarks, password)


def test_gateways_are_trunks_wherever_they_stand():
    gateway = (
        '<gateway name="g"><param name="username" value="us"/>'
        '<param name="password" value="theirs"/></gateway>'
    )
    text = f'{gateway}\n<user id="1"><gateways>{gateway}</gateways></user>\n<gateway name="x"/>'
    assert read(FREESWITCH, file("a.xml", text)) == [
        told(1, "trunk", "us"),
        told(2, "missing", "1", extension="1"),
        told(3, "trunk", "us"),
    ]


def test_the_voicemails_address_is_the_email():
    more = '<param name="vm-mailto" value="asha@example.in"/>'
    (entry,) = read(FREESWITCH, file("a.xml", phone("1", more=more)))
    assert entry.further["email"] == "asha@example.in"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("<include>\n<user id='1'>", "a.xml, line 2: the XML is damaged, or ends too early"),
        ("<include>\n</includ>", "a.xml, line 2: the XML is damaged"),
        ("</fragments><user id='1'/>", "the XML is damaged"),
        ("<user id='1'\n" + "<", "the XML is damaged"),
        ('<!DOCTYPE x [<!ENTITY e "boom">]><include>&e;</include>', "line 1"),
        ("<include>&e;</include>", "line 1"),
        ("<a>" * 300 + "</a>" * 300, "more than 200 elements stand in one another"),
        ("<?xml version='1.0' encoding='nonsense'?><a/>", "there is no encoding 'nonsense'"),
        ("<?xml version='1.0' encoding='base64'?><a/>", "there is no encoding 'base64'"),
        ("<a>\n\xe9</a>".encode("latin-1"), "the text is not in the encoding"),
        ("<a b='" + "x" * (3 << 20) + "'/>", "a tag or a comment has more than 1 MiB"),
    ],
)
def test_damaged_and_hostile_xml_is_an_error_that_says_where(content, words):
    with pytest.raises(SourceError) as error:
        read(FREESWITCH, file("a.xml", content))
    assert words in error.value.what
    assert error.value.what.startswith("a.xml")
    assert error.value.cure


def test_other_encodings_are_read_as_the_file_says():
    text = f"<?xml version='1.0' encoding='iso-8859-1'?>\n{phone('é', 'pä')}"
    for codec in ("latin-1", "utf-16"):
        (entry,) = read(FREESWITCH, file("a.xml", text.encode(codec)))
        assert (entry.number, entry.login, entry.password) == (2, "é", "pä")


def test_variables_that_grow_without_end_do_not():
    lines = "".join(
        f'<X-PRE-PROCESS cmd="set" data="v{n}=$${{v{n + 1}}}$${{v{n + 1}}}"/>' for n in range(40)
    )
    text = f'{lines}<X-PRE-PROCESS cmd="set" data="w=$${{w}}"/>{phone("$${v0}")}{phone("$${w}")}'
    assert [entry.remarks for entry in read(FREESWITCH, file("a.xml", text))] == ["no-login"] * 2


@pytest.mark.parametrize(
    ("text", "certainty"),
    [
        (f"<include>{phone('1')}</include>", Certainty.CERTAIN),
        (phone("1"), Certainty.LIKELY),
        ('<?xml version="1.0"?><document type="freeswitch/xml"><section/>', Certainty.CERTAIN),
        ("<users><user id='1'><name>A</name></user></users>", None),
        ("<tcx><user id='1'><AuthID>x</AuthID></user></tcx>", None),
    ],
)
def test_recognition(text, certainty):
    likeness = FREESWITCH.recognise(Seen(Shape.XML, text, "x.xml"))
    assert (likeness and likeness.certainty) == certainty


def test_users_in_one_long_line_have_rising_numbers():
    text = "<include>" + "".join(phone(n).strip() for n in range(2000)) + "</include>"
    entries = read(FREESWITCH, file("a.xml", text))
    assert [entry.login for entry in entries] == [str(n) for n in range(2000)]
