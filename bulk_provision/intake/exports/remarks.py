"""What is told about an entry of an export: why it is left out, and what about its password."""

from __future__ import annotations

from collections.abc import Mapping

from bulk_provision.intake.cells import Doubt
from bulk_provision.intake.exports.export import Remark

_NOTHING_TO_DO = "If that is right, there is nothing to do."

LEFT_OUT: Mapping[Remark, Doubt] = {
    remark: Doubt(f"left-out-{remark.value}", why, cure, warning=True)
    for remark, why, cure in (
        (
            Remark.TRUNK,
            "it is a trunk: a line to a carrier or another system, no user's",
            _NOTHING_TO_DO,
        ),
        (Remark.VIRTUAL, "it is a virtual extension, without a phone", _NOTHING_TO_DO),
        (
            Remark.IAX,
            "it speaks IAX, not SIP",
            "If its user gets a SIP phone, write the user into a spreadsheet of their own.",
        ),
        (
            Remark.NOT_SIP,
            "it is no SIP phone, but of another technology",
            "If its user gets a SIP phone, write the user into a spreadsheet of their own.",
        ),
        (Remark.DELETED, "the file asks for its removal", _NOTHING_TO_DO),
        (Remark.POINTER, "it only points to a user that stands elsewhere", _NOTHING_TO_DO),
        (Remark.GUEST, "it is a guest of another organisation", _NOTHING_TO_DO),
        (Remark.EXAMPLE, "it is the example that the template came with", _NOTHING_TO_DO),
        (
            Remark.NO_LOGIN,
            "it has no SIP login: a mailbox or a person without a phone",
            _NOTHING_TO_DO,
        ),
        (
            Remark.BY_ADDRESS,
            "it is known by its IP address, and has no SIP password",
            "If it is a user, write the user into a spreadsheet of their own.",
        ),
        (
            Remark.DISABLED,
            "it is switched off in the old system",
            "To create these, too: --include disabled",
        ),
    )
}
"""Why an entry is left out, and what to do about that."""

_GENERATE = "To have new ones made for all that have none: --generate-passwords"

UNUSABLE: Mapping[Remark, Doubt] = {
    remark: Doubt(f"no-password-{remark.value}", why, _GENERATE)
    for remark, why in (
        (
            Remark.HASHED,
            "the export has only a hash of its password, which nobody can turn back",
        ),
        (Remark.MASKED, "the export has only stars in the place of its password"),
        (
            Remark.FOREIGN,
            "the export has no SIP password, and the one that it has is for something else",
        ),
        (Remark.MISSING, "the export has no password for it"),
    )
}
"""Why a user has no usable password, where no new one may be made."""

PASSWORD_UNUSABLE = frozenset(doubt.kind for doubt in UNUSABLE.values())
"""The kinds of problems that users without a usable password have."""

_TELL_THE_USER = "Set the phone up anew, with the password in the results."

REPLACED: Mapping[Remark, Doubt] = {
    **{
        remark: Doubt(doubt.kind, f"{doubt.why}; a new one is made", _TELL_THE_USER, warning=True)
        for remark, doubt in UNUSABLE.items()
    },
    Remark.GENERATE: Doubt(
        "password-generate",
        "the old system itself asks for a new password here; one is made",
        _TELL_THE_USER,
        warning=True,
    ),
}
"""Why a user gets a new password."""
