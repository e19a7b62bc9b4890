"""Where an image goes: what is missing there, what it would cost, and the writing itself.

Whatever the place: layers and config first, the manifest when they are all there, a tag last.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from byoc_kit import docker_api
from byoc_kit.errors import UsageError
from byoc_kit.images.archive_sink import ArchiveSink
from byoc_kit.images.daemon_sink import DaemonSink
from byoc_kit.images.keychain import Credentials, docker_config
from byoc_kit.images.layout_sink import LayoutSink
from byoc_kit.images.moving import JOBS
from byoc_kit.images.registry_sink import RegistrySink
from byoc_kit.images.registry_source import connect
from byoc_kit.oci.image import Image, Layer
from byoc_kit.oci.reference import Archive, Docker, Layout, Location, Named
from byoc_kit.oci.transfer import Transfer
from byoc_kit.store import user_store
from byoc_kit.talk import Silence, Talk

__all__ = ["Sink", "open_sink"]


class Sink(Protocol):
    """A place that takes images."""

    def missing(self, layers: Sequence[Layer]) -> tuple[Layer, ...]:
        """Those of *layers* that would have to be sent or mounted. Raises ByocError."""

    def survey(self, image: Image) -> Transfer:
        """What writing *image* would move. Nothing is changed. Raises ByocError."""

    def write(self, image: Image, *, tag: bool) -> str:
        """Write *image*; the exact reference, by digest. Raises ByocError.

        *tag*: let the name that the location says mean this image, last of all; else it is there by digest.
        """


@contextlib.contextmanager
def open_sink(
    location: Location,
    *,
    environ: Mapping[str, str] = os.environ,
    talk: Talk | None = None,
    keychain: Callable[[str], Credentials | None] | None = None,
    jobs: int = JOBS,
) -> Iterator[Sink]:
    """The place that *location* names. Nothing is sent yet. Raises ByocError."""
    voice, store = talk or Silence(), user_store(environ)
    if isinstance(location, Layout):
        yield LayoutSink(location, store, voice, jobs)
    elif isinstance(location, Archive):
        yield ArchiveSink(location, voice)
    elif isinstance(location, Docker):
        with contextlib.closing(docker_api.connect(environ)) as client:
            yield DaemonSink(location, client, voice)
    else:
        if location.repository.host is None:
            raise _nowhere(location)
        logins = keychain or docker_config(environ)
        session = connect(location.repository, environ, logins, actions="pull,push")
        with contextlib.closing(session):
            yield RegistrySink(location, session, store, voice, jobs)


def _nowhere(location: Named) -> UsageError:
    """A source without a registry is looked for; a destination is not guessed."""
    return UsageError(
        f"{location} does not say where the image is to go",
        why="it names no registry",
        fix=f"write docker:{location}, oci:DIR, archive:FILE, or a registry before it: a.example/{location}",
        id="BYOC-E530",
    )
