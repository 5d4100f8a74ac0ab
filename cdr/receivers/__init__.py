"""The ways in which events arrive by themselves; each hands over, and acknowledges only what is stored."""
