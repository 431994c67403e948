"""Asterisk's own configuration files: their grammar, and who is a user in them.

The users of the samples were written down by hand, with the samples before the eyes.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_provision.errors import SourceError
from bulk_provision.intake.cells import DoubtfulText
from bulk_provision.intake.exports.asterisk_conf import Configuration
from bulk_provision.intake.exports.asterisk_lines import uncommented
from bulk_provision.intake.exports.export import Certainty, Seen, Shape
from bulk_provision.intake.exports.grammars import GRAMMARS
from grammars_read import SAMPLES, SHAPES, file, read, reader, sample, told, user

SIP, USERS = reader("asterisk-sip"), reader("asterisk-users")
PJSIP, WIZARD = reader("asterisk-pjsip"), reader("asterisk-wizard")


def sections(*files, main="x.conf"):
    """Return the sections' names and values, and the kinds of warnings."""
    warnings = []
    configuration = Configuration(iter(files), main, warnings.append)
    found = [
        (one.name, {key: one.every(key) for key in one.keys}) for one in configuration.sections()
    ]
    return found, [warning.kind for warning in warnings]


def conf(text):
    return sections(file("x.conf", text))[0]


def test_sip_conf():
    warnings = []
    assert read(SIP, sample("asterisk_sip.conf"), tell=warnings) == [
        told(5, "trunk", "trunkuser"),
        user(16, "6001", "An1l6001", extension="6001", name="Anil Kumar"),
        user(21, "6002", "semi;colon6002", extension="6002", name="Bina Shah"),
        told(25, "hashed", "6003", extension="6003", name="Hash Only"),
        user(34, "6004", "Old6004pw", extension="6004", name="Chitra Added Later"),
        told(42, "trunk", "carrier-out"),
        user(48, "06005", "Zero06005", extension="06005", name="Gate phone"),
    ]
    assert [(one.kind, one.where) for one in warnings] == [
        ("include-missing", "asterisk_sip.conf, line 9")
    ]


def test_users_conf():
    assert read(USERS, sample("asterisk_users.conf")) == [
        user(10, "6100", "Jaya6100pw", extension="6100", name="Jaya Sen", email="jaya@example.in"),
        user(17, "6101", "Kir6101pw", extension="6101", name="Kiran Joshi"),
        told(22, "iax", "6102", extension="6102", name="Iax Only"),
        user(28, "lata", "Lata6103pw", extension="6103", name="Lata Alpha"),
        told(33, "missing", "6104", extension="6104", name="No Secret"),
    ]


def test_pjsip_conf():
    assert read(PJSIP, sample("asterisk_pjsip.conf")) == [
        user(21, "7001", "Deepa7001!", extension="7001", name="Deepa Nair"),
        user(32, "eshan.roy", "Esh7002pw", extension="7002", name="Eshan Roy"),
        told(41, "hashed", "7003", extension="7003"),
        told(53, "hashed", "7004", extension="7004"),
        told(66, "trunk", "15550100"),
    ]


def test_pjsip_wizard_conf():
    assert read(WIZARD, sample("asterisk_pjsip_wizard.conf")) == [
        user(9, "8001", "Gita 8001 pass", extension="8001", name="Gita Rao"),
        user(16, "gauri", "Gau8002x", extension="8002"),
        user(21, "8003", "Har8003y", extension="8003"),
        user(25, "08004", "Ind08004z", extension="08004"),
        told(29, "trunk", "15550100", extension="itsp"),
    ]


@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.iterdir()))
def test_each_sample_is_recognised_by_its_own_reader_alone(name):
    own = {
        "asterisk_sip.conf": {"asterisk-sip"},
        "asterisk_users.conf": {"asterisk-users"},
        "asterisk_pjsip.conf": {"asterisk-pjsip"},
        "asterisk_pjsip_wizard.conf": {"asterisk-wizard"},
        "freeswitch_directory.xml": {"freeswitch"},
        "kamailio_subscriber.sql": {"kamailio"},
        "kamailio_dbtext_subscriber.txt": {"kamailio"},
        "vicidial_phones.sql": {"vicidial"},
        "3cx_v20_users.json": {"3cx-v20"},
        "telnyx_credential_connections.json": {"telnyx"},
        "telnyx_telephony_credentials.json": {"telnyx"},
        "voipms_subaccounts.json": {"voipms"},
        "twilio_credentials.json": {"twilio"},
        "plivo_endpoints.json": {"plivo"},
        "signalwire_sip_endpoints.json": {"signalwire"},
        "vonage_users.json": {"vonage"},
    }.get(name, set())
    path = SAMPLES / name
    text = path.read_text(encoding="utf-8-sig")
    shape = SHAPES.get(path.suffix, Shape.TABLE)
    found = [(one.name, one.recognise(Seen(shape, text, ""))) for one in GRAMMARS]
    found = [(name, likeness.certainty) for name, likeness in found if likeness]
    assert found == [(name, Certainty.CERTAIN) for name in own]


