"""Writing an image into the Docker engine: ``docker load``, without the layers that the engine has already.

The engine knows a layer by its chain: itself and all below it (OCI image-spec, config.md, "Layer ChainID").
Where an image of the engine begins with the same chain, an archive may name those layers without their bytes.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from byoc_kit.errors import ByocError
from byoc_kit.images.archive import archive_chunks
from byoc_kit.images.moving import Meter
from byoc_kit.images.survey import distinct, survey
from byoc_kit.oci.digest import Digest
from byoc_kit.oci.image import Image, Layer
from byoc_kit.oci.reference import Docker
from byoc_kit.oci.transfer import Transfer
from byoc_kit.talk import Talk

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = ["DaemonSink"]


@dataclass(frozen=True, slots=True)
class DaemonSink:
    """The engine behind *client*; *location*: the name that the image gets."""

    location: Docker
    client: "DockerClient"
    talk: Talk

    def missing(self, layers: Sequence[Layer]) -> tuple[Layer, ...]:
        """Those of *layers* that no image of the engine has in the same place."""
        return distinct(layers[self._held([layer.diff_id for layer in layers]) :])

    def survey(self, image: Image) -> Transfer:
        """What would be sent to the engine."""
        return survey(image, self.missing(image.layers), (), config=True)

    def write(self, image: Image, *, tag: bool) -> str:
        """Load *image*; ``docker:sha256:...``, the digest of its config. *tag*: the location's name means it.

        Raises ByocError.
        """
        held = self._held([layer.diff_id for layer in image.layers])
        names = [_with_tag(self.location.name)] if tag and not _is_id(self.location.name) else []
        try:
            self._load(image, names, held)
        except ByocError:
            if not held:
                raise
            self.talk.note(
                "the engine wants all layers"
            )  # one with another storage, or whose image just went
            self._load(image, names, 0)
        return f"docker:{image.manifest.config.digest}"

    def _held(self, diff_ids: Sequence[Digest]) -> int:
        """How many of *diff_ids*, from the lowest on, the engine has one upon the other."""
        chains = (each for each in self._chains())
        return max((_common(diff_ids, chain) for chain in chains), default=0)

    def _chains(self) -> Iterator[Sequence[str]]:
        """The layers of each image of the engine."""
        import docker.errors

        api: Any = self.client.api
        for found in api.images(quiet=True, all=True):
            with contextlib.suppress(docker.errors.APIError):  # removed since
                yield api.inspect_image(found)["RootFS"].get("Layers") or ()

    def _load(self, image: Image, names: Sequence[str], held: int) -> None:
        """Send the archive; the engine says within its answer whether it could. Raises ByocError."""
        import docker.errors
        import requests

        without = [layer.descriptor.digest for layer in image.layers[:held]]
        size = sum(layer.descriptor.size for layer in distinct(image.layers[held:]))
        meter = Meter(self.talk, f"to {self.location}", size)
        counted = replace(image, layers=tuple(meter.of(layer) for layer in image.layers))
        api: Any = self.client.api
        try:
            for event in api.load_image(archive_chunks(counted, names, without=without), quiet=True):
                _refuse(event, str(self.location))
            loaded = api.inspect_image(str(image.manifest.config.digest))
        except (docker.errors.DockerException, requests.RequestException) as error:
            raise _not_loaded(str(self.location), str(error)) from error
        if tuple(loaded["RootFS"].get("Layers") or ()) != tuple(layer.diff_id for layer in image.layers):
            raise _not_loaded(str(self.location), "it has other layers than those that were sent")


def _common(ours: Sequence[str], theirs: Sequence[str]) -> int:
    """How many are the same from the start on."""
    pairs = enumerate(zip(ours, theirs, strict=False))
    return next((place for place, (one, other) in pairs if one != other), min(len(ours), len(theirs)))


def _with_tag(name: str) -> str:
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def _is_id(name: str) -> bool:
    return name.startswith("sha256:") or "@" in name


def _refuse(event: Mapping[str, Any], place: str) -> None:
    if "error" in event:
        raise _not_loaded(place, str(event["error"]))


def _not_loaded(place: str, why: str) -> ByocError:
    return ByocError(
        f"{place}: the engine did not take the image",
        why=why[:300],
        fix="check the engine's free space (`docker system df`) and try again",
        id="BYOC-E528",
    )
