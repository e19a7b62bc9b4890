"""Places of images, opened with all the logins that this user has."""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager

from byoc_kit.images.moving import JOBS
from byoc_kit.images.registry import RemoteRepository
from byoc_kit.images.session import Session
from byoc_kit.images.sink import Sink
from byoc_kit.images.sink import open_sink as sink
from byoc_kit.images.source import open_image as source
from byoc_kit.oci.config import Platform
from byoc_kit.oci.image import Image
from byoc_kit.oci.reference import Location, Repository
from byoc_kit.talk import Talk
from byoc_kit.work.accounts import Accounts
from byoc_kit.work.logins import logins

__all__ = ["open_image", "open_repository", "open_sink"]


def open_image(
    location: Location,
    *,
    platform: Platform | None = None,
    environ: Mapping[str, str] = os.environ,
    talk: Talk | None = None,
    accounts: Accounts | None = None,
) -> AbstractContextManager[Image]:
    """The image at *location* for *platform* (linux/amd64); *accounts*: who we are to ECR."""
    keychain = logins(environ, accounts)
    return source(location, platform=platform, environ=environ, talk=talk, keychain=keychain)


def open_sink(
    location: Location,
    *,
    environ: Mapping[str, str] = os.environ,
    talk: Talk | None = None,
    jobs: int = JOBS,
    accounts: Accounts | None = None,
) -> AbstractContextManager[Sink]:
    """The place that *location* names, to write to, in ECR as *accounts* say; see ``images.sink``."""
    return sink(location, environ=environ, talk=talk, keychain=logins(environ, accounts), jobs=jobs)


def open_repository(
    repository: Repository, environ: Mapping[str, str] = os.environ, accounts: Accounts | None = None
) -> RemoteRepository:
    """One repository: its manifests and tags. Nothing is sent yet."""
    return RemoteRepository(Session(repository, keychain=logins(environ, accounts), environ=environ))
