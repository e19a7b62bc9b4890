"""byoc init without an engine: what it writes, what it leaves alone, and what it refuses."""

import ast
import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from byoc_kit import assets
from byoc_kit.errors import UsageError
from byoc_kit.spec.types import Style, Target
from byoc_kit.work.init import SAYS, init
from byoc_kit.work.project import load
from rig.projects import Command

EVERY = {
    ".dockerignore",
    ".gitignore",
    "README.md",
    "byoc.schema.json",
    "byoc.toml",
    "data/train.csv",
    "requirements.txt",
    "sample.csv",
    "src/forest.py",
    "src/inference.py",
    "src/train.py",
    "tests/test_project.py",
}
FRAMEWORK = {
    "framework/pyproject.toml",
    "framework/house_framework/__init__.py",
    "framework/house_framework/training.py",
}
STYLES = list(Style)


class Heard:
    """A listener who remembers the notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def say(self, text: str) -> None: ...
    def warn(self, text: str) -> None: ...
    def output(self, text: str) -> None: ...
    def progress(self, task: str, done: int, total: int | None) -> None: ...


def tree(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in tree(folder)}


@pytest.mark.parametrize("style", STYLES)
def test_every_style_is_complete(tmp_path: Path, style: Style) -> None:
    done = init(tmp_path / "churn", style=style, base="mybase:dev")
    assert tree(done.folder) == (EVERY | FRAMEWORK if style is Style.FRAMEWORK else EVERY)
    assert {str(path) for path in done.files} == tree(done.folder)
    assert done.kept == ()
    assert names(tmp_path) == ["churn"]


@pytest.mark.parametrize("style", STYLES)
def test_the_spec_of_every_style_is_right_and_says_what_was_asked(tmp_path: Path, style: Style) -> None:
    spec = load(init(tmp_path / "churn", style=style, base="mybase:dev").folder / "byoc.toml").spec
    assert (spec.image.name, spec.image.style, spec.image.base) == ("churn", style, "mybase:dev")
    assert spec.image.targets == (Target.TRAINING, Target.HOSTING)
    assert spec.train is not None
    assert spec.train.channels == {"train": PurePosixPath("data")}
    assert "scikit-learn" in spec.python.requirements
    assert bool(spec.train.module) == bool(spec.python.packages) == (style is Style.FRAMEWORK)


@pytest.mark.parametrize("style", STYLES)
def test_no_placeholder_is_left(tmp_path: Path, style: Style) -> None:
    folder = init(tmp_path / "churn", style=style).folder
    assert [name for name, content in contents(folder).items() if b"{{" in content] == []


def test_the_style_folders_hold_only_what_differs() -> None:
    """What two styles share belongs to _shared: the same file twice would drift apart."""
    own = [path for style in STYLES for path in (assets.containers() / style.value).rglob("*.py")]
    contents = [path.read_bytes() for path in own if "__pycache__" not in path.parts]
    assert len(contents) == len(set(contents))


@pytest.mark.parametrize("style", STYLES)
def test_the_code_is_python_3_8(tmp_path: Path, style: Style) -> None:
    """A base's Python may be as old as that."""
    for path in init(tmp_path / "churn", style=style).folder.rglob("*.py"):
        ast.parse(path.read_text(), feature_version=(3, 8))


def test_the_first_line_points_editors_to_the_schema(tmp_path: Path) -> None:
    folder = init(tmp_path / "churn", style=Style.BASIC).folder
    first = (folder / "byoc.toml").read_text().splitlines()[0]
    assert first == "#:schema ./byoc.schema.json"
    assert "properties" in json.loads((folder / "byoc.schema.json").read_text())


