"""What an image of the zoo is: a few files and settings over a ground, and the clause that it breaks."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from byoc_kit.contract.evidence import Case
from byoc_kit.spec.types import Target

__all__ = ["GROUND", "Animal", "Put", "Settings", "changed"]

GROUND = "bookworm"
"""The ground that everything stands on unless it says otherwise: Debian 12 with Python 3.11 and pip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """One file as it lies in the image, where a text alone does not say enough."""

    text: str = ""
    mode: int = 0o644
    link: str = ""
    """Target, of a symbolic link."""
    folder: bool = False
    gone: bool = False
    """It is in the ground, and not in this image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the image's config says, in the words of a Dockerfile; the ground's PATH stays."""

    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    workdir: str = ""
    stop_signal: str = ""
    volumes: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    healthcheck: bool = False
    platform: str = "linux/amd64"


@dataclass(frozen=True, slots=True, kw_only=True)
class Animal:
    """One image of the zoo."""

    name: str
    """Unique: ``train-hides-its-exit-code``."""
    says: str
    """What is wrong with it, or in whose manner it is made: one sentence."""
    targets: tuple[Target, ...]
    """The jobs it is judged for; the fewer, the sooner it is played."""
    breaks: str = ""
    """The one clause that it breaks; empty: it is a good one."""
    companions: frozenset[str] = frozenset()
    """Clauses that cannot be kept either where :attr:`breaks` is not: they may fail too, and need not."""
    files: Mapping[str, "str | Put"] = field(default_factory=dict)
    """By absolute path. A text that begins with ``#!`` is executable, another is not."""
    settings: Settings = field(default_factory=Settings)
    case: Case = field(default_factory=Case)
    """What it is tried with, as a user would say it."""
    ground: str = GROUND
    """``bookworm``, or another of ``making.GROUNDS``."""
    all_faults: frozenset[str] = frozenset()
    """All that it breaks, where that is several, as of people's images; then it is judged by every clause."""
    expected: str = "linux/amd64"
    """The platform that it is meant for."""
    warns: bool = False
    """:attr:`breaks` is a SHOULD: it warns, and nothing fails."""

    def but(self, name: str, says: str, breaks: str, **changes: object) -> "Animal":
        """Another one that is like this but for *changes*, and so breaks the clause *breaks*."""
        return replace(self, name=name, says=says, breaks=breaks, **changes)  # type: ignore[arg-type]

    def edited(self, name: str, says: str, breaks: str, path: str, old: str, new: str) -> "Animal":
        """Another one in whose file *path* *new* stands in the place of *old*."""
        text = self.files[path]
        assert isinstance(text, str)
        return self.but(name, says, breaks, files={**self.files, path: changed(text, old, new)})

    def also(self, path: str, old: str, new: str) -> "Animal":
        """Itself, with *new* in the place of *old* too."""
        return self.edited(self.name, self.says, self.breaks, path, old, new)

    def plus(self, name: str, says: str, breaks: str, files: Mapping[str, "str | Put"]) -> "Animal":
        """Another one with *files* more, or with others in their places."""
        return self.but(name, says, breaks, files={**self.files, **files})

    def saying(self, name: str, says: str, breaks: str, **settings: object) -> "Animal":
        """Another one whose config says other things."""
        own = replace(self.settings, **settings)  # type: ignore[arg-type]
        return self.but(name, says, breaks, settings=own)

    def known_for(self, *companions: str) -> "Animal":
        """Itself, which cannot but break *companions* too."""
        return replace(self, companions=self.companions | {*companions})

    def warning(self) -> "Animal":
        """Itself, where its clause only warns."""
        return replace(self, warns=True)


def changed(text: str, old: str, new: str) -> str:
    """*text* with *new* in the place of *old*, which must stand there exactly once."""
    assert text.count(old) == 1, f"{old!r} stands there {text.count(old)} times"
    return text.replace(old, new)
