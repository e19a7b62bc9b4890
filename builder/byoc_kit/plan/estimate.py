"""What a plan will cost, from rates that were measured on this machine."""

from dataclasses import dataclass

from byoc_kit.oci.transfer import Transfer
from byoc_kit.plan.types import Estimates
from byoc_kit.spec.lock import LockedWheel

__all__ = ["Rates", "estimate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Bytes per second, as an earlier build measured them; None: none did yet."""

    fetch: float | None = None
    """Wheels, from their index to this disk."""
    make: float | None = None
    """Layers, made of wheels."""
    send: float | None = None
    """To this output."""

    def seconds(self, fetch: int, make: int, send: int) -> float | None:
        """How long these bytes take, one kind after the other; None where a rate that counts is unknown."""
        pairs = [(fetch, self.fetch), (make, self.make), (send, self.send)]
        needed = [(count, rate) for count, rate in pairs if count]
        if any(rate is None or rate <= 0 for _, rate in needed):
            return None
        return sum(count / rate for count, rate in needed if rate)


def estimate(download: tuple[LockedWheel, ...], made: int, transfer: Transfer, rates: Rates) -> Estimates:
    """The cost of fetching *download*, making *made* bytes of new layers, and moving *transfer*."""
    wheels = sum(wheel.size or 0 for wheel in download)
    fetched = wheels + transfer.fetched
    sent = transfer.sent + made
    return Estimates(
        download=fetched,
        upload=sent,
        disk=wheels + made,
        seconds=rates.seconds(fetched, made, sent),
    )
