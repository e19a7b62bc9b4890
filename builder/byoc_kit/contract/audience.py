"""Groups of targets that clauses bind and scenarios are for."""

from typing import Final

from byoc_kit.spec.types import Target

__all__ = ["NOBODY", "SERVING", "SINGLE", "TRAINING"]

TRAINING: Final = frozenset(target for target in Target if target.trains)
SERVING: Final = frozenset(target for target in Target if target.serves)
SINGLE: Final = SERVING - {Target.MULTI_MODEL}
"""Endpoints with one model, which is there from the start."""
NOBODY: Final[frozenset[Target]] = frozenset()
