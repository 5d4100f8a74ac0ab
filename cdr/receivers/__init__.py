"""Receivers: they take events from sockets, files and tables, and acknowledge only what is stored."""
