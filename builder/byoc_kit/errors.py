"""What can go wrong that a user can mend, and the exit code that says so.

Every error says what happened, why, and what to do. Its ``id`` opens a longer text
(``byoc explain BYOC-E101``), kept in ``explanations/<room>.toml``. Anything that escapes
and is not a :class:`ByocError` is a bug of ours: the command line catches it in one place
and exits with 70.

::

    Exception
    └── ByocError              1   the user can act: a build that failed, a container that failed
        ├── UsageError         2   the command line or byoc.toml is not right
        ├── ContractError      3   the image breaks SageMaker's contract
        └── NotJudgedError     4   it could not be judged (no engine, --require-dynamic)

Identifiers go by room: E1xx spec, E2xx plan and render, E3xx engines and daemon, E4xx local
runs, E5xx registry, E6xx contract, E7xx project and scaffolds, E8xx aws, E9xx resolving and locking.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

__all__ = ["ByocError", "ContractError", "NotJudgedError", "Problem", "UsageError"]


class ByocError(Exception):
    """Something the user can act on.

    ``what`` happened (with the name of the thing), ``why``, and ``fix``: what to do next. None of
    the three may hold a secret. ``details`` are further lines, printed first to last.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, why: str, fix: str, id: str, details: Sequence[str] = ()) -> None:  # noqa: A002
        super().__init__(what)
        self.what, self.why, self.fix, self.id = what, why, fix, id
        self.details = tuple(details)

    def __str__(self) -> str:
        lines = [
            self.what,
            *(f"  {line}" for line in self.details),
            f"  why: {self.why}",
            f"  fix: {self.fix}",
        ]
        return "\n".join(lines)

    def to_json(self) -> dict[str, object]:
        """The error for machines, schema ``byoc/error/1``."""
        return {
            "schema": "byoc/error/1",
            "id": self.id,
            "what": self.what,
            "why": self.why,
            "fix": self.fix,
            "details": list(self.details),
            "exit_code": self.exit_code,
        }


class UsageError(ByocError):
    """The command line or byoc.toml asks for something that cannot be."""

    exit_code = 2


class ContractError(ByocError):
    """The image breaks a MUST clause of SageMaker's contract."""

    exit_code = 3


class NotJudgedError(ByocError):
    """The image could not be judged, and the user demanded that it be."""

    exit_code = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake in a file, to be told together with all the others."""

    where: str
    """File, line and key path, e.g. ``byoc.toml:12: serve.server``."""
    what: str
    fix: str
    id: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what} (fix: {self.fix})"
