"""Whatever is in the file: it is read, or refused as the user's mistake; never a bug of ours."""

import contextlib
import time
from collections.abc import Callable
from typing import Any

import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from byoc_kit.errors import UsageError
from byoc_kit.spec.model import TABLES, fields_of
from byoc_kit.spec.types import Server, Spec, Style, Target

WORDS = sorted({name for table in TABLES.values() for name in fields_of(table)})
SAMPLES = [
    *Style,
    *Server,
    *Target,
    "src",
    "train.py",
    "..",
    "/x",
    "a:b",
    "python:3.12",
    "x@y",
    "https://a:b@c",
    "[",
]

keys = st.sampled_from(WORDS) | st.text(max_size=8)
scalars = (
    st.text(max_size=12)
    | st.sampled_from([str(word) for word in SAMPLES])
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.booleans()
    | st.datetimes()
    | st.dates()
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
table = st.dictionaries(keys, values, max_size=6)
documents = st.dictionaries(keys, values | table, max_size=8)

quiet = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def attempt(read: Callable[..., Spec], text: str) -> None:
    with contextlib.suppress(UsageError):
        assert isinstance(read(text), Spec)


@quiet
@given(documents)
def test_any_tables(read: Callable[..., Spec], document: dict[str, Any]) -> None:
    try:
        text = tomlkit.dumps(document)
    except Exception:
        return
    attempt(read, text)


@quiet
@given(
    st.dictionaries(st.sampled_from(WORDS), values, max_size=6),
    st.sampled_from(sorted({t[0] for t in TABLES if t})),
)
def test_any_values_in_a_right_table(
    read: Callable[..., Spec], rows: dict[str, Any], name: str | int
) -> None:
    right: dict[str, Any] = {
        "image": {"name": "churn", "style": "basic", "base": "python:3.12"},
        "train": {"program": "train.py"},
    }
    right[str(name)] = right.get(str(name), {}) | rows
    attempt(read, tomlkit.dumps(right))


@quiet
@given(st.text() | st.text(alphabet="[]{}=\"'.,#\n ab1-"))
def test_any_text(read: Callable[..., Spec], text: str) -> None:
    attempt(read, text)


def test_nests_too_deeply(read: Callable[..., Spec]) -> None:
    attempt(read, "a = " + "[" * 5000 + "]" * 5000)
    attempt(read, "a" + ".a" * 5000 + " = 1")
    attempt(read, "[train.hyperparameters]\na" + ".a" * 5000 + " = 1")
    attempt(read, "[train.hyperparameters]\na" + ".a" * 90 + " = 1")


def test_large_texts_take_no_time(read: Callable[..., Spec]) -> None:
    head = '[image]\nname = "churn"\nstyle = "basic"\nbase = "python:3.12"\n[train]\nprogram = "train.py"\n'
    files = {
        f"src/{name}.txt": (name * 262_144)[:262_144].encode()
        for name in ("x", "://", "https://a", "-----BEGIN ", "AKIA")
    }
    started = time.process_time()
    for text in ("x", "://", "a@", "https://"):
        attempt(read, head + f'[env]\nA = "{text * 20_000}"\n')
    assert read(head, files)
    assert time.process_time() - started < 5  # seconds; a search that is quadratic takes minutes


def test_a_number_of_many_digits(read: Callable[..., Spec]) -> None:
    attempt(read, "a = " + "9" * 5000)
    attempt(read, "[image]\nname = 0x" + "f" * 5000)
    attempt(read, "[serve]\nworkers = 0x" + "f" * 5000)
    attempt(read, "[env]\nAWS_REGION = 0x" + "f" * 5000)
