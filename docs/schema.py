"""Writes the JSON Schemas that editors check job files and accounts files by.

Types and bounds are those of the settings themselves, what a key means is said in docs/settings.md.

python docs/schema.py            complain and exit with 1 when those in the package are old
python docs/schema.py --write    write them
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from generated import ROOT, keep_current

from bulk_provision.settings import AccountEntry, Settings

PACKAGE = ROOT / "bulk_provision"
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_ROW = re.compile(r"^\| `([a-z_]+|\[accounts\.NAME\])` \|.*\| (.*?) \|$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")
_NOT_IN_FILES = ("secret", "key", "ignore_limits")
_NOISE = ("title", "description", "format")


def job_schema() -> dict[str, Any]:
    """Return the schema of job files."""
    schema = _plain(Settings.model_json_schema(), {})
    properties = schema["properties"]
    for key in ("json", "from"):  # as fields, these names are taken
        properties[key] = properties.pop(f"BULK_PROVISION_{key.upper()}")
    for name in _NOT_IN_FILES:
        del properties[name]
    return _finished(schema, "A job file of bulk-provision (docs/settings.md)")


def accounts_schema() -> dict[str, Any]:
    """Return the schema of accounts files."""
    entry = _plain(AccountEntry.model_json_schema(), {})
    tables = {"type": "object", "additionalProperties": entry}
    schema = {
        "type": "object",
        "properties": {"accounts": tables},
        "required": ["accounts"],
        "additionalProperties": False,
    }
    return _finished(schema, "An accounts file of bulk-provision (docs/jobs.md)")


def files() -> dict[Path, str]:
    """Return what each schema file is to hold."""
    return {
        PACKAGE / "job.schema.json": _text(job_schema()),
        PACKAGE / "accounts.schema.json": _text(accounts_schema()),
    }


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _plain(node: Any, definitions: dict[str, Any]) -> Any:  # noqa: ANN401  (any part of a schema)
    """Leave away what says nothing in TOML: titles, nulls, references to what is used once."""
    if isinstance(node, list):
        return [_plain(part, definitions) for part in node]
    if not isinstance(node, dict):
        return node
    definitions = definitions | node.get("$defs", {})
    if "anyOf" in node:
        node = _without_null(node)
    if "$ref" in node:
        used = definitions[node["$ref"].removeprefix("#/$defs/")]
        return _plain({**used, **{key: node[key] for key in node if key != "$ref"}}, definitions)
    return {
        key: {name: _plain(part, definitions) for name, part in value.items()}
        if key == "properties"
        else _plain(value, definitions)
        for key, value in node.items()
        if key not in (*_NOISE, "$defs") and not (key == "default" and value is None)
    }


def _without_null(node: dict[str, Any]) -> dict[str, Any]:
    kinds = [kind for kind in node["anyOf"] if kind != {"type": "null"}]
    rest = {key: value for key, value in node.items() if key != "anyOf"}
    return {**kinds[0], **rest} if len(kinds) == 1 else {"anyOf": kinds, **rest}


def _finished(schema: dict[str, Any], title: str) -> dict[str, Any]:
    """Add the meanings, and what kind of schema it is."""
    meanings = _meanings()
    _describe(schema["properties"], meanings)
    _describe(schema["properties"]["accounts"]["additionalProperties"]["properties"], meanings)
    return {"$schema": _DRAFT, "title": title, **schema}


def _describe(properties: dict[str, Any], meanings: dict[str, str]) -> None:
    for name in sorted(properties):
        if name not in meanings:
            sys.exit(f"docs/settings.md does not say what {name} means")
        properties[name] = {"description": meanings[name], **properties[name]}


def _meanings() -> dict[str, str]:
    """Return what each key means: the last column of the tables in docs/settings.md."""
    rows = _ROW.findall((ROOT / "docs" / "settings.md").read_text("utf-8"))
    return {
        "accounts" if name.startswith("[") else name: re.sub(r"\*\*|`", "", _LINK.sub(r"\1", text))
        for name, text in rows
    }


if __name__ == "__main__":
    sys.exit(keep_current(files(), "docs/schema.py"))
