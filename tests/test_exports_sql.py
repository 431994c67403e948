"""SQL dumps and db_text: rows of Kamailio's, OpenSIPS's, ViciDial's and Asterisk's tables."""

from __future__ import annotations

import io

import pytest

from bulk_provision.errors import SourceError
from bulk_provision.intake.cells import DoubtfulText
from bulk_provision.intake.exports.dump import Dump
from bulk_provision.intake.exports.export import Certainty, Seen, Shape
from grammars_read import file, read, reader, sample, told, user

KAMAILIO, VICIDIAL = reader("kamailio", Shape.SQL), reader("vicidial")
OPENSIPS, REALTIME = reader("opensips", Shape.SQL), reader("asterisk-realtime")
DB_TEXT = reader("kamailio", Shape.TEXT)
CREATE = (
    "CREATE TABLE `subscriber` (\n  `id` int(10) unsigned NOT NULL AUTO_INCREMENT,\n"
    "  `username` varchar(64) NOT NULL DEFAULT '',\n  `domain` varchar(64) DEFAULT 'a,b(c);',\n"
    "  `password` varchar(64) NOT NULL COMMENT 'it''s plain; \\'really\\'',\n"
    "  `ha1` varchar(128) NOT NULL DEFAULT '',\n  PRIMARY KEY (`id`),\n"
    "  UNIQUE KEY `account_idx` (`username`,`domain`),\n  KEY `username_idx` (`username`)\n"
    ") ENGINE=InnoDB AUTO_INCREMENT=6 DEFAULT CHARSET=utf8mb4;\n"
)


def passwords(text, one=KAMAILIO):
    return [entry.password for entry in read(one, file("x.sql", text))]


def inserted(*values):
    rows = ",".join(f"(1,'u','d',{value},'')" for value in values)
    return f"{CREATE}INSERT INTO `subscriber` VALUES {rows};\n"


def test_kamailio_dump():
    domain = "sip.example.in"
    assert read(KAMAILIO, sample("kamailio_subscriber.sql")) == [
        user(1, "1001", "Kam1001pw", domain=domain),
        user(2, "1002", "Kam:1002pw", domain=domain),
        told(3, "hashed", "alice.b", domain=domain),
        user(4, "0104", "Kam0104pw", domain=domain),
        told(5, "hashed", "1005", domain=domain),
    ]


def test_kamailio_db_text():
    domain = "sip.example.in"
    assert read(DB_TEXT, sample("kamailio_dbtext_subscriber.txt")) == [
        user(2, "1001", "Kam1001pw", domain=domain),
        user(3, "1002", "Kam:1002pw", domain=domain),
        told(4, "hashed", "alice.b", domain=domain),
        user(5, "0104", "Kam0104pw", domain=domain),
        told(6, "hashed", "1005", domain=domain),
    ]


def test_vicidial_dump():
    assert read(VICIDIAL, sample("vicidial_phones.sql")) == [
        user(1, "8001", "Vc8001Conf", extension="8001", name="Agent Ritu", server="10.0.0.15"),
        user(2, "8002", "Vc8002Conf", extension="8002", name="Agent O'Brien", server="10.0.0.15"),
        told(3, "disabled", "8003", "Vc8003Conf",
             extension="8003", name="Agent Left", server="10.0.0.15"),
        told(4, "iax", "8004", extension="8004", name="Iax Agent", server="10.0.0.15"),
        user(5, "8001", "Vc8001Conf",
             extension="8001", name="Agent Ritu (2nd server)", server="10.0.0.16"),
        user(6, "gs102", "test", extension="102", name="Default Secret", server="10.0.0.15"),
    ]  # fmt: skip


def test_a_dump_of_the_whole_database_is_read_for_its_one_table():
    text = (
        "-- MySQL dump 10.19  Distrib 10.3\n/*!40101 SET NAMES utf8mb4 */;\nUSE `kamailio`;\n"
        "CREATE TABLE `acc` (`id` int, `username` text);\n"
        "INSERT INTO `acc` VALUES (1,'INSERT INTO `subscriber` VALUES (9,\\'no\\');'),(2,'x');\n"
        "LOCK TABLES `subscriber` WRITE;\n/*!40000 ALTER TABLE `subscriber` DISABLE KEYS */;\n"
        f"{CREATE}"
        "INSERT INTO `subscriber` VALUES (1,'a','d','p',''),\n(2,'b','d','q','');\n"
        "INSERT INTO `kamailio`.`subscriber` (`password`,`username`,`ha1`,`domain`)\n"
        "VALUES ('r','c','','d') ON DUPLICATE KEY UPDATE `id`=(1);\n"
        "DELIMITER ;;\nCREATE TRIGGER `t` BEGIN SET @x = 'a;b'; END ;;\nDELIMITER ;\n"
        "INSERT INTO `subscriber_old` VALUES (1,'z','d','p','');\n"
        "-- Dump completed on 2025-03-01"
    )
    assert read(KAMAILIO, file("all.sql", text)) == [
        user(1, "a", "p", domain="d"),
        user(2, "b", "q", domain="d"),
        user(3, "c", "r", domain="d"),
    ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("'plain'", "plain"),
        ("' outer blanks '", " outer blanks "),
        (r"'it\'s'", "it's"),
        ("'it''s'", "it's"),
        (r"'back\\slash'", "back\\slash"),
        (r"'back\\'", "back\\"),
        (r"'\\\''", "\\'"),
        (r"'\q\%\_'", "q\\%\\_"),
        (r"'a\tb'", "a\tb"),
        (r"'semi;),(\"'", 'semi;),("'),
        ('"double ""quoted"" it\'s"', 'double "quoted" it\'s'),
        ("_utf8mb4'named'", "named"),
        ("_binary 'named'", "named"),
        ("0x4b616d31", "Kam1"),
        ("X'4B616D31'", "Kam1"),
        ("12345", "12345"),
        ("'-- no comment'", "-- no comment"),
        ("'#/*'", "#/*"),
        ("'पासवर्ड'", "पासवर्ड"),
        ("'=\"x\"'", '="x"'),
        ("'NULL'", "NULL"),
        ("NULL", ""),
        ("''", ""),
    ],
)
def test_mysqls_strings_mean_what_mysql_makes_of_them(written, meant):
    assert passwords(inserted(written, written)) == [meant, meant]


