"""The systems whose exports are tables."""

from __future__ import annotations

from bulk_provision.intake.exports.asterisk_realtime import ASTERISK_REALTIME
from bulk_provision.intake.exports.entra import ENTRA, ENTRA_BULK_CREATE
from bulk_provision.intake.exports.freepbx import FREEPBX
from bulk_provision.intake.exports.freepbx_bulk_extensions import FREEPBX_BULK_EXTENSIONS
from bulk_provision.intake.exports.fusionpbx import FUSIONPBX
from bulk_provision.intake.exports.google_workspace import GOOGLE_WORKSPACE
from bulk_provision.intake.exports.grandstream import GRANDSTREAM
from bulk_provision.intake.exports.issabel import ISSABEL
from bulk_provision.intake.exports.kamailio import KAMAILIO, OPENSIPS
from bulk_provision.intake.exports.ringotel import RINGOTEL
from bulk_provision.intake.exports.switchvox import SWITCHVOX
from bulk_provision.intake.exports.tables import TableExport
from bulk_provision.intake.exports.threecx import THREECX
from bulk_provision.intake.exports.vicidial import VICIDIAL
from bulk_provision.intake.exports.vitalpbx import VITALPBX
from bulk_provision.intake.exports.vodia import VODIA
from bulk_provision.intake.exports.wazo import WAZO, XIVO
from bulk_provision.intake.exports.yeastar import YEASTAR_P, YEASTAR_S

TABLES: tuple[TableExport, ...] = (
    FREEPBX,
    FREEPBX_BULK_EXTENSIONS,
    ISSABEL,
    FUSIONPBX,
    VITALPBX,
    THREECX,
    YEASTAR_P,
    YEASTAR_S,
    GRANDSTREAM,
    WAZO,
    XIVO,
    ASTERISK_REALTIME,
    KAMAILIO,
    OPENSIPS,
    VICIDIAL,
    SWITCHVOX,
    VODIA,
    RINGOTEL,
    GOOGLE_WORKSPACE,
    ENTRA,
    ENTRA_BULK_CREATE,
)
"""Each with a name of its own."""
