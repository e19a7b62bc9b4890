"""What resolution must know of a base, out of its inventory."""

from collections.abc import Mapping
from dataclasses import dataclass

from byoc_kit.errors import UsageError
from byoc_kit.inventory import Distribution, Inventory, Python
from byoc_kit.plan.protect import distributions_of, is_prebuilt, only_docker
from byoc_kit.plan.target import Target
from byoc_kit.spec.lock import LockedBase

__all__ = ["Base", "base_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A base with a Python that can get packages."""

    locked: LockedBase
    target: Target
    distributions: Mapping[str, Distribution]
    """By normal name: those that the default interpreter imports."""
    python: Python
    prebuilt: bool
    """Whether it is one of AWS's images."""

    def only_docker(self, name: str) -> str | None:
        """Why a layer cannot replace what the base has of *name*; None: it can, or there is nothing."""
        have = self.distributions.get(name)
        return only_docker(have, self.python, prebuilt=self.prebuilt) if have else None


def base_of(inventory: Inventory) -> Base:
    """The base that *inventory* describes. Raises UsageError (BYOC-E913) where nobody can resolve for it."""
    python = inventory.default_python
    if python is None or inventory.distributions is None:
        raise _unknown(inventory, "no python3 is on its PATH" if inventory.pythons else "it has no Python")
    if inventory.libc is None:
        raise _unknown(inventory, "its C library, which decides which wheels fit, was not found")
    target = Target.of(python, inventory.platform, inventory.libc)
    libc = f"{inventory.libc.name} {'.'.join(map(str, inventory.libc.version))}"
    return Base(
        locked=LockedBase(
            reference=inventory.reference,
            digest=inventory.digest,
            image_id=inventory.image_id,
            platform=inventory.platform,
            python=target.minor,
            executable=python.executable,
            libc=libc,
        ),
        target=target,
        distributions=distributions_of(python, inventory.distributions),
        python=python,
        prebuilt=is_prebuilt(inventory.config.labels),
    )


def _unknown(inventory: Inventory, why: str) -> UsageError:
    return UsageError(
        f"nobody can tell which wheels fit {inventory.reference}",
        why=why,
        fix="choose a base with python3 first on its PATH; `byoc inspect` shows what was found",
        id="BYOC-E913",
    )
