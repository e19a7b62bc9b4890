"""What a program asks when it wants the URI of a prebuilt image, and how the answer may be refused."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Question", "RefusedError", "family"]

FAMILY = re.compile(r"ml[._]([a-z\d-]+)\.?\w*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The arguments of ``image_uris.retrieve``, by the same names."""

    framework: str
    region: str
    version: str | None = None
    py_version: str | None = None
    instance_type: str | None = None
    image_scope: str | None = None
    base_framework_version: str | None = None
    """Hugging Face: the PyTorch or TensorFlow below it, e.g. ``pytorch2.1``."""
    container_version: str | None = None
    accelerator_type: str | None = None
    inference_tool: str | None = None
    sdk_version: str | None = None
    training_compiler: bool = False
    serverless: bool = False
    smdistributed: bool = False


class RefusedError(Exception):
    """The tables have no answer: *argument* has a value that is none of *known*."""

    def __init__(
        self, argument: str, value: str | None, known: Iterable[str] = (), *, ended: bool = False
    ) -> None:
        super().__init__(f"{argument}: {value}")
        self.argument, self.value, self.known = argument, value, tuple(known)
        self.ended = ended
        """Whether it was there once."""


def family(instance_type: str | None) -> str:
    """``g5`` of ``ml.g5.xlarge``; empty for what is no instance type of SageMaker."""
    found = FAMILY.fullmatch(instance_type or "")
    return found[1] if found else ""
