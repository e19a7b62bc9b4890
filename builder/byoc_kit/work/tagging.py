"""Putting tags so that they never mean a mixture of two images, whoever else publishes at the same time.

Registries know no "only if nobody else has". So: what must not move is put first, and whoever finds after a
moment that somebody else's image is there has lost, and puts nothing further. What moves (1.4, latest) is
planned anew in that moment, and put by the winner alone. An immutable repository decides at once.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from byoc_kit.errors import ByocError
from byoc_kit.images.registry import ImmutableTagError, RemoteRepository
from byoc_kit.oci.digest import Digest
from byoc_kit.oci.manifest import Manifest
from byoc_kit.plan.tags import Tag
from byoc_kit.talk import Talk

__all__ = ["Tagging"]

SETTLE = 1.0
"""Seconds after which every publisher that saw a tag free has put its own image there."""

Replan = Callable[[], frozenset[str]]
"""The names that the image would get if it were planned now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagging:
    """Tags of one repository, for one image."""

    remote: RemoteRepository
    talk: Talk
    expected: Mapping[str, Digest] = field(default_factory=dict)
    """What tags meant when it was decided that they may move."""
    settle: float = SETTLE
    sleep: Callable[[float], object] = time.sleep

    def put(self, tags: Sequence[Tag], manifest: Manifest, replan: Replan) -> tuple[str, ...]:
        """Let *tags* mean *manifest*; those that now do. Nothing is asked for those that it is told of.

        Raises ByocError: BYOC-E583 where somebody else was first, BYOC-E582 where a tag cannot move.
        """
        fixed = [tag.name for tag in tags if tag.fixed]
        new = [name for name in fixed if self._claim(name, manifest)]
        moving = [tag.name for tag in tags if not tag.fixed]
        if new:
            self.sleep(self.settle)
            self._check(fixed, manifest)
            planned = replan() if moving else frozenset[str]()
            for name in [each for each in moving if each not in planned]:
                self.talk.note(f"{name} is not put: a newer release was published meanwhile")
            moving = [name for name in moving if name in planned]
        put = [name for name in moving if self.move(name, manifest)]
        try:
            self._check(new, manifest)
        except ByocError:
            self._give_way(new, put, manifest)
            raise
        return (*fixed, *put)

    def move(self, name: str, manifest: Manifest) -> bool:
        """Let *name* mean *manifest*; False where the repository does not let it move, which is told."""
        if self.remote.digest(name) == manifest.digest:
            return True
        try:
            self.remote.put_manifest(name, manifest)
        except ImmutableTagError as error:
            if self.remote.digest(name) == manifest.digest:
                return True
            self.talk.warn(f"{name} stays what it is: {error.why}; {error.fix}")
            return False
        if self.remote.digest(name) != manifest.digest:
            self.talk.note(f"{name} was moved on by somebody else at the same time")
        return True

    def _claim(self, name: str, manifest: Manifest) -> bool:
        """Let *name* mean *manifest*, which nobody else may have done; whether that changed anything."""
        found = self.remote.digest(name)
        if found == manifest.digest:
            return False
        if found != self.expected.get(name):
            raise self._lost(name, found)
        try:
            self.remote.put_manifest(name, manifest)
        except ImmutableTagError:
            found = self.remote.digest(name)
            if found == manifest.digest:
                return False
            if self.expected.get(name) is not None:
                raise
            raise self._lost(name, found) from None
        return True

    def _check(self, names: Iterable[str], manifest: Manifest) -> None:
        for name in names:
            found = self.remote.digest(name)
            if found != manifest.digest:
                raise self._lost(name, found)

    def _give_way(self, names: Sequence[str], put: Sequence[str], ours: Manifest) -> None:
        """Let what was *put* mean the image that has one of *names* now: no tag of a version is another's."""
        found = (self.remote.manifest(name) for name in names)
        winner = next(
            (each for each in found if isinstance(each, Manifest) and each.digest != ours.digest), None
        )
        if winner is not None:
            for name in put:
                self.move(name, winner)

    def _lost(self, name: str, found: Digest | None) -> ByocError:
        return ByocError(
            f"{self.remote.repository}:{name} was published by somebody else at the same time",
            why=f"it means {found or 'nothing'} now; that stays, and no further tag was put for this image",
            fix="raise [image] version and publish again, or leave it: the other image has the version",
            id="BYOC-E583",
        )
