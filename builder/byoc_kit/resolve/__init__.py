"""From requirements and a base to a lock, by uv; from a lock to wheels on this disk."""
