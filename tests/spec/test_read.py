"""All mistakes at once, in the order of the file; and what is right is remembered."""

import random
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from byoc_kit.errors import UsageError
from byoc_kit.spec.read import Memory, read_spec
from byoc_kit.spec.types import Spec, Target

HEAD = '[image]\nname = "churn"\nstyle = "basic"\nbase = "python:3.12"\n'
TRAIN = '[train]\nprogram = "train.py"\n'
SERVE = '[serve]\nprogram = "inference.py"\n'

MANY = """\
requires-byoc = ">=9"
[image]
name = "Churn"
style = "skript-mode-1"
base = "dlc:PyTorch"
targets = [
  "training",
  "hostin",    # a typo
]
[train]
program = "tain.py"
[train.hyperparameters]
when = 2026-01-01
[serve]
program = "inference.py"
workers = 0
[trian]
"""


def test_all_mistakes_at_once_with_their_lines(refused: Callable[..., UsageError]) -> None:
    error = refused(MANY)
    assert error.what == "byoc.toml has 9 mistakes"
    assert error.id == "BYOC-E101"
    assert error.exit_code == 2
    assert [detail.split(": ")[:2] for detail in error.details] == [
        ["byoc.toml:1", "requires-byoc"],
        ["byoc.toml:3", "image.name"],
        ["byoc.toml:4", "image.style"],
        ["byoc.toml:5", "image.base"],
        ["byoc.toml:8", "image.targets[1]"],
        ["byoc.toml:11", "train.program"],
        ["byoc.toml:13", "train.hyperparameters.when"],
        ["byoc.toml:16", "serve.workers"],
        ["byoc.toml:17", "trian"],
    ]
    assert error.details[2] == (
        "byoc.toml:4: image.style: 'skript-mode-1' is not one of its values: the values are basic, "
        "script-mode-1, script-mode-2, framework (fix: did you mean 'script-mode-1'?)"
    )


def test_the_same_file_gives_the_same_message(refused: Callable[..., UsageError]) -> None:
    assert str(refused(MANY)) == str(refused(MANY))


def test_fifty_mistakes_are_enough(refused: Callable[..., UsageError]) -> None:
    error = refused(HEAD + "".join(f"k{i} = 1\n" for i in range(60)) + TRAIN)
    assert error.what == "byoc.toml has 60 mistakes"
    assert len(error.details) == 51
    assert error.details[-1] == "... and 10 more, told when these are corrected"


def test_one_kind_of_mistake_has_its_own_id(refused: Callable[..., UsageError]) -> None:
    assert refused(HEAD + "a = 1\nb = 2\n" + TRAIN).id == "BYOC-E105"


def test_the_order_of_tables_does_not_matter(read: Callable[..., Spec]) -> None:
    parts = [HEAD, TRAIN, SERVE, "[env]\nA = '1'\n"]
    shuffled = random.Random(1).sample(parts, len(parts))
    assert shuffled != parts
    assert read("".join(shuffled)) == read("".join(parts))


def test_targets_follow_from_the_programs(read: Callable[..., Spec]) -> None:
    assert read(HEAD + TRAIN).image.targets == (Target.TRAINING,)
    assert read(HEAD + SERVE).image.targets == (Target.HOSTING,)
    assert read(HEAD + TRAIN + SERVE).image.targets == (Target.TRAINING, Target.HOSTING)


def test_serving_code_is_where_training_code_is(read: Callable[..., Spec]) -> None:
    spec = read(HEAD + TRAIN + 'source = "."\n' + SERVE, {"train.py": b"", "inference.py": b""})
    assert spec.serve is not None
    assert str(spec.serve.source) == "."


def test_a_program_may_be_in_a_folder_of_the_source(read: Callable[..., Spec]) -> None:
    spec = read(HEAD + '[train]\nprogram = "churn/train.py"\n', {"src/churn/train.py": b""})
    assert spec.train is not None
    assert spec.train.program == "churn/train.py"


