"""An image of the Docker engine with its layers, as ``docker save`` gives it: plain tars, once through."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from byoc_kit import docker_api
from byoc_kit.errors import ByocError
from byoc_kit.images.archive import read_archive, spooled
from byoc_kit.images.daemon import not_found
from byoc_kit.oci.config import Platform
from byoc_kit.oci.image import Image
from byoc_kit.talk import Talk

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = ["in_engine", "open_daemon"]

CHUNK = 1 << 20  # bytes


def in_engine(name: str, environ: Mapping[str, str]) -> bool:
    """Whether an engine answers here and has the image *name*."""
    try:
        return docker_api.inspect_image(name, environ) is not None
    except ByocError:
        return False


@contextlib.contextmanager
def open_daemon(name: str, platform: Platform, environ: Mapping[str, str], talk: Talk) -> Iterator[Image]:
    """The engine's image *name*. The engine gives an image as one stream, which waits in TMPDIR to be read.

    That file needs the image's size, uncompressed, and is gone when the block ends. Raises ByocError.
    """
    import requests
    from docker.errors import APIError

    found = docker_api.inspect_image(name, environ)
    if found is None:
        raise not_found(name, "the engine has no image of that name or id")
    with contextlib.closing(docker_api.connect(environ)) as client:
        try:
            stream = _counted(client, str(found["Id"]), int(found["Size"]), talk)
            with spooled(stream) as file:
                yield read_archive(file, f"docker:{found['Id']}", platform)
        except (APIError, requests.RequestException) as error:
            raise ByocError(
                f"the engine did not give the image {name}",
                why=str(error)[:300],
                fix="try `docker save` with it; the engine needs free space for a copy of the image",
                id="BYOC-E527",
            ) from error


def _counted(client: "DockerClient", image_id: str, size: int, talk: Talk) -> Iterator[bytes]:
    """The stream of ``docker save``, with its progress."""
    done, task = 0, f"from the engine {image_id[7:19]}"
    for chunk in client.api.get_image(image_id, chunk_size=CHUNK):
        yield chunk
        done += len(chunk)
        talk.progress(task, min(done, size - 1), size)
    talk.progress(task, size, size)
