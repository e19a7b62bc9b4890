"""What moving an image costs: each blob once, by what has to be done for it."""

from dataclasses import dataclass

from byoc_kit.oci.digest import Digest

__all__ = ["Blob", "Transfer"]


@dataclass(frozen=True, slots=True)
class Blob:
    """One layer or config on its way."""

    digest: Digest
    size: int
    """Bytes as it travels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """What a sink found when it was asked what it lacks; made before anything is sent."""

    reuse: tuple[Blob, ...] = ()
    """There already: nothing is sent."""
    mount: tuple[Blob, ...] = ()
    """In another repository of the same registry: one request each, no bytes."""
    relay: tuple[Blob, ...] = ()
    """Fetched from the source and sent on."""
    upload: tuple[Blob, ...] = ()
    """Made on this machine, and sent."""

    @property
    def sent(self) -> int:
        """Bytes that travel to the sink."""
        return sum(blob.size for blob in (*self.relay, *self.upload))

    @property
    def fetched(self) -> int:
        """Bytes that travel from the source."""
        return sum(blob.size for blob in self.relay)
