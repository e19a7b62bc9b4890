"""A multi-model endpoint: models are loaded into a running server when somebody asks for them (MME)."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from byoc_kit.errors import ByocError, UsageError
from byoc_kit.job.container import Mount
from byoc_kit.local.models import prepare_model
from byoc_kit.local.serving import Answer, Body, Server
from byoc_kit.talk import Talk

__all__ = ["Model", "MultiModel", "named_models", "prepare_models", "target_of"]

PLACE = PurePosixPath("/opt/ml/models")
ARCHIVES = "*.tar.gz"
LOADING = 360.0  # seconds (MME-07)
TARGET = "X-Amzn-SageMaker-Target-Model"


@dataclass(frozen=True, slots=True)
class Model:
    """One model of the endpoint."""

    target: str
    """What a client calls it: the path of its archive below the endpoint's folder (TargetModel)."""
    folder: Path

    @property
    def name(self) -> str:
        """What the container calls it: an opaque word (MME-06)."""
        return hashlib.sha256(self.target.encode()).hexdigest()

    @property
    def place(self) -> PurePosixPath:
        """Where it is in the container."""
        return PLACE / self.name / "model"

    @property
    def mount(self) -> Mount:
        """It is the platform's: nobody in the container writes there (MME-09)."""
        return Mount(self.folder, self.place, read_only=True)


def named_models(root: Path) -> Mapping[str, Path]:
    """Target to archive or folder: one archive, or those in *root*. Raises UsageError where there is none.

    In a folder, archives count in any depth, and folders where they hold none.
    """
    if root.is_file():
        return {root.name: root}
    if not root.is_dir():
        raise _no_models(root, "it is not there")
    archives = {path.relative_to(root).as_posix(): path for path in sorted(root.rglob(ARCHIVES))}
    folders = {
        path.name: path for path in sorted(root.iterdir()) if path.is_dir() and not any(path.rglob(ARCHIVES))
    }
    if not archives and not folders:
        raise _no_models(root, "there is no archive (.tar.gz) and no folder in it")
    return archives | folders


def prepare_models(found: Mapping[str, Path], *, code: Path | None, scratch: Path) -> tuple[Model, ...]:
    """The models *found*, unpacked in *scratch* where that is needed, with *code* in each as the SDK puts it.

    Raises UsageError, ByocError.
    """
    models = []
    for number, (target, path) in enumerate(found.items()):
        folder = prepare_model(path, code=code, scratch=scratch / str(number))
        assert folder is not None, "a model was given"
        models.append(Model(target, folder))
    return tuple(models)


def _no_models(root: Path, why: str) -> UsageError:
    return UsageError(
        f"there are no models in {root}",
        why=why,
        fix="give --model a folder with a model.tar.gz, or a folder, for each model",
        id="BYOC-E468",
    )


def target_of(known: Collection[str], model: str | None) -> str:
    """The one of *known* that *model* is; without it the only one. Raises UsageError."""
    if model is not None and model in known:
        return model
    if model is None and len(known) == 1:
        return next(iter(known))
    raise UsageError(
        f"there is no model {model!r}" if model else "nothing says which model is asked",
        why=f"the endpoint has {', '.join(known) or 'none'}",
        fix="write --invoke MODEL=FILE, with one of these names",
        id="BYOC-E469",
    )


class MultiModel:
    """A multi-model server and what the platform does around it."""

    def __init__(self, server: Server, models: tuple[Model, ...], talk: Talk) -> None:
        self._server, self._talk = server, talk
        self.models: Mapping[str, Model] = {model.target: model for model in models}
        self._loaded: OrderedDict[str, Model] = OrderedDict()  # the one that was asked longest ago is first

    @property
    def url(self) -> str:
        """Of the server; a model is at ``/models/NAME/invoke``."""
        return self._server.url

    @property
    def seconds(self) -> float:
        """Until the server was healthy, without any model (MME-08)."""
        return self._server.seconds

    def path(self, target: str) -> str:
        """Where the model *target* is invoked."""
        return f"/models/{self.models[target].name}/invoke"

    def check(self) -> None:
        """What the platform asks at the start (MME-02). Raises ByocError for another answer than a list."""
        answer = self._server.ask("GET", "/models", b"", {}, seconds=LOADING)
        if answer.status != 200:
            raise _bad_api("GET /models", f"it answers {answer.status} (MME-02)")
        try:
            listed = json.loads(answer.body)["models"]
        except (ValueError, KeyError, TypeError) as error:
            text = answer.body[:200].decode(errors="replace")
            raise _bad_api("GET /models", f"it answers {text!r}, no list of models (MME-02)") from error
        if listed:
            raise _bad_api("GET /models", f"it lists {len(listed)} models before one was loaded (MME-02)")

    def invoke(
        self, body: Body, *, content_type: str, accept: str | None = None, model: str | None = None
    ) -> Answer:
        """Ask *model*, and load it before where it is not; without one, the only one there is."""
        target = target_of(self.models, model)
        self.load(target)
        headers = {"Content-Type": content_type, TARGET: target, **({"Accept": accept} if accept else {})}
        return self._server.good("POST", self.path(target), body, headers)

    def wait(self, seconds: float | None = None) -> None:
        """Wait; raise ByocError if the server ends."""
        self._server.wait(seconds)

    def load(self, target: str) -> None:
        """Have the model loaded (MME-01). Where there is no room, the one asked longest ago goes (507)."""
        model = self.models[target]
        if target in self._loaded:
            self._loaded.move_to_end(target)
            return
        while (answer := self._order(model)).status == 507 and self._loaded:
            self.unload(next(iter(self._loaded)))
        if answer.status not in {200, 409}:
            text = " ".join(answer.body[:500].decode(errors="replace").split())
            raise _bad_api("POST /models", f"loading {target} was answered {answer.status}: {text} (MME-01)")
        self._loaded[target] = model
        self._talk.say(f"loaded {target} in {answer.seconds:.1f} s as {model.name[:12]}...")

    def _order(self, model: Model) -> Answer:
        order = json.dumps({"model_name": model.name, "url": str(model.place)}).encode()
        headers = {"Content-Type": "application/json"}
        return self._server.ask("POST", "/models", order, headers, seconds=LOADING)

    def unload(self, target: str) -> None:
        """Have the model gone (MME-04)."""
        model = self._loaded.pop(target)
        self._server.good("DELETE", f"/models/{model.name}")
        self._talk.say(f"unloaded {target}: there is no room for all")


def _bad_api(what: str, why: str) -> ByocError:
    return ByocError(
        f"{what} is not answered as a multi-model endpoint must",
        why=why,
        fix="read the server's log above; a server of byoc's needs 'multi-model' in [image] targets",
        id="BYOC-E467",
    )
