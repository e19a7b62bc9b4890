"""Inventories beside their images, in the registry: who reads a base first spares the others the work.

An artifact that refers to the image's manifest (OCI image-spec 1.1); where the registry lacks the referrers
API, under the tag ``sha256-<digest>``. What comes from there is believed only if it is of this very image.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from typing import Final

from byoc_kit.errors import ByocError, UsageError
from byoc_kit.images.referrers import Artifact, artifacts, put_artifact
from byoc_kit.images.registry import RemoteRepository
from byoc_kit.images.registry_source import RegistryLayer, connect
from byoc_kit.inventory import Inventory
from byoc_kit.inventory.index import PackedIndex
from byoc_kit.inventory.packing import PackingError, pack_inventory, unpack_inventory
from byoc_kit.oci.digest import Digest
from byoc_kit.oci.image import Image
from byoc_kit.oci.manifest import Descriptor, Manifest
from byoc_kit.oci.reference import Location, Named
from byoc_kit.talk import Talk
from byoc_kit.work.logins import logins

__all__ = ["KIND", "find_beside", "put_beside"]

KIND: Final = "application/vnd.byoc-kit.inventory.v1"
"""The artifact's type."""


def find_beside(image: Image, talk: Talk) -> tuple[Inventory, PackedIndex] | None:
    """What somebody kept beside *image* in its registry; None: nothing that is right, or no registry."""
    layer = image.layers[0] if image.layers else None
    if not isinstance(layer, RegistryLayer):
        return None
    try:
        for artifact in artifacts(layer.blobs.session, image.manifest.digest, KIND):
            found = _unpacked(artifact)
            if found is not None and _is_of(image, found[0]):
                talk.say("its inventory was found beside it")
                return found
    except ByocError as error:
        talk.note(f"nobody can tell whether an inventory is beside the image: {error.why}")
    return None


def put_beside(
    location: Location, inventory: Inventory, index: PackedIndex, environ: Mapping[str, str]
) -> Digest:
    """Keep both beside the image; the artifact's digest, the same for all. Raises ByocError (BYOC-E552)."""
    if not isinstance(location, Named) or inventory.digest is None:
        raise UsageError(
            f"{location} is in no registry",
            why="an inventory is shared beside an image where others find it: in its registry",
            fix="name the image there, or move it there first: byoc copy SRC DST",
            id="BYOC-E552",
        )
    remote = RemoteRepository(connect(location.repository, environ, logins(environ), actions="pull,push"))
    with closing(remote.session):
        manifest = remote.manifest(inventory.digest)
        if not isinstance(manifest, Manifest):
            raise remote.session.missing(f"reading {inventory.digest}", "404")
        subject = Descriptor(manifest.media_type, manifest.digest, len(manifest.raw))
        content = pack_inventory(replace(inventory, reference="", digest=None), index)
        return put_artifact(remote.session, subject, Artifact(kind=KIND, content=content))


def _unpacked(artifact: Artifact) -> tuple[Inventory, PackedIndex] | None:
    try:
        return unpack_inventory(artifact.content)
    except PackingError:  # of another version, or of a machine that orders bytes otherwise
        return None


def _is_of(image: Image, inventory: Inventory) -> bool:
    """Whether *inventory* is of the same config, which names the content of all layers."""
    told = [each.diff_id for each in inventory.layers or ()]
    return inventory.image_id == image.manifest.config.digest and told == [
        each.diff_id for each in image.layers
    ]
