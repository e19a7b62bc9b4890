"""A container's file tree in a temporary folder, and the real entry program started in it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ENTRY = Path(__file__).parents[2] / "containers" / "entry"
QUICK = {"leave": 0.2, "end": 0.2, "stop": 20.0}  # seconds instead of minutes

START = """
import json, sys
sys.path.insert(0, sys.argv[1])
from dispatch import main
from settings import Places
from supervise import Patience
sys.exit(main(sys.argv[4:], places=Places(sys.argv[2]), patience=Patience(**json.loads(sys.argv[3]))))
"""

TOOLKIT = """#!{python}
import os, subprocess, sys
SAYS = "2026-01-01 00:00:00,000 sagemaker-training-toolkit "
program, exit_code = os.environ["SAGEMAKER_PROGRAM"], 0
command = "python -- " + program + " --token from-the-job"
try:
    print(SAYS + "INFO     Invoking user script\\n\\nSM_HP_TOKEN=from-the-job\\n", file=sys.stderr)
    print("Invoking script with the following command:\\n\\n" + command + "\\n", file=sys.stderr, flush=True)
    code = subprocess.Popen([sys.executable, "--", program], cwd={code!r}).wait()
    if code:
        exit_code = 1
        text = 'ExecuteUserScriptError:\\nExitCode %d\\nErrorMessage ""\\nCommand "%s"' % (code, command)
        print(SAYS + "ERROR    " + text, file=sys.stderr)
        if not os.path.exists({failure!r}):
            open({failure!r}, "w").write(text)
finally:
    sys.exit(exit_code)
"""
"""As sagemaker_training.cli.train: exits with 1 whatever the script's code is, and with 0 on Ctrl-C."""


@dataclass(frozen=True)
class Result:
    """How a container ended."""

    code: int
    out: str
    err: str


@dataclass
class Running:
    """A container that runs."""

    process: subprocess.Popen[str]
    seen: list[str] = field(default_factory=list)

    def wait_for(self, line: str) -> None:
        """Read stdout up to this line."""
        assert self.process.stdout
        for text in self.process.stdout:
            self.seen.append(text)
            if text.strip() == line:
                return
        raise AssertionError(f"{line!r} was not said: {self.seen} {self.process.communicate()}")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def result(self, seconds: float = 20) -> Result:
        out, err = self.process.communicate(timeout=seconds)
        return Result(self.process.returncode, "".join(self.seen) + out, err)


@dataclass
class Container:
    """The tree of an image and its /opt/ml, under a folder of its own."""

    root: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)
    python: str = sys.executable

    @property
    def program(self) -> Path:
        return self.root / "opt/program"

    @property
    def ml(self) -> Path:
        return self.root / "opt/ml"

    @property
    def failure(self) -> Path:
        return self.ml / "output/failure"

    def describe(self, **changes: object) -> None:
        """Write entry.json: a basic image that trains, with *changes*."""
        document = {
            "schema": "byoc/entry/1",
            "style": "basic",
            "targets": ["training"],
            "train": {"program": "train.py", "code": str(self.program)},
            "serve": None,
            "process": None,
            "base_entrypoint": [],
            **changes,
        }
        self.write("opt/byoc/entry.json", json.dumps(document))

    def write(self, path: str, text: str, mode: int = 0o644) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)
        return target

    def script(self, text: str, name: str = "train.py", mode: int = 0o644) -> Path:
        return self.write(f"opt/program/{name}", text, mode)

    def install_toolkit(self) -> None:
        """A stand-in for sagemaker-training's console script; the real one is in test_containers.py."""
        text = TOOLKIT.format(python=sys.executable, code=str(self.ml / "code"), failure=str(self.failure))
        self.write(
            "bin/train", f"{text}\n# as the real one: from sagemaker_training.cli.train import main\n", 0o755
        )

    def start(
        self, *words: str, env: Mapping[str, str] = {}, stdin: int = subprocess.DEVNULL, **patience: float
    ) -> Running:
        """Start the entry program, as ``python -I /opt/byoc/entry WORD...`` does."""
        times = json.dumps({**QUICK, **patience})
        environment = {"PATH": f"{self.root}/bin:{os.environ['PATH']}", "HOME": str(self.root), **env}
        process = subprocess.Popen(
            [self.python, "-I", "-c", START, str(ENTRY), str(self.root), times, *words],
            env=environment,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        self.started.append(process)
        return Running(process)

    def run(self, *words: str, env: Mapping[str, str] = {}, **patience: float) -> Result:
        return self.start(*words, env=env, stdin=subprocess.DEVNULL, **patience).result()

    def clean_up(self) -> None:
        """Kill whatever a failed test left: everything whose HOME is this tree."""
        for environ in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if f"HOME={self.root}".encode() in environ.read_bytes().split(b"\0"):
                    os.kill(int(environ.parent.name), signal.SIGKILL)
        for process in self.started:
            process.wait()
            for stream in (process.stdout, process.stderr):
                if stream:
                    stream.close()


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    """A basic image that trains, without its program yet."""
    made = Container(tmp_path)
    made.describe()
    made.program.mkdir(parents=True)
    (made.ml / "output").mkdir(parents=True)
    (made.ml / "model").mkdir()
    yield made
    made.clean_up()


@pytest.fixture
def alive() -> Callable[[int], bool]:
    """Whether a process still runs."""
    return _alive


def _alive(pid: int) -> bool:
    """Ended is also what is a zombie, or is one in a moment."""
    for _ in range(20):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        if state == "Z":
            return False
        time.sleep(0.05)
    return True
