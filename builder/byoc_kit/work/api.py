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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, Unpack

from byoc_kit.local.journal import Hear
from byoc_kit.plan.types import Built
from byoc_kit.talk import Silence, Talk
from byoc_kit.work.build import BuildOptions
from byoc_kit.work.build import build as build_image
from byoc_kit.work.keywords import (
    BuildKeywords,
    ProcessKeywords,
    ServeKeywords,
    TrainKeywords,
    TransformKeywords,
    TuneKeywords,
)
from byoc_kit.work.process import ProcessOptions, ProcessResult
from byoc_kit.work.process import run_process as process
from byoc_kit.work.project import Project, load
from byoc_kit.work.run import Endpoint, ServeOptions, TrainOptions, TrainResult, serve
from byoc_kit.work.run import run_train as train
from byoc_kit.work.transform import TransformOptions, TransformResult
from byoc_kit.work.transform import run_transform as transform
from byoc_kit.work.tune import TuneOptions, TuneResult
from byoc_kit.work.tune import run_tune as tune

__all__ = [
    "Built",
    "ProcessResult",
    "Response",
    "ServeSession",
    "TrainResult",
    "TransformResult",
    "TuneResult",
    "build",
    "run_process",
    "run_serve",
    "run_train",
    "run_transform",
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
        self,
        data: bytes | str,
        content_type: str = "application/json",
        accept: str | None = None,
        model: str | None = None,
    ) -> Response:
        """Send *data* to /invocations, as InvokeEndpoint does; of a multi-model endpoint to *model*.

        Raises ByocError without a good answer.
        """
        body = data.encode() if isinstance(data, str) else data
        answer = self._endpoint.server.invoke(body, content_type=content_type, accept=accept, model=model)
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


def run_transform(
    project: str | Path = ".",
    image: str | None = None,
    *,
    source: str | Path,
    quiet: bool = False,
    **options: Unpack[TransformKeywords],
) -> TransformResult:
    """Transform *source*, a file or folder, as a batch transform job would. Raises ByocError.

    *options* are the long options of ``byoc run transform``: see :class:`TransformKeywords`.

        done = byoc_kit.run_transform("churn", source="rows.csv", split="Line", assemble="Line")
        print(done.output, [file.records for file in done.files])
    """
    asked = TransformOptions(source=source, **options)
    return transform(_load(project, image), image=image, options=asked, talk=_talk(quiet))


def _file(project: str | Path) -> Path:
    path = Path(project)
    return path if path.is_file() else path / FILE


def _load(project: str | Path, image: str | None) -> Project | None:
    """The project; None where there is none and *image* says what to run."""
    file = _file(project)
    return None if image is not None and not file.exists() else load(file)


def _talk(quiet: bool) -> Talk:
    return Silence() if quiet else Lines(sys.stderr)
