"""The traps of each system's table: what would make a wrong login if it were read too simply."""

from __future__ import annotations

import pytest

from bulk_provision.errors import SourceError
from bulk_provision.intake.cells import DATE, FORMULA_WITHOUT_VALUE, DoubtfulText
from bulk_provision.intake.exports.export import Certainty, Seen, Shape
from bulk_provision.intake.exports.kamailio import SUBSCRIBER
from bulk_provision.intake.exports.vicidial import PHONES
from bulk_provision.intake.exports.wrong import WRONG, recognise
from exports_read import READERS, entry, likenesses, read, sample, seen, sheet_of


def only(reader, content):
    (found,) = read(reader, content)
    return found


def outcome(reader, content):
    found = only(reader, content)
    return found.remarks, found.login, found.password


# FreePBX

FREEPBX = "extension,password,id,tech,secret,name,md5_cred,voicemail_email\n"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("1001,web1,1001,pjsip,Sip1,Asha,,", ("", "1001", "Sip1")),
        # "deviceanduser": the device logs in, and the extension is the person
        ("1001,web1,90011001,pjsip,Sip1,Asha,,", ("", "90011001", "Sip1")),
        ("1001,,1001,PJSIP,Sip1,Asha,,", ("", "1001", "Sip1")),
        ("1001,,1001,pjsip,Sip1,Asha,5f4dcc3b5aa765d61d8327deb882cf99,", ("hashed", "1001", "")),
        ("1001,,1001,pjsip,REGEN,Asha,,", ("generate", "1001", "")),
        ("1001,,1001,pjsip,,Asha,,", ("missing", "1001", "")),
        ("1001,,1001,pjsip,****,Asha,,", ("masked", "1001", "")),
        ("1001,,1001,iax2,Iax1,Asha,,", ("iax", "1001", "")),
        ("1001,,1001,dahdi,,Asha,,", ("not-sip", "1001", "")),
        ("1001,,1001,custom,,Asha,,", ("not-sip", "1001", "")),
        ("1001,,1001,virtual,,Asha,,", ("virtual", "1001", "")),
        ("1001,,,,,Asha,,", ("no-login", "1001", "")),  # a user without a device
        (",,,,,,,desk@example.in", ("no-login", "", "")),  # a mailbox without a user
        ("  ,,,pjsip,Sip1,,,", ("no-login", "", "")),
    ],
)
def test_freepbx_tells_what_a_row_is(row, expected):
    assert outcome("freepbx", f"{FREEPBX}{row}\n") == expected


def test_freepbx_takes_an_auth_name_that_overrides_the_extension():
    content = "extension,id,tech,secret,username,dial\n1001,1001,pjsip,Sip1,desk,PJSIP/1001\n"
    found = only("freepbx", content)
    assert (found.login, found.further["extension"]) == ("desk", "1001")


def test_a_quote_behind_a_backslash_as_php_writes_it_is_never_read_as_something_else():
    """PHP's fputcsv leaves a quote alone that stands behind a backslash."""
    swallowing = '1001,,1001,pjsip,"ab\\"",Asha,,\n1002,,1002,pjsip,Sip2,"Rao, D",,\n'
    within = '1001,,1001,pjsip,"a\\"b c",Asha,,\n'
    assert only("freepbx", FREEPBX + within).kinds == ["row-quotes"]
    entries = read("freepbx", FREEPBX + swallowing)
    assert all("row-quotes" in one.kinds for one in entries if one.login != "1002")


# FreePBX up to 12


@pytest.mark.parametrize(
    ("action", "remarks"),
    [("edit", ""), ("add", ""), ("", ""), ("del", "deleted"), ("DEL", "deleted")],
)
def test_the_bulk_extensions_say_what_is_to_be_done(action, remarks):
    header = "action,extension,password,tech,devinfo_secret,vm\n"
    found = only("freepbx-bulkext", f"{header}{action},201,web,sip,Sip201,disabled\n")
    assert (found.remarks, found.password) == (remarks, "" if remarks else "Sip201")


# Issabel and Elastix

ISSABEL = '"Display Name","User Extension","Direct DID","Secret","Tech","Call Waiting"\n'