def test_modes_do_not_come_from_the_installation_and_bytecode_is_left_behind(tmp_path: Path) -> None:
    shipped = tmp_path / "shipped"
    ignore = shutil.ignore_patterns("__pycache__", "entry", "serving")
    shutil.copytree(assets.containers(), shipped, ignore=ignore)
    bytecode = shipped / "basic/src/__pycache__/train.cpython-311.pyc"
    bytecode.parent.mkdir()
    bytecode.write_bytes(b"\xff\x00")
    (shipped / "basic/src/train.py").chmod(0o777)
    before = os.umask(0o077)
    try:
        folder = init(tmp_path / "churn", style=Style.BASIC, shipped=shipped).folder
    finally:
        os.umask(before)
    assert tree(folder) == EVERY
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o644}
    assert folder.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    ("folder", "name"),
    [("churn", "churn"), ("Customer Churn_v2", "customer-churn-v2"), ("-x-", "x"), ("a.b", "a-b")],
)
def test_the_image_is_named_after_the_folder(tmp_path: Path, folder: str, name: str) -> None:
    made = init(tmp_path / folder, style=Style.BASIC)
    assert load(made.folder / "byoc.toml").spec.image.name == name


def test_parents_are_made(tmp_path: Path) -> None:
    assert tree(init(tmp_path / "a/b/c", style=Style.BASIC).folder) == EVERY


# --- adopting a folder -----------------------------------------------------------------------------


def fill(folder: Path, **files: str) -> dict[str, bytes]:
    """Write files (dots and slashes as in ``src__train_py``) and return what is there now."""
    for name, text in files.items():
        stem, _, suffix = name.replace("__", "/").rpartition("_")
        file = folder / (f"{stem}.{suffix}" if stem else suffix)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return contents(folder)


@pytest.mark.parametrize("style", STYLES)
def test_files_that_are_there_stay_as_they_are(tmp_path: Path, style: Style) -> None:
    mine = fill(tmp_path, README_md="mine", src__helper_py="# mine", requirements_txt="pandas")
    heard = Heard()
    done = init(tmp_path, style=style, talk=heard)
    assert contents(tmp_path).items() >= mine.items()
    assert {str(path) for path in done.kept} == {"README.md", "requirements.txt"}
    assert "kept your README.md" in heard.notes


def test_programs_that_are_there_are_pointed_to(tmp_path: Path) -> None:
    mine = fill(tmp_path, train_py="print()", code__inference_py="def model_fn(d): ...", data__x_csv="1")
    init(tmp_path, style=Style.SCRIPT_MODE_1)
    spec = load(tmp_path / "byoc.toml").spec
    assert spec.train is not None
    assert spec.serve is not None
    assert (spec.train.source, spec.train.program) == (PurePosixPath("."), "train.py")
    assert (spec.serve.source, spec.serve.program) == (PurePosixPath("code"), "inference.py")
    assert spec.train.channels == {"train": PurePosixPath("data")}
    assert spec.train.hyperparameters == {}
    assert spec.python.requirements == ()
    new = {".dockerignore", ".gitignore", "byoc.schema.json", "byoc.toml"}
    assert tree(tmp_path) == set(mine) | new


@pytest.mark.parametrize(
    ("program", "target", "table"),
    [("train", Target.TRAINING, "serve"), ("inference", Target.HOSTING, "train")],
)
def test_one_program_makes_an_image_for_one_target(
    tmp_path: Path, program: str, target: Target, table: str
) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / f"{program}.py").write_text("print()")
    heard = Heard()
    init(tmp_path, style=Style.BASIC, talk=heard)
    spec = load(tmp_path / "byoc.toml").spec
    assert spec.image.targets == (target,)
    assert getattr(spec, table) is None
    assert any("byoc.toml says so" in note for note in heard.notes)


def test_a_dockerfile_that_is_there_is_built(tmp_path: Path) -> None:
    fill(tmp_path, Dockerfile="FROM scratch\n", src__train_py="print()")
    init(tmp_path, style=Style.BASIC)
    spec = load(tmp_path / "byoc.toml").spec
    assert spec.build.dockerfile == PurePosixPath("Dockerfile")
    assert spec.image.base == ""
    assert spec.train is not None


