"""The version of accweb: semantic versioning of the export record, the API and the commands."""

VERSION = "0.9.0"
