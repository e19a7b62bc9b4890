"""The docker engine: a rendered plan, or a Dockerfile of the user's own, becomes an image by BuildKit."""

import contextlib
import csv
import io
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from byoc_kit.docker_api import builder
from byoc_kit.engines.command import Docker, find_docker
from byoc_kit.engines.context import heaviest, sizes_below, write_context
from byoc_kit.engines.progress import Progress
from byoc_kit.engines.remedies import ERRORS, remedy
from byoc_kit.engines.secrets import write_secrets
from byoc_kit.errors import ByocError
from byoc_kit.oci.config import Platform
from byoc_kit.plan.dockerignore import Ignore
from byoc_kit.plan.types import Built, Plan, Rendered
from byoc_kit.spec.types import Spec
from byoc_kit.talk import Talk

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = ["Order", "build_image"]

BUILDKIT_API = (1, 39)
"""The engine's API version from which on it can build with BuildKit."""

PROXIES = ("http_proxy", "https_proxy", "no_proxy", "ftp_proxy", "all_proxy")
"""Build arguments that Docker predefines and keeps out of images."""

SHOWN = 12
"""Lines of a failed step that an error shows; the log has all."""

GRACE = 10.0
"""Seconds a build may take to stop after Ctrl-C."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Everything one build needs."""

    spec: Spec
    plan: Plan
    rendered: Rendered | None
    """None: the plan is a Dockerfile of the project's own."""
    dockerfile: Path | None
    root: Path
    """The project's folder."""
    tag: str
    log: Path
    """Where BuildKit's whole output goes."""
    key: str | None = None
    """The content key of what is built, where one is known."""
    no_cache: bool = False


def build_image(
    order: Order, client: "DockerClient", *, talk: Talk, environ: Mapping[str, str] = os.environ
) -> Built:
    """Build *order* and tag it. Raises ByocError with the failing step's own lines first.

    Ctrl-C stops the build; nothing but the log is left on this machine's disk.
    """
    _refuse_old_engine(client)
    docker = find_docker(environ)
    for sentence in docker.passed_over:
        talk.note(f"{sentence}; {docker.path} builds")
    started = time.monotonic()
    progress = Progress(talk)
    with tempfile.TemporaryDirectory(prefix="byoc-build-") as name:
        folder = Path(name)
        context = _context(order, folder, talk)
        secrets = write_secrets(order.spec, folder, order.root, environ)
        command = [
            *_command(order, docker, folder),
            *_secret_options(secrets),
            *_proxies(environ),
            str(context),
        ]
        _run(command, _environment(environ), order.log, progress)
        image_id = (folder / "iid").read_text(encoding="utf-8").strip()
    return _built(order, client, image_id, (time.monotonic() - started, progress))


def _refuse_old_engine(client: "DockerClient") -> None:
    told = str(client.version().get("ApiVersion", "0.0"))
    if tuple(map(int, told.split("."))) < BUILDKIT_API:
        raise ByocError(
            f"the engine is too old to build with BuildKit (API {told})",
            why="only BuildKit can give secrets to build steps without leaving them in the image",
            fix="update Docker to 18.09 or newer",
            id="BYOC-E309",
        )


def _context(order: Order, folder: Path, talk: Talk) -> Path:
    """The context's folder."""
    if order.rendered is None:
        ignore = order.root / ".dockerignore"
        text = ignore.read_text(encoding="utf-8") if ignore.is_file() else ""
        _warn(sizes_below(order.root, Ignore(text)), talk)
        return order.root
    context = folder / "context"
    written = write_context(order.rendered, order.root, context)
    _warn({file.path: file.size for file in written}, talk)
    return context


def _warn(sizes: Mapping[str, int], talk: Talk) -> None:
    for line in heaviest(sizes):
        talk.warn(line)


def _command(order: Order, docker: Docker, folder: Path) -> list[str]:
    options = {
        "--tag": order.tag,
        "--iidfile": str(folder / "iid"),
        "--progress": "plain",
        "--platform": str(order.spec.image.platform),
        "--network": order.plan.options.network,
    }
    if order.dockerfile is not None:
        options["--file"] = str(order.dockerfile)
    words = [word for pair in options.items() for word in pair]
    return [*docker.build, *words, *(["--no-cache"] if order.no_cache else [])]


def _secret_options(secrets: Mapping[str, Path]) -> Iterator[str]:
    for name, path in secrets.items():
        field = io.StringIO()
        csv.writer(field, lineterminator="").writerow([f"id={name}", f"src={path}"])
        yield from ("--secret", field.getvalue())


def _proxies(environ: Mapping[str, str]) -> Iterator[str]:
    """By name only: values (which may hold a password) are not on the command line."""
    for name in (*PROXIES, *map(str.upper, PROXIES)):
        if environ.get(name):
            yield from ("--build-arg", name)


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    ours = {"BUILDX_BUILDER": builder(environ)}
    return ours | dict(environ) | {"DOCKER_BUILDKIT": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}


def _run(command: list[str], environ: Mapping[str, str], log: Path, progress: Progress) -> None:
    """Run the build, its output to *log* and *progress*. Raises ByocError when it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as file, _process(command, environ) as process:
        _follow(process, file, progress)
        code = process.wait()
    if code != 0:
        raise _failed(progress, code, log)


def _follow(process: "subprocess.Popen[str]", log: TextIO, progress: Progress) -> None:
    for line in process.stdout or ():
        log.write(line)
        progress.feed(line.rstrip("\n"))


@contextlib.contextmanager
def _process(command: list[str], environ: Mapping[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """The program in a process group of its own, which does not outlive this block."""
    process = subprocess.Popen(
        command,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        with process:
            try:
                yield process
            except BaseException:
                _stop(process)
                raise
    finally:
        if process.poll() is None:
            _stop(process)


def _stop(process: "subprocess.Popen[str]") -> None:
    for number in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
            return


def _failed(progress: Progress, code: int, log: Path) -> ByocError:
    step = progress.failed()
    if step is None:
        lines = list(progress.tail(SHOWN))
        what = f"the build failed before its first step (docker ended with {code})"
    else:
        lines = _telling([*step.output, *([step.error] if step.error and not step.output else [])])
        what = f"the build failed at {step.name[:200]}"
    why, fix = remedy([*lines, *(step.output if step else ()), (step.error or "") if step else ""])
    return ByocError(what, why=why, fix=f"{fix} (whole output: {log})", details=lines, id="BYOC-E311")


def _telling(lines: list[str]) -> list[str]:
    """The last lines of a step, led by the first that looks like an error."""
    told = [line for line in lines if line.strip()]
    tail = told[-SHOWN:]
    first = next((line for line in told if ERRORS.search(line)), None)
    return tail if first is None or first in tail else [first, "...", *tail]


def _built(order: Order, client: "DockerClient", image_id: str, run: tuple[float, Progress]) -> Built:
    api: Any = client.api
    found: Mapping[str, Any] = api.inspect_image(image_id)
    seconds, progress = run
    return Built(
        reference=f"docker:{found['Id']}",
        name=order.tag,
        image_id=found["Id"],
        engine="docker",
        platform=Platform(found.get("Os") or "linux", found.get("Architecture") or ""),
        size=int(found.get("Size") or 0),
        seconds=round(seconds, 2),
        content_key=order.key,
        steps=progress.seconds(),
    )
