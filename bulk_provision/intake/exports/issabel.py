"""Issabel 4 and 5, and Elastix: PBX > Batch of Extensions > Download.

Source: IssabelFoundation/pbx `modules/extensions_batch/libs/paloSantoExtensionsBatch.class.php`,
`index.php`, `help/en.hlp`. Each value is put in quotation marks, and those inside it are not
doubled. Files of Elastix have fewer columns.
"""

from __future__ import annotations

from bulk_provision.intake.exports.entries import no_user, user
from bulk_provision.intake.exports.tables import TableExport
from bulk_provision.intake.exports.technologies import remark_on


def _entry(
    extension: str, secret: str, tech: str, name: str, email: str, context: str
) -> list[str]:
    further = (extension, name, email, context)
    if why := remark_on(tech):
        return no_user(extension, why, further)
    return user(extension, secret, further)


ISSABEL = TableExport(
    name="issabel",
    title="Issabel or Elastix, Batch of Extensions",
    needs=frozenset({"display name", "user extension", "secret", "tech"}),
    hints=frozenset(
        {
            *("direct did", "outbound cid", "call waiting", "voicemail status", "vm email address"),
            *("voicemail password", "vm options", "vm play cid", "vm delete vmail", "pickupgroup"),
        }
    ),
    certain=2,
    columns=("user extension", "secret", "tech", "display name", "vm email address", "context"),
    login="User Extension",
    password="Secret",
    left={"voicemail password": "the voicemail PIN"},
    further=("extension", "name", "email", "context"),
    entry=_entry,
    unquoted=True,
)
