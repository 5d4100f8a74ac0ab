"""Generate configuration files for the proxy, databases, syslog and RADIUS from a profile. Pure."""
