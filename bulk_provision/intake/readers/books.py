"""An open source of whatever kind, as a book of sheets. This runs in the reading process."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bulk_provision.errors import SourceError
from bulk_provision.intake.readers.kinds import Kind, is_encrypted, kind_of
from bulk_provision.intake.records import Book
from bulk_provision.intake.source import Source
from bulk_provision.model import Secret


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user said about how a source is to be read.

    Args:
        mapping: `--map`: field to header or column letter; it helps to find a text's separator.
        encoding: of a text file, as Python calls it; None to find out.
        password: of a protected workbook.
        system: whose export it is, as `--from` says; None: a table, if it does not look like one.
    """

    mapping: Mapping[str, str] = field(default_factory=dict)
    encoding: str | None = None
    password: Secret | None = None
    system: str | None = None


def open_book(source: Source, wishes: Wishes) -> Book:
    """Open a source.

    Raises:
        SourceError: it is protected, damaged, or nothing that can be read as a table.
    """
    source = decrypted(source, wishes.password)
    kind = kind_of(source)
    source.file.seek(0)
    return _book(source, kind, wishes)


def _book(source: Source, kind: Kind, wishes: Wishes) -> Book:
    """Import the one reader that is needed: some are heavy."""
    if kind is Kind.TEXT:
        from bulk_provision.intake.readers.text import TextBook  # noqa: PLC0415

        return TextBook(source, wishes.mapping, wishes.encoding)
    if kind is Kind.XLSX:
        from bulk_provision.intake.readers.xlsx import XlsxBook  # noqa: PLC0415

        return XlsxBook(source)
    if kind is Kind.XLS:
        from bulk_provision.intake.readers.xls import XlsBook  # noqa: PLC0415

        return XlsBook(source)
    if kind is Kind.ODS:
        from bulk_provision.intake.readers.ods import OdsBook  # noqa: PLC0415

        return OdsBook(source)
    if kind is Kind.HTML:
        from bulk_provision.intake.readers.html import HtmlBook  # noqa: PLC0415

        return HtmlBook(source)
    from bulk_provision.intake.readers.xlsb import XlsbBook  # noqa: PLC0415

    return XlsbBook(source)


def decrypted(source: Source, password: Secret | None) -> Source:
    """Return the workbook inside an encrypted package; its bytes stay in memory.

    A source that is not encrypted is returned as it is.

    Raises:
        SourceError: there is no password, it is not the one, or the package is damaged.
    """
    if not is_encrypted(source.file):
        return source
    if password is None:
        raise SourceError(
            f"{source.shown}: the workbook is protected with a password.",
            "Put the password into an environment variable, and give that variable's name: "
            "--source-password-env NAME. Or take the password off in Excel (File > Info > Protect "
            "Workbook > Encrypt with Password).",
        )
    import msoffcrypto  # noqa: PLC0415 - only a protected workbook needs it
    from msoffcrypto.exceptions import InvalidKeyError  # noqa: PLC0415

    plain = io.BytesIO()
    try:
        office = msoffcrypto.OfficeFile(source.file)
        office.load_key(password=password.reveal(), verify_password=True)
        office.decrypt(plain)
    except InvalidKeyError:
        raise SourceError(
            f"{source.shown}: the workbook is protected, and the password given is not the one.",
            "Check the password in the variable that --source-password-env names.",
        ) from None
    except Exception as error:  # noqa: BLE001 - the library raises whatever damage leads to
        raise SourceError(
            f"{source.shown}: the workbook is protected, and cannot be decrypted "
            f"({type(error).__name__}).",
            "Open it in Excel or LibreOffice, and save it without a password.",
        ) from None
    plain.seek(0)
    return replace(source, file=plain)
