"""One suite over both engines: what containers of their images really do is the same."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from rig.projects import Command, Project, edit, image

pytestmark = pytest.mark.engine

SPECIES = ["setosa", "versicolor", "virginica"]
FREEZE = ["-m", "pip", "freeze", "--all"]
IMPORTS = (
    "import sklearn, joblib, uvicorn; print(sklearn.__version__, joblib.__version__, uvicorn.__version__)"
)
FILES = "find /opt/byoc /opt/program -type f -printf '%p %m %U:%G %s\\n' | sort; cat /opt/byoc/entry.json"


@dataclass(frozen=True)
class Bases:
    """References in the registry."""

    plain: str
    toolkits: str
    """Has sagemaker-training, which no wheel brings, as AWS's own images have."""


@pytest.fixture(scope="module")
def bases(project: Project, base: str, registry: str, byoc: Command) -> Bases:
    toolkits = image(project("script-mode-1"))
    names = {"plain": base, "toolkits": toolkits}
    found = {name: f"{registry}/both/{name}:1" for name in names}
    for name, source in names.items():
        byoc("copy", f"docker:{source}", found[name])
    return Bases(**found)


Layered = Callable[[str], Path]


@pytest.fixture(scope="module")
def layered(
    project: Project, bases: Bases, registry: str, byoc: Command, tmp_path_factory: pytest.TempPathFactory
) -> Layered:
    """A project of a style, built by the layer engine into the registry; Docker is not asked."""
    made: dict[str, Path] = {}

    def build(style: str) -> Path:
        if style not in made:
            folder = tmp_path_factory.mktemp("layered") / f"layered-{style}"
            shutil.copytree(project(style), folder, ignore=shutil.ignore_patterns(".byoc"))
            base = (
                {"base": bases.plain}
                if style == "basic"
                else {"base": bases.toolkits, "entrypoint": "replace"}
            )
            repository = {"repository": f"{registry}/both/{style}"}
            edit(folder / "byoc.toml", {"image": base, "publish": repository})
            byoc("build", "--engine", "layer", "--output", "registry", cwd=folder, env=NO_DOCKER)
            made[style] = folder
        return made[style]

    return build


NO_DOCKER = {"DOCKER_HOST": "tcp://127.0.0.1:9", "PATH": "/nonexistent"}


def reference(folder: Path) -> str:
    built: dict[str, str] = json.loads((folder / ".byoc" / "last-build.json").read_text())
    return built["reference"]


def run(engine: docker.DockerClient, name: str, program: str, *words: str) -> str:
    output: bytes = engine.containers.run(name, list(words), entrypoint=[program], remove=True)
    return output.decode()


@pytest.mark.parametrize("style", ["basic", "script-mode-1", "script-mode-2", "framework"])
def test_every_style_trains_and_serves_without_a_run_in_its_build(
    layered: Layered, byoc: Command, style: str
) -> None:
    folder = layered(style)
    trained = byoc("run", "train", cwd=folder)
    assert (Path(trained.stdout.strip()) / "model" / "model.joblib").is_file()
    served = byoc("run", "serve", "--invoke", "sample.csv", cwd=folder)
    assert json.loads(served.stdout) == SPECIES


def test_both_engines_make_the_same_environment(
    layered: Layered, byoc: Command, engine: docker.DockerClient, tmp_path: Path
) -> None:
    folder = tmp_path / layered("basic").name  # with the lock: both install exactly what it lists
    shutil.copytree(layered("basic"), folder)
    edit(folder / "byoc.toml", {"build": {"network": "host"}})
    byoc("build", "--engine", "docker", cwd=folder)
    by_layers, by_docker = reference(layered("basic")), image(folder)
    engine.images.pull(by_layers)
    for program, words in (("python3", FREEZE), ("python3", ["-c", IMPORTS]), ("sh", ["-c", FILES])):
        assert run(engine, by_layers, program, *words) == run(engine, by_docker, program, *words)
    config, other = (engine.images.get(name).attrs["Config"] for name in (by_layers, by_docker))
    for key in ("Entrypoint", "Cmd", "User", "StopSignal", "WorkingDir"):
        assert config.get(key) == other.get(key), key
    assert dict(pair.split("=", 1) for pair in config["Env"]) == dict(
        pair.split("=", 1) for pair in other["Env"]
    )


def test_pip_inside_finds_nothing_wrong_and_can_take_a_package_away(
    layered: Layered, engine: docker.DockerClient
) -> None:
    name = reference(layered("basic"))
    engine.images.pull(name)
    check = (
        "python3 -m pip check && python3 -m pip uninstall -y --break-system-packages joblib"
        " && ! python3 -c 'import joblib' 2>/dev/null"
    )
    assert "Successfully uninstalled joblib" in run(engine, name, "sh", "-c", check)


def test_editing_code_moves_only_the_last_layer(layered: Layered, byoc: Command, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(layered("basic"), tmp_path / "edited"))
    with (folder / "src" / "train.py").open("a") as file:
        file.write("# edited\n")
    plan = json.loads(byoc("plan", "--engine", "layer", "--output", "oci:image", "--json", cwd=folder).stdout)
    assert plan["download"] == []
    before, after = (layers(byoc, each) for each in (reference(folder), rebuilt(byoc, folder)))
    assert before[:-1] == after[:-1]
    assert before[-1] != after[-1]


def rebuilt(byoc: Command, folder: Path) -> str:
    return byoc("build", "--engine", "layer", "--output", "registry", cwd=folder).stdout.strip()


def layers(byoc: Command, name: str) -> list[str]:
    document = json.loads(byoc("inspect", name, "--json").stdout)
    return [layer["diff_id"] for layer in document["layers"]]