def test_issabels_quotes_stand_as_they_are():
    found = only("issabel", f'{ISSABEL}""Vicky" Shah "","303","","a"b,"c","sip","ENABLED"\n')
    assert (found.further["name"], found.login, found.password) == (
        '"Vicky" Shah "',
        "303",
        'a"b,"c',
    )
    assert found.doubts == ()


def test_doubled_quotes_in_a_credential_of_issabels_cannot_be_told():
    """The file may have been saved by a program that doubles them; or there are two."""
    header, line = ISSABEL, '"Asha","301","","a""b","sip","ENABLED"\n'
    sheet = sheet_of(header + line)
    records = READERS["issabel"].records_in(sheet)
    _, cells, _ = next(records)
    ((_, made, _),) = READERS["issabel"].read(cells, records)
    assert isinstance(made[2], DoubtfulText)
    assert (made[2].doubt.kind, made[2].doubt.warning) == ("quotes-unsure", False)
    assert type(made[1]) is str


@pytest.mark.parametrize(
    "line",
    [
        '"Asha","301","","Se","cret","sip","ENABLED"',  # more cells than the header
        '"Asha","301","","Secret","sip"',  # fewer
        '"Asha","301","","Secret","sip","ENABLED',  # cut
        "Asha,301,,Secret,sip,ENABLED",  # written by something else
    ],
)
def test_a_line_of_issabels_that_cannot_be_told_apart_is_refused(line):
    good = '"Ben","302","","Secret302","sip","ENABLED"\n'
    first, bad = read("issabel", f"{ISSABEL}{good}{line}\n")
    assert (first.login, first.password, first.doubts) == ("302", "Secret302", ())
    assert (bad.login, bad.password, bad.kinds) == ("", "", ["row-quotes"])


@pytest.mark.parametrize("quoted", ["header", "cells"])
def test_a_file_of_issabels_that_was_saved_again_is_read_as_any_other(quoted):
    header = ISSABEL if quoted == "header" else ISSABEL.replace('"', "")
    found = only("issabel", header + '"Rao ""X"" D",0301,,"a""b",sip,ENABLED\n')
    assert (found.further["name"], found.login, found.password) == ('Rao "X" D', "0301", 'a"b')
    assert found.doubts == ()


def test_elastix_has_fewer_columns():
    content = '"Display Name","User Extension","Secret","Tech"\n"Asha","301","Se301","sip"\n'
    assert outcome("issabel", content) == ("", "301", "Se301")
    assert likenesses(["Display Name", "User Extension", "Secret", "Tech"])["issabel"][0] is (
        Certainty.LIKELY
    )


# FusionPBX


@pytest.mark.parametrize(
    ("cell", "on"),
    [(one, True) for one in ("true", "TRUE", "t", "1", "yes", "on")]
    + [(one, False) for one in ("false", "f", "0", "", "no", "False")],
)
def test_fusionpbx_says_in_many_ways_who_is_switched_off(cell, on):
    found = only(
        "fusionpbx", f"extension,password,user_context,enabled\n401,Secret401,pbx,{cell}\n"
    )
    assert found.remarks == ("" if on else "disabled")


def test_fusionpbx_without_the_column_for_it_has_nobody_switched_off():
    assert outcome("fusionpbx", "extension,password,user_context\n401,Secret401,pbx\n") == (
        "",
        "401",
        "Secret401",
    )


def test_fusionpbx_without_the_column_for_passwords_has_users_without_one():
    found = only("fusionpbx", "extension,user_context,directory_first_name\n401,pbx,Olivia\n")
    assert (found.remarks, found.login, found.further["name"]) == ("missing", "401", "Olivia")


@pytest.mark.parametrize(
    ("columns", "certainty"),
    [
        ("extension_uuid,extension,password,user_context,enabled", Certainty.CERTAIN),
        ("extension,effective_caller_id_name,outbound_caller_id_number", Certainty.CERTAIN),
        ("extension,password,user_context", Certainty.LIKELY),
        ("extension,number_alias,password,description", Certainty.LIKELY),
        ("extension,password,description,enabled", None),
        ("password,user_context,call_timeout", None),
    ],
)
def test_fusionpbx_is_recognised_by_whatever_columns_were_ticked(columns, certainty):
    found = likenesses(columns.split(",")).get("fusionpbx")
    assert (found and found[0]) == certainty


# The others, one trap each


