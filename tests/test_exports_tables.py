"""The samples of exports that are tables: whose they are, and who is in them.

The table of users was written by hand, from the facts about each format and with the samples
before the eyes. The traps of each format have a test of their own in test_exports_traps.py.
"""

from __future__ import annotations

import pytest

from bulk_provision.errors import SourceError
from bulk_provision.intake.exports.export import SKIPPED, Certainty
from exports_read import READERS, Entry, likenesses, read, sample, table, written


def user(number, login, password, **further):
    return Entry(number, "", login, password, further, ())


def told(number, remarks, login, password="", **further):
    return Entry(number, remarks, login, password, further, ())


USERS = {
    ("freepbx", "freepbx.csv"): [
        user(2, "1001", "4f1c9e07b2ad8836e55d01c7a9f3be20",
             extension="1001", name="Aarav Menon", email="aarav.menon@example.in"),
        user(3, "1002", "91e62005773418802164905583701946",
             extension="1002", name="Rao, Divya (Accounts)", email="divya@example.in"),
        user(4, "0103", "d3b07384d113edec49eaa6238ad5ff00",
             extension="0103", name="Reception – Front"),
        user(5, "1004", 'Zx,9"q;p!R2', extension="1004", name='José "Pepe" Núñez'),
        told(6, "hashed", "1005", extension="1005", name="Hashed Only"),
        told(7, "virtual", "1006",
             extension="1006", name="Virtual Mailbox User", email="vm1006@example.in"),
        told(8, "iax", "1007", extension="1007", name="Old IAX Phone"),
        user(9, "1008", "b7c4d2aa10f94e6d8e00f1a2b3c4d5e6",
             extension="1008", name="Desk User Override"),
        told(10, "no-login", "", email="root@localhost"),
    ],
    ("freepbx", "freepbx_resaved.csv"): [
        user(2, "1001", "4f1c9e07b2ad8836e55d01c7a9f3be20",
             extension="1001", name="Aarav Menon", email="aarav.menon@example.in"),
        # a password that a spreadsheet program has taken for a number: the checks refuse it
        user(3, "1002", "9.1662E+31",
             extension="1002", name="Rao, Divya (Accounts)", email="divya@example.in"),
        told(4, "generate", "103", extension="103", name="Reception"),
        user(5, "1004", "Zx9qpR2w", extension=" 1004 ", name="José Núñez"),
        user(6, "01005", "a1b2c3d4e5f60718", extension="01005", name="Formula Quoted"),
        told(7, "no-login", "", email="root@localhost"),
    ],
    ("freepbx-bulkext", "freepbx_bulkext_legacy.csv"): [
        user(2, "201", "kav!201Pass",
             extension="201", name="Kavya Iyer", email="kavya@example.in"),
        user(3, "202", "rohan202Xy", extension="202", name="Rohan Das"),
        user(4, "0203", "gate0203", extension="0203", name="Gate Phone"),
        told(5, "not-sip", "204", extension="204", name="Analog Fax"),
        told(6, "iax", "205", extension="205", name="Branch IAX"),
        told(7, "deleted", "299", extension="299", name="Left Company"),
    ],
    ("issabel", "issabel.csv"): [
        user(2, "301", "Mee301!Sec", extension="301", name="Meera Pillai",
             email="meera@example.in", context="from-internal"),
        user(3, "302", "Fr0nt302Dsk",
             extension="302", name="Front Desk, Pune", context="from-internal"),
        user(4, "303", "Vik303Shah9",
             extension="303", name='Vikram "Vicky" Shah', context="from-internal"),
        user(5, "304", "Sala304Reu",
             extension="304", name="Sala Reunión", context="from-internal"),
        user(6, "0305", "Wareh0305",
             extension="0305", name="Warehouse", context="from-internal"),
        told(7, "iax", "306", extension="306", name="IAX Site", context="from-internal"),
    ],
    ("fusionpbx", "fusionpbx.csv"): [
        user(2, "401", "Yt?6k#Pq0zLm2=Vw9e!R",
             extension="401", name="Olivia Hart", domain="pbx.example.co.uk"),
        user(3, "402", 'b$Nn8,"x1rT^4uGh7@Kd', extension="402", name="Tom Okafor",
             domain="pbx.example.co.uk", description="2nd floor, bay 3"),
        user(4, "reception", "Q1w2E3r4T5y6U7i8O9p0",
             extension="400", name="Reception", domain="pbx.example.co.uk"),
        user(5, "0404", "Zz09!cR71mPq55tY__aa",
             extension="0404", name="Lobby", domain="pbx.example.co.uk"),
        told(6, "disabled", "405", "Hh77gg66FF55dd44SS33",
             extension="405", name="Ex Employee", domain="pbx.example.co.uk"),
        user(7, "406", "Kk11ll22Mm33nn44Oo55",
             extension="406", name="Bool As One", domain="pbx.example.co.uk"),
        told(8, "disabled", "407", "Pp66qq77Rr88ss99Tt00",
             extension="407", name="Bool As Blank (off)", domain="pbx.example.co.uk"),
    ],
    ("vitalpbx", "vitalpbx.csv"): [
        user(2, "501", "Nk501!secretA",
             extension="501", name="Neha Kulkarni", email="neha@example.in"),
        user(3, "502-desk", "Ab502secretB", extension="502", name="Arjun Bose"),
        user(4, "503", "Lob503secretC", extension="503", name="Lobby"),
        told(5, "virtual", "504", extension="504", name="Cell Only"),
        told(6, "missing", "505", extension="505", name="No Password In File"),
        user(7, "0506", "Lz0506secret", extension="0506", name="Leading Zero"),
    ],
    ("3cx", "3cx_v18.csv"): [
        user(2, "r7Kq2mVb9X", "Tq8ZpW1nYc",
             extension="100", name="Hannah Clark", email="hannah@example.co.uk"),
        user(3, "dP4sHf6LwA", "mB7xUj3RkE",
             extension="101", name="Imran Sheikh", email="imran@example.in"),
        user(4, "102", "liftPw102x", extension="102", name="Lift"),
        user(5, "Zk90aLq3Vt", 'pQ"1,x2Yb7',
             extension="103", name="Ana Pérez", email="ana@example.com"),
        told(6, "disabled", "Gh55tRe2Mn", "Wx44cVb1Qa", extension="104", name="Former Staff"),
        user(7, "Lz0105auth", "Lz0105pass", extension="0105", name="Zero Lead"),
    ],
    ("yeastar-p", "yeastar_p.csv"): [
        user(2, "Xk29QmTz7L", "Rg5#hTn0Qe2!", extension="1000", name="Sana Qureshi",
             email="sana@example.in", mobile="+919800000000"),
        user(3, "1001", "Pl1001regPw", extension="1001", name="Peter Lim",
             email="peter@example.sg", mobile="+919800000001"),
        user(4, "b0ardR00m", "Br1002regPw",
             extension="1002", name="Board Room", mobile="+919800000002"),
        user(5, "Fz77LpQw2A", 'Fa1003"reg,Pw', extension="1003", name="Fatima Al-Sayed",
             email="fatima@example.ae", mobile="+919800000003"),
        # the extension's number is not its login, and takes no place of one
        told(6, "no-login", "", extension="1004", name="1004", mobile="+919800000004"),
        user(7, "Nk55TtRr8S", "Nk1005regPw", extension="1005", name="Nadia Khan",
             email="nadia@example.in", mobile="+919800000005"),
    ],
    ("yeastar-s", "yeastar_s.csv"): [
        user(2, "1000", "Rg~1000Pw_aa", extension="1000", name="Asha Verma"),
        user(3, "reg1001", "Rg~1001Pw_bb", extension="1001", name="Ben Tan"),
        told(4, "iax", "1002", extension="1002", name="Branch Link"),
        user(5, "0103", "Rg~0103Pw_dd", extension="0103", name="Gate"),
        told(6, "missing", "1004", extension="1004", name="Blank Means Random"),
    ],
    ("grandstream", "grandstream_ucm.csv"): [
        user(2, "2000", "Gs2000!pwA",
             extension="2000", name="Ishaan Gupta", email="ishaan@example.in"),
        user(3, "mary.auth", "Gs2001!pwB", extension="2001", name="Mary D'Souza"),
        told(4, "disabled", "2002", "Gs2002!pwC", extension="2002", name="Fax Room"),
        told(5, "iax", "2003", extension="2003", name="IAX Link"),
        user(6, "02004", "Gs2004!pwE", extension="02004", name="Zero Prefix"),
        user(7, "2005", 'Gs2005,"pwF', extension="2005", name="Odd Chars"),
    ],
    ("wazo", "wazo.csv"): [
        user(2, "9pza1ux0", "k3w7mzqa", extension="1101", name="Jàmie Roy",
             email="jamie@example.com", context="ctx-demo-internal"),
        user(3, "fq0s8tld", "b6ydn4xv", extension="1102", name='Robert "Bob" Jenkins',
             email="bob@example.com", context="ctx-demo-internal"),
        told(4, "disabled", "m2k5wq7c", "zz81pplm",
             extension="1103", name="Off User", context="ctx-demo-internal"),
        told(5, "not-sip", "1104",
             extension="1104", name="Sccp Phone", context="ctx-demo-internal"),
        told(6, "no-login", "", name="No Line", context="ctx-demo-internal"),
    ],
    ("xivo", "xivo_legacy.csv"): [
        user(2, "al1201", "s3cr1201", extension="1201", name="Alice Martin",
             email="alice@example.com", mobile="+33600001201", context="default"),
        user(3, "lu1202", "s3cr1202", extension="1202", name="Luc Petit", context="default"),
        told(4, "not-sip", "1203", extension="1203", name="Salle Verte", context="default"),
        user(5, "zo1204", "s3cr1204", extension="01204", name="Zoé Blanc",
             email="zoe@example.com", context="default"),
        told(6, "no-login", "", extension="1205", name="Nil Court", context="default"),
    ],
    ("asterisk-realtime", "asterisk_ps_auths.csv"): [
        user(2, "9001", "Mohan9001", id="9001"),
        user(3, "nisha", "Nisha9002", id="9002-auth"),
        told(4, "hashed", "9003", id="9003", realm="asterisk"),
        told(5, "trunk", "15550100", id="trunk-auth", realm="sip.carrier.example"),
        user(6, "09004", "Om09004", id="09004"),
    ],
    ("vicidial", "vicidial_phones.tsv"): [
        user(2, "8001", "Vc8001Conf", extension="8001", name="Agent Ritu", server="10.0.0.15"),
        user(3, "8002", "Vc8002Conf",
             extension="8002", name="Agent O'Brien", server="10.0.0.15"),
        told(4, "disabled", "8003", "Vc8003Conf",
             extension="8003", name="Agent Left", server="10.0.0.15"),
        told(5, "iax", "8004", extension="8004", name="Iax Agent", server="10.0.0.15"),
        user(6, "8001", "Vc8001Conf",
             extension="8001", name="Agent Ritu (2nd server)", server="10.0.0.16"),
        user(7, "gs102", "test", extension="102", name="Default Secret", server="10.0.0.15"),
    ],
    ("switchvox", "switchvox.csv"): [
        user(2, "801", "Sip801Pw!", extension="801", name="Sara Young",
             email="sara@example.com", title="Agent", location="NYC"),
        user(3, "802", "Sip802Pw!", extension="802", name="Ted Zane",
             email="ted@example.com", title="Agent", location="NYC"),
        told(4, "missing", "0803", extension="0803", name="Uma Blank", email="uma@example.com"),
        user(5, "804", "Sip804,Pw",
             extension="804", name="Vic Comma, Jr", email="vic@example.com"),
        user(6, "805", "Sip805Pw", extension="805", name="Wes Last", email="wes@example.com"),
    ],
    ("vodia", "vodia.csv"): [
        user(2, "40", "Sip40pw", extension="40", name="Xavi Gil",
             email="xavi@example.com", mobile="+34600000040", title="Sales"),
        user(3, "41", "Sip41pw", extension="41", name="Yara Haddad", email="yara@example.com"),
        user(4, "42", "Sip42pw", extension="42", name="Zack"),
        user(5, "043", "Sip43pw", extension="043", name="Lead Zero"),
        user(6, "44", "Sip44pw", extension="44", name="Müller Jörg", email="joerg@example.de"),
    ],
    ("ringotel", "ringotel.csv"): [
        user(2, "901", "Rg901pw", extension="901", name="Ajay Rao"),
        user(3, "u902", "Rg902pw", extension="902", name="Bela Sen"),
        user(4, "auth903", "Rg903pw", extension="903", name="Cyrus Irani", department="Ops",
             mobile="+919800000903", title="Lead", organisation="Example"),
        user(5, "auth904", "Rg904pw", extension="904", name='Dev "DJ" Jha'),
        user(6, "0905", "Rg0905pw", extension="0905", name="Ela"),
    ],
    ("google-workspace", "google_workspace.csv"): [
        told(2, "masked", "asha", name="Asha Kapoor",
             email="asha@example.in", domain="example.in", unit="/"),
        told(3, "masked", "bhavesh.lal", name="Bhavesh Lal",
             email="bhavesh.lal@example.in", domain="example.in", unit="/"),
        told(4, "masked", "chen", name="Chen Wei",
             email="chen@example.sg", domain="example.sg", unit="/"),
        told(5, "disabled masked", "gone", name="Gone Person",
             email="gone@example.in", domain="example.in", unit="/"),
        told(6, "masked", "dual", name='Dual, Name O"Neil',
             email="dual@example.in", domain="example.in", unit="/"),
    ],
    ("entra", "entra_download.csv"): [
        told(2, "missing", "esha",
             name="Esha Mistry", email="esha@example.com", domain="example.com"),
        told(3, "missing", "scan", name="Scanner", domain="example.onmicrosoft.com"),
        told(4, "guest", "guest_outlook.com#EXT#@example.onmicrosoft.com",
             name="Guest User", email="guest@outlook.com", domain="example.onmicrosoft.com"),
        told(5, "disabled missing", "left",
             name="Left User", email="left@example.com", domain="example.com"),
        told(6, "missing", "eq",
             name="=1+3 Formula", email="eq@example.com", domain="example.com"),
    ],
    ("entra-bulk-create", "entra_bulk_create.csv"): [
        told(3, "example", "pat@tenant.example",
             name="Example: Pat Doe", domain="tenant.example"),
        told(4, "foreign", "farah", name="Farah Noor", domain="example.com"),
        told(5, "foreign", "giri", name="Giri Pal", domain="example.com"),
        told(6, "disabled foreign", "hana", name="Hana Quist", domain="example.com"),
        told(7, "foreign", "ira", name="Ira Shah", domain="example.com"),
        told(8, "foreign", "joel", name="Joel Tan", domain="example.com"),
    ],
}  # fmt: skip
_SUBSCRIBERS = [
    user(2, "1001", "Kam1001pw", domain="sip.example.in"),
    user(3, "1002", "Kam:1002pw", domain="sip.example.in"),
    told(4, "hashed", "alice.b", domain="sip.example.in"),
    user(5, "0104", "Kam0104pw", domain="sip.example.in"),
    told(6, "hashed", "1005", domain="sip.example.in"),
]
USERS["kamailio", "kamailio_subscriber.csv"] = _SUBSCRIBERS
USERS["kamailio", "kamailio_subscriber.tsv"] = _SUBSCRIBERS
USERS["opensips", "opensips_subscriber.csv"] = _SUBSCRIBERS

