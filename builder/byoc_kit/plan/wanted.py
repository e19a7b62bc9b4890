"""What somebody asks to have in an image: requirements, and what is said about their resolution."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from byoc_kit.plan.runtime import python_packages
from byoc_kit.plan.target import Target
from byoc_kit.spec.types import Spec

__all__ = ["Wanted", "applies", "normal_requirement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The question to the resolver."""

    requirements: tuple[str, ...] = ()
    """PEP 508, the user's: each may change what the base has of that name, unless it is protected."""
    runtime: tuple[str, ...] = ()
    """PEP 508: what the style and the server add."""
    constraints: tuple[str, ...] = ()
    """PEP 508: versions to take if something else asks for the name."""
    preferences: tuple[tuple[str, str], ...] = ()
    """Name and version to take where the requirements leave the choice."""
    packages: tuple[PurePosixPath, ...] = ()
    """Folders to build into wheels, relative to the project, or absolute."""
    allow_change: tuple[str, ...] = ()
    protect: tuple[str, ...] = ()
    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()

    @classmethod
    def of_spec(cls, spec: Spec, *, has_pip: bool = True) -> "Wanted":
        """What byoc.toml asks for; without pip in the base one is added (TMD-02)."""
        own = spec.python
        return cls(
            requirements=own.requirements,
            runtime=(*python_packages(spec), *(() if has_pip else ("pip",))),
            packages=own.packages,
            allow_change=own.allow_change,
            protect=own.protect,
            index_url=own.index_url,
            extra_index_urls=own.extra_index_urls,
            find_links=own.find_links,
        )

    def and_more(self, requirements: Iterable[str], constraints: Iterable[str] = ()) -> "Wanted":
        """The same with further *requirements* and *constraints*."""
        return replace(
            self,
            requirements=(*self.requirements, *requirements),
            constraints=(*self.constraints, *constraints),
        )

    @property
    def asked(self) -> tuple[str, ...]:
        """All requirements, normalised, sorted, each once: what a lock says it answers."""
        return tuple(sorted({normal_requirement(text) for text in (*self.requirements, *self.runtime)}))

    def options(self) -> dict[str, str]:
        """What else decides, by its key in byoc.toml; without user info, which byoc.toml cannot hold."""
        found = {
            "allow-change": _names(self.allow_change),
            "protect": _names(self.protect),
            "constraints": ", ".join(sorted(map(normal_requirement, self.constraints))),
            "index-url": self.index_url or "",
            "extra-index-urls": " ".join(self.extra_index_urls),
            "find-links": " ".join(self.find_links),
            "packages": " ".join(sorted(map(str, self.packages))),
        }
        return {key: value for key, value in found.items() if value}


def applies(texts: Iterable[str], target: Target) -> Iterator[Requirement]:
    """The requirements among *texts* whose markers are true for *target*."""
    markers = target.markers()
    for text in texts:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate(markers):
            yield requirement


def normal_requirement(text: str) -> str:
    """A requirement in one spelling: normal name, sorted extras and specifiers."""
    requirement = Requirement(text)
    requirement.name = canonicalize_name(requirement.name)
    return str(requirement)


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(map(canonicalize_name, names)))
