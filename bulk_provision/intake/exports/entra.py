"""Microsoft Entra ID (Azure AD): lists of users, which have no SIP passwords.

Two shapes: what "Download users" gives, and the template for "Bulk create", whose first line is
its version, whose headers end in the property's name in brackets, and whose first row is an
example. Source: MicrosoftDocs/entra-docs `users-bulk-add.md`, and public files.
"""

from __future__ import annotations

import re

from bulk_provision.intake.exports.entries import (
    domain_of,
    is_on,
    local_part,
    no_user,
    without_password,
)
from bulk_provision.intake.exports.export import Remark, header_name
from bulk_provision.intake.exports.tables import TableExport

_PROPERTY = re.compile(r"\[\w+\]")


def _entry(
    principal: str,
    name: str,
    kind: str,
    enabled: str,
    email: str,
    department: str,
    mobile: str,
    title: str,
) -> list[str]:
    """Read a row: the login is what stands before the user principal name's @."""
    further = (name, email, domain_of(principal), department, mobile, title)
    if kind.strip().lower() == "guest" or "#ext#" in principal.lower():
        return no_user(principal, Remark.GUEST, further)
    return without_password(
        local_part(principal), Remark.MISSING, further, disabled=not is_on(enabled)
    )


ENTRA = TableExport(
    name="entra",
    title="Microsoft Entra ID, downloaded users",
    needs=frozenset({"userprincipalname"}),
    hints=frozenset(
        {
            *("displayname", "usertype", "accountenabled", "jobtitle", "givenname", "surname"),
            *("objectid", "usagelocation", "officelocation", "mobilephone", "telephonenumber"),
        }
    ),
    certain=2,
    likely=1,
    columns=(
        "userprincipalname",
        "displayname",
        "usertype",
        "accountenabled",
        "mail",
        "department",
        "mobilephone",
        "jobtitle",
    ),
    absent={"accountenabled": "true"},
    login="userPrincipalName",
    password="",
    further=("name", "email", "domain", "department", "mobile", "title"),
    entry=_entry,
)


def _property(header: str) -> str:
    """Return a header's property, "[userprincipalname]", whatever language is around it."""
    name = header_name(header)
    found = _PROPERTY.search(name)
    return found[0] if found else name


def _new_entry(
    principal: str,
    password: str,
    blocked: str,
    name: str,
    department: str,
    mobile: str,
    title: str,
) -> list[str]:
    """Read a row of the template; its password is the directory's."""
    further = (name, domain_of(principal), department, mobile, title)
    if name.strip().lower().startswith("example:"):
        return no_user(principal, Remark.EXAMPLE, further)
    why = Remark.FOREIGN if password.strip() else Remark.MISSING
    return without_password(local_part(principal), why, further, disabled=is_on(blocked))


ENTRA_BULK_CREATE = TableExport(
    name="entra-bulk-create",
    title="Microsoft Entra ID, template for bulk creation",
    needs=frozenset({"[userprincipalname]", "[passwordprofile]"}),
    hints=frozenset({"[displayname]", "[accountenabled]", "[givenname]", "[surname]"}),
    certain=1,
    columns=(
        "[userprincipalname]",
        "[passwordprofile]",
        "[accountenabled]",
        "[displayname]",
        "[department]",
        "[mobile]",
        "[jobtitle]",
    ),
    login="User name [userPrincipalName] Required",
    password="",
    left={"[passwordprofile]": "the directory's first password"},
    further=("name", "domain", "department", "mobile", "title"),
    entry=_new_entry,
    known_as=_property,
)
