"""The version of accweb, by semantic versioning over the export record, the API and the commands."""

VERSION = "0.9.0"