@pytest.mark.parametrize(
    "text",
    [
        "[tool.ruff]\nline-length = 100\n[project]\nname = 'x'\ntype = 'app'\n",
        "[Unit]\nDescription=x\n[Service]\nType=simple\nUser=root\n",
        "[client]\nuser = root\npassword = secret\nhost = localhost\n",
        # iax.conf looks like sip.conf, but speaks IAX
        (
            "[general]\nbandwidth=low\njitterbuffer=no\n"
            "[6001]\ntype=friend\nhost=dynamic\nsecret=x\ncallerid=A <6001>\n"
        ),
        "[default]\nexten => 6001,1,Dial(PJSIP/6001)\n",
        "[6001]\n",
        "",
    ],
)
def test_other_files_with_sections_are_not_asterisks(text):
    assert [one.name for one in GRAMMARS if one.recognise(Seen(Shape.TEXT, text, ""))] == []


def test_a_comment_ends_a_line_unless_its_semicolon_is_escaped():
    text = "[a] ; x\nk = v;w ; x\nl = a\\;b\\;c ; d\n;k=z\nm = \\; x\n"
    assert conf(text) == [("a", {"k": ["v"], "l": ["a;b;c"], "m": ["; x"]})]


def test_block_comments_nest_and_go_over_lines():
    text = (
        "[a]\nk=1\n;--\nk=2\n;-- inner --;\n[b]\n--;\n"
        "l=2 ;-- in one line --; 3\n;--- a plain one\nm=4\n"
    )
    assert conf(text) == [("a", {"k": ["1"], "l": ["2  3"], "m": ["4"]})]
    assert uncommented(";-- a ;-- b --; c --; d", 0) == (" d", 0)


def test_a_block_comment_without_end_is_told():
    found, warnings = sections(file("x.conf", "[a]\nk=1\n;-- oops\n[b]\nk=2\n"))
    assert found == [("a", {"k": ["1"]})]
    assert warnings == ["comment-open"]


def test_values_keep_inner_blanks_and_quotation_marks_and_lose_outer_blanks():
    text = '[a]\n\tSecret\t=>   two words  \nb = "quoted"\nc=\nd==x=y\ne=> =\xa0\n'
    assert conf(text) == [
        ("a", {"secret": ["two words"], "b": ['"quoted"'], "c": [""], "d": ["=x=y"],
               "e": ["=\xa0"]})
    ]  # fmt: skip


def test_plus_equals_puts_text_behind_the_last_value():
    assert conf("[a]\nk=one\nk=two\nk += three \nnew += x\n") == [
        ("a", {"k": ["one", "two three"], "new": ["x"]})
    ]


def test_templates_give_their_values_in_order_and_are_no_sections():
    text = "[base](!)\nk=base\nl=base\n[mid](!,base)\nl=mid\n[a](mid)\nm=a\n[b](base, MID)\nk=b\n"
    assert conf(text) == [
        ("a", {"k": ["base"], "l": ["base", "mid"], "m": ["a"]}),
        ("b", {"k": ["base", "base", "b"], "l": ["base", "base", "mid"]}),
    ]


def test_a_section_can_inherit_from_one_that_is_no_template():
    assert conf("[a]\nk=1\n[b](a)\nl=2\n") == [("a", {"k": ["1"]}), ("b", {"k": ["1"], "l": ["2"]})]


def test_what_is_appended_later_belongs_to_the_section_but_not_to_its_heirs():
    text = (
        "[t](!)\nk=1\n[a](t)\n[b](a)\n[a](+)\nk=2\n[t](!)\n[t](+TEMPLATES=include)\nk=3\n[c](t)\n"
    )
    assert conf(text) == [("a", {"k": ["1", "2"]}), ("b", {"k": ["1"]}), ("c", {"k": ["1", "3"]})]


