"""The version of accweb, kept by semantic versioning: the export record, the API and the commands are what it promises."""

VERSION = "0.9.0"
