"""Which word starts what."""

import json
import os
import sys
from pathlib import Path

import pytest

from entry.conftest import Container

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="containers are Linux")

TELL = """
import json, os, sys
print(json.dumps(dict(argv=sys.argv, cwd=os.getcwd(), env=dict(os.environ), isolated=sys.flags.isolated)))
"""


def told(out: str) -> dict[str, object]:
    answer = json.loads(out.strip().splitlines()[-1])
    assert isinstance(answer, dict)
    return answer


@pytest.fixture
def served(container: Container) -> Container:
    """An image that trains and serves, with a server that only tells how it was started."""
    container.describe(
        targets=["training", "hosting"],
        serve={"program": "inference.py", "code": "/opt/program", "server": "asgi", "workers": None},
    )
    container.script("print('trained')")
    container.write("opt/byoc/serving/__main__.py", TELL)
    container.write("opt/byoc/serving/mms.py", "print('this is mms')" + TELL)
    return container


def test_train_runs_the_program_in_its_folder_with_the_words_that_follow(container: Container) -> None:
    container.script(TELL)
    result = container.run("train", "--epochs", "3")
    answer = told(result.out)
    assert result.code == 0
    assert answer["argv"] == [str(container.program / "train.py"), "--epochs", "3"]
    assert answer["cwd"] == str(container.program)
    assert answer["isolated"] == 0


def test_logs_are_live_unless_the_image_says_otherwise(container: Container) -> None:
    container.script(TELL)
    assert told(container.run("train").out)["env"]["PYTHONUNBUFFERED"] == "1"  # type: ignore[index]
    kept = told(container.run("train", env={"PYTHONUNBUFFERED": ""}).out)
    assert kept["env"]["PYTHONUNBUFFERED"] == ""  # type: ignore[index]


@pytest.mark.parametrize("words", [(), ("--epochs", "3"), ("-v",)])
def test_no_word_or_an_option_means_train(container: Container, words: tuple[str, ...]) -> None:
    container.script(TELL)
    assert told(container.run(*words).out)["argv"] == [str(container.program / "train.py"), *words]


def test_no_word_means_serve_where_no_training_is_declared(served: Container) -> None:
    served.describe(targets=["hosting"], serve={"program": "inference.py", "code": None, "server": "asgi"})
    assert "--program" in told(served.run().out)["argv"]  # type: ignore[operator]


def test_no_word_means_process_where_the_platform_left_a_processing_job(container: Container) -> None:
    container.describe(process={"program": "prepare.py", "code": str(container.program)})
    container.script("print('prepared')", "prepare.py")
    container.script("print('trained')")
    container.write("opt/ml/config/processingjobconfig.json", "{}")
    assert container.run().out == "prepared\n"
    assert container.run("train").out == "trained\n"


def test_in_a_processing_job_words_are_arguments(container: Container) -> None:
    """PRC-01: arguments without an entrypoint follow the image's own."""
    container.describe(process={"program": "prepare.py", "code": str(container.program)})
    container.write("opt/program/prepare.py", "import sys; print(sys.argv[1:])")
    container.write("opt/ml/config/processingjobconfig.json", "{}")
    assert container.run("--days", "3").out == "['--days', '3']\n"
    assert container.run("sh", "2026").out == "['sh', '2026']\n"


def test_a_processing_program_that_fails_is_told_in_the_exit_message(container: Container) -> None:
    """PRC-07: UTF-8, 1 KB; what the program wrote itself stays."""
    container.describe(process={"program": "prepare.py", "code": str(container.program)})
    container.write("opt/ml/config/processingjobconfig.json", "{}")
    container.write("opt/program/prepare.py", "raise ValueError('é' * 2000)")
    message = container.ml / "output/message"
    assert container.run().code == 1
    assert message.read_text().startswith("ValueError: ééé")
    assert 1020 <= len(message.read_bytes()) <= 1024
    message.write_text("mine")
    container.run()
    assert message.read_text() == "mine"
    assert not container.failure.exists()


def test_a_processing_job_without_a_program_is_told_so(container: Container) -> None:
    container.write("opt/ml/config/processingjobconfig.json", "{}")
    result = container.run()
    assert result.code == 1
    assert "no [process] table" in result.err


