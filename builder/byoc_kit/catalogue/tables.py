"""The SageMaker SDK's tables of images, as its ``image_uri_config`` folder has them, packed.

A *row* is what the SDK keeps of one version: repository, accounts by region (``registries``, here the number
of a table that rows share), Python versions, suffixes by processor. Rows lie below versions, for Hugging Face
also below the version of PyTorch or TensorFlow, for some old ones below a Python version.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Config", "Row", "Tables"]

Config = Mapping[str, Any]
"""A framework's table for one scope: ``versions``, ``version_aliases``, ``processors``."""
Row = Mapping[str, Any]
FORMAT = "byoc/sdk-tables/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """All tables of one release of the SDK."""

    source: str
    """The distribution and its version."""
    date: str
    """Day on which they were read, ISO 8601."""
    frameworks: Mapping[str, Mapping[str, Any]]
    accounts: Sequence[Mapping[str, str]]
    """Region to account; what ``registries`` of a row points into."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Tables":
        """From a document of :func:`pack`. Raises ValueError for any other."""
        if document.get("schema") != FORMAT:
            raise ValueError(f"not {FORMAT}")
        return cls(
            source=document["source"],
            date=document["date"],
            frameworks=document["frameworks"],
            accounts=document["accounts"],
        )

    @classmethod
    def packed(cls, configs: Mapping[str, Mapping[str, Any]], *, source: str, date: str) -> "Tables":
        """From the SDK's own files, by name without ``.json``; those without versions are left out."""
        accounts: list[Mapping[str, str]] = []
        frameworks = {
            name: _shared(config, accounts)
            for name, config in sorted(configs.items())
            if any(True for _ in _scopes(config))
        }
        return cls(source=source, date=date, frameworks=frameworks, accounts=accounts)

    def document(self) -> dict[str, Any]:
        """What :meth:`of` reads."""
        return {
            "schema": FORMAT,
            "source": self.source,
            "date": self.date,
            "accounts": list(self.accounts),
            "frameworks": dict(self.frameworks),
        }

    def scopes(self, framework: str) -> Iterator[tuple[str, Config]]:
        """Each scope of *framework* with its table."""
        return _scopes(self.frameworks[framework])

    def rows(self, config: Config) -> Iterator[tuple[tuple[str, ...], Row]]:
        """Each row of *config* with the keys that lead to it: the version first."""
        for version, below in config["versions"].items():
            yield from _rows((version,), below)

    def registries(self, row: Row) -> Mapping[str, str]:
        """Region to account of *row*."""
        return self.accounts[row["registries"]]


def _scopes(config: Mapping[str, Any]) -> Iterator[tuple[str, Config]]:
    if "scope" in config:
        yield from ((scope, config) for scope in config["scope"])
    elif "versions" in config:
        yield "", config
    else:
        found = ((scope, each) for scope, each in config.items() if isinstance(each, Mapping))
        yield from ((scope, each) for scope, each in found if "versions" in each)


def _rows(keys: tuple[str, ...], below: Any) -> Iterator[tuple[tuple[str, ...], Row]]:
    if not isinstance(below, Mapping):
        return
    if "repository" in below:
        yield keys, below
        return
    for key, each in below.items():
        yield from _rows((*keys, key), each)


def _shared(value: Any, accounts: list[Mapping[str, str]]) -> Any:
    """*value* with every ``registries`` replaced by the number of that table in *accounts*."""
    if not isinstance(value, Mapping):
        return value
    return {
        key: _number(each, accounts) if key == "registries" else _shared(each, accounts)
        for key, each in value.items()
    }


def _number(table: Mapping[str, str], accounts: list[Mapping[str, str]]) -> int:
    ordered = dict(sorted(table.items()))
    if ordered not in accounts:
        accounts.append(ordered)
    return accounts.index(ordered)
