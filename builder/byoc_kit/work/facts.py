"""What the files of an image tell to clauses: by its own shell in the engine, else from its layers."""

import contextlib
from collections.abc import Mapping

from byoc_kit.contract.evidence import ImageFacts
from byoc_kit.contract.facts import facts_of
from byoc_kit.docker_api import connect
from byoc_kit.errors import ByocError
from byoc_kit.images.daemon import not_found
from byoc_kit.images.interior import look_into
from byoc_kit.images.push import find_image
from byoc_kit.oci.config import ImageConfig
from byoc_kit.oci.image import Image
from byoc_kit.oci.reference import Docker
from byoc_kit.store import Store, user_store
from byoc_kit.talk import Talk
from byoc_kit.work.file_texts import read_files
from byoc_kit.work.images import open_image
from byoc_kit.work.inspect import Inspected, read_image_files

__all__ = ["facts_in_engine", "facts_in_files"]


def facts_in_files(image: Image, seen: Inspected, store: Store) -> ImageFacts:
    """What *seen*, the files of *image*, tells. Raises ByocError where a layer cannot be had."""
    return facts_of(seen.index, seen.inventory, lambda paths: read_files(image, seen.index, paths, store))


def facts_in_engine(
    name: str, config: ImageConfig, talk: Talk, environ: Mapping[str, str]
) -> ImageFacts | None:
    """What the files of the engine's image *name* tell; None, and a note, where nobody could look.

    An image without a shell, or for another processor, is saved and read, which takes a while once.
    """
    try:
        return _by_shell(name, config, environ) or _by_layers(name, config, talk, environ)
    except ByocError as error:
        talk.note(f"nobody could look at the files of {name}: {error.why}")
        return None


def _by_shell(name: str, config: ImageConfig, environ: Mapping[str, str]) -> ImageFacts | None:
    with contextlib.closing(connect(environ)) as client:
        identity = find_image(client, name)
        if identity is None:
            raise not_found(name, "it was removed just now")
        return look_into(client, identity, config, store=user_store(environ))


def _by_layers(name: str, config: ImageConfig, talk: Talk, environ: Mapping[str, str]) -> ImageFacts:
    store = user_store(environ)
    with open_image(Docker(name), platform=config.platform, environ=environ, talk=talk) as image:
        return facts_in_files(image, read_image_files(image, store=store, talk=talk), store)
