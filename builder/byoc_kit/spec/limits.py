"""SageMaker's limits on what a job is given: hyperparameters, channels, metrics, inputs and outputs."""

import json
import math
import re
import warnings
from collections.abc import Iterator
from typing import Any

from byoc_kit.spec.mistake import Mistake, View
from byoc_kit.spec.parse import Key

__all__ = ["check_channels", "check_ends", "check_hyperparameters", "check_metrics"]

CHANNEL = re.compile(r"[A-Za-z0-9._-]{1,64}")  # CFG-10
HYPERPARAMETERS, HYPERPARAMETER_KEY, HYPERPARAMETER_VALUE = 100, 256, 2500  # entries, characters (CFG-01)
CHANNELS = 20  # CFG-10
ENDS = 10  # inputs, and outputs, of a processing job (PRC-05)
METRICS, METRIC_NAME, METRIC_REGEX = 40, 255, 500  # entries, characters (TRN-13)
SET_BY_BYOC = frozenset(
    {"sagemaker_program", "sagemaker_submit_directory"}
)  # hyperparameters of the toolkit styles


TABLES = ("train", "verify")
"""The tables that say with what a job trains."""


def check_hyperparameters(view: View) -> Iterator[Mistake]:
    """SageMaker's limits on hyperparameters (CFG-01)."""
    for table in TABLES:
        yield from _check_hyperparameters(view, (table, "hyperparameters"))


def _check_hyperparameters(view: View, where: tuple[str, str]) -> Iterator[Mistake]:
    table = view.table(*where)
    if len(table) > HYPERPARAMETERS:
        yield _limit(
            where, f"{len(table)} hyperparameters", f"at most {HYPERPARAMETERS} (CFG-01)", "join some"
        )
    for name, value in table.items():
        key = (*where, name)
        if not 0 < len(name) <= HYPERPARAMETER_KEY:
            allowed = f"1 to {HYPERPARAMETER_KEY} (CFG-01)"
            yield _limit(key, f"a name of {len(name)} characters", allowed, "rename it")
        if name in SET_BY_BYOC:
            yield Mistake(
                key=key,
                what="byoc sets this hyperparameter",
                why="it is [train] program or source in the toolkit's words",
                fix="take it out",
                id="BYOC-E121",
            )
        try:
            length = len(_as_text(value))
        except (TypeError, ValueError, OverflowError):
            yield Mistake(
                key=key,
                what="this value cannot be a hyperparameter",
                why="text, numbers of 64 bits, true and false, arrays and tables of these can",
                fix="write it as text",
                id="BYOC-E107",
            )
        else:
            if length > HYPERPARAMETER_VALUE:
                allowed = f"at most {HYPERPARAMETER_VALUE} (CFG-01)"
                yield _limit(key, f"{length} characters as text", allowed, "put it in a file of a channel")


def _as_text(value: Any) -> str:
    """The hyperparameter as the service gets it. Raises for what TOML has and JSON has not."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise OverflowError
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(value)
    return value if isinstance(value, str) else json.dumps(value)


def _limit(key: Key, what: str, allowed: str, fix: str) -> Mistake:
    return Mistake(key=key, what=what, why=f"SageMaker allows {allowed}", fix=fix, id="BYOC-E123")


def check_channels(view: View) -> Iterator[Mistake]:
    """SageMaker's limits on channels (CFG-10)."""
    for table in TABLES:
        yield from _check_channels(view, (table, "channels"))


def _check_channels(view: View, where: tuple[str, str]) -> Iterator[Mistake]:
    table = view.table(*where)
    if len(table) > CHANNELS:
        what = f"{len(table)} channels"
        yield _limit(where, what, f"at most {CHANNELS} (CFG-10)", "put several folders in one")
    for name in table:
        if not CHANNEL.fullmatch(name) or name in {".", ".."}:
            yield _limit(
                (*where, name),
                "this is not the name of a channel",
                "1 to 64 of letters, digits, '.', '-' and '_' (CFG-10)",
                "rename it, for example 'train'",
            )


def check_ends(view: View) -> Iterator[Mistake]:
    """SageMaker's limits on inputs and outputs of processing jobs (PRC-05)."""
    outputs = [name for _, name in view.texts("process", "outputs")]
    for key, names in (("inputs", list(view.table("process", "inputs"))), ("outputs", outputs)):
        if len(names) > ENDS:
            yield _limit(("process", key), f"{len(names)} {key}", f"at most {ENDS} (PRC-05)", "take some out")
        for name in dict.fromkeys(names):
            if not CHANNEL.fullmatch(name) or name in {".", ".."} or names.count(name) > 1:
                yield _limit(
                    ("process", key),
                    f"{name!r} is not a name of its own for a folder",
                    "each LocalPath once; byoc makes it of the name: letters, digits, '.', '-', '_' (PRC-05)",
                    "rename it, for example 'raw'",
                )


def check_metrics(view: View) -> Iterator[Mistake]:
    """SageMaker's limits on metrics, and that each expression finds a number (TRN-13)."""
    for table in TABLES:
        yield from _check_metrics(view, (table, "metrics"))


def _check_metrics(view: View, where: tuple[str, str]) -> Iterator[Mistake]:
    table = view.table(*where)
    if len(table) > METRICS:
        yield _limit(where, f"{len(table)} metrics", f"at most {METRICS} (TRN-13)", "take some out")
    for name, regex in table.items():
        key = (*where, name)
        if not 0 < len(name) <= METRIC_NAME:
            yield _limit(
                key, f"a name of {len(name)} characters", f"1 to {METRIC_NAME} (TRN-13)", "rename it"
            )
        if isinstance(regex, str) and len(regex) > METRIC_REGEX:
            yield _limit(key, f"{len(regex)} characters", f"at most {METRIC_REGEX} (TRN-13)", "shorten it")
        elif isinstance(regex, str) and (why := _no_number(regex)) is not None:
            yield Mistake(
                key=key,
                what="this expression finds no number",
                why=why,
                fix="put the number in the first group, for example 'loss=([0-9.]+)'",
                id="BYOC-E130",
            )


def _no_number(regex: str) -> str | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Python's own grammar; the service has another one
        try:
            groups = re.compile(regex).groups
        except (re.error, RecursionError, OverflowError) as error:
            return f"it is not a regular expression: {error}"
    return None if groups else "it has no group (...), and the first group is the number (TRN-13)"