def test_no_comment_speaks_of_a_rendered_dockerfile_where_there_is_an_own_one(tmp_path: Path) -> None:
    fill(tmp_path, Dockerfile="FROM scratch\n", src__train_py="print()")
    init(tmp_path, style=Style.BASIC)
    text = (tmp_path / "byoc.toml").read_text()
    assert "/opt/program" not in text
    assert "[python]" not in text
    assert "# [publish]" in text


def test_a_dockerfile_alone_is_enough(tmp_path: Path) -> None:
    fill(tmp_path, Dockerfile="FROM scratch\n")
    init(tmp_path, style=Style.BASIC)
    spec = load(tmp_path / "byoc.toml").spec
    assert (spec.train, spec.serve) == (None, None)
    assert spec.image.targets == (Target.TRAINING, Target.HOSTING)


def test_an_own_gitignore_is_told_what_to_ignore(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.log\n")
    heard = Heard()
    init(tmp_path, style=Style.BASIC, talk=heard)
    assert heard.notes == ["kept your .gitignore: add the line .byoc/ to it"]


# --- processing ------------------------------------------------------------------------------------

PROCESSING = {
    ".dockerignore",
    ".gitignore",
    "README.md",
    "byoc.schema.json",
    "byoc.toml",
    "data/flowers.csv",
    "requirements.txt",
    "src/process.py",
    "tests/test_project.py",
}


def test_a_processing_project_is_complete(tmp_path: Path) -> None:
    done = init(tmp_path / "clean", processing=True, base="mybase:dev")
    assert tree(done.folder) == PROCESSING
    spec = load(done.folder / "byoc.toml").spec
    assert spec.image.targets == (Target.PROCESSING,)
    assert (spec.train, spec.serve) == (None, None)
    assert spec.process is not None
    assert spec.process.inputs == {"raw": PurePosixPath("data")}
    assert spec.process.outputs == ("train", "test")
    assert [name for name, content in contents(done.folder).items() if b"{{" in content] == []
    for path in done.folder.rglob("*.py"):
        ast.parse(path.read_text(), feature_version=(3, 8))


def test_the_tests_of_a_processing_project_pass(tmp_path: Path) -> None:
    folder = init(tmp_path / "clean", processing=True).folder
    command = [sys.executable, "-B", "-m", "unittest", "discover", "-s", "tests"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Ran 3 tests" in done.stderr


def test_a_processing_program_that_is_there_is_pointed_to(tmp_path: Path) -> None:
    mine = fill(tmp_path, code__process_py="print()", code__train_py="print()")
    heard = Heard()
    init(tmp_path, processing=True, talk=heard)
    spec = load(tmp_path / "byoc.toml").spec
    assert spec.process is not None
    assert (spec.process.source, spec.process.program) == (PurePosixPath("code"), "process.py")
    assert (spec.process.inputs, spec.process.outputs, spec.train) == ({}, (), None)
    assert heard.notes == ["[process] in byoc.toml points to your code/process.py"]
    assert tree(tmp_path) == set(mine) | {".dockerignore", ".gitignore", "byoc.schema.json", "byoc.toml"}


def test_processing_and_a_style_are_refused(tmp_path: Path, byoc: Command) -> None:
    done = byoc("init", "clean", "--process", "--style", "framework", cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert "error [BYOC-E710]: --process and --style framework do not go together" in done.stderr
    assert names(tmp_path) == []


# --- refusals --------------------------------------------------------------------------------------


def test_a_second_init_is_refused(tmp_path: Path) -> None:
    before = contents(init(tmp_path / "churn", style=Style.BASIC).folder)
    with pytest.raises(UsageError, match="is a project already") as caught:
        init(tmp_path / "churn", style=Style.FRAMEWORK)
    assert caught.value.id == "BYOC-E703"
    assert contents(tmp_path / "churn") == before


@pytest.mark.parametrize("link", [False, True])
def test_a_file_is_no_folder(tmp_path: Path, link: bool) -> None:
    if link:
        (tmp_path / "churn").symlink_to("nowhere")
    else:
        (tmp_path / "churn").write_text("")
    with pytest.raises(UsageError, match="is not a folder") as caught:
        init(tmp_path / "churn", style=Style.BASIC)
    assert caught.value.id == "BYOC-E702"


def test_a_file_in_the_way_of_a_folder_is_told_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "tests").write_text("")
    with pytest.raises(UsageError, match="tests is not a folder"):
        init(tmp_path, style=Style.BASIC)
    assert tree(tmp_path) == {"tests"}


@pytest.mark.parametrize("name", ["日本", "---"])
def test_a_folder_name_without_letters_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot name an image"):
        init(tmp_path / name, style=Style.BASIC)
    assert names(tmp_path) == []


@pytest.mark.parametrize("base", ["Not A Base", "scratch", 'x"\n[env]', "dlc:pytorch"])
def test_a_base_that_no_build_could_use_is_refused(tmp_path: Path, base: str) -> None:
    with pytest.raises(UsageError):
        init(tmp_path / "churn", style=Style.BASIC, base=base)
    assert names(tmp_path) == []


def test_a_name_that_the_system_refuses_is_the_users_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be made a project") as caught:
        init(tmp_path / ("x" * 300), style=Style.BASIC)
    assert caught.value.why == "File name too long"


@pytest.mark.parametrize("there", [False, True])
def test_what_fails_half_way_leaves_nothing(tmp_path: Path, there: bool) -> None:
    """A limit on the size of files lets the small ones through and stops byoc.schema.json."""
    target = tmp_path / "a" / "churn"
    if there:
        target.mkdir(parents=True)
        (target / "mine").write_text("mine")
    before = contents(tmp_path)
    command = f"ulimit -f 12; exec {sys.executable} -B -m byoc_kit init {target} --style basic"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "File too large" in done.stderr
    assert contents(tmp_path) == before
    assert names(tmp_path) == (["a"] if there else [])


# --- the command -----------------------------------------------------------------------------------


def test_stdout_is_the_folder_and_stderr_says_what_is_next(tmp_path: Path, byoc: Command) -> None:
    done = byoc("init", "churn", "--style", "basic", cwd=tmp_path)
    assert done.stdout == "churn\n"
    assert "cd churn" in done.stderr
    assert "byoc run serve --invoke sample.csv" in done.stderr


def test_json_lists_what_was_written_and_kept(tmp_path: Path, byoc: Command) -> None:
    (tmp_path / "README.md").write_text("mine")
    done = json.loads(byoc("init", "--style", "script-mode-2", "--json", cwd=tmp_path).stdout)
    assert done["schema"] == "byoc/init/1"
    assert (done["style"], done["folder"], done["kept"]) == ("script-mode-2", ".", ["README.md"])
    assert set(done["files"]) == EVERY - {"README.md"}


def test_without_a_style_and_a_terminal_the_four_are_named(tmp_path: Path, byoc: Command) -> None:
    done = byoc("init", "churn", cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert all(f"{style}: {says}" in done.stderr for style, says in SAYS.items())
    assert names(tmp_path) == []


def test_a_person_at_a_terminal_is_asked(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "byoc_kit", "init", "churn"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdin=theirs, stderr=theirs, stdout=subprocess.PIPE, text=True
    ) as child:
        os.write(ours, b"framework\n")
        output, _ = child.communicate(timeout=60)
        shown = os.read(ours, 10_000).decode()
    os.close(ours)
    os.close(theirs)
    assert output == "churn\n"
    assert all(style.value in shown for style in Style)
    assert load(tmp_path / "churn/byoc.toml").spec.image.style is Style.FRAMEWORK