EACH = pytest.mark.parametrize(("reader", "name"), USERS, ids=lambda value: value)


def with_login(entries):
    return [one for one in credentials(entries) if one[1]]


def credentials(entries):
    return [(one.remarks, one.login, one.password) for one in entries]


def rows_of(reader, name):
    """Return a sample's cells as they are meant, and their separator."""
    if reader == "issabel":
        lines = sample(name).decode().splitlines()
        return [line[1:-1].split('","') for line in lines], ","
    return table(sample(name))


@EACH
def test_a_sample_is_read_to_exactly_its_users(reader, name):
    assert read(reader, sample(name)) == USERS[reader, name]


def test_every_table_reader_has_a_sample_and_a_name_of_its_own():
    assert {reader for reader, _ in USERS} == set(READERS)


@EACH
def test_a_sample_is_its_own_systems_and_certainly_no_others(reader, name):
    (header, *_), _ = table(sample(name))
    found = likenesses(header)
    certain = [other for other, likeness in found.items() if likeness[0] is Certainty.CERTAIN]
    assert certain == [reader]
    assert max(found, key=lambda other: found[other]) == reader


@EACH
def test_what_looks_like_a_credential_and_is_none_goes_nowhere(reader, name):
    (header, *rows), _ = rows_of(reader, name)
    left = READERS[reader].left
    secrets = [
        at
        for at, column in enumerate(map(READERS[reader].known_as, header))
        if any(word in left.get(column, "") for word in ("PIN", "password", "hash"))
    ]
    found = {row[at] for row in rows for at in secrets if row[at].strip() not in {"", "****"}}
    shown = {
        cell
        for one in read(reader, sample(name))
        for cell in (one.login, one.password, *one.further.values())
    }
    assert found.isdisjoint(shown)