@pytest.mark.parametrize(
    ("text", "files", "note"),
    [
        (
            HEAD + TRAIN,
            {"src/train.py": b"import sys\r\n"},
            "src/train.py has CRLF line ends; the image gets it with LF (IMG-04)",
        ),
        (
            HEAD + 'targets = ["training"]\n' + TRAIN + SERVE,
            {},
            "[serve] has no effect: no target in [image] targets serves",
        ),
        (
            HEAD + 'targets = ["hosting"]\n' + TRAIN + SERVE,
            {},
            "[train] has no effect: no target in [image] targets trains",
        ),
        (
            HEAD + 'user = "app"\n' + TRAIN,
            {},
            "[image] user is not root: what SageMaker mounts is root's, "
            "so the program may not be able to write there (IMG-05)",
        ),
        (
            HEAD + TRAIN + 'channels = { my-data = "data" }\n',
            {},
            "the channel 'my-data' does not work with the SageMaker SDK v3, for '-' and '.' (TMD-06)",
        ),
        (
            HEAD + 'targets = ["serverless"]\n' + SERVE + "workers = 2\n",
            {},
            "[serve] workers = 2 holds the model 2 times, "
            "and a serverless endpoint has little memory and one CPU or so: 1 fits (SLS-03)",
        ),
        (
            HEAD + 'targets = ["hosting", "multi-model"]\n' + SERVE + "workers = 2\n",
            {},
            "[serve] workers has no effect on a multi-model endpoint: each model has one process there",
        ),
        (
            HEAD + 'targets = ["async"]\n' + SERVE + 'server = "mms"\n',
            {},
            'server = "mms" holds a whole request in memory, several times, and an asynchronous endpoint '
            'sends up to 1 GB: the default server, "asgi", keeps it on disk (ASY-01)',
        ),
    ],
)
def test_notes(text: str, files: Mapping[str, bytes], note: str, read: Callable[..., Spec]) -> None:
    assert read(text, files).notes == (note,)


def test_data_with_crlf_is_left_alone(read: Callable[..., Spec]) -> None:
    assert read(HEAD + TRAIN, {"src/words.csv": b"a\r\nb\r\n"}).notes == ()


def test_a_shell_script_with_crlf_is_not(read: Callable[..., Spec]) -> None:
    text = HEAD + TRAIN + '[files]\n"/opt/run.sh" = "run.sh"\n'
    assert read(text, {"run.sh": b"#!/bin/sh\r\n"}).notes == (
        "run.sh has CRLF line ends; the image gets it with LF (IMG-04)",
    )


def test_code_that_a_job_fetches_is_not_part_of_the_image(read: Callable[..., Spec]) -> None:
    fetched = (HEAD + TRAIN).replace("basic", "script-mode-2")
    assert read(fetched, {"src/train.py": b"\r\n", "src/.env": b"A=1", "src/link": None}).notes == ()


def test_requirements_of_a_file_and_of_those_it_includes(read: Callable[..., Spec]) -> None:
    files = {
        "reqs/all.txt": b"\xef\xbb\xbf# all\r\n-r more.txt\r\nnumpy>=1 \\\r\n  ,<3\r\n\r\nscipy # why\r\n",
        "reqs/more.txt": b"requests[socks]; python_version < '4'",
    }
    text = HEAD + TRAIN + '[python]\nrequirements = ["pandas"]\nrequirements-file = "reqs/all.txt"\n'
    assert read(text, files).python.requirements == (
        "pandas",
        "requests[socks]; python_version < '4'",
        "numpy>=1   ,<3",
        "scipy",
    )


