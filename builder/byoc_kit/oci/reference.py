"""Where an image is: the grammar that every verb understands, as values that cannot be wrong.

::

    docker:NAME | docker:ID          in the container engine of this machine
    oci:DIR[@digest]                 an OCI image layout on disk
    archive:FILE                     a docker-archive tar (docker save)
    [registry/]repository[:tag][@digest]

The first component of a name is a registry host if it holds a ``.`` or a ``:`` or is ``localhost``; then
there must be a second one (the rule of Docker's distribution reference).
"""

import re
from dataclasses import dataclass
from typing import Final

from byoc_kit.errors import UsageError
from byoc_kit.oci.digest import Digest, is_digest

__all__ = [
    "ECR_HOST",
    "Archive",
    "Docker",
    "ImageReference",
    "Layout",
    "Location",
    "Named",
    "Repository",
    "is_ecr",
    "is_loopback",
    "parse_image",
    "parse_location",
    "parse_repository",
]

HOST: Final = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*(?::[0-9]{1,5})?"
    r"|\[[0-9a-fA-F:]+\](?::[0-9]{1,5})?"
)
PATH: Final = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
ENGINE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*")
USER_INFO: Final = re.compile(r"[^/\s]*:[^/@\s]*@(?!sha256:)")  # somebody's password, pasted with a URL
LONGEST_NAME: Final = 255  # characters of host and path together (distribution-spec, "Pulling manifests")

ECR_HOST: Final = re.compile(
    r"(?P<account>[0-9]{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\."
    r"(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|on\.aws|on\.amazonwebservices\.com\.cn"
    r"|sc2s\.sgov\.gov|c2s\.ic\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)"
)
"""A private Amazon ECR registry. Match it whole: what merely looks like one must never get credentials."""


@dataclass(frozen=True, slots=True)
class Docker:
    """An image of the local container engine, by name or id. Made by :func:`parse_image`."""

    name: str

    def __str__(self) -> str:
        return f"docker:{self.name}"


@dataclass(frozen=True, slots=True)
class Layout:
    """An OCI image layout on disk. Made by :func:`parse_image`."""

    directory: str
    digest: Digest | None = None

    def __str__(self) -> str:
        return f"oci:{self.directory}" + (f"@{self.digest}" if self.digest else "")


@dataclass(frozen=True, slots=True)
class Archive:
    """A tar as ``docker save`` writes it. Made by :func:`parse_image`."""

    file: str

    def __str__(self) -> str:
        return f"archive:{self.file}"


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository of a registry. Made by :func:`parse_repository`."""

    host: str | None
    """``None``: no registry is named; which one is meant is decided by whoever asks (for publishing: ECR)."""
    path: str

    def __str__(self) -> str:
        return f"{self.host}/{self.path}" if self.host else self.path


@dataclass(frozen=True, slots=True)
class Named:
    """``[registry/]repository[:tag][@digest]``. Made by :func:`parse_image`."""

    repository: Repository
    tag: str | None = None
    digest: Digest | None = None

    @property
    def target(self) -> str:
        """What to ask the registry for: the digest if there is one, else the tag, else ``latest``."""
        return self.digest or self.tag or "latest"

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.repository}{tag}" + (f"@{self.digest}" if self.digest else "")


ImageReference = Docker | Layout | Archive | Named
"""Any of the four places an image can be in."""
Location = ImageReference
"""The same where the place counts more than the image: what is copied from, and to."""


def parse_image(text: str) -> ImageReference:
    """The image that *text* names. Raises UsageError (BYOC-E501)."""
    scheme, _, rest = text.partition(":")
    if scheme == "docker":
        return Docker(_checked(rest, ENGINE_NAME, text, "after docker: comes the name or the id of an image"))
    if scheme == "oci":
        directory, digest = _split_digest(rest, text)
        return Layout(_filled(directory, text), digest)
    if scheme == "archive":
        return Archive(_filled(rest, text))
    return _named(text)


def parse_location(text: str) -> Location:
    """The place that *text* names; ``docker-archive:`` means ``archive:``. Raises UsageError (BYOC-E501)."""
    return parse_image(text.removeprefix("docker-") if text.startswith("docker-archive:") else text)


def parse_repository(text: str) -> Repository:
    """The repository that *text* names, without tag or digest. Raises UsageError (BYOC-E501)."""
    named = _named(text)
    if named.tag or named.digest:
        raise _wrong(text, "a repository has neither tag nor digest; publish computes the tags")
    return named.repository


def is_ecr(host: str) -> bool:
    """Whether *host* is a private registry of Amazon ECR, in any partition."""
    return ECR_HOST.fullmatch(host) is not None


def is_loopback(host: str) -> bool:
    """Whether *host* (with or without port) is this machine: there, plain HTTP is what registries speak."""
    name = host.rpartition(":")[0] if re.search(r":[0-9]+$", host) else host
    return name in {"localhost", "[::1]"} or re.fullmatch(r"127(?:\.[0-9]{1,3}){3}", name) is not None


def _named(text: str) -> Named:
    rest, digest = _split_digest(text, text)
    head, slash, last = rest.rpartition("/")
    last, colon, tag = last.partition(":")
    name = f"{head}{slash}{last}"
    if colon:
        _checked(
            tag,
            TAG,
            text,
            "a tag has at most 128 of letters, digits, '_', '.', '-' and starts with none of '.-'",
        )
    first, slash, path = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        host: str | None = _checked(first, HOST, text, f"{first!r} is not a host name")
    else:
        host, path = None, name
    _checked(
        path,
        PATH,
        text,
        "a repository has lower-case letters and digits, separated by one of '.', '_', '-', '/'",
    )
    if len(name) > LONGEST_NAME:
        raise _wrong(text, f"registry and repository together are longer than {LONGEST_NAME} characters")
    return Named(Repository(host, path), tag or None, digest)


def _split_digest(text: str, whole: str) -> tuple[str, Digest | None]:
    name, at, digest = text.partition("@")
    if not at:
        return name, None
    if not is_digest(digest):
        raise _wrong(whole, "after '@' comes a digest: sha256: and 64 lower-case hexadecimal digits")
    return name, Digest(digest)


def _checked(part: str, form: re.Pattern[str], whole: str, why: str) -> str:
    if not form.fullmatch(part):
        raise _wrong(whole, why)
    return part


def _filled(part: str, whole: str) -> str:
    if not part:
        raise _wrong(whole, "after the colon comes a path")
    return part


def _wrong(text: str, why: str) -> UsageError:
    shown = USER_INFO.sub("***@", text[:300])
    return UsageError(
        f"{shown!r} does not name an image",
        why=why,
        fix="write docker:NAME, oci:DIR, archive:FILE, or [registry/]repository[:tag][@sha256:...]",
        id="BYOC-E501",
    )
