"""Promise 7: what is seen in an .xlsx cell is what is created; or the row says why not."""

import pytest

from workbooks import (
    HEADER,
    number,
    read,
    read_cell,
    row,
    sheet,
    text,
    write_xlsx,
)


def problems(found):
    return [problem.kind for problem in found.problems]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "users.xlsx"


def test_a_number_keeps_the_zeros_that_its_format_shows(path):
    found = read_cell(path, number(42, style=1), formats=["0000"])
    assert (found.username, found.problems) == ("0042", ())


@pytest.mark.parametrize("stored", ["1001", "1001.0", "1.001E3", "01001"])
def test_a_whole_number_is_its_digits_however_it_is_stored(path, stored):
    assert read_cell(path, number(stored)).username == "1001"


@pytest.mark.parametrize(
    ("cell", "kind", "guess"),
    [
        ('<c t="b"><v>1</v></c>', "cell-boolean", "TRUE"),
        ('<c t="e"><v>#N/A</v></c>', "cell-error", "#N/A"),
        ('<c t="d"><v>2024-01-02</v></c>', "cell-date", "2024-01-02"),
        (number("1E+20"), "number-too-long", "1E+20"),
        (number("1.5"), "number-decimal", "1.5"),
        (number("45000", style=1), "cell-date", "2023-03-15"),
        ("<c><f>A1&amp;A2</f></c>", "formula-without-value", "=A1&A2"),
        ("<c><f>A1</f><v></v></c>", "formula-without-value", "=A1"),
        ('<c t="e"><f>1/0</f><v>#DIV/0!</v></c>', "cell-error", "#DIV/0!"),
    ],
)
def test_what_cannot_be_known_is_a_problem_with_the_cells_address(path, cell, kind, guess):
    found = read_cell(path, cell, formats=["yyyy-mm-dd"])
    (problem,) = found.problems
    assert (problem.kind, problem.where, problem.seen) == (kind, "Users!A2", guess)
    assert not problem.warning
    assert problem.why
    assert problem.cure


def test_a_doubtful_password_is_a_problem_that_does_not_show_it(path):
    write_xlsx(path, sheet(HEADER, row(text("asha"), number("1234567890.5"))))
    (found,) = read(path)
    assert problems(found) == ["number-decimal"]
    assert found.problems[0].where == "Users!B2"
    assert "1234567890" not in repr(found.problems)


def test_other_columns_are_never_a_problem(path):
    cells = [
        text("asha"),
        text("Long-enough-9"),
        number("45000.5", style=1),
        '<c t="b"><v>0</v></c>',
        '<c t="e"><v>#REF!</v></c>',
        number("0.25", style=2),
    ]
    header = row(*map(text, ["username", "password", "when", "active", "ref", "share"]))
    write_xlsx(path, sheet(header, row(*cells)), formats=["d.m.yyyy", "0%"])
    (found,) = read(path)
    assert found.problems == ()
    assert found.others == ("2023-03-15 12:00:00", "FALSE", "#REF!", "25%")
    assert {type(cell) for cell in found.others} == {str}


def test_a_formula_counts_by_the_value_that_was_saved_with_it(path):
    assert read_cell(path, '<c t="str"><f>A1</f><v>asha</v></c>').username == "asha"
    assert read_cell(path, "<c><f>1+1</f><v>2</v></c>").username == "2"


def test_a_formula_that_gives_nothing_is_a_blank_cell(path):
    cells = [text("asha"), '<c t="str"><f>""</f><v></v></c>']
    write_xlsx(path, sheet(HEADER, row(*cells)))
    (found,) = read(path)
    assert (found.password, found.problems) == ("", ())


def test_values_that_are_to_be_calculated_on_opening_are_not_believed(path):
    # xlsxwriter, for one, writes 0 for every formula, and leaves the rest to Excel.
    write_xlsx(
        path,
        sheet(HEADER, row("<c><f>B9</f><v>0</v></c>")),
        workbook='<calcPr fullCalcOnLoad="1"/>',
    )
    assert problems(read(path)[0]) == ["formula-without-value"]


@pytest.mark.parametrize("formula", ["RANDBETWEEN(1,9)", "TEXT(now(),&quot;s&quot;)", "1+RAND()"])
def test_a_formula_that_changes_by_itself_is_taken_with_a_warning(path, formula):
    found = read_cell(path, f"<c><f>{formula}</f><v>4711</v></c>")
    assert found.username == "4711"
    assert [(problem.kind, problem.warning) for problem in found.problems] == [
        ("formula-changes", True)
    ]


