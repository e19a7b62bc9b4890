"""The public Python API: the verbs for a notebook or a script. ``import byoc_kit`` offers these names.

    import byoc_kit

    byoc_kit.build("churn")
    trained = byoc_kit.run_train("churn", hyperparameters={"epochs": 3}, channels={"train": "data"})
    print(trained.model, trained.files)

    with byoc_kit.run_serve("churn") as endpoint:
        answer = endpoint.invoke("5.1,3.5,1.4,0.2", content_type="text/csv")
        print(answer.json())

Whatever can go wrong and you can mend is raised as :class:`byoc_kit.ByocError`, with what, why and fix.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO, TypedDict, Unpack

from byoc_kit.local.journal import Hear
from byoc_kit.plan.types import Built
from byoc_kit.talk import Silence, Talk
from byoc_kit.work.build import BuildOptions
from byoc_kit.work.build import build as build_image
from byoc_kit.work.process import ProcessOptions, ProcessResult
from byoc_kit.work.process import run_process as process
from byoc_kit.work.project import Project, load
from byoc_kit.work.run import Endpoint, ServeOptions, TrainOptions, TrainResult, serve
from byoc_kit.work.run import run_train as train
from byoc_kit.work.tune import TuneOptions, TuneResult
from byoc_kit.work.tune import run_tune as tune

__all__ = [
    "Built",
    "ProcessResult",
    "Response",
    "ServeSession",
    "TrainResult",
    "TuneResult",
    "build",
    "run_process",
    "run_serve",
    "run_train",
    "run_tune",
]

FILE = "byoc.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What a server answered to one request."""

    status: int
    content_type: str
    body: bytes
    seconds: float
    """From the request to the end of the answer."""

    @property
    def text(self) -> str:
        """The body as UTF-8 text."""
        return self.body.decode()

    def json(self) -> Any:
        """The body as JSON. Raises ValueError if it is none."""
        return json.loads(self.body)


class ServeSession:
    """A running endpoint, made by :func:`run_serve`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    @property
    def url(self) -> str:
        """Where it can be reached from this machine, e.g. ``http://127.0.0.1:32801``."""
        return self._endpoint.server.url

    @property
    def model(self) -> Path | None:
        """The model that is served: a folder or an archive; None: the image's own."""
        return self._endpoint.model

    def invoke(
        self, data: bytes | str, content_type: str = "application/json", accept: str | None = None
    ) -> Response:
        """Send *data* to /invocations, as InvokeEndpoint does. Raises ByocError without a good answer."""
        body = data.encode() if isinstance(data, str) else data
        answer = self._endpoint.server.invoke(body, content_type=content_type, accept=accept)
        return Response(
            status=answer.status,
            content_type=answer.content_type,
            body=answer.body,
            seconds=answer.seconds,
        )


class Lines:
    """Progress as plain lines on a stream; in a notebook it appears below the cell."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def say(self, text: str) -> None:
        """One line."""
        self._stream.write(text + "\n")

    note = warn = output = say

    def progress(self, task: str, done: int, total: int | None) -> None:
        """Nothing: lines that repeat themselves help nobody in a notebook."""


class Keywords(TypedDict, total=False):
    """What can be asked of any container."""

    environment: Mapping[str, str]
    """More variables for the container."""
    live: bool
    """Mount the project's source over the code in the image, so that a change needs no build."""
    keep: bool
    """Leave the stopped container and its network for a look."""
    init: bool
    """Start it with Docker's init as PID 1."""
    shm_size: str
    """Size of /dev/shm, e.g. ``2g``; 64m without it."""
    aws_credentials: bool
    """Hand the caller's AWS credentials to the container."""
    region: str
    """AWS_REGION in the container."""


class TrainKeywords(Keywords, total=False):
    """What can be asked of a training job."""

    metrics: Mapping[str, str]
    """Name to the regular expression whose first group is the number; found ones are in the result."""
    driver: Literal["sdk3"]
    """As ModelTrainer of the SageMaker SDK 3 starts it, with the project's source."""
    job_file: Path
    """A CreateTrainingJob request as JSON."""
    sdk: bool
    """Encode hyperparameters as the SageMaker SDK does."""
    instance_type: str
    """What resourceconfig.json says."""
    hosts: int
    """How many hosts, each a container."""
    groups: Sequence[str]
    """``NAME=INSTANCE-TYPE:COUNT`` each: hosts of different kinds."""
    isolated: bool
    """Without a network but between the hosts."""
    time_limit: float
    """Seconds after which the job is stopped; a day without it."""
    stop_after: float
    """Seconds after which the job is stopped as StopTrainingJob does it."""
    interrupt_after: float
    """Seconds after which the hosts vanish as spot instances do; then the job begins anew."""
    resume: str
    """Whose checkpoints are there at the start: ``latest``, the id of a run, or a folder."""
    fetch: bool
    """Fetch the job file's channels from S3."""
    warm_pool: bool
    """Mount the cache folder that a managed warm pool keeps from job to job."""
    limits: bool
    """As much CPU and memory as the instance type has."""
    gpus: int
    """How many GPUs each host gets; -1: all."""


class ProcessKeywords(Keywords, total=False):
    """What can be asked of a processing job."""

    outputs: Sequence[str]
    """``NAME[:LOCALPATH]`` each: folders that the container fills."""
    entrypoint: Sequence[str]
    """In place of the image's own."""
    arguments: Sequence[str]
    """In place of the image's CMD."""
    job_file: Path
    """A CreateProcessingJob request as JSON."""
    fetch: bool
    """Fetch the job file's inputs from S3."""
    hosts: int
    """How many hosts, each a container."""
    isolated: bool
    """Without a network but between the hosts."""
    time_limit: float
    """Seconds after which the job is stopped; a day without it."""


