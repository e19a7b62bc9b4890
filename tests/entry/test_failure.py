"""The failure text: its first 1024 characters are all that a job shows."""

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entry.conftest import ENTRY, Container

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="containers are Linux")

OWN_MODULES = ("failure", "trouble")


@pytest.fixture(scope="module")
def failure() -> Iterator[ModuleType]:
    """The module itself, whose text functions are pure."""
    sys.path.insert(0, str(ENTRY))
    try:
        yield importlib.import_module("failure")
    finally:
        sys.path.remove(str(ENTRY))
        for name in OWN_MODULES:
            sys.modules.pop(name, None)


def failed(container: Container, script: str, code: int = 1) -> str:
    container.script(script)
    assert container.run("train").code == code
    return container.failure.read_text(encoding="utf-8")


def test_an_exception_comes_first_then_the_code_then_the_frames(container: Container) -> None:
    text = failed(container, "def main():\n    raise ValueError(\"no column 'y'\")\n\nmain()\n")
    lines = text.splitlines()
    assert lines[0] == "ValueError: no column 'y'"
    assert lines[1] == "The program ended with exit code 1."
    assert lines[2] == f'  File "{container.program}/train.py", line 4, in <module>'
    assert any(line.endswith("line 2, in main") for line in lines)


def test_the_script_behind_the_toolkit_is_what_is_told(container: Container) -> None:
    container.describe(style="script-mode-1")
    container.install_toolkit()
    text = failed(container, "raise KeyError('y')")
    assert text.startswith("KeyError: 'y'\n")
    assert "ExecuteUserScriptError" not in text
    assert "from-the-job" not in text


def test_the_scripts_own_code_is_the_containers(container: Container) -> None:
    container.describe(style="script-mode-1")
    container.install_toolkit()
    text = failed(container, "raise SystemExit(7)", code=7)
    assert text == "The program ended with exit code 7.\nNothing was written to stderr.\n"


def test_a_text_that_the_program_wrote_is_kept(container: Container) -> None:
    container.describe(style="script-mode-1")
    container.install_toolkit()
    script = f"open({str(container.failure)!r}, 'w').write('the bucket is empty'); raise SystemExit(9)"
    assert failed(container, script, code=9) == "the bucket is empty"


def test_a_text_of_the_program_that_is_not_utf_8_becomes_it(container: Container) -> None:
    script = f"open({str(container.failure)!r}, 'wb').write(b'caf\\xe9 is closed'); raise SystemExit(9)"
    assert failed(container, script, code=9) == "caf\N{REPLACEMENT CHARACTER} is closed"


def test_other_programs_show_their_last_lines(container: Container) -> None:
    container.describe(train={"program": "train.sh", "code": str(container.program)})
    container.script("echo start >&2; echo 'Error in lm(): no data' >&2; exit 3", "train.sh")
    assert container.run("train").code == 3
    assert (
        container.failure.read_text()
        == "start\nError in lm(): no data\nThe program ended with exit code 3.\n"
    )


def test_out_of_memory_is_explained_first(container: Container) -> None:
    text = failed(
        container, "import os, sys; print('epoch 3', file=sys.stderr); os.kill(os.getpid(), 9)", code=137
    )
    assert text.startswith("The program ended with exit code 137 (killed, usually out of memory")
    assert "epoch 3" in text


def test_success_leaves_nothing_and_what_an_earlier_run_left_is_removed(container: Container) -> None:
    container.failure.write_text("of an earlier run")
    container.script("")
    assert container.run("train").code == 0
    assert not container.failure.exists()


def test_an_empty_file_is_removed_after_success_and_a_text_is_the_programs_own(container: Container) -> None:
    container.script(f"open({str(container.failure)!r}, 'w')")
    container.run("train")
    assert not container.failure.exists()
    container.script(f"open({str(container.failure)!r}, 'w').write('a warning')")
    container.run("train")
    assert container.failure.read_text() == "a warning"


def test_stderr_passes_unchanged(container: Container) -> None:
    container.script(
        "import os\n"
        "for n in range(400): os.write(2, bytes(range(256)) * 8)\n"
        "os.write(2, b'no newline at the end')\n"
    )
    running = container.start("train")
    assert running.process.stderr
    raw = running.process.stderr.buffer.read()  # type: ignore[attr-defined]
    assert raw == bytes(range(256)) * 8 * 400 + b"no newline at the end"
    assert running.process.wait(10) == 0


def test_bytes_that_are_no_text_do_not_spoil_the_file(container: Container) -> None:
    container.script("import os, sys\nos.write(2, b'\\xff\\xfe caf\\xe9 \\xe2\\x82')\nsys.exit(3)\n")
    container.run("train")
    assert "caf" in container.failure.read_text(encoding="utf-8")


CHAINED = """Traceback (most recent call last):
  File "train.py", line 3, in load
    open("x")
FileNotFoundError: [Errno 2] No such file or directory: 'x'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "train.py", line 9, in <module>
    load()
  File "train.py", line 5, in load
    raise RuntimeError("channel train is empty")
RuntimeError: channel train is empty
"""

SYNTAX = """  File "/opt/ml/code/train.py", line 2
    foo(
       ^
SyntaxError: '(' was never closed
"""

