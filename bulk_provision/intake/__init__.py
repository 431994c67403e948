"""Intake: a file of users becomes rows."""

from bulk_provision.intake.columns import FIELDS, RESULT_COLUMNS
from bulk_provision.intake.exported import ExportedUsers, Taking
from bulk_provision.intake.exports.export import Certainty
from bulk_provision.intake.exports.remarks import PASSWORD_UNUSABLE
from bulk_provision.intake.opening import open_table, open_users
from bulk_provision.intake.table import Table
from bulk_provision.intake.users import Users

__all__ = [
    "FIELDS",
    "PASSWORD_UNUSABLE",
    "RESULT_COLUMNS",
    "Certainty",
    "ExportedUsers",
    "Table",
    "Taking",
    "Users",
    "open_table",
    "open_users",
]
