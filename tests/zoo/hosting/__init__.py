"""Images that break clauses of hosting: each module has ``IMAGES``."""