class Shelf:
    """A memory that tells what it was asked for."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Mapping[str, Any]] = {}

    def read(self, kind: str, key: str) -> Any:
        return self.kept.get((kind, key))

    def write(self, kind: str, key: str, document: Mapping[str, Any]) -> None:
        self.kept[kind, key] = document


_: type[Memory] = Shelf


def test_only_what_is_right_is_remembered(tmp_path: Path) -> None:
    from byoc_kit.work.project import Disk

    shelf = Shelf()
    disk = Disk(tmp_path)
    with pytest.raises(UsageError):
        read_spec(HEAD + "tpyo = 1\n" + TRAIN, name="byoc.toml", look=disk, memory=shelf)
    assert shelf.kept == {}
    with pytest.raises(UsageError, match="has a mistake"):  # the text is right, the folder is empty
        read_spec(HEAD + TRAIN, name="byoc.toml", look=disk, memory=shelf)
    assert [kind for kind, _ in shelf.kept] == ["spec"]
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").touch()
    remembered = read_spec(HEAD + TRAIN, name="byoc.toml", look=disk, memory=shelf)
    assert remembered == read_spec(HEAD + TRAIN, name="byoc.toml", look=disk)


def test_a_file_that_was_right_yesterday_is_read_without_the_heavy_libraries(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").touch()
    (tmp_path / "byoc.toml").write_text(
        HEAD + TRAIN + '[python]\nrequirements = ["numpy"]\nrequirements-file = "r.txt"\n', encoding="utf-8"
    )
    (tmp_path / "r.txt").write_text("scipy\n", encoding="utf-8")
    program = (
        "import sys; from byoc_kit.work.project import load; print(load().spec.python.requirements);"
        "print(sorted({'pydantic', 'tomlkit', 'packaging', 'docker'} & set(sys.modules)))"
    )
    environ = {"BYOC_CACHE_DIR": str(tmp_path / "cache"), "HOME": str(tmp_path)}

    def told() -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()

    assert told() == ["('numpy', 'scipy')", "['packaging', 'pydantic']"]
    assert told() == ["('numpy', 'scipy')", "[]"]


@pytest.mark.parametrize(
    "text",
    [
        HEAD + 'targets = ["serverless", "multi-model", "streaming"]\n' + SERVE,
        HEAD + 'targets = ["hosting", "batch", "async", "pipeline"]\n' + SERVE + 'server = "mms"\n',
        HEAD + 'targets = ["studio"]\nuser = "1000:100"\n',
        HEAD + 'targets = ["processing"]\n',
        HEAD + 'user = "root"\n' + SERVE,
        HEAD
        + 'instances = ["ml.g4dn.xlarge", "ml.p4d.24xlarge", "ml.inf2.xlarge", "ml.g6e.xlarge"]\n'
        + TRAIN,
        HEAD + 'platform = "linux/arm64"\ninstances = ["ml.c7g.large", "ml.p6e-gb200.36xlarge"]\n' + TRAIN,
        HEAD.replace("python:3.12", "docker:24") + TRAIN,
        HEAD.replace("python:3.12", "111122223333.dkr.ecr.eu-west-1.amazonaws.com/a/b:c") + TRAIN,
        HEAD + TRAIN + '[python]\nrequirements = ["a @ git+https://git@git.example/a.git"]\n',
        HEAD + TRAIN + '[publish]\nrepository = "ecr:a.b/c"\n',
        HEAD + TRAIN + "[env]\nEMPTY = ''\nHF_TOKEN = ''\n",
    ],
)
def test_what_is_right(text: str, read: Callable[..., Spec]) -> None:
    assert read(text)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (HEAD + "[train]\nprogram = 1\n[train.metrics]\na = 1\n", ["train.metrics.a", "train.program"]),
        (HEAD + TRAIN + "[env]\nA = 1\n[verify]\ntime-limits = { startup = nan, training = 'x' }\n", None),
        (HEAD + TRAIN + "[files]\n'/a' = { source = 1 }\n'/b' = 2\n", ['files."/a".source', 'files."/b"']),
        (HEAD + TRAIN + "[labels]\na = 1\n[build]\nsecrets = { a = 1 }\n", ["build.secrets.a", "labels.a"]),
        (HEAD + "user = 1\ntargets = 'training'\n" + TRAIN, ["image.targets", "image.user"]),
    ],
)
def test_rules_pass_over_values_of_a_wrong_type(
    text: str, keys: list[str] | None, refused: Callable[..., UsageError]
) -> None:
    told = sorted(line.split(": ")[1] for line in refused(text).details)
    assert told == (keys or ["env.A", "verify.time-limits.startup", "verify.time-limits.training"])


def test_the_longest_name(read: Callable[..., Spec], refused: Callable[..., UsageError]) -> None:
    assert read((HEAD + TRAIN).replace("churn", "x" * 200))
    assert refused((HEAD + TRAIN).replace("churn", "x" * 201)).id == "BYOC-E124"


@pytest.mark.parametrize(
    ("row", "meant"),
    [
        ('targets = ["inference"]', "hosting"),
        ('targets = ["serve"]', "hosting"),
        ('targets = ["train"]', "training"),
        ('targets = ["Training"]', "training"),
        ('platform = "x86_64"', "linux/amd64"),
        ('platform = "arm64"', "linux/arm64"),
        ('entrypoint = "chained"', "chain"),
    ],
)
def test_other_words_for_the_same_thing(row: str, meant: str, refused: Callable[..., UsageError]) -> None:
    assert refused(HEAD + row + "\n" + TRAIN).fix == f"did you mean {meant!r}?"
