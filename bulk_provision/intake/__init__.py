"""Intake: a file of users becomes rows."""

from bulk_provision.intake.columns import FIELDS, RESULT_COLUMNS
from bulk_provision.intake.table import Table, open_table
from bulk_provision.intake.users import Users

__all__ = ["FIELDS", "RESULT_COLUMNS", "Table", "Users", "open_table"]
