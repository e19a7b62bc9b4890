"""Between SIGTERM and the end of the container; and what becomes of what a program leaves behind."""

import signal
import sys
import time
from collections.abc import Callable

import pytest

from entry.conftest import Container, Running

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="containers are Linux")

SAVES = """
import os, pathlib, signal, sys, time
HERE = pathlib.Path(os.environ["HOME"])
def save(number, frame):
    with open(HERE / "saved", "a") as file:
        file.write("begin ")
        file.flush()
        time.sleep(float(os.environ.get("SAVING", "0.25")))
        file.write("end\\n")
    sys.exit(int(os.environ.get("CODE", "0")))
signal.signal(signal.SIGTERM, save)
print("ready", flush=True)
while True:
    time.sleep(0.05)
"""

RANKS = """
import os, subprocess, sys
command = [sys.executable, "rank.py"]
ranks = [subprocess.Popen([*command, n], start_new_session={new_session}) for n in "01"]
for rank in ranks: rank.wait()
"""

RANK = """
import os, pathlib, signal, sys, time
def save(number, frame):
    time.sleep(0.2)
    (pathlib.Path(os.environ["HOME"]) / ("rank" + sys.argv[1])).write_text("saved")
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
if sys.argv[1] == "1":
    time.sleep(0.2)
    print("ready", flush=True)
while True: time.sleep(0.05)
"""


SHIM = """#!/bin/bash
"$@"
exit $?
"""

SHIM_THAT_REAPS = f"""#!{sys.executable}
import os, signal, subprocess, sys
def die(number, frame):
    child.wait()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
signal.signal(signal.SIGTERM, die)
child = subprocess.Popen(sys.argv[1:])
signal.pause()
"""

COUNTS = """
import signal, sys, time
caught = []
def handler(number, frame):
    caught.append(number)
    print("caught", len(caught), flush=True)
    if len(caught) == 2: sys.exit(4)
signal.signal(signal.SIGINT, handler)
print("ready", flush=True)
while True: time.sleep(0.05)
"""

DEAF_CHILD = """
import subprocess, sys
code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True)"
child = subprocess.Popen([sys.executable, "-c", code + "; time.sleep(60)"])
print(child.pid, flush=True)
child.wait()
"""


def toolkit(container: Container) -> None:
    container.describe(style="script-mode-1")
    container.install_toolkit()


def stopped(
    container: Container, number: signal.Signals = signal.SIGTERM, **env: str
) -> tuple[Running, float]:
    """Start training, wait until the program is ready, send the signal."""
    running = container.start("train", env=env)
    running.wait_for("ready")
    running.signal(number)
    return running, time.monotonic()


@pytest.mark.parametrize("behind_the_toolkit", [False, True])
@pytest.mark.parametrize("code", [0, 7])
def test_the_handler_runs_to_its_end_and_its_code_is_the_containers(
    container: Container, behind_the_toolkit: bool, code: int
) -> None:
    container.script(SAVES)
    if behind_the_toolkit:
        toolkit(container)
    running, since = stopped(container, CODE=str(code))
    result = running.result()
    assert result.code == code
    assert (container.root / "saved").read_text() == "begin end\n"
    assert time.monotonic() - since < 5
    assert "byoc: SIGTERM: passed on to the program" in result.err
    assert container.failure.exists() is bool(code)


@pytest.mark.parametrize("behind_the_toolkit", [False, True])
def test_a_program_without_a_handler_ends_at_once_with_143(
    container: Container, behind_the_toolkit: bool
) -> None:
    container.script("import time; print('ready', flush=True); time.sleep(60)")
    if behind_the_toolkit:
        toolkit(container)
    running, since = stopped(container)
    assert running.result().code == 143
    assert time.monotonic() - since < 3
    assert container.failure.read_text().startswith(
        "The program was stopped by SIGTERM and ended with exit code 143"
    )


