"""SQL dumps: the rows of a table, as `mysqldump`, `pg_dump` and SQLite's `.dump` write them.

A dump is read in pieces, for one statement of it may have many megabytes: only a row, or the head
of a statement, is held whole. What stands in heads is told apart by sqlglot.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from io import TextIOBase

from bulk_provision.errors import SourceError
from bulk_provision.intake.cells import DoubtfulText
from bulk_provision.intake.exports.dump_values import (
    NO_LITERAL,
    Database,
    copied_text,
    database_of,
    value_of,
)

_PIECE = 1 << 20
_HELD_LIMIT = 32 << 20  # characters of a row, a string, or the head of a statement
_HEAD = re.compile(
    r"(?P<insert>(?:INSERT|REPLACE)\b[^;'()]{1,500}?(?:\([^;')]{0,100000}\)\s*)?VALUES?\s*(?=\())"
    r"|(?P<copy>COPY\b[^;']{1,100000}?\bFROM\s+stdin\b[^;\n]{0,200};[^\n]{0,100}\n)"
    r"|(?P<create>CREATE\s(?:[\w ]{0,40}\s)?TABLE\b)|(?P<other>[^\s;])",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"(?:[\s;]+|(?:--|#|\\)[^\n]*\n|/\*.*?\*/)*", re.DOTALL)
_AFTER = re.compile(r"\s*,?\s*")
_NO_COLUMNS = frozenset(
    {
        *("PRIMARY", "KEY", "UNIQUE", "CONSTRAINT", "INDEX", "FULLTEXT", "SPATIAL", "FOREIGN"),
        *("CHECK", "EXCLUDE", "LIKE", "PERIOD"),
    }
)
_DUMP_AGAIN = "Dump the table again, and wait until it is finished."


@lru_cache(maxsize=200)
def head_of(statement: str, dialect: str) -> tuple[str, tuple[str, ...]]:
    """Read the head of a statement: its table, and the columns that it names.

    Args:
        statement: `INSERT INTO table (…) VALUES`, `COPY table (…) FROM stdin`, `CREATE TABLE …`.
        dialect: as sqlglot calls it.

    Returns:
        The table's name, lower case and without its database's; the columns' names, lower case.
    """
    from sqlglot import Dialect, TokenType  # noqa: PLC0415 - few files need it, and it takes its time
    from sqlglot.errors import SqlglotError  # noqa: PLC0415

    try:
        tokens = Dialect.get_or_raise(dialect).tokenize(statement)
    except SqlglotError:
        return "", ()
    table, depth, is_first = "", 0, False
    columns: list[str] = []
    for token in tokens:
        if token.token_type is TokenType.L_PAREN:
            depth += 1
            is_first = depth == 1
        elif token.token_type is TokenType.R_PAREN:
            depth -= 1
            if depth == 0:
                break
        elif depth == 0 and token.text.isidentifier():
            table = token.text
        elif depth == 1:
            quoted = token.token_type is TokenType.IDENTIFIER
            if is_first and (quoted or token.text.upper().split(" ")[0] not in _NO_COLUMNS):
                columns.append(token.text.lower())
            is_first = token.token_type is TokenType.COMMA
    return table.lower(), tuple(columns)


class Dump:
    """A dump, read from its start.

    Args:
        text: its characters.
        name: the file's, for errors.
        tables: the lower-case names of the tables that are wanted.
    """

    def __init__(self, text: TextIOBase, name: str, tables: frozenset[str]) -> None:
        self._file = text
        self._name = name
        self._tables = tables
        self._text = ""
        self._at = 0
        self._lines = 1  # the number of the first line in `_text`
        self.created: dict[str, tuple[str, ...]] = {}
        """The columns of those tables whose making was read."""
        self._more()
        self._database: Database = database_of(self._text[: 1 << 16])

    def statements(self) -> Iterator[tuple[tuple[str, ...], Iterator[list[str]]]]:
        """Find the statements that fill the tables.

        Returns:
            For each its columns, and its rows: they must be read before the next one is asked for.

        Raises:
            SourceError: the dump is cut off, or its columns are not told.
        """
        while self._is_at_statement():
            head = self._head()
            table = ""
            columns: tuple[str, ...] = ()
            if head.lastgroup in ("insert", "copy"):
                table, columns = self._target(head)
            if table not in self._tables:
                self._pass(head)
                continue
            columns = columns or self.created.get(table, ())
            if not columns:
                raise SourceError(
                    f"{self._place()}: rows of table {table} begin there, and the file does not "
                    "say what its columns are.",
                    "Dump the table with its structure (mysqldump without --no-create-info), or "
                    "with --complete-insert.",
                )
            self._at = head.end()
            yield columns, self._copied(columns) if head["copy"] else self._inserted(columns)

    def _target(self, head: re.Match[str]) -> tuple[str, tuple[str, ...]]:
        """Return the table and the columns of a statement that fills one."""
        statement = re.split(r"\bFROM\s+stdin\b", head[0], flags=re.IGNORECASE)[0]
        statement = re.sub(r"\s*VALUES?\s*\Z", "", statement, flags=re.IGNORECASE)
        return head_of(statement, self._database.dialect)

    def _more(self) -> bool:
        """Read a piece more, and let go of what was read; False: there is no more."""
        self._lines += self._text.count("\n", 0, self._at)
        rest = self._text[self._at :]
        if len(rest) > _HELD_LIMIT:
            self._text, self._at = rest, 0
            raise SourceError(
                f"{self._place()}: what begins there does not end within {_HELD_LIMIT >> 20} MiB.",
                _DUMP_AGAIN,
            )
        piece = self._file.read(max(_PIECE, len(rest)))
        self._text, self._at = rest + piece, 0
        return bool(piece)

    def _place(self) -> str:
        line = self._lines + self._text.count("\n", 0, self._at)
        return f"{self._name}, line {line}"

    def _cut(self) -> SourceError:
        return SourceError(
            f"{self._place()}: what begins there has no end: the dump is cut off, or damaged.",
            _DUMP_AGAIN,
        )

    def _is_at_statement(self) -> bool:
        """Go on to where a statement begins; False: there is none any more."""
        while True:
            match = _BETWEEN.match(self._text, self._at)
            self._at = match.end() if match else self._at
            # A comment that begins near the end may not be seen as one yet.
            near = self._text[self._at : self._at + 2]
            if near and near not in ("--", "/*") and near[0] not in "#-/\\":
                return True
            if not self._more():
                return self._text[self._at :].lstrip()[:1] not in ("", "-", "#", "\\")

    def _head(self) -> re.Match[str]:
        """Match the beginning of a statement."""
        while True:
            match = _HEAD.match(self._text, self._at)
            assert match is not None  # a statement begins here
            is_whole = match.lastgroup != "other" or len(self._text) - self._at > 200_000
            if is_whole or not self._more():
                return match

    def _pass(self, head: re.Match[str]) -> None:
        """Go on behind a statement; a table's columns are kept in mind."""
        if head["copy"]:
            self._at = head.end()
            for _ in self._copied(()):
                pass
            return
        statement = self._to_end()
        if head["create"]:
            table, columns = head_of(statement, self._database.dialect)
            if table in self._tables:
                self.created[table] = columns

    def _to_end(self) -> str:
        """Go on behind the end of a statement; returns the beginning of what was passed."""
        begin, passed = self._at, ""
        while True:
            match = self._database.passed.search(self._text, self._at)
            if match is not None and match["begins"] is None:
                self._at = match.end()
                if match["end"]:
                    return passed + self._text[begin : self._at]
                continue
            # Something begins there, or may begin with the last characters.
            self._at = match.start() if match else max(self._at, len(self._text) - 64)
            if len(passed) < _PIECE:
                passed += self._text[begin : self._at]
            if not self._more():
                raise self._cut()
            begin = 0

    def _inserted(self, columns: tuple[str, ...]) -> Iterator[list[str]]:
        """Read the rows of an INSERT: the place is at the first one's parenthesis."""
        while True:
            while self._at >= len(self._text):
                if not self._more():
                    raise self._cut()
            if self._text[self._at] != "(":
                break  # ON DUPLICATE KEY …, ;
            row = self._row(columns)
            while row is None:
                if not self._more():
                    raise self._cut()
                row = self._row(columns)
            yield row
            while (match := _AFTER.match(self._text, self._at)) is None or match.end() >= len(
                self._text
            ):
                if not self._more():
                    raise self._cut()  # a statement ends in a semicolon
            self._at = match.end()
        self._to_end()

    def _row(self, columns: tuple[str, ...]) -> list[str] | None:
        """Read a row; None: it does not end in what was read."""
        value, text, at = self._database.value, self._text, self._at + 1
        cells: list[str] = []
        while True:
            match = value.match(text, at)
            if match is None:
                found = self._computed(at)
                if found is None:
                    return None
                cell, at, end = found
            else:
                cell, at, end = value_of(self._database, match), match.end(), match["end"]
            cells.append(cell)
            if end == ")":
                break
        if len(cells) != len(columns):
            raise SourceError(
                f"{self._place()}: a row has {len(cells)} values, and there are {len(columns)} "
                "columns.",
                _DUMP_AGAIN,
            )
        self._at = at
        return cells

    def _computed(self, at: int) -> tuple[str, int, str] | None:
        """Pass a value that is none we know: a call such as now(), `_binary 'x'`, an expression.

        Returns:
            The cell, where it ends, and by what; None: it does not end in what was read.
        """
        begin, depth, text = at, 0, self._text
        for match in re.compile(rf"{self._database.passed.pattern}|[(),]", re.DOTALL).finditer(
            text, at
        ):
            if match["begins"]:
                return None
            if match["end"]:
                break
            if match[0] == "(":
                depth += 1
            elif match[0] in ",)" and not depth:
                return self._introduced(text[begin : match.start()]), match.end(), match[0]
            elif match[0] == ")":
                depth -= 1
        else:
            return None
        raise SourceError(
            f"{self._place()}: a row that begins there cannot be read: a statement ends in it.",
            _DUMP_AGAIN,
        )

    def _introduced(self, expression: str) -> str:
        """Read `_utf8mb4'text'` (MySQL's way to name a string's encoding); else it is a doubt."""
        match = re.fullmatch(r"\s*_\w{1,20}\s*(?P<rest>.*)", expression, re.DOTALL)
        if match and (value := self._database.value.fullmatch(match["rest"] + ")")):
            return value_of(self._database, value)
        return DoubtfulText("", NO_LITERAL)

    def _copied(self, columns: tuple[str, ...]) -> Iterator[list[str]]:
        """Read the rows of a COPY: the place is at the first one."""
        while True:
            end = self._text.find("\n", self._at)
            if end < 0:
                if not self._more():
                    raise self._cut()
                continue
            line = self._text[self._at : end].removesuffix("\r")
            if line == "\\.":
                self._at = end + 1
                return
            if columns:
                cells = line.split("\t")
                if len(cells) != len(columns):
                    raise SourceError(
                        f"{self._place()}: a row has {len(cells)} values, and there are "
                        f"{len(columns)} columns.",
                        _DUMP_AGAIN,
                    )
                yield [copied_text(cell) for cell in cells] if "\\" in line else cells
            self._at = end + 1
