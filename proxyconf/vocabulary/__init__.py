"""Pure words shared by both applications: products and versions, variables, parameters, field layouts."""
