"""From a question and a base to a lock: uv decides versions, this decides what it may decide about."""

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement

from byoc_kit.inventory import Inventory
from byoc_kit.plan.delta import Delta, Refused, delta_of
from byoc_kit.plan.protect import decide
from byoc_kit.plan.wanted import Wanted, applies
from byoc_kit.resolve.base import Base, base_of
from byoc_kit.resolve.conflict import Suggest, no_bases, refused_directly, repository, with_bases
from byoc_kit.resolve.credentials import Tokens, nobody
from byoc_kit.resolve.fetch import Fetcher
from byoc_kit.resolve.indexes import indexes_of
from byoc_kit.resolve.question import Question, Tools
from byoc_kit.resolve.source import Builder, BuiltWheel
from byoc_kit.resolve.uv import Uv
from byoc_kit.spec.lock import Lock
from byoc_kit.spec.types import Spec
from byoc_kit.store import Store
from byoc_kit.talk import Silence, Talk

__all__ = ["Here", "Resolution", "Resolver", "resolve"]

REPOSITORY = re.compile(r"(git|hg|svn|bzr)\+")
"""URLs of version control (PyPA, direct references)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """The answer."""

    lock: Lock | None
    """None: something is refused."""
    delta: Delta


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """The surroundings of a resolution."""

    root: Path
    """The project's folder."""
    store: Store
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    talk: Talk = field(default_factory=Silence)
    tokens: Tokens = nobody
    """Logins for indexes that nothing on this machine has stored."""
    suggest: Suggest = no_bases
    """Names of bases that have what this one refuses."""


@dataclass(frozen=True, slots=True)
class Resolver:
    """Resolution of one question for one base."""

    wanted: Wanted
    tools: Tools
    suggest: Suggest = no_bases

    @classmethod
    def make(cls, wanted: Wanted, base: Base, here: Here) -> "Resolver":
        """With the indexes that *wanted* and the user's settings name."""
        indexes = indexes_of(wanted, here.environ, root=here.root, tokens=here.tokens)
        uv = Uv(target=base.target, indexes=indexes, environ=here.environ, root=here.root)
        fetcher = Fetcher(
            indexes=indexes, store=here.store, environ=here.environ, talk=here.talk, root=here.root
        )
        builder = Builder(uv=uv, store=here.store)
        tools = Tools(base=base, uv=uv, fetcher=fetcher, builder=builder, talk=here.talk)
        return cls(wanted, tools, here.suggest)

    def local(self) -> dict[PurePosixPath, BuiltWheel]:
        """The wheels of the project's own packages. Raises ByocError (BYOC-E906, BYOC-E911)."""
        return {folder: self.tools.builder.of_folder(folder) for folder in self.wanted.packages}

    def answer(
        self, *, keep: Lock | None = None, upgrade: Sequence[str] = (), compare: bool = False
    ) -> Resolution:
        """Lock and delta; what *keep* had is preferred, but for the names in *upgrade*.

        *compare*: look for newer versions of what is asked for, which the delta tells then.

        Raises ByocError where there is no answer. What the rule refuses is no error: see the delta.
        """
        wanted, base, local = self.wanted, self.tools.base, self.local()
        asked = [*applies((*wanted.requirements, *wanted.runtime), base.target)]
        for each in asked:
            if REPOSITORY.match(each.url or ""):
                raise repository(each)
        own = [Requirement(f"{built.facts.name} @ {built.path.as_uri()}") for built in local.values()]
        rule = decide(
            [*asked, *own],
            base.distributions,
            allow_change=wanted.allow_change,
            protect=wanted.protect,
        )
        refused = refused_directly(rule, wanted.requirements, base)
        if refused:
            return self._refused(refused)
        self.tools.talk.say(f"resolving for Python {base.target.python} and {base.locked.libc}")
        kept = [(wheel.name, wheel.version) for wheel in (keep.wheels if keep else ())]
        with tempfile.TemporaryDirectory(prefix="byoc-") as place:
            question = Question(self.tools, wanted, rule, local, Path(place))
            found = question.solve((*kept, *wanted.preferences), upgrade)
            if isinstance(found, tuple):
                return self._refused(found)
            lock = question.lock(found)
            newest = question.newest(lock) if compare else {}
        installed = {wheel.filename: self.tools.fetcher.installed(wheel) for wheel in lock.wheels}
        delta = delta_of(lock, base.only_docker, installed=installed, newest=newest)
        return Resolution(lock=lock, delta=delta)

    def _refused(self, refused: tuple[Refused, ...]) -> Resolution:
        return Resolution(lock=None, delta=Delta(refused=with_bases(refused, self.suggest)))


def resolve(
    spec: Spec,
    inventory: Inventory,
    *,
    root: Path,
    store: Store,
    environ: Mapping[str, str] = os.environ,
    talk: Talk | None = None,
) -> Resolution:
    """What the image of *spec* gets on top of the base that *inventory* describes. Raises ByocError."""
    base = base_of(inventory)
    wanted = Wanted.of_spec(spec, has_pip="pip" in base.distributions)
    here = Here(root=root, store=store, environ=environ, talk=talk or Silence())
    return Resolver.make(wanted, base, here).answer()
