"""``byoc run serve``: an endpoint in one container or several, pinged and asked as the service would."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from byoc_kit.errors import UsageError
from byoc_kit.job.media import content_type
from byoc_kit.job.variants import VARIANTS, variant
from byoc_kit.local.multi_model import MultiModel
from byoc_kit.local.serving import Answer, Take
from byoc_kit.spec.types import Target
from byoc_kit.talk import Talk
from byoc_kit.work.endpoints import Endpoint, ServeOptions, hosted_for, serve, split_request
from byoc_kit.work.project import Project
from byoc_kit.work.start import shell

__all__ = ["Endpoint", "Invocation", "ServeOptions", "ServeResult", "run_serve", "serve", "shell_serve"]

USUAL = ServeOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A file that is to be sent."""

    file: Path
    model: str | None
    """Of a multi-model endpoint."""


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


def run_serve(
    project: Project | None,
    *,
    image: str | None = None,
    options: ServeOptions = USUAL,
    talk: Talk,
    ready: Callable[[Endpoint], None] = lambda endpoint: None,
    take: Take | None = None,
) -> ServeResult:
    """Serve; send what is to be invoked and end, or call *ready* and go on until somebody stops it (Ctrl-C).

    *take* is given the pieces of an answer of a streaming endpoint while they come. Raises ByocError for a
    server that ends, is not healthy in time, or refuses a request.
    """
    requests = [_request(options, text) for text in options.invoke]
    with serve(project, image=image, options=options, talk=talk, take=take) as endpoint:
        answers = tuple(_invoke(endpoint, request, options, talk) for request in requests)
        if not requests:
            _say_where(endpoint, talk)
            ready(endpoint)
            endpoint.server.wait()
        return ServeResult(
            image=endpoint.image,
            model=endpoint.model,
            ready_seconds=round(endpoint.server.seconds, 3),
            invocations=answers,
        )


def shell_serve(
    project: Project | None, *, image: str | None = None, options: ServeOptions = USUAL, talk: Talk
) -> None:
    """Open a shell where the service would start serving."""
    with hosted_for(project, image, options, talk) as ready:
        shell(ready.place, ready.plan, ready.session, talk)


def _say_where(endpoint: Endpoint, talk: Talk) -> None:
    """What to send, and where to."""
    server = endpoint.server
    if isinstance(server, MultiModel):
        for target in server.models:
            server.load(target)
            talk.say(f"POST requests for {target} to {server.url}{server.path(target)}")
        talk.say("Ctrl-C stops the server")
    else:
        talk.say(f"POST requests to {server.url}/invocations; Ctrl-C stops the server")


def _request(options: ServeOptions, text: Path) -> Request:
    """A file that can be read. Raises UsageError."""
    model, file = split_request(text) if options.target == Target.MULTI_MODEL else (None, text)
    try:
        with file.open("rb"):
            return Request(file=file, model=model)
    except OSError as error:
        raise UsageError(
            f"the request {file} cannot be read",
            why=str(error.strerror),
            fix="name an existing file with --invoke",
            id="BYOC-E419",
        ) from error


def _invoke(endpoint: Endpoint, request: Request, options: ServeOptions, talk: Talk) -> Invocation:
    file, kind = request.file, options.content_type or content_type(request.file)
    promised, size = VARIANTS[variant(options.target)], file.stat().st_size
    if size > promised.largest:
        talk.warn(
            f"{file} has {size:,} bytes; such an endpoint takes {promised.largest:,} ({promised.clause})"
        )
    answer = endpoint.server.invoke(file, content_type=kind, accept=options.accept, model=request.model)
    talk.say(
        f"{file} as {kind}: {answer.status}, {answer.content_type or 'no type'}, {_times(answer, options)}"
    )
    if options.target == Target.STREAMING and "chunked" not in answer.headers.get("transfer-encoding", ""):
        talk.warn("the answer did not come in chunks: a client sees nothing of it before its end (INF-30)")
    return Invocation(file=file, content_type=kind, answer=answer)


def _times(answer: Answer, options: ServeOptions) -> str:
    first = f"first byte after {answer.first_byte:.3f} s, all " if options.target == Target.STREAMING else ""
    return f"{first}{answer.seconds:.3f} s"