class TuneKeywords(TypedDict, total=False):
    """What can be asked of a tuning job."""

    objective: str
    """The metric that is compared; without it the only one there is."""
    minimize: bool
    """Less is better."""
    jobs: int
    """How many training jobs; 4 without it."""
    parallel: int
    """How many at a time."""
    seed: int
    """Of the order of the values."""
    job_file: Path
    """A CreateHyperParameterTuningJob request as JSON."""


class ServeKeywords(Keywords, total=False):
    """What can be asked of an endpoint."""

    timeout: float
    """Seconds until the first good ping; 480 without it."""


class BuildKeywords(TypedDict, total=False):
    """What can be asked of a build."""

    tag: str
    """The name in the engine; ``<image name>:latest`` without it."""
    no_cache: bool
    """Build every step again."""
    engine: str
    """``auto``, ``docker`` or ``layer``."""
    output: str
    """``docker``, ``registry``, ``oci:DIR`` or ``docker-archive:FILE``."""


def build(project: str | Path = ".", *, quiet: bool = False, **options: Unpack[BuildKeywords]) -> Built:
    """Build the image of *project*, a folder with a byoc.toml or such a file. Raises ByocError.

    *quiet* says nothing on stderr. *options* are the long options of ``byoc build``.

        built = byoc_kit.build("churn", tag="churn:test")
        print(built.reference, built.size)
    """
    return build_image(load(_file(project)), talk=_talk(quiet), options=BuildOptions(**options))


def run_train(
    project: str | Path = ".",
    image: str | None = None,
    *,
    hyperparameters: Mapping[str, object] | None = None,
    channels: Mapping[str, str | Path] | None = None,
    hear: Hear | None = None,
    quiet: bool = False,
    **options: Unpack[TrainKeywords],
) -> TrainResult:
    """Train here as SageMaker would, in the last build of *project* or in *image*. Raises ByocError.

    *hyperparameters* and *channels* (name to a file or folder of this machine) go over those of byoc.toml.
    *hear* gets the host and the text of each line that a container prints. *options* are the long options of
    ``byoc run train``: see :class:`TrainKeywords`.

        trained = byoc_kit.run_train("churn", hyperparameters={"epochs": 3}, live=True)
        print(trained.model, trained.seconds)
    """
    asked = TrainOptions(
        hyperparameters=hyperparameters or {},
        channels={name: str(path) for name, path in (channels or {}).items()},
        **options,
    )
    return train(_load(project, image), image=image, options=asked, talk=_talk(quiet), hear=hear)


def run_process(
    project: str | Path = ".",
    image: str | None = None,
    *,
    inputs: Mapping[str, str | Path] | None = None,
    quiet: bool = False,
    **options: Unpack[ProcessKeywords],
) -> ProcessResult:
    """Process here as SageMaker would, in the last build of *project* or in *image*. Raises ByocError.

    *inputs* (name to a file or folder of this machine) go over those of byoc.toml. *options* are the long
    options of ``byoc run process``: see :class:`ProcessKeywords`.

        processed = byoc_kit.run_process("clean", inputs={"raw": "data"}, arguments=["--days", "3"])
        print(processed.run / "output" / "train", processed.message)
    """
    asked = ProcessOptions(inputs={name: str(path) for name, path in (inputs or {}).items()}, **options)
    return process(_load(project, image), image=image, options=asked, talk=_talk(quiet))


def run_tune(
    project: str | Path = ".",
    image: str | None = None,
    *,
    ranges: Mapping[str, str] | None = None,
    training: TrainKeywords | None = None,
    quiet: bool = False,
    **options: Unpack[TuneKeywords],
) -> TuneResult:
    """Train here once for each set of values of *ranges* (name to ``LOW:HIGH`` or ``A,B``). Raises ByocError.

    *training* are the keywords of :func:`run_train` that all jobs share, *options* the long options of
    ``byoc run tune``: see :class:`TuneKeywords`.

        tuned = byoc_kit.run_tune("churn", ranges={"trees": "10:200"}, jobs=3)
        print(tuned.best.hyperparameters, tuned.best.objective)
    """
    asked = TuneOptions(ranges=ranges or {}, training=TrainOptions(**(training or {})), **options)
    return tune(_load(project, image), image=image, options=asked, talk=_talk(quiet))


@contextmanager
def run_serve(
    project: str | Path = ".",
    image: str | None = None,
    *,
    model: str | Path | None = None,
    port: int = 0,
    quiet: bool = False,
    **options: Unpack[ServeKeywords],
) -> Iterator[ServeSession]:
    """An endpoint here as SageMaker would start it, while the ``with`` block lasts. Raises ByocError.

    *model* is a folder or a model.tar.gz (without it: the newest successful run's), *port* one of this
    machine's loopback (0: any free one). *options* are the long options of ``byoc run serve``: see
    :class:`ServeKeywords`.

        with byoc_kit.run_serve("churn") as endpoint:
            answer = endpoint.invoke('[[5.1, 3.5, 1.4, 0.2]]')
            print(answer.json(), endpoint.url)
    """
    asked = ServeOptions(model=None if model is None else Path(model), port=port, **options)
    with serve(_load(project, image), image=image, options=asked, talk=_talk(quiet)) as endpoint:
        yield ServeSession(endpoint)


def _file(project: str | Path) -> Path:
    path = Path(project)
    return path if path.is_file() else path / FILE


def _load(project: str | Path, image: str | None) -> Project | None:
    """The project; None where there is none and *image* says what to run."""
    file = _file(project)
    return None if image is not None and not file.exists() else load(file)


def _talk(quiet: bool) -> Talk:
    return Silence() if quiet else Lines(sys.stderr)
