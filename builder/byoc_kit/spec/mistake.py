"""One thing that is wrong in byoc.toml, and the data as rules look at it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from byoc_kit.spec.parse import Key

__all__ = ["SOURCE", "Mistake", "View"]

SOURCE = "src"
"""Folder of programs where the file names none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """What is wrong at *key*, why it is wrong, and what to write instead. None of them holds a secret."""

    key: Key
    what: str
    why: str
    fix: str
    id: str


@dataclass(frozen=True, slots=True)
class View:
    """Data of byoc.toml that may be wrong anywhere: values of another type than asked for are not seen."""

    data: Mapping[str, Any]

    def text(self, *key: str) -> str | None:
        """The text at *key*; None where there is none, or it is empty."""
        found = self._at(key)
        return found if isinstance(found, str) and found else None

    def texts(self, *key: str) -> Iterator[tuple[Key, str]]:
        """The texts in the array or table at *key*, each with its own key."""
        found = self._at(key)
        pairs = enumerate(found) if isinstance(found, list) else self.table(*key).items()
        for part, value in pairs:
            if isinstance(value, str) and value:
                yield (*key, part), value

    def table(self, *key: str) -> Mapping[str, Any]:
        """The table at *key*, empty where there is none."""
        found = self._at(key)
        return found if isinstance(found, dict) else {}

    def has(self, *key: str) -> bool:
        """Whether anything is written at *key*."""
        return self._at(key) is not None

    def _at(self, key: tuple[str, ...]) -> Any:
        found: Any = self.data
        for part in key:
            found = found.get(part) if isinstance(found, dict) else None
        return found
