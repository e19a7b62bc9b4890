"""What a repository has under which name, in as few requests as its registry needs.

Amazon ECR tells all tags with their digests at once; other registries tell the names, and then each digest.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from byoc_kit.aws.listing import list_repository
from byoc_kit.errors import ByocError
from byoc_kit.images.moving import at_once
from byoc_kit.images.registry import RemoteRepository
from byoc_kit.images.session import Session
from byoc_kit.oci.digest import Digest
from byoc_kit.oci.ecr import EcrRegistry
from byoc_kit.oci.manifest import Index, Manifest
from byoc_kit.oci.reference import Repository
from byoc_kit.spec.types import Publish
from byoc_kit.work.accounts import Accounts, accounts_of
from byoc_kit.work.images import open_repository

__all__ = ["Shelf", "open_shelf"]

JOBS = 8  # requests at the same time

Found = tuple[Mapping[str, Digest], frozenset[Digest]]
Lister = Callable[[Repository], Found | None]
"""All tags and all digests of a repository; None: it does not exist. Raises ByocError."""


@dataclass(slots=True)
class Shelf:
    """One repository; what was learned is kept until :meth:`refresh`."""

    remote: RemoteRepository
    lister: Lister | None = None
    """None: its registry has no such question."""
    _tags: frozenset[str] | None = field(default=None, init=False)
    _digests: dict[str, Digest | None] = field(default_factory=dict, init=False)
    _manifests: dict[str, Manifest | Index | None] = field(default_factory=dict, init=False)
    _all: frozenset[Digest] | None = field(default=None, init=False)

    @property
    def session(self) -> Session:
        """For requests of other kinds."""
        return self.remote.session

    @property
    def tells_digests(self) -> bool:
        """Whether the digests of all tags are known once one asks for any of them."""
        return self.tags() <= self._digests.keys()

    def refresh(self) -> None:
        """Forget what was learned."""
        self._tags, self._all = None, None
        self._digests.clear()
        self._manifests.clear()

    def tags(self) -> frozenset[str]:
        """All tags; none where the repository does not exist. Raises ByocError."""
        if self._tags is None:
            self._list()
        assert self._tags is not None
        return self._tags

    def digests(self, names: Iterable[str]) -> dict[str, Digest]:
        """Those of *names* that there are, with their digests. Raises ByocError."""
        wanted = sorted(frozenset(names) & self.tags())
        unknown = [name for name in wanted if name not in self._digests]
        found = at_once([self._asks(name) for name in unknown], jobs=JOBS)
        self._digests.update(zip(unknown, found, strict=True))
        return {name: digest for name in wanted if (digest := self._digests[name])}

    def manifest(self, name: str) -> Manifest | Index | None:
        """What the tag *name* means; None: nothing. Raises ByocError."""
        if name not in self._manifests:
            self._manifests[name] = self.remote.manifest(name)
        return self._manifests[name]

    def has(self, digest: Digest) -> bool | None:
        """Whether there is a manifest *digest*; None: nobody has asked yet."""
        return None if self._all is None else digest in self._all

    def _list(self) -> None:
        listed = self._listed()
        if listed is None:
            self._tags = self.remote.tags()
            return
        tags, self._all = listed
        self._tags = frozenset(tags)
        self._digests = dict(tags)

    def _listed(self) -> Found | None:
        """All at once; None where that cannot be asked, or is not allowed: then one by one."""
        if self.lister is None:
            return None
        try:
            return self.lister(self.remote.repository) or ({}, frozenset())
        except ByocError:
            return None

    def _asks(self, name: str) -> Callable[[], Digest | None]:
        return lambda: self.remote.digest(name)


def open_shelf(repository: Repository, publish: Publish | None, environ: Mapping[str, str]) -> Shelf:
    """*repository*, in ECR as whom *publish* says. Nothing is asked yet."""
    accounts = accounts_of(publish)
    return Shelf(open_repository(repository, environ, accounts), _lister(repository, accounts))


def _lister(repository: Repository, accounts: Accounts) -> Lister | None:
    registry = EcrRegistry.of_host(repository.host)
    if registry is None:
        return None
    settings = accounts.of(registry.account)

    def ask(asked: Repository) -> Found | None:
        found = list_repository(settings, registry, asked.path)
        return (found.tags, found.digests) if found else None

    return ask