@pytest.mark.parametrize("behind_the_toolkit", [False, True])
def test_a_second_sigterm_does_not_enter_the_handler_again(
    container: Container, behind_the_toolkit: bool
) -> None:
    container.script(SAVES)
    if behind_the_toolkit:
        toolkit(container)
    running, _since = stopped(container)
    time.sleep(0.05)
    running.signal(signal.SIGTERM)
    result = running.result()
    assert result.code == 0
    assert (container.root / "saved").read_text() == "begin end\n"
    assert "SIGTERM again" in result.err


def test_ctrl_c_twice_is_passed_on_twice(container: Container) -> None:
    container.script(COUNTS)
    running, _since = stopped(container, signal.SIGINT)
    running.wait_for("caught 1")
    running.signal(signal.SIGINT)
    assert running.result().code == 4


@pytest.mark.parametrize("behind_the_toolkit", [False, True])
def test_ctrl_c_ends_a_program_that_does_not_expect_it(
    container: Container, behind_the_toolkit: bool
) -> None:
    container.script("import time; print('ready', flush=True); time.sleep(60)")
    if behind_the_toolkit:
        toolkit(container)
    running, _since = stopped(container, signal.SIGINT)
    assert running.result().code == 130
    assert container.failure.read_text().startswith("KeyboardInterrupt\nThe program was stopped by SIGINT")


@pytest.mark.parametrize("new_session", [False, True])
@pytest.mark.parametrize("behind_the_toolkit", [False, True])
def test_every_rank_saves_before_the_container_ends(
    container: Container, behind_the_toolkit: bool, new_session: bool
) -> None:
    container.script(RANKS.format(new_session=new_session))
    container.script(RANK, "rank.py")
    if behind_the_toolkit:
        toolkit(container)
    running, _since = stopped(container)
    assert running.result().code == 143  # train.py itself has no handler
    assert [(container.root / f"rank{n}").read_text() for n in (0, 1)] == ["saved", "saved"]


@pytest.mark.parametrize("text", [SHIM, SHIM_THAT_REAPS])
def test_behind_a_base_entrypoint_that_stays_the_programs_code_counts(
    container: Container, text: str
) -> None:
    shim = container.write("shim", text, 0o755)
    container.script(SAVES)
    toolkit(container)
    container.describe(style="script-mode-1", base_entrypoint=[str(shim)])
    running, _since = stopped(container, CODE="7")
    assert running.result().code == 7
    assert (container.root / "saved").read_text() == "begin end\n"


def test_usr1_reaches_who_listens_and_does_not_kill_who_does_not(container: Container) -> None:
    container.script(
        "import signal, sys, time\nsignal.signal(signal.SIGUSR1, lambda *_: sys.exit(9))\n"
        "print('ready', flush=True)\nwhile True: time.sleep(0.05)\n"
    )
    toolkit(container)
    running, _since = stopped(container, signal.SIGUSR1)
    assert running.result().code == 9


def test_what_ignores_sigterm_is_killed_when_the_stop_takes_too_long(
    container: Container, alive: Callable[[int], bool]
) -> None:
    container.script(DEAF_CHILD)
    running = container.start("train", stop=0.6)
    running.wait_for("ready")
    running.signal(signal.SIGTERM)
    assert running.result().code == 143
    assert not alive(int(running.seen[0]))


@pytest.mark.parametrize("deaf", [False, True])
@pytest.mark.parametrize("new_session", [False, True])
def test_what_a_finished_program_leaves_behind_does_not_keep_the_container(
    container: Container, alive: Callable[[int], bool], deaf: bool, new_session: bool
) -> None:
    trap = "trap '' TERM;" if deaf else ""
    container.script(
        "import subprocess, time\n"
        f"child = subprocess.Popen(['/bin/bash', '-c', \"{trap} while :; do sleep 0.1; done\"],"
        f" start_new_session={new_session})\n"
        "time.sleep(0.2)\nprint(child.pid, flush=True)\n"
    )
    since = time.monotonic()
    result = container.run("train")
    assert result.code == 0
    assert 0.2 < time.monotonic() - since < 5
    assert "the program has ended, but not what it started: SIGTERM for process" in result.err
    assert not alive(int(result.out))