def test_an_append_may_say_which_of_several_sections_it_means():
    text = "[7]\ntype=endpoint\n[7]\ntype=auth\n[7](+type=auth)\npassword=x\n"
    assert conf(text) == [
        ("7", {"type": ["endpoint"]}),
        ("7", {"type": ["auth"], "password": ["x"]}),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[a](gone)\n", "line 1: [a] inherits from [gone], which does not stand above it"),
        ("[a](+)\n", "line 1: [a] appends to [a], which does not stand above it"),
        ("k=v\n", "line 1: a value stands there before any [section]"),
        ("[a]\n[b\n", "line 2: a bracket opens there that is not closed"),
        ("[a](b\n", "line 1: a bracket opens there that is not closed"),
        ("[a]\n" + "k=v\n" * 10_001, "[a] has more than 10,000 values"),
        ("[a]\nk=x\n" + ("k += " + "y" * 8000 + "\n") * 9, "more than 65,536 characters"),
        # twice as much in each: 2 to the power of the number of lines
        ("[t0]\nk=v\n" + "".join(f"[t{n}](t{n - 1},t{n - 1})\n" for n in range(1, 99)), "10,000"),
    ],
)
def test_what_asterisk_would_refuse_is_an_error_that_says_where(text, words):
    with pytest.raises(SourceError) as error:
        conf(text)
    assert words in error.value.what
    assert error.value.what.startswith("x.conf, line ")
    assert error.value.cure


def test_lines_that_asterisk_leaves_out_are_told_once():
    text = "[a]\nno equals sign\nanother\n#define x\nk=" + "y" * 9000 + "\nl=1\n"
    found, warnings = sections(file("x.conf", text))
    assert found == [("a", {"l": ["1"]})]
    assert sorted(warnings) == ["directive-unknown", "line-too-long", "line-without-value"]


def test_an_included_file_is_read_where_it_is_included():
    warnings = []
    entries = read(
        SIP,
        file(
            "sip.conf",
            '[t](!)\ntype=friend\nhost=dynamic\n#include "sip.d/*.conf"\n[9](t)\nsecret=z\n',
        ),
        file("sip.d/a.conf", "[1](t)\nsecret=x\n"),
        file("sip.d/b.conf", "; nobody\n\n[2](t)\nsecret=y\n"),
        file("sip.d/deep/c.conf", "[3](t)\nsecret=no\n"),
        tell=warnings,
    )
    assert entries == [
        user(5, "1", "x", extension="1", file="sip.d/a.conf:1"),
        user(9, "2", "y", extension="2", file="sip.d/b.conf:3"),
        user(11, "9", "z", extension="9", file="sip.conf:5"),
    ]
    assert warnings == []


def test_without_the_file_that_asterisk_opens_all_files_are_read():
    files = [
        file("./a.conf", "#include b.conf\n[1]\ntype=friend\nsecret=x\n"),
        file("./b.conf", "[2]\ntype=friend\nsecret=y\n"),
        file("./c.conf", "#include a.conf\n[3]\ntype=friend\nsecret=z\n"),
        file("./notes.txt", "[4]\ntype=friend\nsecret=no\n"),
    ]
    assert [(entry.login, entry.further["file"]) for entry in read(SIP, *files)] == [
        ("2", "b.conf:1"),
        ("1", "a.conf:2"),
        ("3", "c.conf:2"),
    ]


def test_the_file_that_asterisk_itself_opens_is_the_first_to_be_read():
    common = "[1]\ntype=friend\nsecret=x\n"
    files = (
        file("etc/a_first.conf", common),
        file("etc/sip.conf", "#include </etc/asterisk/a_first.conf>\n"),
    )
    assert [entry.further["file"] for entry in read(SIP, *files)] == ["etc/a_first.conf:1"]


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../../outside.conf", "https://example.com/x.conf", "x/../../y.conf"]
)
def test_nothing_outside_the_export_is_opened(name):
    found, warnings = sections(
        file("x.conf", f'[a]\n#include "{name}"\n#tryinclude "{name}"\nk=1\n')
    )
    assert found == [("a", {"k": ["1"]})]
    assert warnings == ["include-missing"]


def test_a_program_is_never_run(tmp_path):
    found, warnings = sections(file("x.conf", f"[a]\n#exec touch {tmp_path}/ran\nk=1\n"))
    assert found == [("a", {"k": ["1"]})]
    assert warnings == ["exec-not-run"]
    assert not list(tmp_path.iterdir())


def test_files_that_include_one_another_come_to_an_end():
    files = (
        file("x.conf", "[a]\n#include y.conf\nk=1\n"),
        file("y.conf", "[b]\n#include x.conf\nl=2\n"),
    )
    assert sections(*files) == ([("a", {}), ("b", {"l": ["2"], "k": ["1"]})], ["include-circle"])


def test_files_that_are_included_over_and_over_come_to_an_end():
    files = [file(f"{n}.conf", f"#include {n + 1}.conf\n" * 10) for n in range(9)]
    with pytest.raises(SourceError, match="more than 10,000 files are included"):
        sections(*files, file("9.conf", "[a]\n"), main="0.conf")