def test_cells_that_share_a_changing_formula_are_warned_of_too(path):
    first = '<c><f t="shared" si="0" ref="A2:A3">RANDBETWEEN(1,9)</f><v>11</v></c>'
    second = '<c><f t="shared" si="0"/><v>12</v></c>'
    write_xlsx(path, sheet(HEADER, row(first), row(second)))
    assert [problems(found) for found in read(path)] == [["formula-changes"]] * 2


def test_rich_text_is_the_text_without_its_colours(path):
    runs = "<si><r><t>ash</t></r><r><rPr><b/></rPr><t>a</t></r></si>"
    found = read_cell(path, '<c t="s"><v>0</v></c>', strings=runs)
    assert found.username == "asha"


def test_how_a_text_is_pronounced_is_no_part_of_it(path):
    strings = '<si><t>asha</t><rPh sb="0" eb="1"><t>aasha</t></rPh></si>'
    assert read_cell(path, '<c t="s"><v>0</v></c>', strings=strings).username == "asha"
    inline = '<c t="inlineStr"><is><t>asha</t><rPh sb="0" eb="1"><t>x</t></rPh></is></c>'
    assert read_cell(path, inline).username == "asha"


@pytest.mark.parametrize(
    ("stored", "seen"),
    [
        ("a_x0041_b", "aAb"),
        ("_x005F_x000D_", "_x000D_"),
        ("_x005F_x005F_", "_x005F_"),
        ("x005F_", "x005F_"),
        ("_x12_", "_x12_"),
        ("_xZZZZ_", "_xZZZZ_"),
        ("_x000D_", "\r"),
        ("_xD83D__xDE00_", "😀"),
    ],
)
@pytest.mark.parametrize("kind", ["s", "inlineStr", "str"])
def test_escapes_in_texts_are_what_excel_makes_of_them(path, stored, seen, kind):
    cell = {
        "s": '<c t="s"><v>0</v></c>',
        "inlineStr": text(stored),
        "str": f'<c t="str"><f>A9</f><v>{stored}</v></c>',
    }[kind]
    strings = f"<si><t>{stored}</t></si>"
    write_xlsx(path, sheet(HEADER, row(text("asha"), cell)), strings=strings)
    assert read(path)[0].password == seen


@pytest.mark.parametrize("stored", ["a_x0000_b", "a_xD800_b"])
def test_what_no_text_can_hold_is_a_problem_and_cannot_harm_the_ledger(path, stored):
    found = read_cell(path, text(stored))
    assert found.username == "a\ufffdb"
    assert problems(found) == ["character-impossible"]


def test_spaces_in_texts_are_kept_for_the_checks_to_judge(path):
    write_xlsx(path, sheet(HEADER, row(text(" asha "), text(" secret\n word "))))
    (found,) = read(path)
    assert (found.username, found.password) == (" asha ", " secret\n word ")


def test_a_format_that_adds_to_a_text_is_seen(path):
    cell = '<c s="1" t="inlineStr"><is><t>42</t></is></c>'
    assert read_cell(path, cell, formats=['"ext-"@']).username == "ext-42"


def test_a_hidden_row_is_read_and_said_so(path):
    hidden = row(text("asha"), attributes=' hidden="1"')
    write_xlsx(path, sheet(HEADER, hidden, row(text("vikram"))))
    first, second = read(path)
    assert [(one.kind, one.warning) for one in first.problems] == [("row-hidden", True)]
    assert first.problems[0].where == "Users!2"
    assert second.problems == ()


def test_a_sheet_name_with_spaces_is_quoted_in_addresses(path):
    write_xlsx(path, {"New users' list": sheet(HEADER, row('<c t="b"><v>1</v></c>'))})
    assert read(path)[0].problems[0].where == "'New users'' list'!A2"


@pytest.mark.parametrize(
    "formula", ["[1]List!A2", "'[2]My list'!$A$2", "UPPER([1]List!A2)", "VLOOKUP(B2,[3]L!A:B,2,0)"]
)
def test_a_value_from_another_workbook_is_not_known(path, formula):
    cell = f'<c t="str"><f>{formula}</f><v>asha</v></c>'
    write_xlsx(path, sheet(HEADER, row(cell, text("Long-enough-9"), text("x"))))
    (found,) = read(path)
    assert problems(found) == ["formula-elsewhere"]


@pytest.mark.parametrize(
    "formula", ["Staff[Login]", "Staff[[#This Row],[1]]", "A2&amp;[0]!Name", "B2"]
)
def test_a_value_from_this_workbook_is_known(path, formula):
    cell = f'<c t="str"><f>{formula}</f><v>asha</v></c>'
    write_xlsx(path, sheet(HEADER, row(cell, text("Long-enough-9"), text("x"))))
    (found,) = read(path)
    assert problems(found) == []
