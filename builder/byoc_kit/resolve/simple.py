"""Where an index keeps a file: the simple repository API, HTML and JSON (PEP 503, PEP 691)."""

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit
from urllib.request import url2pathname

from byoc_kit.resolve.http import Absent, Web

__all__ = ["local_path", "urls_of"]

ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"


def urls_of(web: Web, index: str, name: str, filename: str) -> Iterator[str]:
    """The addresses under which *index* lists *filename* of the project *name*; none where it does not."""
    page = f"{index.rstrip('/')}/{name}/"
    folder = local_path(page)
    try:
        if folder is not None:
            kind, text = "text/html", (folder / "index.html").read_text(encoding="utf-8")
        else:
            kind, text = web.text(page, ACCEPT)
    except (Absent, OSError, UnicodeDecodeError):
        return
    links = _json(text) if "json" in kind else _Links.of(text)
    for link in links:
        url = urljoin(page, link)
        if unquote(urlsplit(url).path.rsplit("/", 1)[-1]) == filename:
            yield url


def local_path(url: str) -> Path | None:
    """The path that a ``file:`` URL, or a bare path, means; None for any other address."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return Path(url2pathname(parts.path))
    return Path(url) if not parts.scheme else None


def _json(text: str) -> list[str]:
    try:
        return [str(file["url"]) for file in json.loads(text)["files"]]
    except (ValueError, KeyError, TypeError):
        return []


class _Links(HTMLParser):
    """The targets of all links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    @classmethod
    def of(cls, text: str) -> list[str]:
        parser = cls()
        parser.feed(text)
        return parser.found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for key, value in attrs if tag == "a" and key == "href" and value]