def test_letters_of_an_unknown_encoding_make_a_login_or_password_doubtful():
    (entry,) = read(
        SIP, file("x", "[é]\ntype=friend\nsecret=pä\ncallerid=Zoë <1>\n".encode("cp1252"))
    )
    assert (str(entry.login), str(entry.password)) == ("é", "pä")
    assert isinstance(entry.login, DoubtfulText)
    assert isinstance(entry.password, DoubtfulText)
    assert entry.further["name"] == "Zoë"


@pytest.mark.parametrize(
    ("settings", "remarks"),
    [
        ("host=dynamic\nsecret=x", ""),
        ("secret=x", ""),
        ("host=192.0.2.7\nsecret=x", ""),  # a telephone at a fixed address
        ("host=192.0.2.7\nsecret=x\ndefaultuser=me", ""),
        ("host=192.0.2.7\nsecret=x\ndefaultuser=us-at-them", "trunk"),
        ("host=192.0.2.7\nsecret=x\nfromuser=us", "trunk"),
        ("host=192.0.2.7\nsecret=x\ninsecure=port,invite", "trunk"),
        ("host=sip.carrier.example\nsecret=x", "trunk"),
        ("host=192.0.2.7", "trunk"),
        ("host=dynamic\nremotesecret=x", "trunk"),
        ("host=dynamic", "missing"),
        ("host=dynamic\nsecret=x\nmd5secret=d41d8cd98f00b204e9800998ecf8427e", "hashed"),
    ],
)
def test_who_is_a_user_in_sip_conf(settings, remarks):
    (entry,) = read(SIP, file("sip.conf", f"[me]\ntype=peer\n{settings}\n"))
    assert (entry.login, entry.remarks, entry.password) == ("me", remarks, "" if remarks else "x")


def test_sip_conf_sections_without_a_known_type_are_nobody():
    text = (
        "[general]\nsecret=x\n[authentication]\nauth=me:pw@realm\n"
        "[a]\nsecret=x\n[b]\ntype=x\nsecret=y\n"
    )
    assert read(SIP, file("sip.conf", text)) == []


def test_each_register_line_is_a_trunk_whose_password_stays():
    text = "[general]\nregister => 2345:pw@sip.one.example/1\nregister => peer?tls://u2:pw@h:5061\n[a]\ntype=friend\nsecret=x\n"
    assert read(SIP, file("sip.conf", text)) == [
        told(2, "trunk", "2345"),
        told(3, "trunk", "u2"),
        user(4, "a", "x"),
    ]


@pytest.mark.parametrize(
    ("general", "settings", "remarks"),
    [
        ("hassip=yes", "secret=x", ""),
        ("hassip=no", "secret=x\nhassip=yes", ""),
        ("", "secret=x", "virtual"),
        ("hassip=yes", "secret=x\nhassip=no\ndahdichan=1", "not-sip"),
        ("hassip=yes", "secret=x\ntrunkname=Carrier", "trunk"),
        ("hassip=yes", "secret=x\nregistersip=yes\nhost=sip.example", "trunk"),
        ("hassip=yes\nsecret=x", "", ""),  # what stands in [general] holds for all
        ("hassip=yes", "vmsecret=1234", "missing"),
    ],
)
def test_who_is_a_user_in_users_conf(general, settings, remarks):
    text = f"[me]\n{settings}\n[general]\n{general}\n"
    (entry,) = read(USERS, file("users.conf", text))
    assert (entry.login, entry.remarks, entry.password) == ("me", remarks, "" if remarks else "x")


PHONE = "[1]\ntype=endpoint\nauth=a\ncallerid=Asha <201>\n"


@pytest.mark.parametrize(
    ("auth", "remarks", "password"),
    [
        ("auth_type=userpass\nusername=u\npassword=x", "", "x"),
        ("auth_type=digest\nusername=u\npassword=x", "", "x"),
        ("username=u\npassword=x", "", "x"),
        ("username=u", "missing", ""),
        ("auth_type=md5\nusername=u\nmd5_cred=0cc175b9\npassword=x", "hashed", ""),
        ("auth_type=userpass\nusername=u\nmd5_cred=0cc175b9", "hashed", ""),
        ("auth_type=digest\nusername=u\npassword=x\npassword_digest=MD5:00", "hashed", ""),
    ],
)
def test_passwords_and_hashes_in_pjsip_conf(auth, remarks, password):
    entries = read(PJSIP, file("pjsip.conf", f"{PHONE}[A]\ntype=auth\n{auth}\n"))
    assert [(one.login, one.remarks, one.password) for one in entries] == [("u", remarks, password)]
    assert entries[0].further == {"extension": "201", "name": "Asha"}


