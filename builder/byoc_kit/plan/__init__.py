"""Every decision, as pure functions: the build plan, the Dockerfile text, tags, the record."""
