"""Intake: a file of users becomes rows."""

from bulk_provision.intake.columns import FIELDS, RESULT_COLUMNS
from bulk_provision.intake.table import Table, open_table

__all__ = ["FIELDS", "RESULT_COLUMNS", "Table", "open_table"]
