"""Which rows of a source belong to a run: the expression of `--where`.

The grammar is a part of Python's: names of columns, texts and numbers, comparisons, `in`, `and`,
`or`, `not`, and the functions in `FUNCTIONS`. Python's own parser reads it, everything that is not
in that part is refused before a row is looked at, and simpleeval works out what is left. There is
no way from an expression to anything but the row's texts.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, TypeAlias

from simpleeval import EvalWithCompoundTypes

from bulk_provision.errors import UsageError
from bulk_provision.row_names import cell_named

if TYPE_CHECKING:
    from bulk_provision.intake import Users
    from bulk_provision.model import Row

LENGTH_LIMIT = 2000
"""The longest expression, in characters."""

_DEPTH = 30  # how deep parts may stand in each other
_FLAG = "--where"
_ROW = "row"
_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`([^`]*)`""", re.DOTALL)
_MARK = "\ua66e"  # begins the identifiers that stand for names in backticks: nobody types it
_WHOLE = re.compile(r"[+-]?[0-9]{1,100}")
_DECIMAL = re.compile(r"[+-]?[0-9]{0,100}\.[0-9]{1,100}")
_HOW = (
    'Write comparisons such as department == "Sales", joined with and, or, not; a header that is '
    "more than one word stands in backticks: `Work Phone`."
)

Value: TypeAlias = str | int | float | None


def _number(value: Value) -> int | float | None:
    """Read a text as a number; None if it is none, or no plain one."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else None


def _compared(
    compare: Callable[[Any, Any], bool],
) -> Callable[[Value, Value], bool]:
    """Return a comparison: two texts as texts; when one is a number, both as numbers."""

    def both(left: Value, right: Value) -> bool:
        if isinstance(left, str) and isinstance(right, str):
            return compare(left, right)
        first, second = _number(left), _number(right)
        return first is not None and second is not None and compare(first, second)

    return both


_equal = _compared(lambda left, right: left == right)


def _is_in(left: Value, right: Value | tuple[Value, ...] | list[Value]) -> bool:
    if isinstance(right, tuple | list):
        return any(_equal(left, one) for one in right)
    return _text(left) in _text(right)


def _text(value: Value) -> str:
    return "" if value is None else str(value)


_OPERATORS: Mapping[type[ast.AST], Callable[..., bool | int | float]] = {
    ast.Eq: _equal,
    ast.NotEq: lambda left, right: not _equal(left, right),
    ast.Lt: _compared(lambda left, right: left < right),
    ast.LtE: _compared(lambda left, right: left <= right),
    ast.Gt: _compared(lambda left, right: left > right),
    ast.GtE: _compared(lambda left, right: left >= right),
    ast.In: _is_in,
    ast.NotIn: lambda left, right: not _is_in(left, right),
    ast.Not: lambda value: not value,
    ast.USub: lambda value: -value,
}

_VALUES: Mapping[str, Callable[..., Value]] = {
    "lower": lambda text: _text(text).lower(),
    "upper": lambda text: _text(text).upper(),
    "number": _number,
}
_TESTS: Mapping[str, Callable[..., bool]] = {
    "startswith": lambda text, start: _text(text).startswith(_text(start)),
    "endswith": lambda text, end: _text(text).endswith(_text(end)),
    "contains": lambda text, part: _text(part) in _text(text),
    "matches": lambda text, pattern: fnmatchcase(_text(text), pattern),
}
FUNCTIONS = (*_VALUES, *_TESTS)
"""What an expression may call; `matches` takes a pattern with * and ?, as for files' names.

