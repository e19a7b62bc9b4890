"""Images that break clauses of training: each module has ``IMAGES``."""
