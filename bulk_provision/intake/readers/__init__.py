"""Readers, one for each kind of file: bytes become sheets of records. They run apart from us."""
