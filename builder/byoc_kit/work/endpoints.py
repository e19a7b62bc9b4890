"""Endpoints of every kind, as the service starts them: one container, or the several of a pipeline."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from byoc_kit.errors import ByocError, UsageError
from byoc_kit.job.container import SERVING_PORT, Port
from byoc_kit.job.variants import (
    BIND_TO_PORT,
    MULTI_MODEL,
    VARIANTS,
    bound,
    multi_model,
    pipeline,
    serverless,
    variant,
)
from byoc_kit.local import serving
from byoc_kit.local.images import LocalImage
from byoc_kit.local.multi_model import Model, MultiModel, named_models, prepare_models, target_of
from byoc_kit.local.pipeline import Chain
from byoc_kit.local.serving import Served, Take
from byoc_kit.spec.types import Target
from byoc_kit.talk import Talk
from byoc_kit.work.hosting import Hosted, find_model, hosted, job_stamp, named_model, scratch_folder
from byoc_kit.work.jobs import ContainerOptions, serving_code
from byoc_kit.work.project import Project
from byoc_kit.work.state import read_last_build

__all__ = ["Endpoint", "ServeOptions", "hosted_for", "serve", "split_request"]

USUAL_PORT = 8080  # of this machine, when there is nothing to invoke


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions(ContainerOptions):
    """What can be asked of ``byoc run serve``."""

    target: str = Target.HOSTING
    """The way of hosting: one of job.variants.VARIANTS."""
    model: Path | None = None
    """A folder or a model.tar.gz; None: the newest successful run's, else ``[serve] model``, else none.

    Of a multi-model endpoint: a folder with an archive or a folder for each model."""
    images: tuple[str, ...] = ()
    """The containers of a pipeline, in order."""
    models: tuple[Path, ...] = ()
    """Of a pipeline's containers, in order; those beyond get none."""
    invoke: tuple[Path, ...] = ()
    """Files to send to /invocations, one after the other; then the server is stopped.

    Of a multi-model endpoint ``MODEL=FILE``; with one model FILE is enough."""
    content_type: str | None = None
    """Of the files; None: by the name of each."""
    accept: str | None = None
    """The Accept header; None: none is sent."""
    port: int | None = None
    """Of this machine's loopback, 0 for any; None: 8080, or any where there is something to invoke."""
    bind_port: int | None = None
    """SAGEMAKER_BIND_TO_PORT: the port the server has to take in its container (PIP-01); None: not set."""
    memory: int = 2048
    """MB of a serverless endpoint (SLS-01)."""
    timeout: float = serving.STARTUP
    """Seconds until the first good ping (INF-04)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A server that answers its pings, and what it serves."""

    image: str
    model: Path | None
    server: Served


USUAL = ServeOptions()


@contextmanager
def serve(
    project: Project | None,
    *,
    image: str | None = None,
    options: ServeOptions = USUAL,
    talk: Talk,
    take: Take | None = None,
) -> Iterator[Endpoint]:
    """An endpoint as the service would start it; stopped and removed at the end of the context."""
    target = variant(options.target)
    if target is Target.PIPELINE:
        with _pipeline(project, options, talk) as endpoint:
            yield endpoint
        return
    _refuse_pipeline_words(options)
    with hosted_for(project, image, options, talk) as ready, _started(ready, options, talk) as server:
        server.invocation, server.take = VARIANTS[target].seconds, take
        served: Served = server
        if target is Target.MULTI_MODEL:
            served = MultiModel(server, ready.models, talk)
            served.check()
        yield Endpoint(image=ready.place.image.reference, model=ready.model, server=served)


@contextmanager
def _started(ready: Hosted, options: ServeOptions, talk: Talk) -> Iterator[serving.Server]:
    with_what = f"the model {ready.model}" if ready.model else "no model"
    talk.say(f"serving {with_what} in {ready.place.image.name}")
    log = ready.place.state / "serve.log"
    with serving.serving(ready.plan, ready.session, log=log, timeout=options.timeout, talk=talk) as server:
        talk.say(f"healthy after {server.seconds:.1f} s at {server.url}")
        yield server


