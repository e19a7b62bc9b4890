"""How quick this machine was the last time: bytes per second of what a build does, for the next plan."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from byoc_kit.plan.estimate import Rates
from byoc_kit.store import Store

__all__ = ["measured", "rates_of"]

KIND: Final = "rates"
LEAST: Final = 1_000_000  # bytes below which a measurement says more about waiting than about a rate
WEIGHT: Final = 0.5  # of the newest measurement; the rest is of those before


@contextmanager
def measured(store: Store, name: str, count: int) -> Iterator[None]:
    """Remember how quickly *count* bytes were done within the block, as the rate *name*."""
    begun = time.monotonic()
    yield
    seconds = time.monotonic() - begun
    if count < LEAST or seconds <= 0:
        return
    before = _rate(store, name)
    now = count / seconds
    rate = now if before is None else WEIGHT * now + (1 - WEIGHT) * before
    store.write(KIND, name, {"bytes_per_second": round(rate)})


def rates_of(store: Store, output: str) -> Rates:
    """What was measured so far; sending, to this kind of output."""
    return Rates(
        fetch=_rate(store, "fetch"), make=_rate(store, "make"), send=_rate(store, f"send to {output}")
    )


def _rate(store: Store, name: str) -> float | None:
    found = store.read(KIND, name)
    rate = found.get("bytes_per_second") if isinstance(found, dict) else None
    return float(rate) if isinstance(rate, int | float) and rate > 0 else None