@pytest.mark.parametrize(
    ("reader", "content", "expected"),
    [
        # the login is the device's, not the extension; neither PIN is the password
        ("vitalpbx",
         ("mode,extension,technology,device_user,device_password,features_password,vm_password\n"
         "add,502,pjsip,502-desk,Secret502,4820,9031\n"), ("", "502-desk", "Secret502")),
        ("vitalpbx",
         ("mode,extension,technology,device_user,device_password,ext_name\n"
         "delete,502,pjsip,502,Secret502,Asha\n"), ("deleted", "502", "")),
        ("vitalpbx",
         ("mode,extension,technology,device_user,device_password,ext_name\n"
         "add,502,pjsip,,Secret502,Asha\n"), ("no-login", "", "")),
        ("3cx",
         ("Number,AuthID,AuthPassword,PIN,DeskphoneWebPass,SrvcAccessPwd,Disabled\n"
         "100,aB3,Sip100,58213,Web100,Svc100,1\n"), ("disabled", "aB3", "Sip100")),
        ("yeastar-p",
         ("Extension Number,Registration Name,Registration Password,User Password,Email Address\n"
         "1000,Xk29,,Web1000,a@example.in\n"), ("missing", "Xk29", "")),
        ("yeastar-s",
         ("type,username,registerpassword,registername,loginpassword\n"
         "SIP,1000,Sip1000,reg1000,Web1000\n"), ("", "reg1000", "Sip1000")),
        ("yeastar-s",
         "type,username,registerpassword,registername\nIAX,1000,Iax1,1000\n", ("iax", "1000", "")),
        ("grandstream",
         ("Extension,AuthID,SIP/IAX Password,User Password,Disable This Extension\n"
         "2000,  ,Sip2000,Web2000,YES\n"), ("disabled", "2000", "Sip2000")),
        ("grandstream",
         "Extension,Technology,SIP/IAX Password,User Password\n2000,FXS,Sip2000,Web\n",
         ("not-sip", "2000", "")),
        ("wazo",
         ("uuid,enabled,line_protocol,sip_username,sip_secret,exten,username\n"
         "1,1,custom,,,1104,a@example.in\n"), ("not-sip", "1104", "")),
        ("wazo",
         ("uuid,line_protocol,sip_username,sip_secret,exten,username\n"
         "1,sip,9pza,k3w7,1101,a@example.in\n"), ("", "9pza", "k3w7")),
        ("xivo",
         ("firstname|phonenumber|protocol|linename|linesecret|username|password\n"
         "Asha|1201|sip|al1201|s3cr|asha|web\n"), ("", "al1201", "s3cr")),
        ("switchvox",
         "ext,fname,lname,password,phone_password\n801,Sara,Young,Web801,\n",
         ("missing", "801", "")),
        ("switchvox",
         "ext,fname,email,password,phone_password\n801,Sara,s@example.in,Web801,Sip801\n",
         ("", "801", "Sip801")),
        ("vodia",
         "#alias;web_pass;password;mb_pin\n40;Web40;Sip40;4040\n", ("", "40", "Sip40")),
        ("vodia",
         "#alias;type;web_pass;password\n73;hunts;;Sip73\n", ("virtual", "73", "")),
        ("ringotel", "name,extension,password\nAjay,901,Rg901\n", ("", "901", "Rg901")),
        ("google-workspace",
         ("First Name [Required],Last Name [Required],Email Address [Required],"
         "Password [Required]\nAsha,Rao,asha@example.in,Directory1\n"), ("foreign", "asha", "")),
        ("entra",
         "userPrincipalName,displayName,accountEnabled\nleft@example.com,Left,false\n",
         ("disabled missing", "left", "")),
        ("entra",
         "userPrincipalName,displayName,userType\nx_example.in#EXT#@example.com,X,\n",
         ("guest", "x_example.in#EXT#@example.com", "")),
        # whatever the language of the template, the properties in brackets are the same
        ("entra-bulk-create",
         ("Nom [displayName] Obligatoire,Utilisateur [userPrincipalName],Mot [passwordProfile],"
         "Bloquer [accountEnabled]\nAsha,asha@example.in,Init1,No\n"), ("foreign", "asha", "")),
    ],
)  # fmt: skip
def test_a_trap_of_a_system(reader, content, expected):
    assert outcome(reader, content) == expected


