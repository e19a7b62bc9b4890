"""What writing an image to a sink would move, by the way it would take."""

from collections.abc import Collection, Iterable

from byoc_kit.images.registry_source import RegistryLayer
from byoc_kit.oci.image import Image, Layer
from byoc_kit.oci.manifest import Descriptor
from byoc_kit.oci.transfer import Blob, Transfer

__all__ = ["distinct", "survey"]


def distinct(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """*layers*, each digest once: an image may have the same layer twice."""
    return tuple({layer.descriptor.digest: layer for layer in layers}.values())


def survey(image: Image, missing: Collection[Layer], mounted: Collection[Layer], *, config: bool) -> Transfer:
    """*missing* and, of those, *mounted*: not a byte moves for them; *config*: whether it is missing, too."""
    lacks = {layer.descriptor.digest for layer in missing}
    mounts = {layer.descriptor.digest for layer in mounted}
    sent = [layer for layer in missing if layer.descriptor.digest not in mounts]
    there = [layer.descriptor for layer in distinct(image.layers) if layer.descriptor.digest not in lacks]
    own = [image.manifest.config]
    return Transfer(
        reuse=_blobs([*there, *([] if config else own)]),
        mount=_blobs(layer.descriptor for layer in mounted),
        relay=_blobs(layer.descriptor for layer in sent if isinstance(layer, RegistryLayer)),
        upload=_blobs(
            [
                *(each.descriptor for each in sent if not isinstance(each, RegistryLayer)),
                *(own if config else []),
            ]
        ),
    )


def _blobs(descriptors: Iterable[Descriptor]) -> tuple[Blob, ...]:
    return tuple(Blob(each.digest, each.size) for each in descriptors)
