"""The readers of all exports that are no tables."""

from __future__ import annotations

from bulk_provision.intake.exports.asterisk_pjsip import PJSIP
from bulk_provision.intake.exports.asterisk_sip import SIP
from bulk_provision.intake.exports.asterisk_users import USERS
from bulk_provision.intake.exports.asterisk_wizard import WIZARD
from bulk_provision.intake.exports.db_text import KAMAILIO_DB_TEXT, OPENSIPS_DB_TEXT
from bulk_provision.intake.exports.dump_export import (
    KAMAILIO_DUMP,
    OPENSIPS_DUMP,
    REALTIME_DUMP,
    VICIDIAL_DUMP,
)
from bulk_provision.intake.exports.export import Reader
from bulk_provision.intake.exports.freeswitch import FREESWITCH
from bulk_provision.intake.exports.plivo import PLIVO
from bulk_provision.intake.exports.signalwire import SIGNALWIRE
from bulk_provision.intake.exports.telnyx import TELNYX
from bulk_provision.intake.exports.threecx_v20 import THREECX_V20
from bulk_provision.intake.exports.twilio import TWILIO
from bulk_provision.intake.exports.voipms import VOIPMS
from bulk_provision.intake.exports.vonage import VONAGE

GRAMMARS: tuple[Reader, ...] = (
    SIP,
    USERS,
    PJSIP,
    WIZARD,
    REALTIME_DUMP,
    FREESWITCH,
    KAMAILIO_DUMP,
    KAMAILIO_DB_TEXT,
    OPENSIPS_DUMP,
    OPENSIPS_DB_TEXT,
    VICIDIAL_DUMP,
    THREECX_V20,
    TELNYX,
    VOIPMS,
    TWILIO,
    PLIVO,
    SIGNALWIRE,
    VONAGE,
)
"""Several readers with the same name read several shapes of the same system's export."""