def test_yeastars_organisation_is_a_path_of_departments():
    header = "Extension Number,Registration Name,Registration Password,Organization,Mobile Number"
    found = only("yeastar-p", f"{header}\n1000,Xk29,Sip1000,Yeastar/Sales,+91980\n")
    assert found.further == {
        "extension": "1000",
        "department": "Yeastar/Sales",
        "mobile": "+91980",
    }


# Tables out of a database

PS_AUTHS = "id,auth_type,md5_cred,password,realm,username,password_digest\n"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("9001,userpass,,Mohan9001,,9001,", ("", "9001", "Mohan9001")),
        ("9001,userpass,NULL,Mohan9001,NULL,9001,\\N", ("", "9001", "Mohan9001")),
        ("9001,userpass,NULL,NULL,NULL,9001,NULL", ("missing", "9001", "")),
        ("9001,md5,9733337c239dd9eeb62bae01dcea10b3,,,9001,", ("hashed", "9001", "")),
        ("9001,md5,9733337c239dd9eeb62bae01dcea10b3,stale,,9001,", ("hashed", "9001", "")),
        ("9001,userpass,9733337c239dd9eeb62bae01dcea10b3,Real1,,9001,", ("", "9001", "Real1")),
        ("9001,digest,,,,9001,SHA-256:ab12", ("hashed", "9001", "")),
        ("9001,userpass,,Mohan9001,pbx.example.in,9001,", ("", "9001", "Mohan9001")),
        ("auth9001,userpass,,Mohan9001,pbx.example.in,9001,", ("", "9001", "Mohan9001")),
        ("carrier,userpass,,x,sip.carrier.example,15550100,", ("trunk", "15550100", "")),
        ("my-trunk,userpass,,x,,15550100,", ("trunk", "15550100", "")),
        ("g,google_oauth,,,,g@example.in,", ("trunk", "g@example.in", "")),
        ("9001,userpass,,Mohan9001,,NULL,", ("no-login", "", "")),
    ],
)
def test_asterisks_table_tells_users_from_trunks_and_hashes(row, expected):
    assert outcome("asterisk-realtime", f"{PS_AUTHS}{row}\n") == expected


KAMAILIO = "id\tusername\tdomain\tpassword\tha1\tha1b\n"
HASH = "bbeafd0dc101f32595eff7953b475684"


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("Kam1001", ("", "1001", "Kam1001")),
        ("", ("hashed", "1001", "")),
        (HASH, ("hashed", "1001", "")),  # kept where the password should be
        (HASH.upper(), ("hashed", "1001", "")),
        ('"Kam', ("", "1001", '"Kam')),  # `mysql --batch` writes no quotes of its own
        ('K"a"m', ("", "1001", 'K"a"m')),
        ("K'a,m", ("", "1001", "K'a,m")),
        ("K\\am", ("", "1001", "K\\am")),  # had it been escaped, there would be two of them
    ],
)
def test_kamailios_passwords_are_taken_as_they_stand(password, expected):
    content = f"{KAMAILIO}1\t1001\tsip.example.in\t{password}\t{HASH}\t\n"
    assert outcome("kamailio", content) == expected


@pytest.mark.parametrize(
    ("password", "kind"), [('"Kam1001"', "quotes-unsure"), ("Kam\\\\1001", "escapes-unsure")]
)
def test_what_a_database_client_or_a_spreadsheet_may_have_added_cannot_be_told(password, kind):
    sheet = sheet_of(f"{KAMAILIO}1\t1001\tsip.example.in\t{password}\t{HASH}\t\n")
    records = READERS["kamailio"].records_in(sheet)
    _, header, _ = next(records)
    ((_, made, _),) = READERS["kamailio"].read(header, records)
    assert isinstance(made[2], DoubtfulText)
    assert (made[2], made[2].doubt.kind) == (password, kind)


def test_kamailio_has_a_login_for_each_domain():
    rows = "".join(f"{n}\t1001\t{n}.example\tpw{n}\t\t\n" for n in (1, 2))
    assert [(one.login, one.further) for one in read("kamailio", KAMAILIO + rows)] == [
        ("1001", {"domain": "1.example"}),
        ("1001", {"domain": "2.example"}),
    ]


def test_old_subscribers_have_names_and_addresses():
    header = "username,domain,password,ha1,first_name,last_name,email_address\n"
    found = only("kamailio", f"{header}1001,sip.example,pw,,Asha,Rao,a@example.in\n")
    assert found.further == {"name": "Asha Rao", "email": "a@example.in", "domain": "sip.example"}


