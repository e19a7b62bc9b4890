"""What an engine says of an image that cannot be started, without what its own parts put around it."""

import pytest

from byoc_kit.errors import ByocError
from byoc_kit.job.outcome import ContainerError, Exit
from byoc_kit.local.actor import refusal

CAUSE = 'exec: "train": executable file not found in $PATH'
SHIM = "failed to create shim task: OCI runtime create failed: runc create failed: "


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (f"{SHIM}unable to start container process: {CAUSE}: unknown", CAUSE),
        (f"OCI runtime create failed: starting container process caused: {CAUSE}: unknown", CAUSE),
        ("no command specified", "no command specified"),
    ],
)
def test_only_the_cause_is_told(said: str, cause: str) -> None:
    assert refusal(ContainerError("it", ended=Exit(127), id="BYOC-E402", details=[said])) == cause
    assert refusal(ByocError("it", why=said, fix="none", id="BYOC-E403")) == cause


def test_what_is_not_the_images_fault_is_raised() -> None:
    error = ByocError("it", why="no space left on device", fix="none", id="BYOC-E403")
    with pytest.raises(ByocError) as raised:
        refusal(error)
    assert raised.value is error
