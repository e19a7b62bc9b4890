"""What a spec and a base become: every decision of a build."""

import json
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any, TypeVar

import pytest

from byoc_kit.errors import UsageError
from byoc_kit.inventory import Interpreter, OsPackage
from byoc_kit.oci.config import ImageConfig, Platform
from byoc_kit.plan.build import plan_build
from byoc_kit.plan.types import (
    ConfigStep,
    DockerfileStep,
    FileEntry,
    FilesStep,
    Inline,
    Plan,
    PythonStep,
    SystemStep,
    Tree,
)
from byoc_kit.spec.types import Target
from plan.examples import SERVERS, STYLES, TREE, base_of, spec_of

T = TypeVar("T")


def plan(style: str = "basic", server: str = "asgi", more: str = "", **base: Any) -> Plan:
    return plan_build(spec_of(style, server, more), base_of(**base), TREE)


def step(made: Plan, kind: type[T]) -> T:
    (found,) = [item for item in made.steps if isinstance(item, kind)]
    return found


def files(made: Plan) -> dict[str, FileEntry]:
    steps = [item for item in made.steps if isinstance(item, FilesStep)]
    return {str(file.dest): file for item in steps for file in item.files}


def entry(made: Plan) -> dict[str, Any]:
    content = files(made)["/opt/byoc/entry.json"].content
    assert isinstance(content, Inline)
    document: dict[str, Any] = json.loads(content.text)
    return document


@pytest.mark.parametrize("style", STYLES)
def test_entry_json_says_where_the_code_is(style: str) -> None:
    told = entry(plan(style))
    code = "/opt/program" if style in {"basic", "script-mode-1"} else None
    assert told == {
        "schema": "byoc/entry/1",
        "style": style,
        "targets": ["training", "hosting"],
        "train": {"program": "train.py", "code": code},
        "serve": {"program": "inference.py", "code": code, "server": "asgi", "workers": None},
        "process": None,
        "base_entrypoint": [],
    }


@pytest.mark.parametrize("style", STYLES)
def test_code_is_baked_once_or_not_at_all(style: str) -> None:
    baked = sorted(name for name in files(plan(style)) if name.startswith("/opt/program"))
    expected = ["/opt/program/inference.py", "/opt/program/lib/deep.py", "/opt/program/train.py"]
    assert baked == (expected if style in {"basic", "script-mode-1"} else [])


@pytest.mark.parametrize(
    ("style", "server", "added"),
    [
        ("basic", "asgi", ("uvicorn", "httptools", "uvloop")),
        ("basic", "mms", ("sagemaker-inference", "multi-model-server", "setuptools<82")),
        ("script-mode-2", "asgi", ("sagemaker-training", "uvicorn", "httptools", "uvloop")),
    ],
)
def test_style_and_server_add_packages_that_one_can_see(
    style: str, server: str, added: tuple[str, ...]
) -> None:
    made = step(plan(style, server), PythonStep)
    assert made.runtime == added
    assert made.requirements == ("scikit-learn", "pandas>=2")


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("server", SERVERS)
def test_only_the_training_toolkit_needs_a_compiler(style: str, server: str) -> None:
    assert step(plan(style, server), PythonStep).compiler is (style != "basic")


def test_the_spec_has_the_last_word_on_the_compiler() -> None:
    assert step(plan("basic", more="[build]\ncompiler = true"), PythonStep).compiler is True
    assert step(plan("framework", more="[build]\ncompiler = false"), PythonStep).compiler is False


@pytest.mark.parametrize(
    ("manager", "package"),
    [
        ("apt-get", "default-jre-headless"),
        ("dnf", "java-17-amazon-corretto-headless"),
        ("microdnf", "java-17-amazon-corretto-headless"),
        ("apk", "openjdk17-jre-headless"),
    ],
)
def test_mms_brings_java_by_the_name_of_the_base(manager: str, package: str) -> None:
    found = step(plan(server="mms", package_manager=manager), SystemStep)
    assert (found.manager, found.packages) == (manager, (package,))


@pytest.mark.parametrize(
    ("manager", "package"),
    [
        ("dpkg", "openjdk-17-jre-headless"),
        ("dpkg", "default-jre"),
        ("rpm", "java-17-amazon-corretto-headless"),
        ("rpm", "java-21-openjdk"),
        ("apk", "openjdk17-jre-base"),
    ],
)
def test_a_base_with_java_needs_no_other(manager: str, package: str) -> None:
    there = (OsPackage(name=package, version="17", manager=manager),)  # type: ignore[arg-type]
    assert not systems(plan(server="mms", os_packages=there))


