"""What is to be installed: Python requirements, package indexes, system packages, and byoc's own version."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from byoc_kit import __version__
from byoc_kit.spec.mistake import Mistake, View
from byoc_kit.spec.parse import Key

__all__ = ["check_packages", "check_requires_byoc", "wrong_requirement"]

SYSTEM_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._:~-]*(=[A-Za-z0-9+._:~-]+)?")
"""apt, dnf and apk names, with ``=version`` as apt and apk have it; nothing a shell would read."""

DISTRIBUTION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")  # PyPA: names of projects


def check_packages(view: View) -> Iterator[Mistake]:
    """Requirements, names and index URLs that no installer would take."""
    for key, text in view.texts("python", "requirements"):
        if (wrong := wrong_requirement(text)) is not None:
            yield _not_a_requirement(key, *wrong)
    for name in ("allow-change", "protect"):
        for key, text in view.texts("python", name):
            if not DISTRIBUTION.fullmatch(text):
                yield Mistake(
                    key=key,
                    what="this is not the name of a distribution",
                    why="names are compared with what the base has; versions belong to the requirements",
                    fix='write for example "numpy"',
                    id="BYOC-E114",
                )
    for key, url in _indexes(view):
        yield from _check_index(key, url)
    for key, text in view.texts("system", "packages"):
        if not SYSTEM_PACKAGE.fullmatch(text):
            yield Mistake(
                key=key,
                what=f"{text[:60]!r} is not the name of a system package",
                why="each entry is one package, with =version at most",
                fix='write for example ["libgomp1", "curl"]',
                id="BYOC-E115",
            )


def check_requires_byoc(view: View) -> Iterator[Mistake]:
    """Whether this byoc is one that the file was written for."""
    wanted = view.text("requires-byoc")
    if wanted is None:
        return
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    key: Key = ("requires-byoc",)
    try:
        fits = SpecifierSet(wanted).contains(__version__, prereleases=True)
    except InvalidSpecifier:
        yield Mistake(
            key=key,
            what=f"{wanted[:60]!r} is not a version specifier",
            why="it is read as PEP 440 says",
            fix='write for example requires-byoc = ">=0.1"',
            id="BYOC-E116",
        )
        return
    if not fits:
        yield Mistake(
            key=key,
            what=f"this file wants byoc {wanted}, and this is byoc {__version__}",
            why="keys may mean something else, or not exist, in another version",
            fix=f"install byoc-kit{wanted}, or correct requires-byoc",
            id="BYOC-E116",
        )


def wrong_requirement(text: str) -> tuple[str, str] | None:
    """Why *text* is not a PEP 508 requirement, and what to write instead; None: it is one."""
    from packaging.requirements import InvalidRequirement, Requirement

    if text.startswith("-"):
        return (
            "it is an option of pip, not a requirement",
            "package indexes are [python] index-url and its like",
        )
    if text.startswith((".", "/", "file:")):
        return "it is a folder, not a requirement", "name folders of the project in [python] packages"
    try:
        requirement = Requirement(text)
    except (InvalidRequirement, RecursionError) as error:
        return f"PEP 508: {str(error).splitlines()[0]}", 'write for example "pandas>=2"'
    if requirement.url and has_password(requirement.url):
        return "its URL holds a user or a password", "give them to the build as a secret: [build] secrets"
    return None


def has_password(url: str) -> bool:
    """Whether a URL holds a user or a password; ``git@`` alone is neither."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "@" in url
    return bool(parts.password) or parts.username not in {None, "", "git"}


def _not_a_requirement(key: Key, why: str, fix: str) -> Mistake:
    return Mistake(key=key, what="this is not a requirement", why=why, fix=fix, id="BYOC-E114")


def _indexes(view: View) -> Iterator[tuple[Key, str]]:
    if url := view.text("python", "index-url"):
        yield ("python", "index-url"), url
    yield from view.texts("python", "extra-index-urls")
    yield from view.texts("python", "find-links")


def _check_index(key: Key, url: str) -> Iterator[Mistake]:
    if has_password(url):
        yield Mistake(
            key=key,
            what="the URL holds a user or a password",
            why="the file is shared and the image keeps its history: both would tell it (IMG-22)",
            fix="take them out; pip's own settings (PIP_INDEX_URL, pip.conf) reach the build as a secret",
            id="BYOC-E120",
        )
    elif not re.fullmatch(r"https?://[^\s'\"\\$`/]+(/[^\s'\"\\$`]*)?", url):
        yield Mistake(
            key=key,
            what="this is not the URL of a package index",
            why="it starts with https:// or http:// (a build sees no folder of this machine), without blanks",
            fix='write for example "https://index.example/simple"',
            id="BYOC-E117",
        )