@pytest.mark.parametrize("mode", [0o644, 0o755])
@pytest.mark.parametrize("text", ["echo sh $1", "#!/bin/sh\necho sh $1"])
def test_other_programs_are_executed_or_given_to_their_shell(
    container: Container, text: str, mode: int
) -> None:
    container.describe(train={"program": "train.sh", "code": str(container.program)})
    container.script(text, "train.sh", mode)
    assert container.run("train", "x").out == "sh x\n"


def test_other_words_are_programs_of_the_image(container: Container, tmp_path: Path) -> None:
    (tmp_path / "delete").mkdir(mode=0o700)
    result = container.run("chmod", "-R", "777", str(tmp_path / "delete"))
    assert (result.code, result.out, result.err) == (0, "", "")
    assert (tmp_path / "delete").stat().st_mode & 0o777 == 0o777
    assert container.run("bash", "-c", "echo $0 $1; exit 3", "a", "b").code == 3
    assert container.run(sys.executable, "-c", "print('by path')").out == "by path\n"


def test_at_a_terminal_another_program_takes_our_place_so_that_a_shell_has_job_control(
    container: Container,
) -> None:
    ours, theirs = os.openpty()
    try:
        at_terminal = container.start("sh", "-c", "echo $$; exit 3", stdin=theirs)
        assert at_terminal.result().out == f"{at_terminal.process.pid}\n"
        assert at_terminal.process.returncode == 3
    finally:
        os.close(ours)
        os.close(theirs)
    supervised = container.start("sh", "-c", "echo $$")
    assert supervised.result().out != f"{supervised.process.pid}\n"


def test_an_unknown_word_ends_with_127_and_names_the_known_ones(served: Container) -> None:
    result = served.run("bogus")
    assert result.code == 127
    assert result.err.splitlines() == [
        "byoc: 'bogus' is not a word that this image knows",
        "  why: no program of that name is on PATH either",
        "  fix: say train or serve or the name of a program of the image",
    ]


def test_a_file_that_may_not_be_executed_ends_with_126(container: Container) -> None:
    path = container.script("x", "notes.txt")
    assert container.run(str(path)).code == 126


def test_serve_on_an_image_that_only_trains_says_so(container: Container) -> None:
    result = container.run("serve")
    assert result.code == 1
    assert "this image cannot serve" in result.err
    assert "no [serve] table; it knows: train" in result.err
    assert not container.failure.exists()


def test_train_on_an_image_that_only_serves_says_so_where_the_job_shows_it(container: Container) -> None:
    container.describe(targets=["hosting"], train=None, serve={"program": "inference.py", "server": "asgi"})
    result = container.run("train")
    assert result.code == 1
    assert container.failure.read_text().startswith("this image cannot train\n  why: ")


def test_serve_starts_the_server_with_its_program(served: Container) -> None:
    answer = told(served.run("serve").out)
    serving = str(served.root / "opt/byoc/serving")
    told_to = ["--program", "inference.py", "--code", "/opt/program", "--targets", "training,hosting"]
    assert answer["argv"] in ([serving, *told_to], [f"{serving}/__main__.py", *told_to])


def test_serve_hands_on_workers_and_knows_mms(served: Container) -> None:
    served.describe(serve={"program": "inference.py", "code": None, "server": "mms", "workers": 3})
    result = served.run("serve")
    assert result.out.startswith("this is mms\n")
    expected = ["--program", "inference.py", "--workers", "3", "--targets", "training"]
    assert told(result.out)["argv"][1:] == expected  # type: ignore[index]


@pytest.mark.parametrize(
    ("named", "expected"),
    [(None, "inference.py"), ("train.py", "inference.py"), ("other.py", "other.py"), ("", "inference.py")],
)
def test_the_training_program_in_the_environment_does_not_confuse_serving(
    served: Container, named: str | None, expected: str
) -> None:
    env = {} if named is None else {"SAGEMAKER_PROGRAM": named}
    answer = told(served.run("serve", env=env).out)
    assert answer["argv"][2] == expected  # type: ignore[index]
    assert answer["env"]["SAGEMAKER_PROGRAM"] == expected  # type: ignore[index]


