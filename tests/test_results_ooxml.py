"""Strings in Office Open XML: what a cell shows is exactly what it was given."""

from __future__ import annotations

from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bulk_provision.results.ooxml import CELL_LIMIT, cut, element_text, escape
from results_samples import decode_st_xstring

ANY_TEXT = st.text(
    st.one_of(st.characters(exclude_categories=()), st.sampled_from("_x0041F\x00\x01\r\n\ud800<&"))
)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain", "plain"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x00\x01\x1f", "_x0000__x0001__x001F_"),
        ("a\r\nb", "a_x000D_\nb"),
        ("_x0041_", "_x005F_x0041_"),
        ("_x00ab_", "_x005F_x00ab_"),
        ("_x0041_x0042_", "_x005F_x0041_x005F_x0042_"),
        ("_x0041", "_x0041"),
        ("_x004G_", "_x004G_"),
        ("_X0041_", "_X0041_"),
        ("\ud800", "_xD800_"),
        ("\uffff", "_xFFFF_"),
        ("\x7f\x85\u2028😀", "\x7f\x85\u2028😀"),
    ],
)
def test_what_xml_cannot_hold_is_written_as_its_code(text, written):
    assert escape(text) == written


def test_an_underscore_that_an_escape_brings_makes_no_escape_of_the_text_before_it():
    assert escape("_x0041\x01") == "_x005F_x0041_x0001_"


@given(ANY_TEXT)
@example("_x0041\x01")
@example("\r\r\n")
@example("]]>")
def test_any_text_comes_back_from_the_xml_unchanged(text):
    element = fromstring(f"<t>{element_text(text)}</t>".encode())
    assert decode_st_xstring(element.text or "") == text


def test_a_text_that_no_cell_holds_is_cut_visibly():
    shown = cut("x" * 40_000)
    assert len(shown) == CELL_LIMIT
    assert shown.endswith("x … [cut: 40,000 characters]")


@given(st.integers(CELL_LIMIT // 2 - 3, CELL_LIMIT + 3), st.integers(0, 40))
def test_a_cell_holds_what_is_cut_however_many_characters_count_twice(length, twice):
    text = "😀" * twice + "x" * (length - 2 * twice) + "😀" * twice
    units = len(cut(text).encode("utf-16-le")) // 2
    assert units <= CELL_LIMIT
    assert (cut(text) == text) is (len(text.encode("utf-16-le")) // 2 <= CELL_LIMIT)


def test_a_long_text_of_characters_that_count_twice_is_cut_to_the_limit():
    shown = cut("😀" * 20_000)
    assert CELL_LIMIT - 1 <= len(shown.encode("utf-16-le")) // 2 <= CELL_LIMIT
    assert shown.endswith("😀 … [cut: 20,000 characters]")


def test_markup_is_text():
    assert element_text("<is>&amp;") == "&lt;is&gt;&amp;amp;"