A regular expression is not offered: the texts come from files that anybody may have made, and some
patterns take hours over a text that is made for them. `fnmatch` makes patterns that never go back.
"""


class Where:
    """An expression that was read and found to be one; `over` makes a test of rows out of it.

    Args:
        text: as somebody wrote it.

    Attributes:
        text: the same, without spaces at its ends.

    Raises:
        UsageError: it cannot be read, or has something in it that is not allowed.
    """

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        plain = re.sub(r"[\r\n\t]", " ", self.text)
        if not plain or len(plain) > LENGTH_LIMIT:
            what = "is blank" if not plain else f"has more than {LENGTH_LIMIT:,} characters"
            raise UsageError(f"The expression of {_FLAG} {what}.", _HOW)
        self._names: dict[str, str] = {}
        self._read = self._with_identifiers(plain)
        self._tree = self._parsed()
        _Check(self).condition(self._tree)

    def __repr__(self) -> str:
        return f"Where({self.text!r})"

    def over(self, users: Users) -> Callable[[Row], bool]:
        """Return the test of this source's rows.

        Raises:
            UsageError: it names a column that the source has not.
        """
        cells = _Cells(self, users)
        evaluator = EvalWithCompoundTypes(dict(_OPERATORS), {**_VALUES, **_TESTS}, cells)

        def matches(row: Row) -> bool:
            cells.row = row
            return bool(evaluator.eval(self.text, self._tree))

        return matches

    @property
    def names(self) -> Mapping[str, str]:
        """The identifiers in the tree, each with the name that it stands for."""
        nodes = list(ast.walk(self._tree))
        called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
        return {
            node.id: self._names.get(node.id, node.id)
            for node in nodes
            if isinstance(node, ast.Name) and id(node) not in called
        }

    def refused(self, node: ast.expr, why: str) -> UsageError:
        """Say what is wrong with a part of the expression, and where it is."""
        before = len(self._read.encode()[: node.col_offset].decode())  # the parser counts bytes
        end = len(self._read.encode()[: node.end_col_offset].decode())
        return self._wrong(before, end, why)

    def _wrong(self, begin: int, end: int, why: str, cure: str = _HOW) -> UsageError:
        seen = self.text[begin : max(end, begin + 1)] or "the end"
        return UsageError(
            f"{_FLAG} cannot be understood at character {begin + 1}, {seen[:40]!r}: {why}.", cure
        )

    def _with_identifiers(self, plain: str) -> str:
        """Put an identifier, as long as it is, in place of each name in backticks."""

        def identifier(found: re.Match[str]) -> str:
            name = found[1]
            if name is None:  # a text in quotation marks
                return found[0]
            if not name.strip():
                raise self._wrong(*found.span(), "there is no name between the backticks")
            number = f"{_MARK}{len(self._names):x}"
            made = number.ljust(len(found[0]), "_")
            self._names[made] = name
            return made

        return _QUOTED.sub(identifier, plain)

    def _parsed(self) -> ast.expr:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of "\d" in a text
                return ast.parse(self._read, mode="eval").body
        except SyntaxError as problem:
            # Where something is missing at the very end, the parser names no place, or one beyond.
            begin = problem.offset - 1 if problem.offset else len(self.text)
            end = max(begin, (problem.end_offset or 0) - 1)
            raise self._wrong(begin, end, *self._syntax(begin)) from problem
        except (ValueError, RecursionError, MemoryError) as problem:
            raise self._wrong(0, 40, "it is no text that can be read") from problem

    def _syntax(self, begin: int) -> tuple[str, str]:
        rest = _QUOTED.sub("", self._read)
        if "`" in rest:
            return "a backtick has no partner", _HOW
        if re.search(r"(?<![=!<>])=(?!=)", rest):
            return "a single = compares nothing", 'Write == to compare: department == "Sales".'
        is_end = begin >= len(self.text)
        return ("something is missing" if is_end else "this does not belong here"), _HOW


class _Cells:
    """The names of an expression, as the evaluator asks for them, with a row's texts.

    Args:
        where: the expression.
        users: the source.

    Raises:
        UsageError: the source has no such column.
    """

    def __init__(self, where: Where, users: Users) -> None:
        self.row: Row | None = None
        self._cells: dict[str, Callable[[Row], str | int]] = {
            made: (lambda row: row.number)
            if name.strip().lower() == _ROW
            else _seen(cell_named(users, name, _FLAG))
            for made, name in where.names.items()
        }

    def __getitem__(self, name: str) -> str | int:
        assert self.row is not None
        return self._cells[name](self.row)


def _seen(cell: Callable[[Row], str]) -> Callable[[Row], str]:
    """Return what a person sees in the cell: without spaces at its ends."""
    return lambda row: cell(row).strip()


class _Check:
    """Refuses what is not in the grammar; `refused` of the expression says where it is."""

    def __init__(self, where: Where) -> None:
        self._refused = where.refused
        self._depth = 0

    def condition(self, node: ast.expr) -> None:
        """Check what is to be true or not: a column alone is true when it is not blank."""
        self._depth += 1
        if self._depth > _DEPTH:
            raise self._refused(node, "parts stand too deep in each other")
        match node:
            case ast.BoolOp(values=parts):
                for part in parts:
                    self.condition(part)
            case ast.UnaryOp(op=ast.Not(), operand=part):
                self.condition(part)
            case ast.Compare():
                self._comparison(node)
            case ast.Call(func=ast.Name(id=name)) if name in _TESTS:
                self._call(node, name)
            case ast.Name():
                pass
            case ast.Constant():
                raise self._refused(
                    node, "it is the same for every row; each side of and, or is a comparison"
                )
            case _:
                raise self._refused(node, self._why(node))
        self._depth -= 1

    def _comparison(self, node: ast.Compare) -> None:
        left = node.left
        self._value(left)
        for operation, right in zip(node.ops, node.comparators, strict=True):
            if type(operation) not in _OPERATORS:
                raise self._refused(node, "is compares nothing here; write == or !=")
            if isinstance(operation, ast.In | ast.NotIn):
                self._container(left, right)
            else:
                self._value(right)
            left = right

    def _container(self, left: ast.expr, right: ast.expr) -> None:
        """Check what something is to be in: a list of values, or a text."""
        if isinstance(right, ast.Tuple | ast.List):
            if not right.elts:
                raise self._refused(right, "nothing is in an empty list")
            for one in right.elts:
                self._value(one)
            return
        self._value(right)
        if any(
            isinstance(one, ast.Constant) and type(one.value) is not str for one in (left, right)
        ):
            raise self._refused(right, "a number is in no text; a list is written (1, 2)")

    def _value(self, node: ast.expr) -> None:
        match node:
            case ast.Name():
                pass
            case ast.Constant(value=value) if type(value) in (str, int, float):
                pass
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=value)) if type(value) in (
                int,
                float,
            ):
                pass
            case ast.Call(func=ast.Name(id=name)) if name in _VALUES:
                self._call(node, name)
            case _:
                raise self._refused(node, self._why(node))

    def _call(self, node: ast.Call, name: str) -> None:
        wanted = 1 if name in _VALUES else 2
        if len(node.args) != wanted or node.keywords:
            raise self._refused(node, f"{name} takes {wanted} value{'s' * (wanted - 1)}")
        for argument in node.args:
            self._depth += 1
            if self._depth > _DEPTH:
                raise self._refused(node, "parts stand too deep in each other")
            self._value(argument)
            self._depth -= 1
        if name == "matches" and not (
            isinstance(node.args[1], ast.Constant) and isinstance(node.args[1].value, str)
        ):
            raise self._refused(node.args[1], "the pattern is a text in quotation marks")

    @staticmethod
    def _why(node: ast.expr) -> str:
        functions = ", ".join(FUNCTIONS)
        if isinstance(node, ast.Call):
            return f"it cannot be called here; the functions are {functions}"
        if isinstance(node, ast.Attribute):
            return f"a point means nothing here; the functions are {functions}"
        return "it is neither a column, a text, a number nor a comparison"
