"""byoc verify on evidence that was kept: no engine, no image, the same verdicts."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from byoc_kit.contract.evidence import Depth
from byoc_kit.contract.saved import to_json
from byoc_kit.contract.types import Evidence
from contract.test_clauses import GOOD
from rig.projects import Command

pytestmark = pytest.mark.long

NO_ENGINE = {"DOCKER_HOST": "unix:///nowhere"}
TOML = """
[image]
name = "churn"
style = "basic"
base = "a:b"
[train]
program = "train.py"
[verify]
waivers = [{ clause = "%s", reason = "a ticket is open", until = "%s" }]
"""


def keep(folder: Path, evidence: Evidence) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "evidence.json").write_text(json.dumps(to_json(evidence)))
    return folder


BROKEN = replace(GOOD, config=replace(GOOD.config, user="nobody"))


@pytest.fixture
def seen(tmp_path: Path) -> Path:
    """Evidence of an image that breaks IMG-05."""
    return keep(tmp_path / "seen", BROKEN)


def project(folder: Path, clause: str = "IMG-05", until: str = "2999-12-31") -> Path:
    (folder / "src").mkdir()
    (folder / "src" / "train.py").write_text("")
    (folder / "byoc.toml").write_text(TOML % (clause, until))
    return folder


def statuses(text: str) -> dict[str, str]:
    return {clause["id"]: clause["status"] for clause in json.loads(text)["clauses"]}


def test_evidence_is_judged_again(byoc: Command, seen: Path, tmp_path: Path) -> None:
    done = byoc("verify", "--evidence", str(seen), "--json", cwd=tmp_path, env=NO_ENGINE, check=False)
    assert (done.returncode, statuses(done.stdout)["IMG-05"]) == (3, "fail")
    training = ("verify", "--evidence", str(seen / "evidence.json"), "--target", "studio", "--json")
    assert statuses(byoc(*training, cwd=tmp_path, env=NO_ENGINE).stdout)["IMG-05"] == "warn"


def test_only_and_skip(byoc: Command, seen: Path, tmp_path: Path) -> None:
    some = byoc(
        "verify", "--evidence", str(seen), "--only", "img-0*", "--skip", "IMG-05", "--json", cwd=tmp_path
    )
    assert {"IMG-01", "IMG-02"} <= statuses(some.stdout).keys()
    assert not {"IMG-05", "IMG-12", "LCL-20"} & statuses(some.stdout).keys()


def test_a_waiver_of_the_project_counts_until_it_expires(byoc: Command, seen: Path, tmp_path: Path) -> None:
    folder = project(tmp_path)
    done = byoc("verify", "--evidence", str(seen), cwd=folder)
    assert "waived  IMG-05" in done.stdout
    assert "waived: a ticket is open" in done.stdout
    (folder / "byoc.toml").write_text(TOML % ("IMG-05", "2020-01-31"))
    done = byoc("verify", "--evidence", str(seen), cwd=folder, check=False)
    assert done.returncode == 3
    assert "its waiver expired on 2020-01-31" in done.stdout


def test_what_was_not_run_can_be_demanded(byoc: Command, tmp_path: Path) -> None:
    folder = str(keep(tmp_path / "seen", replace(GOOD, not_run="there was no engine")))
    assert byoc("verify", "--evidence", folder, cwd=tmp_path).returncode == 0
    done = byoc("verify", "--evidence", folder, "--require-dynamic", cwd=tmp_path, check=False)
    assert (done.returncode, done.stderr) == (4, "not judged: there was no engine\n")
    assert "result" in done.stdout


def test_a_broken_clause_weighs_more_than_one_that_was_not_seen(
    byoc: Command, seen: Path, tmp_path: Path
) -> None:
    done = byoc("verify", "--evidence", str(seen), "--require-dynamic", cwd=tmp_path, check=False)
    assert done.returncode == 3


@pytest.mark.parametrize(
    ("form", "begins"),
    [
        ("junit", "<?xml"),
        ("sarif", "{\n"),
        ("html", "<!DOCTYPE html>"),
        ("json", "{\n"),
        ("text", "docker:churn"),
    ],
)
def test_a_report_as_a_file_and_the_text_beside_it(
    byoc: Command, seen: Path, tmp_path: Path, form: str, begins: str
) -> None:
    words = ("verify", "--evidence", str(seen), "--format", form)
    done = byoc(*words, "-o", "report", cwd=tmp_path, check=False)
    assert (tmp_path / "report").read_text().startswith(begins)
    assert done.stdout.startswith("docker:churn (static, for training, hosting)\n")
    alone = byoc(*words, cwd=tmp_path, check=False)
    assert alone.stdout.startswith(begins)
    assert alone.returncode == done.returncode == 3


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--only", "IMX-01"], 2, "BYOC-E605"),
        (["--only", "IMG-05", "--skip", "IMG"], 2, "leave no clause"),
        (["--evidence", "nowhere"], 2, "BYOC-E609"),
        (["--evidence", "byoc.toml"], 2, "BYOC-E609"),
        (["docker:x", "--evidence", "nowhere"], 2, "in place of IMAGE|takes the place"),
        (["--request", "nothing.csv"], 2, "BYOC-E606"),
        (["--channel", "train=nowhere"], 2, "BYOC-E606"),
        (["--model", "byoc.toml"], 2, "is no model archive"),
        (["--hp", "epochs"], 2, "BYOC-E406"),
        (["--metric", "loss=x"], 2, "BYOC-E447"),
        (["--depth", "deep"], 2, "static"),
    ],
)
def test_what_makes_no_sense_is_told(
    byoc: Command, tmp_path: Path, arguments: list[str], code: int, says: str
) -> None:
    done = byoc("verify", *arguments, cwd=project(tmp_path), env=NO_ENGINE, check=False)
    assert done.returncode == code
    assert any(part in done.stderr for part in says.split("|")), done.stderr
    assert "Traceback" not in done.stderr


def test_a_waiver_of_no_clause_is_a_mistake(byoc: Command, tmp_path: Path) -> None:
    done = byoc("verify", cwd=project(tmp_path, clause="IMG-99"), env=NO_ENGINE, check=False)
    assert (done.returncode, "BYOC-E607" in done.stderr) == (2, True)


@pytest.mark.engine
def test_what_was_seen_is_kept_and_judged_the_same(byoc: Command, base: str, tmp_path: Path) -> None:
    words = ("--target", "training", "--only", "IMG,TRN-05", "--json")
    done = byoc("verify", base, *words, "--save-evidence", "seen", cwd=tmp_path, check=False)
    again = byoc("verify", "--evidence", "seen", *words, cwd=tmp_path, env=NO_ENGINE, check=False)
    first, second = json.loads(done.stdout), json.loads(again.stdout)
    assert first["clauses"] == second["clauses"]
    assert [run["name"] for run in first["scenarios"]] == ["train-words"]
    assert first["depth"] == "quick"
    assert statuses(done.stdout)["IMG-01"] == "fail"


@pytest.mark.engine
def test_fail_fast_starts_nothing_that_reading_has_decided(byoc: Command, base: str, tmp_path: Path) -> None:
    done = byoc("verify", base, "--target", "training", "--fail-fast", "--json", cwd=tmp_path, check=False)
    report: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode, report["scenarios"], report["depth"]) == (3, [], Depth.STATIC)
    assert report["not_run"] == "nothing was run: a clause had failed already"
