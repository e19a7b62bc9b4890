"""Engines turn a plan into an image. In this release: docker (BuildKit)."""