RANKED = """[1,0]<stderr>:Traceback (most recent call last):
[1,0]<stderr>:  File "train.py", line 3, in <module>
[1,0]<stderr>:    main()
[1,0]<stderr>:torch.cuda.OutOfMemoryError: CUDA out of memory.
Traceback (most recent call last):
  File "/usr/bin/torchrun", line 8, in <module>
    sys.exit(main())
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
============================================================
train.py FAILED
"""

GROUP = """  + Exception Group Traceback (most recent call last):
  |   File "train.py", line 1, in <module>
  |     raise ExceptionGroup("two", [ValueError(1)])
  | ExceptionGroup: two (1 sub-exception)
  +-+---------------- 1 ----------------
    | ValueError: 1
    +------------------------------------
"""

NOISY = """Traceback (most recent call last):
  File "train.py", line 1, in <module>
    int("a")
ValueError: invalid literal for int() with base 10: 'a'
2026-01-01 00:00:00,000 sagemaker-training-toolkit ERROR    Reporting training FAILURE
2026-01-01 00:00:00,000 sagemaker-training-toolkit ERROR    ExecuteUserScriptError:
ExitCode 1
ErrorMessage ""
Command "/usr/bin/python3 -- train.py --token secret"
2026-01-01 00:00:00,000 sagemaker-training-toolkit ERROR    Encountered exit_code 1
"""

SEVERAL_LINES = """Traceback (most recent call last):
  File "train.py", line 1, in <module>
    check()
ValueError: Caught KeyError in DataLoader worker process 0.
Original message: column y
"""


@pytest.mark.parametrize(
    ("stderr", "first"),
    [
        (CHAINED, "RuntimeError: channel train is empty"),
        (SYNTAX, "SyntaxError: '(' was never closed"),
        (RANKED, "torch.cuda.OutOfMemoryError: CUDA out of memory."),
        (GROUP, "ExceptionGroup: two (1 sub-exception)"),
        (NOISY, "ValueError: invalid literal for int() with base 10: 'a'"),
        (SEVERAL_LINES, "ValueError: Caught KeyError in DataLoader worker process 0."),
        ("epoch 1:  10%\repoch 1: 100%\nlost the connection\n", "epoch 1: 100%"),
    ],
)
def test_the_first_line_is_what_helps(failure: ModuleType, stderr: str, first: str) -> None:
    text = failure.reason("", stderr, 1, "")
    assert text.splitlines()[0] == first
    assert "secret" not in text


def test_an_error_of_the_toolkit_itself_is_turned_round(failure: ModuleType) -> None:
    theirs = "Framework Error: \n" + CHAINED + "\nchannel train is empty"
    assert failure.reason(theirs, "", 1, "").startswith("RuntimeError: channel train is empty\n")


def test_what_the_toolkit_knows_better_is_kept(failure: ModuleType) -> None:
    theirs = 'ValueError:\nExitCode 1\nErrorMessage "no such column"\nCommand "python train.py"'
    assert failure.reason(theirs, "", 1, "") == theirs
    client = "The training entry point name is empty."
    assert failure.reason(client, NOISY, 1, "") == client


def test_requirements_that_do_not_install_are_named(failure: ModuleType) -> None:
    theirs = (
        'InstallRequirementsError:\nExitCode 1\nErrorMessage ""\nCommand "pip install -r requirements.txt"'
    )
    text = failure.reason(theirs, "ERROR: No matching distribution found for nope\n", 1, "")
    assert "ERROR: No matching distribution found for nope" in text
    assert "InstallRequirementsError: pip install -r requirements.txt" in text


@pytest.mark.parametrize(
    ("theirs", "stderr", "expected"),
    [
        ('ExecuteUserScriptError:\nExitCode 7\nErrorMessage ""\nCommand "x"', "", 7),
        ("my own words", NOISY.replace("ExitCode 1", "ExitCode 3"), 3),
        ('ExecuteUserScriptError:\nExitCode -9\nErrorMessage ""\nExtraInfo "o"\nCommand "x"', "", -9),
        ("", "ExitCode 7 in the middle of something else", 1),
    ],
)
def test_the_code_in_the_toolkits_words(failure: ModuleType, theirs: str, stderr: str, expected: int) -> None:
    assert failure.program_code(1, theirs, stderr) == expected
    assert failure.program_code(2, theirs, stderr) == 2


@settings(max_examples=40, deadline=None)
@given(
    stderr=st.text(max_size=5000) | st.just(CHAINED * 40) | st.just("E" * 5000 + "\n" + SYNTAX),
    code=st.integers(1, 255),
    stop=st.sampled_from(["", "SIGTERM"]),
)
def test_the_first_1024_characters_always_hold_the_exit_code(
    failure: ModuleType, stderr: str, code: int, stop: str
) -> None:
    text = failure.reason("", stderr, code, stop)
    assert f"exit code {code}" in text[:1024]
    assert len(text) < 6000


def test_a_long_message_leaves_room_for_the_frames(failure: ModuleType) -> None:
    stderr = SEVERAL_LINES + "x" * 5000 + "\n"
    shown = failure.reason("", stderr, 1, "")[:1024]
    assert 'File "train.py", line 1' in shown
    assert "exit code 1" in shown