@pytest.mark.parametrize("package", ["openjdk-17-doc", "libjava", "default-jre-doc"])
def test_what_only_sounds_like_java_does_not_run_it(package: str) -> None:
    there = (OsPackage(name=package, version="17", manager="dpkg"),)
    assert systems(plan(server="mms", os_packages=there))


def test_only_packages_that_the_base_lacks_are_installed() -> None:
    wanted = '[system]\npackages = ["tar", "make=4.3-4.1", "gcc=12", "git"]'
    there = tuple(
        OsPackage(name=name, version=version, manager="dpkg")
        for name, version in (("tar", "1.34"), ("make", "4.3-4.1"), ("gcc", "11"), ("github", "1"))
    )
    assert step(plan(more=wanted, os_packages=there), SystemStep).packages == ("gcc=12", "git")
    assert not systems(plan(more='[system]\npackages = ["tar"]', os_packages=there, package_manager=None))


def systems(made: Plan) -> list[SystemStep]:
    return [item for item in made.steps if isinstance(item, SystemStep)]


def test_the_environment_says_what_runs() -> None:
    one, two, framework = (step(plan(style), ConfigStep).env for style in STYLES[1:])
    assert one["SAGEMAKER_PROGRAM"] == "train.py"
    assert "SAGEMAKER_PROGRAM" not in two
    assert framework["SAGEMAKER_TRAINING_MODULE"] == "house.training:main"
    assert one["PYTHONUNBUFFERED"] == one["PYTHONDONTWRITEBYTECODE"] == "1"


def test_the_users_env_and_labels_come_last_and_win() -> None:
    config = step(plan(more='[env]\nPYTHONUNBUFFERED = "x"\n[labels]\nteam = "churn"'), ConfigStep)
    assert config.env["PYTHONUNBUFFERED"] == "x"
    assert config.labels == {
        "org.opencontainers.image.base.name": "registry.example/python:3.12-slim",
        "team": "churn",
    }


@pytest.mark.parametrize(
    ("targets", "cmd"),
    [
        (["training", "hosting"], ("train",)),
        (["tuning"], ("train",)),
        (["hosting"], ("serve",)),
        (["training", "processing"], None),
    ],
)
def test_cmd_is_the_word_for_a_bare_run_unless_processing_must_find_out(
    targets: list[str], cmd: tuple[str, ...] | None
) -> None:
    spec = spec_of()
    image = replace(spec.image, targets=tuple(type(spec.image.targets[0])(name) for name in targets))
    assert step(plan_build(replace(spec, image=image), base_of(), TREE), ConfigStep).cmd == cmd


def test_images_for_processing_answer_python() -> None:
    """PRC-10: at the end of PATH, so that a python of the base comes first."""
    spec = spec_of()
    processing = (*spec.image.targets, Target.PROCESSING)
    made = plan_build(
        replace(spec, image=replace(spec.image, targets=processing)),
        base_of(config=ImageConfig(env={"PATH": "/opt/conda/bin:/usr/bin"})),
        TREE,
    )
    assert step(made, ConfigStep).env["PATH"] == "/opt/conda/bin:/usr/bin:/opt/byoc/bin"
    files = [file for each in made.steps if isinstance(each, FilesStep) for file in each.files]
    (program,) = (file for file in files if str(file.dest) == "/opt/byoc/bin/python")
    assert program.content == Inline('#!/bin/sh\nexec /usr/local/bin/python3 "$@"\n')
    assert program.mode == 0o755
    assert "PATH" not in step(plan(), ConfigStep).env


def test_the_entrypoint_is_the_interpreter_that_was_found() -> None:
    assert step(plan(), ConfigStep).entrypoint == ("/usr/local/bin/python3", "-I", "/opt/byoc/entry")


def test_unseen_bases_get_python3_of_path_and_a_note() -> None:
    made = plan_build(spec_of(), None, TREE)
    assert made.python is None
    assert step(made, ConfigStep).entrypoint == ("/usr/bin/env", "python3", "-I", "/opt/byoc/entry")
    assert any("nobody could look" in note for note in made.notes)
    assert made.options.root


SHIM = ImageConfig(entrypoint=("bash", "/shim.sh"), cmd=("jupyter",))