def test_endpoints_and_their_auth_may_stand_in_any_order_and_file():
    entries = read(
        PJSIP,
        file("pjsip.conf", "#include pjsip.auth.conf\n#include pjsip.endpoint.conf\n"),
        file("pjsip.auth.conf", "[201-auth]\ntype=auth\nusername=asha\npassword=x\n"),
        file("pjsip.endpoint.conf", "[201]\ntype=endpoint\nauth=201-auth\ncallerid=Asha <201>\n"),
    )
    assert entries == [user(2, "asha", "x", extension="201", name="Asha", file="pjsip.auth.conf:1")]


def test_what_is_no_user_in_pjsip_conf():
    text = (
        "[both]\ntype=endpoint\nauth=in\noutbound_auth=out\n"  # line 1
        "[in]\ntype=auth\nusername=them\npassword=x\n"  # 5
        "[out]\ntype=auth\nusername=us\npassword=x\n"  # 9
        "[idle]\ntype=auth\nusername=nobody\npassword=x\n"  # 13
        "[gate]\ntype=endpoint\n"  # 17
        "[gate]\ntype=identify\nendpoint=gate\nmatch=192.0.2.1\n"  # 19
        "[peer]\ntype=endpoint\naors=peer-aor\n"  # 23
        "[peer-aor]\ntype=aor\ncontact=sip:192.0.2.9\n"
        "[open]\ntype=endpoint\naors=open\n"  # 29
        "[lost]\ntype=endpoint\nauth=elsewhere\n"  # 32
    )
    assert read(PJSIP, file("pjsip.conf", text)) == [
        told(5, "trunk", "them"),
        told(9, "trunk", "us"),
        told(13, "no-login", "nobody"),
        told(17, "by-address", "gate", extension="gate"),
        told(23, "trunk", "peer", extension="peer"),
        told(29, "missing", "open", extension="open"),
        told(32, "missing", "lost", extension="lost"),
    ]


@pytest.mark.parametrize(
    ("settings", "remarks", "login"),
    [
        ("accepts_auth=yes\ninbound_auth/username=u\ninbound_auth/password=x", "", "u"),
        ("accepts_auth=yes\ninbound_auth/username=u", "missing", "u"),
        ("accepts_auth=yes\ninbound_auth/password=x", "no-login", ""),
        (("accepts_auth=yes\ninbound_auth/username=u\ninbound_auth/auth_type=md5\n"
         "inbound_auth/md5_cred=00"), "hashed", "u"),
        (("accepts_auth=yes\nsends_auth=yes\ninbound_auth/username=u\n"
         "outbound_auth/username=us"), "trunk", "us"),
        ("remote_hosts=192.0.2.1", "by-address", "me"),
        ("transport=udp", "missing", "me"),
    ],
)  # fmt: skip
def test_who_is_a_user_in_pjsip_wizard_conf(settings, remarks, login):
    (entry,) = read(WIZARD, file("pjsip_wizard.conf", f"[me]\ntype=wizard\n{settings}\n"))
    assert (entry.remarks, entry.login) == (remarks, login)
    assert entry.password == ("" if remarks else "x")


def test_many_users_are_read_one_by_one():
    text = "[t](!)\ntype=friend\nhost=dynamic\n" + "".join(
        f"[{n}](t)\nsecret=pw{n}\n" for n in range(100_000, 103_000)
    )
    entries = read(SIP, file("sip.conf", text))
    assert [entry.login for entry in entries] == [str(n) for n in range(100_000, 103_000)]
    assert {entry.password == f"pw{entry.login}" for entry in entries} == {True}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["[a]", "[a](!)", "[b](a)", "[a](+)", "[", "](", "k=v", "k+=v", "secret=x",
             "type=friend", "type=endpoint", "type=auth", "auth=a", "type=wizard", ";--", "--;",
             ";", "\\;", "\\",
             "#include x", "#include *", "#", "(", "\x00", "é", "=", "=>"]
        )
        | st.text(max_size=6),
        max_size=25,
    ),
    st.sampled_from(["", "\n"]),
)  # fmt: skip
def test_no_text_is_too_strange(pieces, between):
    content = between.join(pieces).encode("utf-8", "replace")
    for one in (SIP, USERS, PJSIP, WIZARD):
        try:
            for number, cells, _ in one.records(iter([file("x", content)]), lambda problem: None):
                assert number > 0
                assert len(cells) == 3 + len(one.further)
        except SourceError as error:
            assert error.cure  # noqa: PT017 - either is right
