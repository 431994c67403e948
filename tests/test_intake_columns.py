"""Headers as people write them: recognised, decided by --map, or told to be ambiguous."""

import pytest

from bulk_provision.errors import SourceError, UsageError
from bulk_provision.intake import RESULT_COLUMNS, open_table
from bulk_provision.intake.columns import FIELDS, NAMES, normalised
from bulk_provision.results.layout import COLUMNS
from workbooks import read


@pytest.fixture
def write(tmp_path):
    def write(*lines):
        path = tmp_path / "users.csv"
        path.write_text("\n".join(lines))
        return str(path)

    return write


def opened(path, **options):
    with open_table(path, **options) as table:
        return table


def told(error, path, **options):
    with pytest.raises(error) as told:
        open_table(path, **options)
    return f"{told.value.what} {told.value.cure}"


@pytest.mark.parametrize(
    "header",
    [
        "username",
        "Username",
        "USER NAME",
        " user_name ",
        "User-Name:",
        "Username *",
        "Username (required)",
        "User name [Required]",
        "user",
        "Login",
        "login name",
        "User ID",
        "Extension",
        "ext.",
        "SIP user",
        "SIP-Username",
        "sip_username",
        "Auth user",
        "Auth ID",
        "Registration Name",
        "Benutzername",
        "Nom d'utilisateur",
        "Usuario",
        "Usuário",
        "Extensión",
        "Nome utente",
        "Gebruikersnaam",
        "Ｕｓｅｒｎａｍｅ",
    ],
)
def test_common_names_for_usernames_are_known(write, header):
    table = opened(write(f"{header},note", "asha,x"))
    assert (table.fields["username"], table.columns) == (header.strip(), ("note",))


@pytest.mark.parametrize(
    "header",
    [
        "Password",
        "PASS WORD",
        "pwd",
        "Secret",
        "SIP password",
        "sip-secret",
        "Auth Password",
        "Passwort",
        "Mot de passe",
        "Contraseña",
        "Senha",
        "Wachtwoord",
    ],
)
def test_common_names_for_passwords_are_known(write, header):
    table = opened(write(f"username,{header}", "asha,x"))
    assert table.fields["password"] == header
    assert table.columns == ()


def test_name_and_email_are_known_and_travel_along(write):
    table = opened(write("username,Full Name,E-Mail ID,Desk", "asha,Asha,a@example.com,4"))
    assert table.columns == ("Full Name", "E-Mail ID", "Desk")
    assert (table.fields["name"], table.fields["email"]) == ("Full Name", "E-Mail ID")


def test_two_columns_for_names_are_no_error_and_none_is_chosen(write):
    table = opened(write("username,Full name,Display name", "asha,x,y"))
    assert "name" not in table.fields


def test_no_name_stands_for_two_fields():
    names = [name for names in NAMES.values() for name in (*names.clear, *names.loose)]
    assert len(names) == len(set(names))
    assert all(normalised(name) == name for name in names)
    assert not set(names) & set(FIELDS)


def test_a_column_that_is_called_username_beats_looser_names(write):
    path = write("Extension,Login,Username,User", "1,2,asha,4")
    assert [found.username for found in read(path)] == ["asha"]


@pytest.mark.parametrize(
    "header", ["Login,SIP user", "Username,SIP username", "user,ext", "Username,user name"]
)
def test_two_columns_that_may_hold_usernames_are_told_with_their_letters(write, header):
    first, second = header.split(",")
    text = told(SourceError, write(header, "asha,vikram"))
    assert f'"{first}" (column A)' in text
    assert f'"{second}" (column B)' in text
    assert "--map username=A" in text


@pytest.mark.parametrize("header", ["password,secret", "Password,SIP password", "pass,pwd"])
def test_two_columns_that_may_hold_passwords_are_told(write, header):
    text = told(SourceError, write(f"username,{header}", "asha,x,y"))
    assert "--map password=B" in text


@pytest.mark.parametrize("column", ["SIP user", "sip USER", "sip-user", "B", "b", " B "])
def test_map_decides_by_header_or_by_letter(write, column):
    path = write("Login,SIP user,note", "asha,vikram,x")
    (found,) = read(path, mapping={"username": column})
    assert (found.username, found.others) == ("vikram", ("asha", "x"))


def test_a_header_is_meant_before_a_letter(write):
    path = write("Login,A", "asha,vikram")
    assert [found.username for found in read(path, mapping={"username": "A"})] == ["vikram"]


def test_a_mapped_column_is_not_taken_for_another_field(write):
    path = write("login,secret,password", "asha,x1,x2")
    table = opened(path, mapping={"password": "secret"})
    assert table.columns == ("password",)


def test_an_unknown_column_is_told_with_those_that_there_are(write):
    path = write("username,password", "asha,Long-enough-9")
    text = told(SourceError, path, mapping={"password": "PIN"})
    assert "--map password=PIN names a column that is not there" in text
    assert '"username" (column A), "password" (column B)' in text
    assert "Long-enough-9" not in text


def test_an_unknown_username_column_is_told(write):
    path = write("username,password", "asha,Long-enough-9")
    text = told(SourceError, path, mapping={"username": "Kürzel"})
    assert "--map username=Kürzel names a column that is not there" in text
    assert "Long-enough-9" not in text


def test_a_mapped_header_that_stands_twice_is_told_with_letters(write):
    text = told(SourceError, write("id,id", "a,b"), mapping={"username": "id"})
    assert "(column A)" in text
    assert "(column B)" in text


def test_an_unknown_field_is_told_with_those_that_there_are(write):
    text = told(UsageError, write("username", "asha"), mapping={"phone": "A"})
    assert "username, password, name, email" in text


def test_username_and_password_cannot_be_one_column(write):
    told(
        UsageError,
        write("username,x", "asha,y"),
        mapping={"username": "A", "password": "username"},
    )


def test_a_column_like_passwords_that_is_not_taken_for_them_is_warned_of(write):
    (note,) = opened(write("username,Phone password", "asha,x")).notes
    assert (note.kind, note.seen) == ("column-like-password", "Phone password")
    assert "--map password=B" in note.cure


def test_no_username_column_is_told_with_the_headers_but_never_with_a_users_cells(write):
    said = told(SourceError, write("Staff,Mail", "asha,a@example.com"))
    assert 'Seen instead: row 1: "Staff" (column A), "Mail" (column B).' in said
    headless = told(SourceError, write("asha,Long-enough-9", "vikram,Other-secret-7"))
    assert "no column for usernames" in headless
    assert "Long-enough-9" not in headless


def test_a_first_row_taken_for_the_header_on_a_letters_word_is_warned_of(write):
    (note,) = opened(write("asha,x", "vikram,y"), mapping={"username": "A"}).notes
    assert (note.kind, note.seen) == ("header-assumed", "asha")


def test_other_headers_are_kept_apart(write):
    path = write("username,note,,note,note,", "asha,a,b,c,d,")
    table = opened(path)
    assert table.columns == ("note", "column C", "note (2)", "note (3)")
    assert read(path)[0].others == ("a", "b", "c", "d")


def test_something_in_a_nameless_column_that_was_taken_for_empty_is_warned_of(write):
    path = write("username,", *["asha,"] * 300, "vikram,x")
    found = read(path)
    assert found[0].problems == ()
    assert [(one.kind, one.warning) for one in found[-1].problems] == [("row-outside", True)]


def test_reading_and_writing_agree_on_the_columns_of_results():
    assert RESULT_COLUMNS == COLUMNS