@pytest.mark.parametrize("written", ["md5('x')", "CONCAT('a,b', (1))", "0xff", "@x"])
def test_a_value_that_the_database_computes_is_a_doubt(written):
    (entry, other) = read(KAMAILIO, file("x.sql", inserted(written, "'next'")))
    assert entry.password.doubt.kind == "value-computed"
    assert other.password == "next"


def test_a_login_that_the_database_computes_is_a_doubt():
    text = f"{CREATE}INSERT INTO subscriber VALUES (1,lower('A'),'d','p','');\n"
    (entry,) = read(KAMAILIO, file("x.sql", text))
    assert isinstance(entry.login, DoubtfulText)


POSTGRES = r"""--
-- PostgreSQL database dump
--
\restrict abc
SET standard_conforming_strings = on;
CREATE FUNCTION public.f(text) RETURNS text LANGUAGE sql AS $_$SELECT ';''' || $1;$_$;
CREATE TABLE public.subscriber (
    id integer DEFAULT nextval('public.subscriber_id_seq'::regclass) NOT NULL,
    username character varying(64) DEFAULT ''::character varying NOT NULL,
    "domain" character varying(64), password character varying(64), ha1 text,
    CONSTRAINT unique_id UNIQUE (username)
);
"""


COPY = f"{POSTGRES}COPY public.subscriber (username, domain, password, ha1) FROM stdin;\n"


def test_postgresqls_copy():
    text = (
        POSTGRES
        + "COPY public.acc (id, username) FROM stdin;\n1\tx\n\\.\n"
        + "COPY public.subscriber (id, username, domain, password, ha1) FROM stdin;\n"
        + "1\talice\td\tp\\\\w'\t\\N\n2\tbob\td\t\\N\t0cc1\n3\tcem\td\ta\\tb\t\n\\.\n"
        + "\\unrestrict abc\n"
    )
    assert read(KAMAILIO, file("x.sql", text)) == [
        user(1, "alice", "p\\w'", domain="d"),
        told(2, "hashed", "bob", domain="d"),
        user(3, "cem", "a\tb", domain="d"),
    ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"'p\w'", r"p\w"),
        ("'it''s'", "it's"),
        (r"E'p\\w\''''", "p\\w''"),
        ("'x'::character varying", "x"),
        ("NULL", ""),
    ],
)
def test_postgresqls_inserts(written, meant):
    text = f"{POSTGRES}INSERT INTO public.subscriber VALUES (1, 'u', 'd', {written}, NULL);\n"
    assert passwords(text) == [meant]


def test_sqlites_dump():
    text = (
        "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n"
        "CREATE TABLE subscriber (id INTEGER PRIMARY KEY NOT NULL, username VARCHAR(64),"
        " domain VARCHAR(64), password VARCHAR(64), ha1 TEXT);\n"
        "INSERT INTO subscriber VALUES(1,'u','d','back\\slash''s','');\nCOMMIT;\n"
    )
    assert passwords(text) == ["back\\slash's"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (inserted("'x'")[:-2], "line 11: what begins there has no end"),
        (inserted("'x'")[:-8], "line 11: what begins there has no end"),
        (CREATE[:-3], "what begins there has no end"),
        ("INSERT INTO subscriber VALUES (1,'u','d','p','');", "does not say what its columns are"),
        (f"{CREATE}INSERT INTO subscriber VALUES (1,'u');", "a row has 2 values, and there are 5"),
        (f"{CREATE}INSERT INTO subscriber VALUES (1,'u';", "a statement ends in it"),
        (f"{CREATE}INSERT INTO acc VALUES (1);", "there are no rows of a table subscriber"),
        (f"{COPY}u\td\tp\t\n", "has no end"),
        (f"{COPY}u\td\tp\n\\.\n", "line 14: a row has 3 values, and there are 4 columns"),
        ("INSERT INTO subscriber (username) VALUES ('u');", 'there is no column "domain"'),
    ],
)
def test_a_damaged_dump_is_an_error_that_says_where(text, words):
    with pytest.raises(SourceError) as error:
        read(KAMAILIO, file("x.sql", text))
    assert words in error.value.what
    assert error.value.what.startswith("x.sql")
    assert error.value.cure


