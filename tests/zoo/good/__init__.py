"""Images that break nothing: each module has ``IMAGES``."""
