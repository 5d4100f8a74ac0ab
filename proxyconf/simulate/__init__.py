"""Simulate the accounting records that a proxy writes for a call flow. Pure."""