def test_a_bases_entrypoint_is_chained_replaced_or_kept() -> None:
    chained = plan(config=SHIM)
    assert entry(chained)["base_entrypoint"] == ["bash", "/shim.sh"]
    assert any("ENTRYPOINT" in note for note in chained.notes)

    def chosen(word: str) -> Plan:
        spec = spec_of()
        kind = type(spec.image.entrypoint)
        image = replace(spec.image, entrypoint=kind(word))
        return plan_build(replace(spec, image=image), base_of(config=SHIM), TREE)

    assert entry(chosen("replace"))["base_entrypoint"] == []
    kept = chosen("keep")
    assert step(kept, ConfigStep).entrypoint is None
    assert step(kept, ConfigStep).cmd is None
    assert not any(name.startswith("/opt/byoc") for name in files(kept))


def test_a_user_of_the_base_gives_way_to_root_with_a_note() -> None:
    made = plan(config=ImageConfig(user="app"))
    assert made.options.root
    assert any("USER is app" in note for note in made.notes)
    assert not plan().options.root


def test_another_stop_signal_of_the_base_is_put_right() -> None:
    assert step(plan(config=ImageConfig(stop_signal="SIGQUIT")), ConfigStep).stop_signal == "SIGTERM"
    assert step(plan(config=ImageConfig(stop_signal="SIGTERM")), ConfigStep).stop_signal is None


def test_python_may_come_from_system_packages() -> None:
    made = plan(more='[system]\npackages = ["python3.11=3.11.2-6"]', python=None)
    assert made.python == "/usr/bin/python3.11"
    assert any("has no Python" in note for note in made.notes)
    assert step(made, PythonStep).pip is False


def test_a_base_without_pip_gets_one_that_one_can_see() -> None:
    bare = Interpreter(executable="/usr/bin/python3", version=(3, 11, 2))
    made = step(plan(python=bare), PythonStep)
    assert made.pip is False
    assert made.runtime[-1] == "pip"
    assert "pip" not in step(plan(), PythonStep).runtime


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "no python": ("", {"python": None}, "BYOC-E201"),
    "old python": (
        "",
        {"python": Interpreter(executable="/usr/bin/python", version=(3, 7, 9))},
        "BYOC-E202",
    ),
    "other platform": ("", {"platform": Platform("linux", "arm64")}, "BYOC-E203"),
    "no shell": ("", {"python": None, "commands": frozenset()}, "BYOC-E212"),
    "no manager": ('[system]\npackages = ["libgomp1"]', {"package_manager": None}, "BYOC-E210"),
    "one place, two files": (
        '[files]\n"/opt/program/train.py" = "bin/tool"',
        {},
        "BYOC-E204",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused(name: str) -> None:
    more, base, error = REFUSED[name]
    with pytest.raises(UsageError) as caught:
        plan(more=more, **base)
    assert caught.value.id == error
    assert caught.value.why
    assert caught.value.fix


def test_a_program_that_dockerignore_leaves_out_is_missed_before_the_build() -> None:
    project = {path: bits for path, bits in TREE.project.items() if path.name != "train.py"}
    with pytest.raises(UsageError, match=r"no src/train.py") as caught:
        plan_build(spec_of(), base_of(), Tree(project=project, assets=TREE.assets))
    assert caught.value.id == "BYOC-E206"


def test_opt_ml_is_not_for_files() -> None:
    spec = spec_of()
    (file,) = spec_of(more='[files]\n"/srv/x" = "bin/tool"').files
    stray = replace(file, dest=PurePosixPath("/opt/ml/model/x"))
    with pytest.raises(UsageError) as caught:
        plan_build(replace(spec, files=(stray,)), base_of(), TREE)
    assert caught.value.id == "BYOC-E205"


def test_modes_come_from_the_plan_and_programs_get_unix_lines() -> None:
    made = files(plan(more='[files]\n"/usr/local/bin/tool" = "bin/tool"'))
    assert made["/usr/local/bin/tool"].mode == 0o755
    assert made["/opt/program/lib/deep.py"].mode == 0o644
    assert made["/opt/program/train.py"].unix_lines
    assert not made["/opt/program/lib/deep.py"].unix_lines


def test_an_adopted_dockerfile_is_one_opaque_step() -> None:
    made = plan_build(spec_of(more='[build]\ndockerfile = "my.Dockerfile"'), None, TREE)
    assert made.steps == (DockerfileStep(path=PurePosixPath("my.Dockerfile")),)
