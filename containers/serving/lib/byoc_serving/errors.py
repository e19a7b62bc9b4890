"""What stops a start, told in what, why and fix; and what a request is refused with."""

from __future__ import annotations


class ServingError(Exception):
    """The server cannot start, for a reason that its user can change."""

    def __init__(self, what: str, *, why: str = "", fix: str = "") -> None:
        self.what, self.why, self.fix = what, why, fix
        super().__init__(what)

    def __str__(self) -> str:
        lines = ["error: " + self.what]
        lines += ["  why: " + self.why] if self.why else []
        lines += ["  fix: " + self.fix] if self.fix else []
        return "\n".join(lines)


class ModelLoadError(ServingError):
    """The user's own code failed while the program was imported or the model loaded."""

    def __init__(self, what: str, *, why: str, fix: str, traceback: str, cause: BaseException) -> None:
        super().__init__(what, why=why, fix=fix)
        self.traceback = traceback
        self.cause = cause

    def __str__(self) -> str:
        return self.traceback + super().__str__()


class RequestError(Exception):
    """A request that is answered with *status* (4xx) and one sentence."""

    def __init__(self, status: int, message: str) -> None:
        self.status_code = status
        super().__init__(message)


def describe(error: BaseException) -> str:
    """One line for a client: ``ValueError: bad shape``."""
    text = " ".join(str(error).split())
    if isinstance(error, RequestError):
        return text
    name = type(error).__name__
    return "{}: {}".format(name, text) if text else name


def status_of(error: BaseException, out_of_memory: int = 500) -> int:
    """HTTP status for an exception: its ``status_code`` (sagemaker-inference's errors have one), else 500.

    *out_of_memory* is for those that say so: a multi-model endpoint makes room for 507 (MME-01, MME-05).
    """
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and 400 <= status <= 599:
        return status
    return out_of_memory if is_out_of_memory(error) else 500


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory, of the machine or of a GPU, was not enough (such as torch.cuda.OutOfMemoryError)."""
    named = type(error).__name__ == "OutOfMemoryError"
    return named or isinstance(error, MemoryError) or "out of memory" in str(error).lower()


def is_fatal(error: BaseException) -> bool:
    """Whether the process is lost: the code asked to exit, or CUDA is broken for good (INF-05)."""
    text = str(error)
    broken_cuda = "CUDA error: " in text and "out of memory" not in text
    return broken_cuda or not isinstance(error, Exception)
