"""Job files and accounts files as they are written: TOML, the lines of its keys, relative paths."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from bulk_provision.errors import UsageError

_PATHS = {
    "source",
    "output",
    "results_folder",
    "secret_file",
    "accounts_file",
    "protect_password_file",
    "ledger",
    "plan",
    "report",
    "log_folder",
    "metrics",
    "healthcheck_file",
    "notify_file",
    "names",
}


@dataclass(frozen=True, slots=True)
class JobFile:
    """A TOML file with settings.

    Args:
        path: the file's; None: there is none.
        values: its keys; relative paths are made relative to its folder.
        text: as it was read.
    """

    path: Path | None = None
    values: dict[str, Any] = field(default_factory=dict)
    text: str = ""

    @classmethod
    def read(cls, path: Path) -> JobFile:
        """Read a file.

        Raises:
            UsageError: it cannot be read, or is not TOML.
        """
        text, values = _toml(path, "job file")
        _make_absolute(values, path.parent)
        for key in ("json", "from"):  # as fields, these names are taken
            if key in values:
                values[f"{key}_"] = values.pop(key)
        if "accounts" in values:
            values["accounts"] = _accounts(values["accounts"], path.parent)
        values.setdefault("name", path.stem)
        return cls(path, values, text)

    def where(self, *keys: str) -> str:
        """Return file and line of a key, "jobs/nightly.toml:12"."""
        line = line_of(self.text, *keys)
        return f"{self.path}:{line}" if line else str(self.path)


def read_accounts(path: Path | None) -> tuple[Path, str, dict[str, Any]] | None:
    """Read the accounts file: path, text, and its tables by name; None when there is none.

    Args:
        path: as it was named; None: the one in the user's configuration directory, if any.

    Raises:
        UsageError: it cannot be read, or is not TOML.
    """
    if path is None:
        path = Path(platformdirs.user_config_dir("bulk-provision")) / "accounts.toml"
        if not path.is_file():
            return None
    text, values = _toml(path, "accounts file")
    tables = values.get("accounts")
    if not isinstance(tables, dict) or values.keys() != {"accounts"}:
        raise UsageError(
            f"The accounts file {path} is to hold tables [accounts.NAME], and nothing else."
        )
    return path, text, _accounts(tables, path.parent)


def line_of(text: str, *keys: str) -> int:
    """Return the line in which a key of a TOML text begins, from 1; 0 when it is not there.

    The parser tells no lines. So the text is parsed as far as each line: the statement that
    brings the key begins after the last line before it at which the text made sense.
    """
    lines = text.splitlines()
    begin = 0
    for end in range(1, len(lines) + 1):
        try:
            values = tomllib.loads("\n".join(lines[:end]))
        except tomllib.TOMLDecodeError:
            continue
        if _holds(values, keys):
            while begin < end - 1 and _says_nothing(lines[begin]):
                begin += 1
            return begin + 1
        begin = end
    return 0


def _says_nothing(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _holds(values: Any, keys: tuple[str, ...]) -> bool:  # noqa: ANN401  (any TOML value)
    for key in keys:
        if not isinstance(values, dict) or key not in values:
            return False
        values = values[key]
    return True


def _toml(path: Path, what: str) -> tuple[str, dict[str, Any]]:
    try:
        text = path.expanduser().read_text("utf-8-sig")
        return text, tomllib.loads(text)
    except OSError as problem:
        raise UsageError(f"The {what} {path} cannot be read: {problem.strerror}.") from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise UsageError(f"The {what} {path} is not TOML: {problem}.") from problem


def _accounts(tables: Any, folder: Path) -> Any:  # noqa: ANN401  (the model says what is wrong)
    if isinstance(tables, dict):
        for entry in tables.values():
            if isinstance(entry, dict):
                _make_absolute(entry, folder)
    return tables


def _make_absolute(values: dict[str, Any], folder: Path) -> None:
    for name in values.keys() & _PATHS:
        value = values[name]
        if isinstance(value, str) and "://" not in value and value != "-":
            values[name] = str(folder / Path(value).expanduser())
