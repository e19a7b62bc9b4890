"""How a job ended, in words a person can act on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from byoc_kit.errors import ByocError

__all__ = ["ContainerError", "Exit", "explain", "failure_reason"]

REASON_LENGTH = 1024  # characters of /opt/ml/output/failure that become FailureReason (OUT-03)


@dataclass(frozen=True, slots=True)
class Exit:
    """How a container's first process ended."""

    code: int
    out_of_memory: bool = False
    """Whether the kernel killed something in the container for want of memory."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What an exit code means and what to do."""

    why: str
    fix: str


class ContainerError(ByocError):
    """A container of the user's ended badly; its own exit code and words are part of the error."""

    def __init__(
        self,
        what: str,
        *,
        ended: Exit,
        id: str,  # noqa: A002 - the word of ByocError
        failure: str = "",
        details: Sequence[str] = (),
    ) -> None:
        meaning = explain(ended)
        super().__init__(what, why=meaning.why, fix=meaning.fix, id=id, details=details)
        self.ended, self.failure = ended, failure

    def to_json(self) -> dict[str, object]:
        """The error for machines, with ``container_exit_code`` and ``failure``."""
        return {
            **super().to_json(),
            "container_exit_code": self.ended.code,
            "out_of_memory": self.ended.out_of_memory,
            "failure": self.failure,
        }


def failure_reason(content: bytes) -> str:
    """What DescribeTrainingJob would show: the first 1024 characters of the failure file."""
    return content.decode(errors="replace")[:REASON_LENGTH]


OUT_OF_MEMORY = Explanation(
    "the kernel killed it because it used more memory than it may have (exit code {code}, OOMKilled)",
    "use less memory (smaller batches, fewer workers, read the data in pieces), or a larger instance",
)

EXITS: Mapping[int, Explanation] = {
    0: Explanation(
        "it ended by itself with exit code 0", "keep the main process running as long as there is work"
    ),
    126: Explanation(
        "exit code 126: a program was found but may not be executed",
        "give the script its executable bit and a first line such as #!/usr/bin/env python3 (IMG-04)",
    ),
    127: Explanation(
        "exit code 127: a program was not found inside the image",
        "check the spelling, the ENTRYPOINT, the script's first line (a CRLF there does this too), and that"
        " the package which brings the program is installed",
    ),
    132: Explanation(
        "exit code 132 (SIGILL): the processor does not know an instruction of the program",
        "a package was built for a newer CPU: install one built for plain x86-64, or choose newer instances",
    ),
    134: Explanation(
        "exit code 134 (SIGABRT): native code gave up (failed assertion, C++ exception, corrupt memory)",
        "read the last lines of the log; PYTHONFAULTHANDLER=1 in [env] shows where Python was",
    ),
    137: Explanation(
        "exit code 137 (SIGKILL): something killed it from outside: the machine's memory ran out, or it did"
        " not stop in the time it was given",
        "look at the machine's memory (dmesg names the victim), use less of it, and end on SIGTERM in time",
    ),
    139: Explanation(
        "exit code 139 (SIGSEGV): native code read or wrote where it may not",
        "often two packages with incompatible binaries, or threads after a fork: read the log's last lines;"
        " PYTHONFAULTHANDLER=1 in [env] shows where Python was",
    ),
    143: Explanation(
        "exit code 143 (SIGTERM): it was asked to stop and ended",
        "nothing is wrong with the image if the stop was wanted",
    ),
}


def explain(ended: Exit) -> Explanation:
    """What *ended* means; a code that only the user's program can explain says so."""
    if ended.out_of_memory and ended.code != 0:
        return Explanation(OUT_OF_MEMORY.why.format(code=ended.code), OUT_OF_MEMORY.fix)
    if ended.code in EXITS:
        return EXITS[ended.code]
    if 128 < ended.code < 160:
        return Explanation(
            f"exit code {ended.code}: signal {ended.code - 128} ended it", "read the last lines of the log"
        )
    return Explanation(
        f"exit code {ended.code}: the program inside the container ended with it",
        "read what is quoted above, and the last lines of the log",
    )
