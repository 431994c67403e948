"""A source is opened as what it is, or as what the user says."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from bulk_provision.errors import NotAnExportError, SourceError, UsageError
from bulk_provision.intake import Certainty, ExportedUsers, Table, Taking, open_users
from bulk_provision.intake.exports.registry import names
from bulk_provision.intake.folders import packed_folder, packed_with_includes
from bulk_provision.model import FOLDER_EXPORTS
from commands import command

EXPORTS = Path(__file__).parent / "exports"


def refused(path, **how):
    with pytest.raises(SourceError) as told:
        open_users(str(path), **how)
    assert str(path) in told.value.what
    assert told.value.cure
    return f"{told.value.what} {told.value.cure}"


class TestWhoDecides:
    """Detection proposes, the user decides."""

    def test_an_export_is_not_read_as_a_spreadsheet_by_accident(self):
        told = refused(EXPORTS / "freepbx.csv")
        assert "looks like an export of FreePBX" in told
        assert "--from freepbx" in told
        assert "--from table" in told

    def test_named_it_is_read_as_that(self):
        with open_users(str(EXPORTS / "freepbx.csv"), system="freepbx") as users:
            assert isinstance(users, ExportedUsers)
            assert [row.username for row in users.rows()][:2] == ["1001", "1002"]

    def test_auto_reads_what_is_certain(self):
        with open_users(str(EXPORTS / "freepbx.csv"), system="auto") as users:
            assert users.told.name == "freepbx"
            (note,) = users.notes
        assert note.kind == "export-recognised"
        assert "FreePBX" in note.why
        assert "the login is id, else extension, the password is secret" in note.why

    def test_table_reads_the_columns_as_they_are(self, tmp_path):
        path = tmp_path / "users.csv"
        path.write_text(
            "extension,tech,secret,id,sipdriver\n1001,pjsip,Zx9qpR2wLm,1001,chan_pjsip\n"
        )
        with open_users(str(path), system="table") as users:
            assert isinstance(users, Table)

    def test_a_map_says_enough(self, tmp_path):
        path = tmp_path / "users.csv"
        path.write_text(
            "extension,tech,secret,id,sipdriver\n1001,pjsip,Zx9qpR2wLm,1001,chan_pjsip\n"
        )
        with open_users(str(path), mapping={"username": "id", "password": "secret"}) as users:
            assert isinstance(users, Table)

    def test_an_unknown_table_is_never_guessed_by_auto(self, tmp_path):
        path = tmp_path / "users.csv"
        path.write_text("username,password\nasha,Zx9qpR2wLm\n")
        with pytest.raises(NotAnExportError, match="no system's export that is known") as told:
            open_users(str(path), system="auto")
        assert "--map username=" in told.value.cure
        mapping = {"username": "A", "password": "B"}
        with open_users(str(path), system="auto", mapping=mapping) as users:
            assert [row.username for row in users.rows()] == ["asha"]

    def test_a_name_that_there_is_not(self):
        with pytest.raises(UsageError, match="no system of this name") as told:
            open_users(str(EXPORTS / "freepbx.csv"), system="frepbx")
        assert "Did you mean freepbx?" in told.value.cure

    def test_named_as_what_it_is_not(self, tmp_path):
        path = tmp_path / "users.csv"
        path.write_text("login,code\nasha,Zx9qpR2wLm\n")
        told = refused(path, system="freepbx")
        assert "is not what FreePBX" in told
        assert '"login" (column A)' in told

    def test_named_it_is_read_even_where_nothing_tells_whose_it_is(self, tmp_path):
        path = tmp_path / "users.csv"
        path.write_text("extension,tech,secret\n1001,pjsip,Zx9qpR2wLm\n")
        with open_users(str(path), system="freepbx") as users:
            assert users.told.certainty is not Certainty.CERTAIN
            assert [(row.username, row.password) for row in users.rows()] == [
                ("1001", "Zx9qpR2wLm")
            ]

    def test_the_systems_that_export_folders_are_systems(self):
        assert set(names()) >= FOLDER_EXPORTS


def test_the_docs_name_every_system():
    text = (Path(__file__).parents[1] / "docs" / "migrating.md").read_text()
    assert [name for name in names() if f"`{name}`" not in text] == []


class TestWhatIsTaken:
    ROWS = (
        "extension,id,tech,secret,md5_cred,sipdriver,voicemail_email\n"
        "1,1,pjsip,Zx9qpR2wLm,,x,\n2,2,pjsip,,0123456789abcdef0123456789abcdef,x,\n"
        "3,3,pjsip,REGEN,,x,\n4,4,iax2,Zx9qpR2wLm,,x,\n5,5,pjsip,,,x,\n"
    )

    def read(self, tmp_path, **taking):
        path = tmp_path / "extensions.csv"
        path.write_text(self.ROWS)
        with open_users(str(path), system="auto", taking=Taking(**taking)) as users:
            return list(users.rows()), list(users.left_out)

    def test_a_user_without_a_usable_password_is_an_error(self, tmp_path):
        rows, _ = self.read(tmp_path)
        told = {row.username: [(one.kind, one.warning) for one in row.problems] for row in rows}
        assert told == {
            "1": [],
            "2": [("no-password-hashed", False)],
            "3": [("password-generate", True)],
            "5": [("no-password-missing", False)],
        }
        assert all("--generate-passwords" in row.problems[0].cure for row in (rows[1], rows[3]))

    def test_unless_new_ones_are_wanted(self, tmp_path):
        rows, _ = self.read(tmp_path, generate_passwords=True)
        assert {row.username: row.password for row in rows} == {
            "1": "Zx9qpR2wLm", "2": "", "3": "", "5": ""
        }  # fmt: skip
        assert all(problem.warning for row in rows for problem in row.problems)

    def test_what_is_no_user_is_told_with_its_place(self, tmp_path):
        _, left = self.read(tmp_path)
        assert [(one.kind, one.where, one.seen) for one in left] == [
            ("left-out-iax", "row 5 (4)", "")
        ]

    def test_thousands_that_are_left_out_take_no_memory_each(self, tmp_path):
        self.ROWS = "extension,id,tech,secret,sipdriver,devicetype\n" + "9,9,iax2,,x,fixed\n" * 3000
        self.ROWS += "1,1,pjsip,Zx9qpR2wLm,x,fixed\n"
        _, left = self.read(tmp_path)
        assert len(left) == 3000
        assert len(set(map(id, left))) == 3


class TestFilesThatBelongTogether:
    def test_the_same_files_make_the_same_bytes(self, tmp_path):
        for name in ("one", "two"):
            folder = tmp_path / name
            (folder / "default").mkdir(parents=True)
            for file in ("default/b.xml", "default/a.xml", "vars.xml"):
                (folder / file).write_text(f"<include>{file}</include>")
        with packed_folder(tmp_path / "one") as one, packed_folder(tmp_path / "two") as two:
            assert one.read() == two.read()

    def test_hidden_files_and_links_stay_out(self, tmp_path):
        (tmp_path / ".secret.xml").write_text("<a/>")
        (tmp_path / "link.xml").symlink_to("/etc/passwd")
        (tmp_path / "notes.txt").write_text("x")
        (tmp_path / "user.xml").write_text("<user/>")
        with packed_folder(tmp_path) as packed, tarfile.open(fileobj=packed) as archive:
            assert archive.getnames() == ["user.xml"]

    def test_an_empty_folder_is_an_error(self, tmp_path):
        assert "no files" in refused(tmp_path, system="asterisk-sip")

    def test_includes_are_followed_inside_the_folder_alone(self, tmp_path):
        outside = tmp_path / "outside.conf"
        outside.write_text("[trap]\nsecret=trap\n")
        folder = tmp_path / "asterisk"
        (folder / "users").mkdir(parents=True)
        (folder / "sip.conf").write_text(
            "[general]\n"
            '#include "sip_users.conf" ; the users\n'
            "#tryinclude users/*.conf\n"
            "#include ../outside.conf\n"
            "#include /etc/passwd\n"
            "#include link.conf\n"
            "#include missing.conf\n"
            ";#include commented.conf\n"
            "#exec /bin/true\n"
        )
        (folder / "sip_users.conf").write_text("#include sip.conf\n#include users/a.conf\n")
        (folder / "users" / "a.conf").write_text("[a]\n")
        (folder / "users" / "b.conf").write_text("[b]\n")
        (folder / "commented.conf").write_text("[c]\n")
        (folder / "link.conf").symlink_to(outside)
        packed = packed_with_includes(folder / "sip.conf")
        assert packed is not None
        with packed, tarfile.open(fileobj=packed) as archive:
            assert archive.getnames() == [
                "sip.conf", "sip_users.conf", "users/a.conf", "users/b.conf"
            ]  # fmt: skip

    def test_a_configuration_alone_is_one_file(self, tmp_path):
        (tmp_path / "sip.conf").write_text("[general]\n#include missing.conf\n")
        assert packed_with_includes(tmp_path / "sip.conf") is None


def archive_of(kind, path, files):
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path
    with tarfile.open(path, f"w:{kind}") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


USER = (
    b'<include><user id="%d"><params><param name="password" value="Zx9qpR2wLm%d"/></params></user>'
    b"</include>"
)
FILES = {f"directory/default/{number}.xml": USER % (number, number) for number in (1002, 1001)}


class TestArchives:
    @pytest.mark.parametrize(("kind", "name"), [("zip", "a.zip"), ("", "a.tar"), ("gz", "a.tgz")])
    def test_a_file_for_each_user(self, tmp_path, kind, name):
        path = archive_of(kind, tmp_path / name, {**FILES, "__MACOSX/._1.xml": b"\x00\x05"})
        with open_users(str(path), system="auto") as users:
            assert users.told.name == "freeswitch"
            assert [(row.username, row.password) for row in users.rows()] == [
                ("1001", "Zx9qpR2wLm1001"),
                ("1002", "Zx9qpR2wLm1002"),
            ]

    def test_a_folder_is_the_same(self, tmp_path):
        for name, content in FILES.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(content)
        with open_users(str(tmp_path), system="freeswitch") as users:
            assert [row.username for row in users.rows()] == ["1001", "1002"]

    def test_damaged(self, tmp_path):
        path = archive_of("gz", tmp_path / "a.tgz", FILES)
        path.write_bytes(path.read_bytes()[:-60])
        assert "damaged, or not completely copied" in refused(path, system="freeswitch")

    def test_a_member_that_is_damaged(self, tmp_path):
        path = archive_of("", tmp_path / "a.tar", FILES)
        path.write_bytes(path.read_bytes()[:560])
        assert "damaged, or not completely copied" in refused(path, system="freeswitch")

    def test_a_member_whose_content_is_damaged(self, tmp_path):
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in FILES.items():
                archive.writestr(name, content)
        damaged = bytearray(path.read_bytes())
        at = damaged.index(b"1001.xml") + 30
        damaged[at : at + 8] = b"\xff" * 8
        path.write_bytes(damaged)
        assert "1001.xml: it cannot be unpacked" in refused(path, system="freeswitch")

    def test_a_folder_may_be_looked_at_without_saying_whose_it_is(self, tmp_path):
        (tmp_path / "1001.xml").write_bytes(FILES["directory/default/1001.xml"])
        with open_users(str(tmp_path), system="auto", proposing=True) as users:
            assert users.told.name == "freeswitch"

    def test_other_things_in_an_archive(self, tmp_path):
        path = archive_of("zip", tmp_path / "a.zip", {"holiday.txt": b"sunny"})
        assert "no system's export" in refused(path, system="auto")
        assert "archive" in refused(path)


class TestInspect:
    async def test_says_what_it_found_and_never_a_password(self, tmp_path):
        ran = await command(None, tmp_path, "inspect", str(EXPORTS / "freepbx.csv"))
        assert ran.code == 0, ran.err
        for said in (
            "FreePBX", "Certain: --from freepbx", "SIP login:", "SIP password:   secret",
            "6 users, 5 with a password to use", "Left out, 1 time: It speaks IAX", "row 8 (1007)",
            "Invalid, 1 time: The export has only a hash of its password", "row 6",
        ):  # fmt: skip
            assert said in ran.out, said
        for password in ("4f1c9e07b2ad8836e55d01c7a9f3be20", "7531", "Zx,9"):
            assert password not in ran.out + ran.err

    async def test_what_is_no_export_and_what_cannot_be_read(self, tmp_path):
        (tmp_path / "unknown.csv").write_text("username,password\nasha,Zx9qpR2wLm\n")
        ran = await command(None, tmp_path, "inspect", "--json", "unknown.csv")
        assert ran.code == 1, ran.err
        assert ran.json["recognised"] is False
        ran = await command(None, tmp_path, "inspect", "none.csv")
        assert ran.code == 2
        assert "no such file" in ran.err
