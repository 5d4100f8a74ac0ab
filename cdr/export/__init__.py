"""Export calls as records and files."""

from cdr.export.record import FIELDS, Record, record_of, records

__all__ = ["FIELDS", "Record", "record_of", "records"]
