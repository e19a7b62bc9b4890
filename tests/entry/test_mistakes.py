"""What a user can get wrong is said in three lines, and where the job shows it; never a traceback."""

import sys

import pytest

from entry.conftest import Container

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="containers are Linux")


def said(container: Container, *words: str, code: int) -> str:
    """Run; what was said must be what, why and fix, on stderr and in the failure file."""
    result = container.run(*words)
    assert "Traceback" not in result.err
    assert result.code == code
    what, why, fix = result.err.splitlines()
    assert what.startswith("byoc: ")
    assert why.startswith("  why: ")
    assert fix.startswith("  fix: ")
    assert container.failure.read_text() == result.err[len("byoc: ") :]
    return result.err


def test_a_missing_program(container: Container) -> None:
    container.script("", "trian.py")
    text = said(container, "train", code=127)
    assert "train.py is missing" in text
    assert "there is: trian.py" in text


def test_a_missing_code_folder(container: Container) -> None:
    container.describe(train={"program": "train.py", "code": "/nowhere"})
    assert "no such folder" in said(container, "train", code=127)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "Expecting property name"),
        ("[]", "it is not a JSON object"),
        ('{"schema": "byoc/entry/9"}', "its schema is 'byoc/entry/9'"),
        ('{"schema": "byoc/entry/1", "style": "jazz"}', "the style 'jazz' is none of basic"),
        ('{"schema": "byoc/entry/1", "style": "basic", "train": {}}', "program of train is not a text"),
        ('{"schema": "byoc/entry/1", "style": "basic", "train": 1}', "train is neither a table nor null"),
        ('{"schema": "byoc/entry/1", "style": "basic", "targets": 1}', "targets is not a list of texts"),
    ],
)
def test_an_entry_json_that_cannot_be_used(container: Container, text: str, why: str) -> None:
    container.write("opt/byoc/entry.json", text)
    assert why in said(container, "train", code=1)


def test_no_entry_json(container: Container) -> None:
    (container.root / "opt/byoc/entry.json").unlink()
    assert "No such file or directory" in said(container, code=1)


def test_crlf_in_the_first_line(container: Container) -> None:
    container.describe(train={"program": "train.sh", "code": str(container.program)})
    container.script("#!/bin/sh\r\necho hi\r\n", "train.sh", 0o755)
    assert "its first line ends with CRLF" in said(container, "train", code=127)


def test_an_interpreter_that_is_not_there(container: Container) -> None:
    container.describe(train={"program": "train.R", "code": str(container.program)})
    container.script("#!/opt/R/bin/Rscript\n", "train.R", 0o755)
    assert "its first line names /opt/R/bin/Rscript, which is not in the image" in said(
        container, "train", code=127
    )


def test_a_program_for_another_processor(container: Container) -> None:
    container.describe(train={"program": "train", "code": str(container.program)})
    path = container.script("", "train", 0o755)
    path.write_bytes(b"\x7fELF" + bytes(60))
    assert "neither a program for this machine's processor" in said(container, "train", code=126)
    path.chmod(0o644)
    assert "without permission to execute" in said(container, "train", code=126)


def test_a_code_folder_that_cannot_be_filled(container: Container) -> None:
    container.describe(style="script-mode-1")
    container.script("")
    container.write("opt/ml/code", "a file where the folder should be")
    assert "opt/ml/code, or mount the code there" in said(container, "train", code=1)


@pytest.mark.parametrize("broken", ["missing", "a file"])
def test_without_an_output_folder_the_program_still_runs_and_keeps_its_code(
    container: Container, broken: str
) -> None:
    container.script("raise SystemExit(5)")
    container.failure.parent.rmdir()
    if broken == "a file":
        container.failure.parent.write_text("")
    result = container.run("train")
    assert result.code == 5
    assert "byoc: cannot write" in result.err
    assert "Traceback" not in result.err


def test_a_stderr_that_nobody_reads_any_more_does_not_stop_the_training(container: Container) -> None:
    done = container.root / "done"
    container.script(
        f"import sys\nfor _ in range(9999): print('x' * 80, file=sys.stderr)\nopen({str(done)!r}, 'w')"
    )
    running = container.start("train")
    assert running.process.stderr
    running.process.stderr.close()
    running.process.stderr = None
    assert running.process.wait(20) == 0
    assert done.exists()