@EACH
def test_no_password_of_what_is_no_user_travels(reader, name):
    for one in read(reader, sample(name)):
        if any(remark in SKIPPED for remark in one.remarks.split()):
            assert one.password == ""


def upper(rows):
    return [[cell.upper() for cell in rows[0]], *rows[1:]]


def reordered(rows):
    return [row[::-1] for row in rows]


def with_newer_columns(rows):
    added = [["brand_new_setting", "Another One"], *[["7", "x,y"] for _ in rows[1:]]]
    return [[new, *row, newer] for row, (new, newer) in zip(rows, added, strict=True)]


def with_nameless_columns(rows):
    return [[*row, "", "", ""] for row in rows]


def with_spaces_and_formulas_in_the_header(rows):
    header = [f' ="{cell}" ' if at % 2 else f" {cell} " for at, cell in enumerate(rows[0])]
    return [header, *rows[1:]]


def with_blank_rows(rows):
    return [*rows[:2], [""] * len(rows[0]), [], *rows[2:], ["  "] * len(rows[0])]


@pytest.mark.parametrize(
    "changed",
    [
        upper,
        reordered,
        with_newer_columns,
        with_nameless_columns,
        with_spaces_and_formulas_in_the_header,
        with_blank_rows,
    ],
)
@EACH
def test_a_file_that_was_opened_and_saved_again_is_read_all_the_same(reader, name, changed):
    rows, separator = rows_of(reader, name)
    content = written(changed(rows), separator)
    best = likenesses(changed(rows)[0])
    assert max(best, key=lambda other: best[other]) == reader
    assert best[reader][0] is Certainty.CERTAIN
    assert credentials(read(reader, content)) == credentials(USERS[reader, name])