def test_a_name_that_looks_like_the_process_table_hides_nobody(
    container: Container, alive: Callable[[int], bool]
) -> None:
    container.script("#!/bin/sh\nwhile :; do sleep 0.05; done\n", "x) S 1 1", 0o755)
    container.script(
        "import subprocess, time\n"
        "child = subprocess.Popen(['./x) S 1 1'], start_new_session=True)\n"
        "time.sleep(0.1)\nprint(child.pid, flush=True)\n"
    )
    result = container.run("train")
    assert result.code == 0
    assert not alive(int(result.out))


def test_what_finishes_soon_after_the_program_is_waited_for(container: Container) -> None:
    container.script(
        "import subprocess\nsubprocess.Popen(['sh', '-c', 'sleep 0.4; echo late; echo late >&2'])\n"
    )
    result = container.run("train", leave=3.0)
    assert (result.code, result.out, result.err) == (0, "late\n", "late\n")


def test_orphans_are_reaped_while_the_program_runs(container: Container) -> None:
    container.script(
        "import os, subprocess, time\n"
        "orphan = int(subprocess.check_output(['sh', '-c', 'sleep 0.1 >/dev/null & echo $!']))\n"
        "time.sleep(0.6)\nprint(os.path.exists(f'/proc/{orphan}'))\n"
    )
    assert container.run("train").out == "False\n"


@pytest.mark.parametrize(("how", "code"), [("9", 137), ("11", 139), ("6", 134), ("15", 143)])
def test_death_by_a_signal_is_told_as_a_shell_tells_it(container: Container, how: str, code: int) -> None:
    container.script(f"import os; os.kill(os.getpid(), {how})")
    assert container.run("train").code == code
    toolkit(container)
    assert container.run("train").code == code


def test_signals_that_python_ignores_do_their_work_in_the_program(container: Container) -> None:
    result = container.run("bash", "-c", "yes | head -1; echo ${PIPESTATUS[0]}; kill -PIPE $$; echo not here")
    assert result.out == "y\n141\n"
    assert result.code == 141


def server(container: Container, text: str) -> None:
    container.describe(serve={"program": "inference.py", "code": None, "server": "asgi"})
    container.write("opt/byoc/serving/__main__.py", text)


@pytest.mark.parametrize(("code", "ended"), [(0, 1), (3, 3)])
def test_a_server_that_ends_by_itself_has_failed(container: Container, code: int, ended: int) -> None:
    server(container, f"raise SystemExit({code})")
    result = container.run("serve")
    assert result.code == ended
    assert f"the server ended by itself with exit code {code}" in result.err


def test_a_server_that_is_stopped_ends_with_its_own_code(container: Container) -> None:
    server(container, SAVES)
    running = container.start("serve", env={"SAVING": "0"})
    running.wait_for("ready")
    running.signal(signal.SIGTERM)
    result = running.result()
    assert result.code == 0
    assert "by itself" not in result.err


def test_other_programs_get_signals_too(container: Container) -> None:
    running = container.start(
        "bash", "-c", "trap 'echo bye; exit 6' TERM; echo ready; while :; do sleep 0.1; done"
    )
    running.wait_for("ready")
    running.signal(signal.SIGTERM)
    assert running.result().code == 6


def test_a_reader_that_does_not_read_does_not_hold_up_the_stop(container: Container) -> None:
    """More stderr than all pipes hold, and nobody who takes it: SIGTERM must arrive all the same."""
    saved = container.root / "saved"
    container.script(
        "import os, signal, sys\n"
        f"def save(*_): open({str(saved)!r}, 'w').write('saved'); os._exit(0)\n"
        "signal.signal(signal.SIGTERM, save)\nprint('ready', flush=True)\n"
        "while True: sys.stderr.write('x' * 1000 + '\\n')\n"
    )
    running = container.start("train")
    running.wait_for("ready")
    time.sleep(0.5)
    running.signal(signal.SIGTERM)
    assert running.process.wait(10) == 0
    assert saved.read_text() == "saved"
