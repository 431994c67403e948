"""Text files, as other systems, older programs and hurried people write them."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from pathlib import Path

from books import PEOPLE, Trouble

_LINES = ("username,password,name,department", *(",".join(map(str, row)) for row in PEOPLE))


def _text(*lines: str, encoding: str = "utf-8", end: str = "\r\n") -> Callable[[Path], object]:
    content = "".join(line + end for line in lines).encode(encoding)
    return lambda path: path.write_bytes(content)


def _bytes(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


TEXTS = (
    Trouble(
        "semicolons.csv",
        "Semicolons, and a first line sep=; for Excel.",
        _text("sep=;", *(line.replace(",", ";") for line in _LINES)),
        code=0,
    ),
    Trouble(
        "windows-1250.csv",
        "Saved by a Polish Excel as plain CSV. What ś and ł are cannot be told from the bytes.",
        _text(
            "login;password;imię i nazwisko",
            "zofia.wisniewska;;Zofia Wiśniewska",
            "pawel.wojcik;Źródło-4471-zima;Paweł Wójcik",
            "ewa.zielinska;;Ewa Zielińska",
            encoding="cp1250",
        ),
    ),
    Trouble(
        "windows-1250.csv",
        "The same, with the encoding said.",
        None,
        code=0,
        options="--encoding windows-1250",
    ),
    Trouble(
        "utf-16.csv",
        'Saved by Excel as "Unicode text": UTF-16, with tabs.',
        _bytes(
            codecs.BOM_UTF16_LE
            + "".join(line.replace(",", "\t") + "\r\n" for line in _LINES).encode("utf-16-le")
        ),
        code=0,
    ),
    Trouble(
        "utf-16-cut.csv",
        "The same, cut in the middle of a character when it was copied.",
        _bytes((codecs.BOM_UTF16_LE + "\r\n".join(_LINES).encode("utf-16-le"))[:-1]),
        code=2,
    ),
    Trouble(
        "not-text-inside.csv",
        "A NUL in a username: a fault in the export.",
        _text("username,name", "asha.rao,Asha Rao", "vikram\0.shah,Vikram Shah"),
    ),
    Trouble(
        "equals-wrapper.csv",
        'Extensions as ="0041", a trick that keeps the zeros in Excel.',
        _text(
            "Extension,Secret,Name",
            '="0041",,Reception',
            '="0042",="7091-Heron-brass",Boardroom',
        ),
        code=0,
    ),
    Trouble(
        "scientific-notation.csv",
        "Mobile numbers, once opened in Excel and saved again: only 9.19877E+11 is left.",
        _text(
            "Login,Name", "reception,Reception", "9.19877E+11,Asha Rao", "9.19812E+11,Vikram Shah"
        ),
    ),
    Trouble(
        "error-values.csv",
        "Saved from a sheet in which a lookup had failed.",
        _text(
            "username,password,name",
            "asha.rao,,Asha Rao",
            "#N/A,,Vikram Shah",
            "meera.nair,#REF!,Meera Nair",
        ),
    ),
    Trouble(
        "quotes-wrong.csv",
        "A nickname in quotes, inside a quoted cell, that are not written twice.",
        _text(
            "username,name,department",
            'asha.rao,"Asha "Ash" Rao",Sales',
            'vikram.shah,"Vikram ""Vik"" Shah",Sales',
            'meera.nair,"Meera Nair",Support',
        ),
    ),
    Trouble(
        "quote-never-closed.csv",
        "A quotation mark that opens a text, and none that ends it.",
        _text(
            "username,name,department",
            "asha.rao,Asha Rao,Sales",
            'vikram.shah,"Vikram Shah,Sales',
            "meera.nair,Meera Nair,Support",
        ),
        code=2,
    ),
    Trouble(
        "ragged-rows.csv",
        "Lines with a cell too many (a comma in a name, without quotes) and too few.",
        _text(
            "username,password,name,department",
            "asha.rao,,Rao, Asha,Sales",
            "vikram.shah,,Vikram Shah,Sales",
            "meera.nair,,Meera Nair",
        ),
    ),
    Trouble(
        "newlines-in-cells.csv",
        "Addresses of several lines, in quotes.",
        _text(
            "username,name,address",
            'asha.rao,Asha Rao,"14 MG Road\nBengaluru 560001"',
            'chloe.moreau,Chloé Moreau,"3, rue des Lices\nbât. B\n69001 Lyon"',
            "vikram.shah,Vikram Shah,",
        ),
        code=0,
    ),
    Trouble("empty.csv", "An export that wrote nothing.", _bytes(b""), code=2),
    Trouble(
        "no-header.csv",
        "No header; the command says which columns are which.",
        _text(*_LINES[1:]),
        code=0,
        options="--map username=A --map password=B",
    ),
)
