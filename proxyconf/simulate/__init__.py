"""What a proxy will write, before it writes it: profile and call flow in, records out. Pure."""