def test_values_out_of_a_dump_are_values_already():
    """What reads SQL and db_text has undone the escapes, and knows NULL from a text."""
    header = ["id", "username", "domain", "password", "ha1", "ha1_sha256"]
    rows = [(1, ["1", "1001", "sip.example", "a\\\\b", "", ""], ()),
            (2, ["2", "1002", "sip.example", "NULL", "", ""], ())]  # fmt: skip
    found = [entry(SUBSCRIBER, record) for record in SUBSCRIBER.read(header, iter(rows))]
    assert [(one.login, one.password) for one in found] == [("1001", "a\\\\b"), ("1002", "NULL")]
    phones = [(1, ["8001", "s\\\\t", "SIP", "N"], ())]
    (found,) = PHONES.read(["extension", "conf_secret", "protocol", "active"], iter(phones))
    assert found[1][:3] == ["disabled", "8001", "s\\\\t"]


# Lines and cells


def test_a_doubt_about_a_credential_is_not_lost_on_the_way():
    login, password = DoubtfulText("1-2", DATE), DoubtfulText("x", DATE)
    header = ["extension", "id", "tech", "secret"]
    ((_, made, _),) = READERS["freepbx"].read(
        header, iter([(2, ["1001", login, "pjsip", password], ())])
    )
    assert made[1] is login
    assert made[2] is password
    address = DoubtfulText("asha@example.in", DATE)
    header = ["Email Address [Required]", "Password [Required]"]
    ((_, made, _),) = READERS["google-workspace"].read(header, iter([(2, [address, "****"], ())]))
    assert made[1] == "asha"
    assert isinstance(made[1], DoubtfulText)
    assert made[1].doubt is DATE


def test_a_login_that_is_not_known_is_not_taken_for_none():
    login = DoubtfulText("", FORMULA_WITHOUT_VALUE)
    ((_, made, _),) = READERS["fusionpbx"].read(
        ["extension", "password"], iter([(2, [login, "Secret401"], ())])
    )
    assert made[0] == ""
    assert made[1] is login


def test_a_line_with_too_many_cells_is_refused():
    assert only("freepbx", FREEPBX + "1001,,1001,pjsip,Sip,1,Asha,,,\n").kinds == []
    assert only("freepbx", FREEPBX + "1001,,1001,pjsip,Sip,1,Asha,,x\n").kinds == ["row-too-long"]


def test_a_separator_too_many_is_not_hidden_by_columns_without_a_name():
    header = FREEPBX.replace("\n", ",,\n")
    assert only("freepbx", header + "1001,,1001,pjsip,Sip1,Asha,,,,\n").kinds == []
    assert only("freepbx", header + "1001,,1001,pjsip,Si,p1,Asha,,,x\n").kinds == ["row-too-long"]


def test_a_short_line_is_told_and_one_that_the_file_ends_in_is_refused():
    short = only("freepbx", FREEPBX + "1001,,1001,pjsip,Sip1\n")
    assert (short.password, short.kinds, short.doubts[0].warning) == ("Sip1", ["row-short"], True)
    cut = only("freepbx", FREEPBX + "1001,,1001,pjsip,Sip1")
    assert "line-cut" in cut.kinds
    assert not all(doubt.warning for doubt in cut.doubts)


def test_a_password_right_at_the_end_of_a_file_may_be_cut():
    vodia = only("vodia", "#alias;web_pass;password\n40;Web40;Sip4")
    assert [(doubt.kind, doubt.warning) for doubt in vodia.doubts] == [("line-unended", False)]
    freepbx = only("freepbx", FREEPBX + "1001,,1001,pjsip,Sip1,Asha,,a@exam")
    assert [(doubt.kind, doubt.warning) for doubt in freepbx.doubts] == [("line-unended", True)]


def test_the_rows_of_a_workbook_may_be_as_short_as_they_are():
    rows = iter([(2, ["1001", "1001", "pjsip", "Sip1"], ())])
    header = ["extension", "id", "tech", "secret", "name"]
    ((_, made, doubts),) = READERS["freepbx"].read(header, rows, ragged=False)
    assert (made[:3], doubts) == (["", "1001", "Sip1"], ())


