"""What the engine answers, in our words: no exception of docker-py or requests leaves this room."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from byoc_kit.errors import ByocError, UsageError
from byoc_kit.job.instances import Size
from byoc_kit.job.outcome import ContainerError, Exit

if TYPE_CHECKING:
    import docker

__all__ = ["capacity", "engine_errors", "require_fifos", "require_local"]

LOOPBACK = {"localhost", "127.0.0.1"}


@contextmanager
def engine_errors(doing: str) -> Iterator[None]:
    """Turn the engine's refusals while *doing* something into errors a person can act on."""
    from docker.errors import APIError, DockerException

    try:
        yield
    except APIError as error:
        raise _refused(doing, error.explanation or str(error)) from error
    except (DockerException, OSError) as error:  # requests' exceptions are OSErrors
        raise ByocError(
            f"the Docker engine did not answer while {doing}",
            why=str(error),
            fix="see whether it still runs (`docker info`), and try again",
            id="BYOC-E403",
        ) from error


def _refused(doing: str, said: str) -> ByocError:
    text = said.lower()
    if "port is already allocated" in text or "address already in use" in text:
        return UsageError(
            "the port of this machine is taken",
            why="another program or container listens there",
            fix="choose another with --port N, or --port 0 for any free one",
            id="BYOC-E416",
            details=[said],
        )
    if "could not select device driver" in text or "nvidia-container-cli" in text:
        return ByocError(
            "the engine has no GPU to give",
            why=said,
            fix="install NVIDIA's driver and the NVIDIA Container Toolkit, or run without --gpus",
            id="BYOC-E430",
        )
    if "exec:" in text and ("not found" in text or "no such file" in text):
        return _cannot_start(said, Exit(127))
    if "exec:" in text and ("permission denied" in text or "format error" in text):
        return _cannot_start(said, Exit(126))
    return ByocError(
        f"the Docker engine refused {doing}",
        why=said,
        fix="mend what the engine names above; `docker info` shows its state",
        id="BYOC-E403",
    )


def _cannot_start(said: str, ended: Exit) -> ContainerError:
    return ContainerError("the container could not be started", ended=ended, id="BYOC-E402", details=[said])


def capacity(client: "docker.DockerClient") -> Size:
    """The CPUs and the memory that all containers of the engine share."""
    with engine_errors("asking how large this machine is"):
        told = client.info()
    return Size(int(told["NCPU"]), int(told["MemTotal"]))


def require_fifos(client: "docker.DockerClient", platform: str = sys.platform) -> None:
    """Raise UsageError if containers do not share this machine's kernel: a FIFO would not reach them."""
    with engine_errors("asking where it runs"):
        system = str(client.info().get("OperatingSystem"))
    if platform != "linux" or "Docker Desktop" in system:
        raise UsageError(
            "mode Pipe cannot be given on this machine",
            why=f"the engine ({system}) runs in a virtual machine, and a FIFO does not reach into it",
            fix="give the channel in mode File here, and try mode Pipe with an engine on Linux itself",
            id="BYOC-E425",
        )


def require_local(client: "docker.DockerClient") -> None:
    """Raise ByocError if the engine is on another machine: folders of this one cannot be mounted there."""
    address = client.api.base_url
    host = address.partition("://")[2].partition(":")[0].partition("/")[0]
    if address in {"http+docker://localhost", "http+docker://localnpipe"} or host in LOOPBACK:
        return
    raise ByocError(
        f"the Docker engine at {address} is on another machine",
        why="data, code and model are mounted from this machine's disk, which that engine cannot see",
        fix="use an engine of this machine: unset DOCKER_HOST, or `docker context use default`",
        id="BYOC-E417",
    )
