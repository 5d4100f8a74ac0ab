"""Calls for other programs: as records, and as files of them."""

from cdr.export.record import FIELDS, Record, record_of, records

__all__ = ["FIELDS", "Record", "record_of", "records"]
