"""What a proxy did log: events received, calls correlated from them, and the pages to look at both."""
