"""Vocabulary of both applications: products and versions, variables, parameters, field layouts. Pure."""