class _Trickle(io.StringIO):
    """A text that comes in small pieces, whatever is asked for."""

    def read(self, size=-1):
        return super().read(min(size, 7))


def test_a_statement_may_be_cut_anywhere_between_two_pieces():
    text = POSTGRES.replace("PostgreSQL", "MySQL").replace("standard_", "") + inserted(
        "'a''b'", r"'\''", "NULL", "0x4b", "now()", "'x'"
    )
    text = text.replace("$", " ").replace("';''' ||", "'x' ||") + "/* a; */ -- b;\n# c;\n"

    def rows(stream):
        dump = Dump(stream, "x", frozenset({"subscriber"}))
        return [(columns, [list(row) for row in values]) for columns, values in dump.statements()]

    whole = rows(io.StringIO(text))
    assert [len(values) for _, values in whole] == [6]
    assert rows(_Trickle(text)) == whole


def test_one_statement_of_many_megabytes():
    text = inserted(*(f"'{n:0>300}'" for n in range(10_000)))
    assert len(text) > 3 << 20
    assert passwords(text) == [f"{n:0>300}" for n in range(10_000)]


@pytest.mark.parametrize(
    ("one", "text", "certainty"),
    [
        (KAMAILIO, CREATE.replace("`ha1`", "`ha1`text,\n`ha1b`"), Certainty.CERTAIN),
        (KAMAILIO, "INSERT INTO subscriber (username,domain,password,ha1,ha1b) VALUES ('u",
         Certainty.CERTAIN),
        (KAMAILIO, CREATE, Certainty.LIKELY),
        (OPENSIPS, CREATE, None),
        (OPENSIPS, CREATE.replace("`ha1`", "`ha1` text,\n`ha1_sha256` text,\n`ha1_sha512t256`"),
         Certainty.CERTAIN),
        (KAMAILIO, "-- Host: localhost    Database: kamailio\nCREATE TABLE `acc` (`id` int);\n",
         Certainty.LIKELY),
        (KAMAILIO, "CREATE TABLE `users` (`name` text);\nINSERT INTO users VALUES ('x');", None),
        (VICIDIAL, "CREATE TABLE `phones` (`id` int, `number` text);\n", None),
        (REALTIME, "INSERT INTO ps_auths (id,auth_type,md5_cred,password,username) VALUES ('1",
         Certainty.CERTAIN),
    ],
)  # fmt: skip
def test_a_dump_is_recognised_by_its_columns(one, text, certainty):
    likeness = one.recognise(Seen(Shape.SQL, text, "x.sql"))
    assert (likeness and likeness.certainty) == certainty


def test_realtime_auths_in_a_dump():
    text = (
        "INSERT INTO ps_auths (id,auth_type,md5_cred,password,realm,username) VALUES "
        "('1-auth','userpass',NULL,'pw',NULL,'1'),('2-auth','md5','0cc1',NULL,NULL,'2');"
    )
    assert read(REALTIME, file("x.sql", text)) == [
        user(1, "1", "pw", id="1-auth"),
        told(2, "hashed", "2", id="2-auth"),
    ]


HEADER = "username(string) domain(string,null) password(string) ha1(str) n(int,auto)"


@pytest.mark.parametrize("delimiter", [":", "|", ";", ","])
def test_db_texts_delimiter_is_told_by_its_rows(delimiter):
    row = delimiter.join(["u", "d:d" if delimiter != ":" else "d", rf"p\{delimiter}\\\n", "", "1"])
    (entry,) = read(DB_TEXT, file("subscriber", f"{HEADER}\n\n{row}\n"))
    assert (entry.number, entry.login, entry.password) == (3, "u", f"p{delimiter}\\\n")


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ("u:d:p\n", "row-misfit"),
        ("u:d:p:q::1\n", "row-misfit"),
        ("u:d:p\\x::1\n", "escape-unknown"),
        ("u:d:p::1", "line-unended"),
    ],
)
def test_a_damaged_row_of_db_text_is_a_doubt(row, kind):
    entries = read(DB_TEXT, file("subscriber", f"{HEADER}\na:d:p::1\nb:d:q::2\n{row}"))
    assert [doubt.kind for doubt in entries[-1].doubts] == [kind]
    assert [entry.doubts for entry in entries[:-1]] == [(), ()]


def test_a_text_without_typed_columns_is_no_db_text():
    with pytest.raises(
        SourceError, match="line 1: the columns with their types do not stand there"
    ):
        read(DB_TEXT, file("subscriber", "username domain password ha1\nu:d:p:\n"))
    assert DB_TEXT.recognise(Seen(Shape.TEXT, "f(int x) { return; }\n", "x.c")) is None