@contextmanager
def hosted_for(
    project: Project | None, image: str | None, options: ServeOptions, talk: Talk
) -> Iterator[Hosted]:
    """One container, as the target wants it. Raises ByocError."""
    if options.target == Target.PIPELINE:
        raise _usage("a pipeline has no single shell", "it has several containers", "open one for each image")
    target, name = variant(options.target), job_stamp(project, image)
    several = target is Target.MULTI_MODEL
    model = None if several else named_model(options.model)
    with hosted(project, image, options, talk, model=model, name=name) as ready, ExitStack() as stack:
        plan = replace(ready.plan, ports=(Port(SERVING_PORT, _port(options)),))
        if options.bind_port is not None:
            plan = bound(plan, options.bind_port, published=_port(options))
        if target is Target.BATCH:
            plan = replace(plan, env={"SAGEMAKER_BATCH": "true", **plan.env})
        elif target is Target.SERVERLESS:
            plan = serverless(plan, options.memory)
        models = tuple[Model, ...]()
        if several:
            _require_label(ready.place.image, MULTI_MODEL, target)
            scratch = stack.enter_context(scratch_folder(ready.place.state / "serve" / f"{name}-models"))
            found = _models(project, ready, options, talk)
            for model_of, _ in map(split_request, options.invoke):  # before anything is unpacked or started
                target_of(found, model_of)
            models = prepare_models(found, code=serving_code(project), scratch=scratch)
            plan = multi_model(plan, tuple(model.mount for model in models))
        yield replace(ready, plan=plan, models=models, model=options.model if several else ready.model)


def _models(project: Project | None, ready: Hosted, options: ServeOptions, talk: Talk) -> Mapping[str, Path]:
    """Those of a multi-model endpoint; without --model the one that any endpoint would have."""
    if options.model is not None:
        return named_models(options.model.expanduser().resolve())
    found = find_model(project, ready.place, talk)
    return {"model.tar.gz": found} if found else {}


@contextmanager
def _pipeline(project: Project | None, options: ServeOptions, talk: Talk) -> Iterator[Endpoint]:
    """Several containers behind each other, each with its own model or none."""
    if len(options.models) > len(options.images):
        raise _usage(
            f"{len(options.models)} models are given for {len(options.images)} containers",
            "the first --model is for the first container, and so on",
            "name an image for each: byoc run serve --target pipeline FIRST SECOND",
        )
    models = [*options.models, *([None] * len(options.images))]
    name = job_stamp(project, options.images[0] if options.images else "pipeline")
    with ExitStack() as stack:
        found = [
            stack.enter_context(_member(project, image, options, model, f"{name}-{number}", talk))
            for number, (image, model) in enumerate(zip(options.images, models, strict=False), start=1)
        ]
        plans = pipeline([each.plan for each in found], published=_port(options))
        first = found[0]
        for each in found:
            _require_label(each.place.image, BIND_TO_PORT, Target.PIPELINE)
        talk.say(f"serving {' -> '.join(each.place.image.name for each in found)}")
        logs = [first.place.state / f"serve-{number}.log" for number in range(1, len(found) + 1)]
        servers = stack.enter_context(
            serving.several(plans, first.session, logs=logs, timeout=options.timeout, talk=talk)
        )
        chain = Chain(servers, VARIANTS[Target.PIPELINE].seconds)
        talk.say(f"healthy after {chain.seconds:.1f} s; the first container is at {chain.url}")
        yield Endpoint(image=" ".join(each.place.image.reference for each in found), model=None, server=chain)


@contextmanager
def _member(
    project: Project | None, image: str, options: ServeOptions, model: Path | None, name: str, talk: Talk
) -> Iterator[Hosted]:
    """One container of a pipeline; what the project says counts for its own image only."""
    own = project if project is not None and _is_last_build(project, image) else None
    found = named_model(model) if model or own else None
    with hosted(own, image, options, talk, model=found, name=name) as ready:
        yield ready


def _is_last_build(project: Project, image: str) -> bool:
    try:
        built = read_last_build(project)
    except ByocError:
        return False
    return image.removeprefix("docker:") in {built.name, built.reference.removeprefix("docker:")}


def _require_label(image: LocalImage, label: str, target: Target) -> None:
    """Raise ByocError where the service would refuse the image (IMG-18)."""
    if image.config.labels.get(label) != "true":
        raise ByocError(
            f"{image.name} is not made for the target {target}",
            why=f"the service takes only images with the label {label}=true (IMG-18)",
            fix=f"add {target.value!r} to [image] targets and build, or LABEL {label}=true to a Dockerfile",
            id="BYOC-E470",
        )


def split_request(text: Path) -> tuple[str | None, Path]:
    """``MODEL=FILE`` of a multi-model endpoint, or FILE alone."""
    model, equals, file = str(text).partition("=")
    return (model, Path(file)) if equals else (None, text)


def _refuse_pipeline_words(options: ServeOptions) -> None:
    if options.images or options.models:
        raise _usage(
            "several images or models are given",
            "only a pipeline has more than one container",
            "say --target pipeline, or name one image and one --model",
        )


def _usage(what: str, why: str, fix: str) -> UsageError:
    return UsageError(what, why=why, fix=fix, id="BYOC-E466")


def _port(options: ServeOptions) -> int:
    if options.port is not None:
        return options.port
    return 0 if options.invoke else USUAL_PORT
