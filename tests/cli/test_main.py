"""The command line as a process: help, misspelt verbs, exit codes, completion, bugs of ours."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from byoc_kit.cli.main import VERBS


def run(*words: str, cwd: Path | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "byoc_kit", *words],
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "1", **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_help_lists_every_verb_and_an_example() -> None:
    done = run("--help")
    assert done.returncode == 0
    assert all(re.search(rf"^  {verb} ", done.stdout, re.MULTILINE) for verb in VERBS)
    assert "Example: byoc init" in done.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(verb: str) -> None:
    done = run(verb, "--help")
    assert done.returncode == 0, done.stderr
    assert "Usage: byoc " + verb in done.stdout
    assert "xample" in done.stdout


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from byoc_kit.cli.main import cli\n"
        "try: cli.main(['--help'], prog_name='byoc')\n"
        "except SystemExit: pass\n"
        "heavy = {'docker', 'boto3', 'botocore', 'pydantic', 'jinja2', 'rich', 'tomlkit', 'urllib3'}\n"
        "sys.exit(','.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_misspelt_verb_is_answered_with_the_near_one() -> None:
    done = run("biuld")
    assert done.returncode == 2
    assert "No such command 'biuld'. Did you mean 'build'?" in done.stderr


def test_an_unknown_option_is_a_usage_error() -> None:
    assert run("build", "--nonsense").returncode == 2


def test_no_project_says_what_why_and_fix(tmp_path: Path) -> None:
    done = run("build", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.search(r"^error \[BYOC-E\d+\]: .*byoc.toml", done.stderr)
    assert "\n  why: " in done.stderr
    assert "\n  fix: " in done.stderr
    assert "Traceback" not in done.stderr


def test_an_error_for_machines_is_one_object(tmp_path: Path) -> None:
    done = run("build", "--json", cwd=tmp_path)
    error = json.loads(done.stdout)
    assert error["schema"] == "byoc/error/1"
    assert error["exit_code"] == done.returncode == 2
    assert error["fix"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str) -> None:
    done = run("completion", shell)
    assert done.returncode == 0
    assert "_BYOC_COMPLETE" in done.stdout


def test_completion_offers_the_verbs() -> None:
    done = run(_BYOC_COMPLETE="bash_complete", COMP_WORDS="byoc ver", COMP_CWORD="1")
    assert "plain,verify" in done.stdout


def test_a_bug_of_ours_ends_with_70_and_no_traceback_on_the_screen(tmp_path: Path) -> None:
    code = (
        "import click; from byoc_kit.cli import main, completion\n"
        "@click.command()\n"
        "def completion_(): raise KeyError('x')\n"
        "completion.completion = completion_\n"
        "import sys; sys.argv = ['byoc', 'completion']; main.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 70
    assert "a bug of byoc: KeyError" in done.stderr
    assert "Traceback" not in done.stderr
    (report,) = tmp_path.glob("byoc-bug-*.txt")
    assert "Traceback" in report.read_text()


def test_the_public_names_are_pinned() -> None:
    import byoc_kit

    names = ["ByocError", "build", "run_process", "run_serve", "run_train", "run_transform", "run_tune"]
    assert sorted(byoc_kit.__all__) == names
    assert all(callable(getattr(byoc_kit, name)) for name in byoc_kit.__all__)
