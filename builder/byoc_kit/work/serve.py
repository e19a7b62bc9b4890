"""``byoc run serve``: an endpoint in one container, pinged and asked as the service would."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from byoc_kit.errors import UsageError
from byoc_kit.job.container import Port
from byoc_kit.job.media import content_type
from byoc_kit.local import serving
from byoc_kit.local.serving import Answer, Server
from byoc_kit.talk import Talk
from byoc_kit.work.hosting import Hosted, hosted, job_stamp
from byoc_kit.work.jobs import ContainerOptions
from byoc_kit.work.project import Project
from byoc_kit.work.start import shell

__all__ = ["Endpoint", "Invocation", "ServeOptions", "ServeResult", "run_serve", "serve", "shell_serve"]

USUAL_PORT = 8080  # of this machine, when there is nothing to invoke


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions(ContainerOptions):
    """What can be asked of ``byoc run serve``."""

    model: Path | None = None
    """A folder or a model.tar.gz; None: the newest successful run's, else ``[serve] model``, else none."""
    invoke: tuple[Path, ...] = ()
    """Files to send to /invocations, one after the other; then the server is stopped."""
    content_type: str | None = None
    """Of the files; None: by the name of each."""
    accept: str | None = None
    """The Accept header; None: none is sent."""
    port: int | None = None
    """Of this machine's loopback, 0 for any; None: 8080, or any where there is something to invoke."""
    timeout: float = serving.STARTUP
    """Seconds until the first good ping (INF-04)."""


USUAL = ServeOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One file that was sent, and the answer."""

    file: Path
    content_type: str
    answer: Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeResult:
    """What an endpoint answered."""

    image: str
    model: Path | None
    ready_seconds: float
    """From the start of the container to the first good ping."""
    invocations: tuple[Invocation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A server that answers its pings, and what it serves."""

    image: str
    model: Path | None
    server: Server


def run_serve(
    project: Project | None,
    *,
    image: str | None = None,
    options: ServeOptions = USUAL,
    talk: Talk,
    ready: Callable[[Endpoint], None] = lambda endpoint: None,
) -> ServeResult:
    """Serve; send what is to be invoked and end, or call *ready* and go on until somebody stops it (Ctrl-C).

    Raises ByocError for a server that ends, is not healthy in time, or refuses a request.
    """
    bodies = [(file, _read(file)) for file in options.invoke]
    with serve(project, image=image, options=options, talk=talk) as endpoint:
        answers = tuple(_invoke(endpoint, file, body, options, talk) for file, body in bodies)
        if not bodies:
            talk.say(f"POST requests to {endpoint.server.url}/invocations; Ctrl-C stops the server")
            ready(endpoint)
            endpoint.server.wait()
        return ServeResult(
            image=endpoint.image,
            model=endpoint.model,
            ready_seconds=round(endpoint.server.seconds, 3),
            invocations=answers,
        )


@contextmanager
def serve(
    project: Project | None, *, image: str | None = None, options: ServeOptions = USUAL, talk: Talk
) -> Iterator[Endpoint]:
    """An endpoint as the service would start it; stopped and removed at the end of the context."""
    with _hosted(project, image, options, talk) as ready:
        with_what = f"the model {ready.model}" if ready.model else "no model"
        talk.say(f"serving {with_what} in {ready.place.image.name}")
        log = ready.place.state / "serve.log"
        with serving.serving(
            ready.plan, ready.session, log=log, timeout=options.timeout, talk=talk
        ) as server:
            talk.say(f"healthy after {server.seconds:.1f} s at {server.url}")
            yield Endpoint(image=ready.place.image.reference, model=ready.model, server=server)


def shell_serve(
    project: Project | None, *, image: str | None = None, options: ServeOptions = USUAL, talk: Talk
) -> None:
    """Open a shell where the service would start serving."""
    with _hosted(project, image, options, talk) as ready:
        shell(ready.place, ready.plan, ready.session, talk)


@contextmanager
def _hosted(
    project: Project | None, image: str | None, options: ServeOptions, talk: Talk
) -> Iterator[Hosted]:
    name = job_stamp(project, image)
    with hosted(project, image, options, talk, model=options.model, name=name) as ready:
        ports = (Port(ready.plan.ports[0].container, _port(options)),)
        yield replace(ready, plan=replace(ready.plan, ports=ports))


def _port(options: ServeOptions) -> int:
    if options.port is not None:
        return options.port
    return 0 if options.invoke else USUAL_PORT


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(
            f"the request {file} cannot be read",
            why=str(error.strerror),
            fix="name an existing file with --invoke",
            id="BYOC-E419",
        ) from error


def _invoke(endpoint: Endpoint, file: Path, body: bytes, options: ServeOptions, talk: Talk) -> Invocation:
    kind = options.content_type or content_type(file)
    if len(body) > serving.LARGEST:
        talk.warn(f"{file} has {len(body):,} bytes; a real-time endpoint takes {serving.LARGEST:,} (INF-10)")
    answer = endpoint.server.invoke(body, content_type=kind, accept=options.accept)
    talk.say(f"{file} as {kind}: {answer.status}, {answer.content_type or 'no type'}, {answer.seconds:.3f} s")
    return Invocation(file=file, content_type=kind, answer=answer)
