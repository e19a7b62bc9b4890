"""Media types: what a body is said to be, and which of ours a client would take."""

from __future__ import annotations

from functools import lru_cache
from typing import List, Mapping, Tuple

JSON = "application/json"
CSV = "text/csv"
NPY = "application/x-npy"
NPZ = "application/x-npz"
JSON_LINES = "application/jsonlines"
OCTETS = "application/octet-stream"
TEXT = "text/plain; charset=utf-8"

ALIASES = {
    "application/x-jsonlines": JSON_LINES,
    "application/jsonl": JSON_LINES,
    "application/x-ndjson": JSON_LINES,
    "application/ndjson": JSON_LINES,
    "application/csv": CSV,
}


@lru_cache(maxsize=256)
def parse(value: str) -> Tuple[str, Mapping[str, str]]:
    """``text/csv; charset=latin-1`` -> (``text/csv``, {``charset``: ``latin-1``})."""
    name, _, rest = value.partition(";")
    pairs = (part.partition("=") for part in rest.split(";") if "=" in part)
    return name.strip().lower(), {key.strip().lower(): text.strip().strip('"') for key, _, text in pairs}


def canonical(value: str) -> str:
    """The media type without parameters, and under the one name that the codecs use."""
    name = parse(value)[0]
    return ALIASES.get(name, name)


@lru_cache(maxsize=256)
def preferences(accept: str, default: str) -> Tuple[str, ...]:
    """The types in an Accept header, best first (RFC 9110 12.5.1); ``*/*`` becomes *default*.

    No header, or nothing but ``*/*``, means the default (SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT, else JSON).
    """
    ranked: List[Tuple[float, int, str]] = []
    for place, part in enumerate(accept.split(",")):
        name, parameters = parse(part)
        quality = _quality(parameters.get("q", "1"))
        if name and quality > 0:
            ranked.append((-quality, place, default if name == "*/*" else _written(part, name)))
    return tuple(name for _, _, name in sorted(ranked)) or (default,)


def matches(wanted: str, offered: str) -> bool:
    """Whether *offered*, a type of ours, satisfies *wanted*, which may be ``text/*``."""
    name = canonical(wanted)
    return name == offered or (name.endswith("/*") and offered.startswith(name[:-1]))


def _written(part: str, name: str) -> str:
    """As the client wrote it, without its q: user functions compare it to what they know."""
    kept = [piece.strip() for piece in part.split(";") if not piece.strip().lower().startswith("q=")]
    return "; ".join(kept) if len(kept) > 1 else name


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 1.0
