"""``byoc inspect``: what an image holds, read from its layers; nothing is run and nothing is unpacked."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from byoc_kit.errors import UsageError
from byoc_kit.images.source import open_image
from byoc_kit.inventory import Inventory
from byoc_kit.inventory.index import PackedIndex
from byoc_kit.inventory.merge import merge
from byoc_kit.inventory.packing import FORMAT, pack_inventory, unpack_inventory
from byoc_kit.inventory.read import layer_facts, names, take_inventory
from byoc_kit.oci.config import Platform
from byoc_kit.oci.image import Image
from byoc_kit.oci.reference import Location, parse_location
from byoc_kit.store import Store, user_store
from byoc_kit.talk import Silence, Talk
from byoc_kit.work.bases import full_reference
from byoc_kit.work.beside import find_beside, put_beside
from byoc_kit.work.layer_files import read_layers
from byoc_kit.work.logins import logins
from byoc_kit.work.packs import keep, kept
from byoc_kit.work.project import load
from byoc_kit.work.state import read_last_build

__all__ = ["Inspected", "inspect", "inspect_image", "read_image_files"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """What was found out about one image."""

    inventory: Inventory
    index: PackedIndex


def inspect(
    image: str | None = None,
    file: Path | None = None,
    *,
    platform: str | None = None,
    share: bool = False,
    environ: Mapping[str, str] = os.environ,
    talk: Talk | None = None,
) -> Inspected:
    """:func:`inspect_image` of the reference *image*, or of the last build of the project *file* belongs to.

    *platform* is ``os/architecture``. With *share* the result is also kept beside the image in its registry,
    where everybody who inspects it finds it. Raises ByocError; UsageError (BYOC-E551) for a *platform* of
    another form.
    """
    named = full_reference(image, environ=environ, talk=talk) if image else None
    location = parse_location(named or read_last_build(load(file)).reference)
    wanted = _platform(platform) if platform else None
    found = inspect_image(location, platform=wanted, environ=environ, talk=talk)
    if share:
        digest = put_beside(location, found.inventory, found.index, environ)
        (talk or Silence()).say(f"kept beside the image as {digest}")
    return found


def inspect_image(
    location: Location,
    *,
    platform: Platform | None = None,
    store: Store | None = None,
    environ: Mapping[str, str] = os.environ,
    talk: Talk | None = None,
) -> Inspected:
    """What the image at *location* holds.

    From what is kept in *store*, else from beside the image in its registry, else from its layers, each read
    once. Raises ByocError where the image cannot be had, or a layer of it cannot be read (BYOC-E550).
    """
    voice, own = talk or Silence(), store or user_store(environ)
    keychain = logins(environ)
    with open_image(location, platform=platform, environ=environ, talk=voice, keychain=keychain) as image:
        return read_image_files(image, store=own, talk=voice)


def read_image_files(image: Image, *, store: Store, talk: Talk) -> Inspected:
    """What *image* holds, as :func:`inspect_image` says; for whoever has it open already."""
    key = _image_key(image)
    found = kept(store, key, unpack_inventory, talk)
    if found is None:
        with store.lock(key):  # whoever wants the same at the same time waits, and then finds it
            found = kept(store, key, unpack_inventory, talk) or _found_out(image, key, store, talk)
    inventory, index = found
    return Inspected(inventory=replace(inventory, **names(image)), index=index)


def _found_out(image: Image, key: str, store: Store, talk: Talk) -> tuple[Inventory, PackedIndex]:
    """What is beside *image*, else what its layers hold; now kept."""
    found = find_beside(image, talk)
    if found is None:
        trees = read_layers(image, store, talk)
        merged = merge(trees)
        found = take_inventory(image, merged, layer_facts(image, trees)), merged.index
    keep(store, key, pack_inventory(*found))
    return found


def _platform(text: str) -> Platform:
    try:
        return Platform.parse(text)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is no platform",
            why=str(error),
            fix="write --platform linux/amd64 or --platform linux/arm64",
            id="BYOC-E551",
        ) from error


def _image_key(image: Image) -> str:
    """The config names the layers' content; the manifest, the blobs that were really read and verified."""
    blobs = " ".join(layer.descriptor.digest for layer in image.layers)
    return f"{FORMAT} image {image.manifest.config.digest} {blobs}"
