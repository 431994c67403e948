"""What an extension speaks, as the exports of Asterisk's relatives write it."""

from __future__ import annotations

from bulk_provision.intake.exports.export import Remark

_REMARKS = {
    "": None,  # where the column is missing or blank, it is what nearly all are: SIP
    "sip": None,
    "pjsip": None,
    "chan_sip": None,
    "chan_pjsip": None,
    "iax": Remark.IAX,
    "iax2": Remark.IAX,
    "virtual": Remark.VIRTUAL,
}


def remark_on(technology: str) -> Remark | None:
    """Say why what speaks this is no SIP user; None: it is one.

    Args:
        technology: "pjsip", "IAX2", "dahdi", "zap", "custom", "sccp", …, in any case.
    """
    return _REMARKS.get(technology.strip().lower(), Remark.NOT_SIP)