def test_two_files_put_one_behind_the_other_do_not_make_a_user_of_the_header():
    for mark in ("", "\ufeff"):
        content = f"{FREEPBX}1001,,1001,pjsip,Sip1,Asha,,\n{mark}{FREEPBX}1002,,1002,sip,S2,Ben,,\n"
        first, heading, last = read("freepbx", content)
        assert (first.doubts, last.doubts) == ((), ())
        assert "row-is-header" in heading.kinds


def test_a_login_or_password_that_stands_twice_is_not_chosen_from():
    with pytest.raises(SourceError, match=r'export\.csv: the header has "secret" more than once'):
        list(READERS["freepbx"].read(
            ["extension", "id", "tech", "secret", "Secret"], iter([]), place="export.csv"
        ))  # fmt: skip


def test_a_file_that_lacks_a_needed_column_is_refused_when_it_is_forced():
    with pytest.raises(SourceError, match=r'cannot be read as 3CX .*no column "authid"') as refused:
        list(READERS["3cx"].read(["Number", "AuthPassword"], iter([])))
    assert "--from" in refused.value.cure


def test_other_encodings_leave_their_doubts():
    content = "extension,id,tech,secret,name\n1001,1001,pjsip,Grün1,Jörg\n".encode("cp1252")
    sheet = sheet_of(content)
    records = READERS["freepbx"].records_in(sheet)
    _, header, _ = next(records)
    ((_, made, _),) = READERS["freepbx"].read(header, records)
    assert isinstance(made[2], DoubtfulText)
    assert made[2].doubt.kind == "encoding-unsure"


@pytest.mark.parametrize(
    ("codec", "doubtful"), [("utf-8", False), ("utf-16", False), ("cp1252", True)]
)
def test_issabels_encoding_is_looked_at_as_any_other(codec, doubtful):
    line = '"Sala Reunión","304","","Contraseña1","sip","ENABLED"\n'
    sheet = sheet_of((ISSABEL + line).encode(codec))
    records = READERS["issabel"].records_in(sheet)
    _, header, _ = next(records)
    ((_, made, _),) = READERS["issabel"].read(header, records, ended=sheet.ended)
    assert isinstance(made[2], DoubtfulText) is doubtful
    assert doubtful or made[2] == "Contraseña1"


# Known wrong files


@pytest.mark.parametrize(
    ("header", "what"),
    [
        ("description,extension,cidnum,destination,privacyman,alertinfo", "FreePBX's DIDs"),
        ("cidnum,extension,destination,mohclass,description", "FreePBX's DIDs"),
        ("trunk_name,sip_server,sip_server_port,username,secret,trunkid,tech", "FreePBX's trunks"),
        ("trunkid,name,tech,outcid,channelid,disabled", "FreePBX's trunks"),
        ("username,description,default_extension,password,encrypted_password,email",
         "FreePBX's User Manager users"),
        ("Provider Name,Hostname,Port,User Name,Authentication Name,Password",
         "trunks of a Yeastar"),
    ],
)  # fmt: skip
def test_a_known_wrong_file_is_named(header, what):
    found = recognise(seen(header.split(",")))
    assert found is not None
    assert found.what.startswith(what)
    assert not [
        name
        for name, (certainty, _) in likenesses(header.split(",")).items()
        if certainty is Certainty.CERTAIN
    ]


@pytest.mark.parametrize("shape", [Shape.XML, Shape.TEXT])
def test_a_3cx_backup_is_named_by_what_is_in_it(shape):
    text = '<?xml version="1.0"?><PhoneSystem><header/><Tenants><Tenant>'
    found = recognise(Seen(shape, text, "backup.xml"))
    assert found is not None
    assert "3CX" in found.what
    assert "Users > Export" in found.instead
    part = "<Extension><AuthID>a</AuthID><AuthPassword>b</AuthPassword></Extension>"
    assert recognise(Seen(shape, part, "x")) is not None
    assert recognise(Seen(shape, "<include><user id='1001'/></include>", "x")) is None


def test_no_sample_of_an_export_is_called_wrong():
    for reader, name in (("freepbx", "freepbx.csv"), ("vicidial", "vicidial_phones.tsv")):
        header = sample(name).decode().splitlines()[0]
        separator = "\t" if reader == "vicidial" else ","
        assert recognise(seen(header.split(separator))) is None
    assert all(wrong.headers or wrong.marks for wrong in WRONG)
