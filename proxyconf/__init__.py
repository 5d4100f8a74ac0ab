"""What a proxy should log: its accounting described, checked and generated. Never imports ``cdr``."""
