"""Which package indexes are asked: byoc.toml's, else those of uv's own settings, else those of pip's.

uv reads its own settings itself; the others reach it through variables of its process, which nobody but the
user can read.
"""

import os
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from byoc_kit.pip_settings import pip_settings
from byoc_kit.plan.wanted import Wanted
from byoc_kit.resolve.credentials import Credentials, Tokens, nobody

__all__ = ["Indexes", "indexes_of"]

DEFAULT = ("UV_DEFAULT_INDEX", "UV_INDEX_URL")
EXTRA = ("UV_INDEX", "UV_EXTRA_INDEX_URL")
LINKS = "UV_FIND_LINKS"
CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE")
KEYS = {"index", "index-url", "extra-index-url", "find-links"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexes:
    """Where distributions come from; addresses as they were written, perhaps with user info."""

    origin: str
    """``byoc.toml``, ``uv``, ``pip`` or ``default``."""
    default: str | None = field(repr=False)
    extra: tuple[str, ...] = field(repr=False)
    find_links: tuple[str, ...] = field(repr=False)
    credentials: Credentials
    trusted: tuple[str, ...] = ()
    """Hosts whose certificate is not checked, as pip was told."""

    @property
    def simple(self) -> tuple[str, ...]:
        """Addresses of the indexes that were named (PEP 503), in the order in which they are asked."""
        return (*self.extra, *([self.default] if self.default else []))

    def variables(self) -> dict[str, str]:
        """What tells uv about them; credentials included."""
        if self.origin == "uv":
            return {}
        apply = self.credentials.apply
        found = {LINKS: ",".join(map(apply, self.find_links))}
        if self.default:
            found["UV_DEFAULT_INDEX"] = apply(self.default)
        found["UV_INDEX"] = " ".join(map(apply, self.extra))
        if self.trusted:
            found["UV_INSECURE_HOST"] = " ".join(self.trusted)
        if self.origin == "byoc.toml":
            found["UV_NO_CONFIG"] = "1"
        if self.origin == "pip" and self.extra:
            found["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # what pip means by an extra index
        return {key: value for key, value in found.items() if value}


def indexes_of(
    wanted: Wanted,
    environ: Mapping[str, str] = os.environ,
    *,
    root: Path,
    tokens: Tokens = nobody,
    prefix: str = sys.prefix,
) -> Indexes:
    """The indexes for *wanted*; folders of ``find-links`` are relative to *root*."""
    pip = pip_settings(environ, prefix)
    of_uv = [*_words(environ, DEFAULT), *_words(environ, EXTRA), *_words(environ, (LINKS,))]
    known = (*of_uv, *(url for values in pip.values() for url in values))
    credentials = Credentials(environ, known, tokens)
    if wanted.index_url or wanted.extra_index_urls or wanted.find_links:
        origin = "byoc.toml"
        default, extra = wanted.index_url, wanted.extra_index_urls
        links = tuple(_place(link, root) for link in wanted.find_links)
    elif of_uv or _in_uv_files(environ, root):
        origin, links = "uv", tuple(_words(environ, (LINKS,)))
        default, extra = next(_words(environ, DEFAULT), None), tuple(_words(environ, EXTRA))
    else:
        default = next(iter(pip.get("index-url", [])), None)
        extra, links = tuple(pip.get("extra-index-url", [])), tuple(pip.get("find-links", []))
        origin = "pip" if default or extra or links else "default"
    trusted = tuple(pip.get("trusted-host", [])) if origin == "pip" else ()
    return Indexes(
        origin=origin,
        default=default,
        extra=extra,
        find_links=links,
        credentials=credentials,
        trusted=trusted,
    )


def ca_bundle(environ: Mapping[str, str]) -> str | None:
    """The file of CA certificates that the environment names; None: the system's."""
    return next((environ[name] for name in CA_VARIABLES if environ.get(name)), None)


def _words(environ: Mapping[str, str], names: Iterable[str]) -> Iterator[str]:
    """Addresses in variables of uv's; the name in ``name=https://...`` is left out."""
    for name in names:
        for word in environ.get(name, "").replace(",", " ").split():
            head, equals, rest = word.partition("=")
            yield rest if equals and "://" not in head and "://" in rest else word


def _place(link: str, root: Path) -> str:
    return link if "://" in link else str(root / link)


def _in_uv_files(environ: Mapping[str, str], root: Path) -> bool:
    """Whether one of uv's own files names an index."""
    home = Path(environ.get("HOME") or Path.home())
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    told = environ.get("UV_CONFIG_FILE")
    if environ.get("UV_NO_CONFIG"):
        return False
    files = [Path(told)] if told else [root / "uv.toml", config / "uv" / "uv.toml", Path("/etc/uv/uv.toml")]
    return any(KEYS & _keys(file) for file in files)


def _keys(file: Path) -> set[str]:
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return set()
    return {*data, *data.get("pip", {})}