@EACH
def test_marks_and_line_ends_of_windows_change_nothing(reader, name):
    plain = sample(name).removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
    windows = b"\xef\xbb\xbf" + plain.replace(b"\n", b"\r\n")
    assert read(reader, plain) == read(reader, windows) == USERS[reader, name]


@EACH
def test_columns_that_are_not_needed_may_be_missing(reader, name):
    rows, separator = rows_of(reader, name)
    export = READERS[reader]
    names = list(map(export.known_as, rows[0]))
    used = [column for names in export.columns for column in names.split("|")]
    about_people = {"name", "email", "mail", "mobile", "first", "last", "department", "title"}
    kept = [
        at
        for at, column in enumerate(names)
        if column in export.needs
        or (column in used and not any(word in column for word in about_people))
        or (reader, column) in {("entra-bulk-create", "[displayname]"), ("ringotel", "authname")}
        or column in {"username", "registername", "sip_username", "linename"}
    ]
    slim = [[row[at] for at in kept] for row in rows]
    entries = read(reader, written(slim, separator))
    assert with_login(entries) == with_login(USERS[reader, name])
    if reader != "google-workspace":
        assert reader in likenesses(slim[0])


@EACH
def test_a_file_that_ends_in_the_middle_of_a_line_gives_nobody_half_a_password(reader, name):
    whole = with_login(USERS[reader, name])
    content = sample(name).rstrip(b"\r\n").decode("utf-8-sig")
    for cut in range(content.rindex("\n") + 1, len(content)):
        try:
            entries = read(reader, content[:cut])
        except SourceError:  # the end is inside quotation marks: nothing of it is read
            continue
        certain = [one for one in entries if all(doubt.warning for doubt in one.doubts)]
        assert set(with_login(certain)) <= set(whole), content[:cut]
        assert with_login(entries)[: len(whole) - 1] == whole[:-1]