def test_without_a_training_program_any_named_one_is_for_serving(served: Container) -> None:
    served.describe(train=None, serve={"program": "inference.py", "code": None, "server": "asgi"})
    answer = told(served.run("serve", env={"SAGEMAKER_PROGRAM": "train.py"}).out)
    assert answer["argv"][2] == "train.py"  # type: ignore[index]


def test_a_base_entrypoint_stands_before_every_command_but_an_init_does_not(container: Container) -> None:
    shim = container.write("shim.sh", '#!/bin/sh\necho "shim: $#"\nexec "$@"\n', 0o755)
    container.script("print('trained')")
    container.describe(base_entrypoint=[str(shim)])
    assert container.run("train").out == "shim: 2\ntrained\n"
    assert container.run("echo", "hi").out == "shim: 2\nhi\n"
    container.describe(base_entrypoint=["/usr/bin/tini", "-g", "--", str(shim)])
    assert container.run("train").out == "shim: 2\ntrained\n"
    container.describe(base_entrypoint=["/usr/bin/dumb-init"])
    assert container.run("train").out == "trained\n"


def toolkit_image(container: Container, style: str, code: str | None) -> None:
    container.describe(style=style, train={"program": "train.py", "code": code})
    container.install_toolkit()


def test_script_mode_1_fills_an_empty_code_folder_with_the_baked_program(container: Container) -> None:
    toolkit_image(container, "script-mode-1", str(container.program))
    container.script("import helper; print('baked', helper.x)")
    container.script("x = 1", "helper.py")
    assert container.run("train").out == "baked 1\n"
    assert sorted(path.name for path in (container.ml / "code").iterdir() if path.suffix) == [
        "helper.py",
        "train.py",
    ]


def test_script_mode_1_leaves_code_that_is_there(container: Container) -> None:
    toolkit_image(container, "script-mode-1", str(container.program))
    container.script("print('baked')")
    container.write("opt/ml/code/train.py", "print('mounted')")
    assert container.run("train").out == "mounted\n"


def test_script_mode_1_obeys_a_program_named_by_the_environment(container: Container) -> None:
    toolkit_image(container, "script-mode-1", str(container.program))
    container.script("print('baked')")
    container.script("print('other')", "other.py")
    assert container.run("train", env={"SAGEMAKER_PROGRAM": "other.py"}).out == "other\n"


@pytest.mark.parametrize("style", ["script-mode-2", "framework"])
@pytest.mark.parametrize(
    ("hyperparameters", "named"), [({}, True), ({"sagemaker_program": '"mine.py"'}, False)]
)
def test_fetched_code_is_named_by_the_job_and_else_by_the_image(
    container: Container, style: str, hyperparameters: dict[str, str], named: bool
) -> None:
    toolkit_image(container, style, None)
    container.write("opt/ml/input/config/hyperparameters.json", json.dumps(hyperparameters))
    container.write("bin/train", f"#!{sys.executable}\n# sagemaker_training\n{TELL}", 0o755)
    environment = told(container.run("train").out)["env"]
    assert isinstance(environment, dict)
    assert (environment.get("SAGEMAKER_PROGRAM") == "train.py") is named
    assert not (container.ml / "code").exists()


def test_another_program_called_train_is_not_taken_for_the_toolkit(container: Container) -> None:
    toolkit_image(container, "script-mode-1", str(container.program))
    container.script("print('baked')")
    container.write("first/train", "#!/bin/sh\nexec python -I /opt/byoc/entry train\n", 0o755)
    path = f"{container.root}/first:{container.root}/bin:{os.environ['PATH']}"
    assert container.run("train", env={"PATH": path}).out == "baked\n"


def test_without_the_console_script_the_module_is_asked_and_its_absence_is_the_failure(
    container: Container,
) -> None:
    container.describe(style="script-mode-2", train={"program": "train.py", "code": None})
    result = container.run("train", env={"PATH": "/usr/bin:/bin"})
    assert result.code == 1
    assert container.failure.read_text().startswith(
        "ModuleNotFoundError: No module named 'sagemaker_training'"
    )
