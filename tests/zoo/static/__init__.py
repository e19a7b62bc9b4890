"""Images that break clauses that need no run: each module has ``IMAGES``."""
