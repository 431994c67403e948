"""What a number looks like, format by format: certain, or told to be uncertain."""

import pytest

from bulk_provision.intake.cells import DoubtfulText
from bulk_provision.intake.readers.number_format import number_format


def kind(shown):
    return shown.doubt.kind if isinstance(shown, DoubtfulText) else None


@pytest.mark.parametrize(
    ("code", "stored", "shown"),
    [
        ("General", "42", "42"),
        ("General", "42.0", "42"),
        ("General", "4.2E1", "42"),
        ("General", "-7", "-7"),
        ("General", "0", "0"),
        ("General", "-0", "0"),
        ("General", "919876543210", "919876543210"),
        ("General", "999999999999999", "999999999999999"),
        ("@", "42", "42"),
        ("0", "42", "42"),
        ("0", "0", "0"),
        ("#", "0", ""),
        ("0000", "42", "0042"),
        ("0000", "12345", "12345"),
        ("0000", "-42", "-0042"),
        ("00-00", "1234", "12-34"),
        ("00-00", "7", "00-07"),
        ("00-00", "12345", "123-45"),
        ("+0", "919876543210", "+919876543210"),
        ('"+"0', "44", "+44"),
        (r"\+0", "44", "+44"),
        ('"ext "0000', "42", "ext 0042"),
        ('0" (desk)"', "42", "42 (desk)"),
        ('"x"General', "42", "x42"),
        ('"x"General', "0", "x0"),
        ("#,##0", "42", "42"),
        ("#,##0", "999", "999"),
        ("0;-0;0;@", "42", "42"),
        ("0;(0)", "-5", "(5)"),
        ('0;-0;"none"', "5", "5"),
        ("0;-0;000", "0", "000"),
        ("[Red]0000", "42", "0042"),
        ("[$-409]0000", "42", "0042"),
        ("[$€-407]0", "42", "€42"),
        ("_-0_-", "42", "42"),
        ('_-* #,##0_-;-* #,##0_-;_-* "-"_-;_-@_-', "42", "42"),
        ("(000) 000-0000", "2025550123", "(202) 555-0123"),
        ("??0", "42", "42"),
        ("", "42", "42"),
    ],
)
def test_is_certain_where_every_computer_shows_the_same(code, stored, shown):
    result = number_format(code).number(stored)
    assert (result, kind(result)) == (shown, None)


@pytest.mark.parametrize(
    ("code", "stored", "why"),
    [
        ("General", "1234567890123456", "number-too-long"),
        ("0", "1234567890123456", "number-too-long"),
        ("0000", "9.1662E+31", "number-too-long"),
        ("General", "1E+20", "number-too-long"),
        ("General", "1.5", "number-decimal"),
        ("0", "1.5", "number-decimal"),
        ("0.00", "42", "number-decimal"),
        ("0.##", "42", "number-decimal"),
        ("0%", "0.5", "number-percent"),
        ("0.00%", "42", "number-percent"),
        ("0.00E+00", "42", "number-scientific"),
        ("##0.0E+0", "12345", "number-scientific"),
        ("#,##0", "1234", "number-thousands"),
        ("#,##0", "-1234", "number-thousands"),
        ("000,000", "42", "number-thousands"),
        ("0,", "42000", "number-format-unknown"),
        ("# ?/?", "42", "number-format-unknown"),
        ('"yes"', "42", "number-format-unknown"),
        (";;;", "42", "number-format-unknown"),
        ("[>99]0;00", "42", "number-format-unknown"),
        ("[DBNum1]0", "42", "number-format-unknown"),
        ("*.0", "42", "number-format-unknown"),
        ('"ext-"@', "42", "number-format-unknown"),
        ("yyyy-mm-dd", "45000", "cell-date"),
        ("dd/mm/yyyy hh:mm", "45000.5", "cell-date"),
        ("[h]:mm", "1.5", "cell-date"),
        ("h:mm AM/PM", "0.5", "cell-date"),
        ("General", "abc", "number-unreadable"),
        ("General", "NaN", "number-unreadable"),
        ("0000", "Infinity", "number-unreadable"),
        ("0000", "1E+999999999", "number-unreadable"),
    ],
)
def test_is_doubtful_where_computers_differ_or_digits_are_lost(code, stored, why):
    assert kind(number_format(code).number(stored)) == why


@pytest.mark.parametrize(
    ("code", "stored", "shown"),
    [
        ("General", "1.5", "1.5"),
        ("General", "0.30000000000000004", "0.3"),
        ("0.00", "12.5", "12.50"),
        ("0%", "0.5", "50%"),
        ("0.0%", "0.125", "12.5%"),
        ("#,##0", "1234567", "1,234,567"),
        ("yyyy-mm-dd", "45000", "2023-03-15"),
        ("d.m.yy h:mm", "45000.75", "2023-03-15 18:00:00"),
        ("hh:mm", "0.4375", "10:30:00"),
        ("yyyy", "99999999999", "99999999999"),
        ("General", "12345678901234567890", "1.23456789012346E+19"),
    ],
)
def test_shows_the_doubtful_as_best_it_can_for_columns_that_only_travel(code, stored, shown):
    assert number_format(code).number(stored) == shown


def test_counts_days_from_1904_where_the_workbook_does():
    assert number_format("yyyy-mm-dd").number("43538", date_1904=True) == "2023-03-15"


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("@", "asha"),
        ("General", "asha"),
        ("0000", "asha"),
        (";;;", "asha"),
        ('"ext-"@', "ext-asha"),
        ('@"@example.com"', "asha@example.com"),
        ('0;0;0;"t "@', "t asha"),
        ("_-@_-", "asha"),
    ],
)
def test_texts_are_shown_as_they_are_unless_a_format_adds_to_them(code, shown):
    assert number_format(code).text("asha") == shown
