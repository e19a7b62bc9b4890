"""Evidence as a JSON document, ``byoc/evidence/1``, and back: nothing is lost on the way.

Written and read by the types themselves, so that a new field of evidence needs no line here. A field that an
older document lacks gets its default; what a newer one has besides is ignored.
"""

import dataclasses
import enum
import re
import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin, get_type_hints

from byoc_kit.contract.types import Evidence

__all__ = ["SCHEMA", "from_json", "to_json"]

SCHEMA = "byoc/evidence/1"
SECRET = re.compile(r"SECRET|TOKEN|PASSWORD|PASSWD|CREDENTIAL|ACCESS_KEY|API_?KEY", re.IGNORECASE)
HIDDEN = "(hidden)"


def to_json(evidence: Evidence) -> dict[str, Any]:
    """The document. Values of variables whose names sound secret are left out: no clause reads them."""
    env = {name: HIDDEN if SECRET.search(name) else value for name, value in evidence.config.env.items()}
    config = dataclasses.replace(evidence.config, env=env)
    return {"schema": SCHEMA, **_plain(dataclasses.replace(evidence, config=config))}


def from_json(document: Any) -> Evidence:
    """The evidence in *document*. Raises ValueError where it is no such document."""
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise ValueError(f"the schema is {schema!r}, not {SCHEMA!r}")
    try:
        read: Evidence = _typed(Evidence, document)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it is not what the schema says: {error}") from error
    return read


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _typed(wanted: Any, value: Any) -> Any:
    """*value*, plain, as the type *wanted*."""
    if dataclasses.is_dataclass(wanted):
        return _record(wanted, value)
    origin, inner = get_origin(wanted), get_args(wanted)
    if origin in {Union, types.UnionType}:
        return None if value is None else _one_of(inner, value)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {name: _typed(inner[1], each) for name, each in value.items()}
    if origin in {tuple, frozenset}:
        return origin(_typed(inner[0], each) for each in value)
    return wanted(value) if isinstance(wanted, type) and issubclass(wanted, enum.Enum) else value


def _record(wanted: Any, value: Mapping[str, Any]) -> Any:
    hints = get_type_hints(wanted)
    return wanted(**{name: _typed(hint, value[name]) for name, hint in hints.items() if name in value})


def _one_of(choices: tuple[Any, ...], value: Any) -> Any:
    """*value* as the one of *choices* that is more than a scalar, of which there is at most one."""
    made = [each for each in choices if each not in {bool, int, float, str, types.NoneType}]
    return _typed(made[0], value) if made else value
