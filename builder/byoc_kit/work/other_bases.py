"""Names of prebuilt images that have what a base refuses."""

from collections.abc import Mapping

from byoc_kit.catalogue.fitting import Like, fitting
from byoc_kit.oci.short import SHORT, parse_short
from byoc_kit.resolve.base import Base
from byoc_kit.resolve.conflict import Suggest
from byoc_kit.spec.types import Spec, Target
from byoc_kit.work.bases import today
from byoc_kit.work.catalogue import catalogue

__all__ = ["like", "suggesting"]


def suggesting(base: Base, spec: Spec | None, environ: Mapping[str, str]) -> Suggest:
    """Looks for bases that are as *base*, and for the targets of *spec*; the catalogue is read when asked."""

    def suggest(name: str, wanted: str) -> tuple[str, ...]:
        found = fitting(catalogue(environ), name, wanted, like(base, spec), today=today())
        return tuple(image.name for image in found)

    return suggest


def like(base: Base, spec: Spec | None) -> Like:
    """What another base should have in common with *base*."""
    short = spec.image.base_name if spec else ""
    return Like(
        python=base.target.minor,
        architecture=base.locked.platform.architecture,
        device="gpu" if _has_cuda(base) else "cpu",
        targets=tuple(target for target in spec.image.targets if target is not Target.STUDIO) if spec else (),
        repository=parse_short(short).repository if short.startswith(SHORT) else None,
    )


def _has_cuda(base: Base) -> bool:
    """Whether CUDA's libraries are in it as distributions, or one was compiled for CUDA (+cu129)."""
    return any(
        name.startswith("nvidia-") or "+cu" in found.version for name, found in base.distributions.items()
    )