@pytest.mark.parametrize(
    "header",
    [
        "username,password,name,email",
        "extension,password,name",
        "extension,password,name,email,department,mobile,position",
        "name,extension,password,username,company,department,phone",
        "login,secret,display name",
        "First Name,Last Name,Email Address,Username,Password,Department",
        "username,domain,password",
        "id,username,password,realm",
        "alias,password,first_name,last_name,email,position,cell",
        "User,SIP Password,Full Name,Extension",
        "displayName,mail,password",
    ],
)
def test_a_spreadsheet_of_people_is_not_taken_for_an_export(header):
    found = likenesses(header.split(","))
    assert [name for name, (certainty, _) in found.items() if certainty is Certainty.CERTAIN] == []


@pytest.mark.parametrize(
    ("reader", "header", "login", "password", "left"),
    [
        ("freepbx", "EXTENSION,ID,SECRET,PASSWORD", "ID, else EXTENSION", "SECRET", ["PASSWORD"]),
        ("freepbx", "extension,tech,secret", "extension", "secret", []),
        ("grandstream", "Extension,AuthID,SIP/IAX Password,User Password",
         "AuthID, else Extension", "SIP/IAX Password", ["User Password"]),
        ("ringotel", "name,extension,password,authname",
         "authname, else extension", "password", []),
        ("fusionpbx", "extension,user_context", "extension", "", []),
        ("entra-bulk-create", "User name [userPrincipalName] Required,Kennwort [passwordProfile]",
         "User name [userPrincipalName] Required", "", ["Kennwort [passwordProfile]"]),
    ],
)  # fmt: skip
def test_a_reader_tells_where_a_file_has_its_logins(reader, header, login, password, left):
    cells = header.split(",")
    export = READERS[reader]
    assert (export.login_in(cells), export.password_in(cells)) == (login, password)
    assert list(export.left_in(cells)) == left


@EACH
def test_every_sample_has_the_login_and_password_that_its_reader_names(reader, name):
    (header, *_), _ = rows_of(reader, name)
    export = READERS[reader]
    assert export.login_in(header)
    assert bool(export.password_in(header)) is bool(export.password)
