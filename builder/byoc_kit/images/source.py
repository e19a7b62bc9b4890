"""Where an image comes from: one way to open it, whatever the place."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping

from byoc_kit.images.archive import open_archive
from byoc_kit.images.daemon_source import in_engine, open_daemon
from byoc_kit.images.keychain import Credentials, docker_config
from byoc_kit.images.layout import open_layout
from byoc_kit.images.registry_source import connect, open_registry
from byoc_kit.oci.config import Platform
from byoc_kit.oci.image import Image
from byoc_kit.oci.reference import Archive, Docker, Layout, Location
from byoc_kit.talk import Silence, Talk

__all__ = ["open_image"]


@contextlib.contextmanager
def open_image(
    location: Location,
    *,
    platform: Platform | None = None,
    environ: Mapping[str, str] = os.environ,
    talk: Talk | None = None,
    keychain: Callable[[str], Credentials | None] | None = None,
) -> Iterator[Image]:
    """The image at *location* for *platform* (linux/amd64). Its layers can be read within the block only.

    Raises ByocError where it is not there, or not for the platform.
    """
    wanted, voice = platform or Platform(), talk or Silence()
    if isinstance(location, Layout):
        yield open_layout(location, wanted)
    elif isinstance(location, Archive):
        with open_archive(location.file, wanted) as image:
            yield image
    elif isinstance(location, Docker):
        with open_daemon(location.name, wanted, environ, voice) as image:
            yield image
    elif location.repository.host is None and in_engine(str(location), environ):
        voice.note(f"{location} is taken from the Docker engine")
        with open_daemon(str(location), wanted, environ, voice) as image:
            yield image
    else:
        if location.repository.host is None:
            voice.note(f"{location} is asked for at Docker Hub: no engine here has it")
        session = connect(location.repository, environ, keychain or docker_config(environ))
        with contextlib.closing(session):
            yield open_registry(location, wanted, session)
