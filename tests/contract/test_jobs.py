"""Each clause of training, tuning and processing is seen to be kept, to be broken, and to know its limits."""

from dataclasses import replace
from typing import Any

import pytest

from byoc_kit.contract.clauses import distributed, outputs, processing, sdk, signals, static, training
from byoc_kit.contract.evidence import Case, Container, Depth, File, ImageFacts, Run
from byoc_kit.contract.judge import judge
from byoc_kit.contract.scenarios import CANARY
from byoc_kit.contract.types import Evidence, Finding, Severity, Status
from byoc_kit.oci.config import ImageConfig
from byoc_kit.spec.types import Target

CLAUSES = (
    *training.PART,
    *outputs.PART,
    *signals.PART,
    *distributed.PART,
    *sdk.PART,
    *processing.PART,
)
MODEL = File(path="/opt/ml/model/model.json", size=12)
FAILURE = File(path="/opt/ml/output/failure", size=9, text="ValueError: no data")
STOPPED = File(path="/opt/ml/output/data/probe-stopped", size=2)
CHILD = "/opt/ml/output/data/probe-child-stopped"
DATA = File(path="/opt/ml/input/data/train/data.csv", size=90)
NAMES = sorted(sdk.GIVEN)
TOLD = '{"argv": ["--batch-size", "16"], "names": [' + ", ".join(f'"{name}"' for name in NAMES) + "]}"
PROBED = File(path="/opt/ml/model/probe.json", size=9, text=TOLD)
WORDS = {"log": "loss=0.5\ndone\n"}


def box(name: str, code: int | None = 0, *files: File, **more: Any) -> Container:
    return Container(name=name, exit_code=code, files=files, **{"seconds": 1.5, **WORDS, **more})


def probe(name: str, code: int | None, *files: File, **more: Any) -> Container:
    return box(name, code, PROBED, *files, facts={"ran": True}, **more)


RUNS: dict[str, tuple[Container, ...]] = {
    "train": (box("algo-1", 0, MODEL, DATA, facts={"written": ""}),),
    "train-inputs": (box("all", 0, MODEL),),
    "train-fail": (box("no-data", 1, FAILURE), box("no-room", 1, FAILURE)),
    "train-words": (
        box("no-word", 0, MODEL),
        box("bogus", 2, command=("byoc-bogus-word",)),
        box("chmod", 2),
    ),
    "studio": (box("studio", 0, MODEL),),
    "train-stop": (box("algo-1", 0, MODEL, stopping=0.4, facts={"hears": True, "early": False}),),
    "train-stop-init": (box("algo-1", 0, MODEL, stopping=0.4, facts={"hears": True, "early": False}),),
    "train-again": (
        box("twice", 0, MODEL),
        box("twice-again", 0, MODEL),
        box("killed", 137, File(path="/opt/ml/checkpoints/1.json", size=3)),
        box("killed-again", 0, MODEL, File(path="/opt/ml/checkpoints/2.json", size=3)),
    ),
    "train-pipe": (
        box("plain", 0, MODEL, facts={"opened": True}),
        box("recordio", 0, MODEL, facts={"opened": True}),
    ),
    "train-hosts": (box("algo-2", 0, MODEL), box("algo-3", 0)),
    "train-groups": (box("algo-1", 0, MODEL), box("algo-2"), box("algo-3")),
    "train-peer-dies": (box("algo-1", 137), box("algo-2", 1, facts={"early": False, "after": 0.3})),
    "train-toolkit": (
        probe("runs", 0),
        probe("fails", 7, replace(FAILURE, text="the probe fails as it was asked to")),
        probe("waits", 0, STOPPED, replace(STOPPED, path=CHILD), stopping=0.2),
    ),
    "train-sdk3": (
        probe("runs", 0),
        probe("fails", 7),
        probe("waits", 0, STOPPED, stopping=0.2),
        probe("local", 0),
    ),
    "process": (box("plain", 0, File(path="/opt/ml/processing/output/dataset/x", size=1)),),
    "process-stop": (
        box("INT", 0, facts={"hears": True, "early": False}),
        box("TERM", 0, facts={"hears": True, "early": False}),
    ),
    "process-script": (
        box("ScriptProcessor", 0, File(path="/opt/ml/processing/output/dataset/done", size=1)),
        box("FrameworkProcessor", 0, File(path="/opt/ml/processing/output/dataset/done", size=1)),
    ),
}
GOOD = Evidence(
    image="docker:churn",
    config=ImageConfig(),
    targets=(Target.TRAINING, Target.TUNING, Target.PROCESSING, Target.STUDIO),
    depth=Depth.QUICK,
    case=Case(metrics={"loss": "loss=([0-9.]+)"}),
    runs={name: Run(scenario=name, containers=found) for name, found in RUNS.items()},
)


def seen(case: Case | None = None, /, **scenarios: tuple[Container, ...]) -> Evidence:
    """The good evidence with other containers in some scenarios, whose names have underscores here."""
    changed = {name.replace("_", "-"): found for name, found in scenarios.items()}
    runs = {name: Run(scenario=name, containers=found) for name, found in {**RUNS, **changed}.items()}
    return replace(GOOD, runs=runs, case=case or GOOD.case)


def finding(clause: str, evidence: Evidence) -> Finding:
    return next(found for found in judge(evidence, CLAUSES).findings if found.id == clause)


def twisted(name: str, **how: Any) -> dict[str, tuple[Container, ...]]:
    """A training that fails with everything, and with the twist *name* alone."""
    how = {"log": f"KeyError: {name}\n", **how}
    return {"train_inputs": (box("all", 1), box("other"), box(name, 1, **how))}


def trains(code: int | None = 0, *files: File, **how: Any) -> dict[str, tuple[Container, ...]]:
    return {"train": (box("algo-1", code, *files, **how),)}


def stops(**how: Any) -> tuple[Container, ...]:
    return (box("algo-1", **{"code": 0, "stopping": 0.4, **how}),)


def test_a_good_image_breaks_nothing() -> None:
    found = {each.id: each.status for each in judge(GOOD, CLAUSES).findings}
    assert {clause: status for clause, status in found.items() if status is not Status.PASS} == {
        "TRN-09": Status.SKIP
    }


HEARS_NOT = {"hears": False, "early": False}
LINK = File(path="/opt/ml/model/latest", kind="symlink", link="model.json")

BROKEN: list[tuple[str, dict[str, Any], Status, str]] = [
    ("TRN-01", trains(127), Status.FAIL, "ended with 127"),
    ("TRN-01", trains(1, log="ModuleNotFoundError: No module named 'x'"), Status.FAIL, "No module named"),
    ("TRN-01", trains(137, out_of_memory=True), Status.FAIL, "want of memory"),
    ("TRN-01", {"train_fail": (box("no-room", 0),)}, Status.FAIL, "could not be written"),
    ("TRN-02", trains(None, MODEL, killed=True), Status.FAIL, "the model was there"),
    (
        "TRN-05",
        {"train_words": (box("bogus", 137, command=("x",), killed=True),)},
        Status.WARN,
        "did not end",
    ),
    ("TRN-05", {"train_words": (box("bogus", 0, command=("x",)),)}, Status.WARN, "ends with 0"),
    ("TRN-08", {"train_again": (box("killed-again", 1),)}, Status.WARN, "ended with 1"),
    ("TRN-10", twisted("warm-pool"), Status.WARN, "warm pool"),
    ("TRN-11", trains(1, log="Temporary failure in name resolution"), Status.WARN, "without a network"),
    ("TRN-12", trains(0, MODEL, log=" \n"), Status.WARN, "prints nothing"),
    ("TRN-13", trains(0, MODEL, log="loss=high\n"), Status.FAIL, "loss"),
    ("TRN-14", trains(0, MODEL, log="loss=1\rloss=2\rloss=3\r"), Status.WARN, "carriage"),
    ("TRN-14", trains(0, MODEL, log="x" * 32_768 + "\n[...]\n" + "x" * 32_768), Status.WARN, "256 KB"),
    ("CFG-01", twisted("strings"), Status.FAIL, "KeyError: strings"),
    ("CFG-02", twisted("encoded"), Status.WARN, "KeyError: encoded"),
    ("CFG-03", twisted("channels"), Status.FAIL, "KeyError: channels"),
    ("CFG-04", twisted("streamed"), Status.WARN, "FastFile"),
    ("CFG-05", twisted("minimal"), Status.FAIL, "KeyError: minimal"),
    ("CFG-08", twisted("junk"), Status.WARN, "KeyError: junk"),
    (
        "CFG-06",
        {
            "train_hosts": (
                *(box(f"{prefix}{host}", 1) for prefix in ("", "whole-") for host in ("algo-2", "algo-3")),
                box("usual-algo-1", 0),
                box("usual-algo-2", 0),
            )
        },
        Status.FAIL,
        "called algo-1 and algo-2 two hosts train",
    ),
    (
        "CFG-09",
        trains(0, MODEL, File(path="/opt/ml/input/config/own.json", size=2)),
        Status.WARN,
        "own.json",
    ),
    ("ENV-01", twisted("bare"), Status.WARN, "TRAINING_JOB_NAME"),
    ("ENV-05", trains(0, MODEL, log=f"env: {CANARY}"), Status.WARN, "may be secrets"),
    ("CHN-01", twisted("read-only"), Status.WARN, "read-only"),
    (
        "CHN-02",
        trains(0, MODEL, File(path="/opt/ml/input/data/train/cache", size=2)),
        Status.FAIL,
        "train/cache",
    ),
    ("CHN-02", twisted("streamed"), Status.FAIL, "FastFile"),
    ("CHN-03", {"train_pipe": (box("plain", 1, facts={"opened": True}),)}, Status.FAIL, "epoch 0"),
    (
        "CHN-04",
        {"train_pipe": (box("plain", 0, facts={"opened": True}), box("recordio", 1))},
        Status.WARN,
        "RecordIO",
    ),
    (
        "CHN-07",
        {
            "train_hosts": (
                box("algo-2", 0),
                box("algo-3", 1),
                box("whole-algo-2", 0),
                box("whole-algo-3", 0),
            )
        },
        Status.WARN,
        "algo-3",
    ),
    ("CHN-08", {"train_fail": (box("no-data", 1, log=""),)}, Status.WARN, "says nothing"),
    ("CHN-08", {"train_fail": (box("no-data", 137, killed=True),)}, Status.WARN, "did not end"),
    ("HPO-01", twisted("tuned"), Status.FAIL, "_tuning_objective_metric"),
    ("HPO-02", trains(0, MODEL, log="loss=high\n"), Status.FAIL, "loss"),
    ("HPO-03", twisted("categories"), Status.WARN, "quotes"),
    ("HPO-05", trains(None, refused="exec: train: not found"), Status.FAIL, "not found"),
    ("HPO-06", {"train_toolkit": (box("runs", 0, MODEL),)}, Status.WARN, "does not run a script"),
    ("LCL-23", {"train_words": (box("chmod", 0, MODEL),)}, Status.WARN, "starts a training"),
    ("OUT-01", trains(0), Status.FAIL, "empty"),
    (
        "OUT-02",
        {"train_hosts": (box("algo-2", 0, MODEL), box("algo-3", 0, MODEL))},
        Status.WARN,
        "both hosts write /opt/ml/model/model.json",
    ),
    ("OUT-03", {"train_fail": (box("no-data", 1),)}, Status.FAIL, "wrote no"),
    ("OUT-03", {"train_fail": (box("no-data", 1, replace(FAILURE, utf8=False)),)}, Status.FAIL, "UTF-8"),
    (
        "OUT-03",
        {"train_fail": (box("no-data", 1, replace(FAILURE, text=outputs.HEADER + "x" * 2000)),)},
        Status.FAIL,
        "without the exception",
    ),
    (
        "OUT-03",
        {"train_fail": (box("no-data", 1, replace(FAILURE, text='ErrorMessage ""')),)},
        Status.WARN,
        "TTK-21",
    ),
    ("OUT-04", trains(0, MODEL, FAILURE), Status.WARN, "failure"),
    ("OUT-05", trains(0, MODEL, File(path="/opt/ml/output/plot.png", size=9)), Status.WARN, "plot.png"),
    (
        "OUT-06",
        {"train_fail": (box("no-data", 1, File(path="/opt/ml/model/m.tmp", size=1)),)},
        Status.WARN,
        "m.tmp",
    ),
    ("OUT-07", {"train_again": (*RUNS["train-again"][:3], box("killed-again", 1))}, Status.FAIL, "left"),
    (
        "OUT-07",
        {"train_again": (box("killed-again", 0, File(path="/opt/ml/checkpoints/.1.part")),)},
        Status.FAIL,
        ".1.part",
    ),
    ("OUT-08", trains(0, MODEL, LINK), Status.FAIL, "latest is a link to model.json"),
    ("OUT-09", trains(0, MODEL, facts={"written": "/var/log/x"}), Status.WARN, "/var/log/x"),
    ("OUT-10", twisted("outputs"), Status.WARN, "Debugger"),
    ("SIG-01", {"train_stop": stops(code=137, killed=True, stopping=15)}, Status.FAIL, "15 s after"),
    ("SIG-01", {"train_stop": stops(facts={"hears": False, "early": True})}, Status.FAIL, "never asked"),
    (
        "SIG-02",
        {"train_stop_init": stops(code=137, killed=True, stopping=15)},
        Status.FAIL,
        "below an init it still ran",
    ),
    ("SIG-02", {"train_stop_init": stops(code=143, facts=HEARS_NOT)}, Status.FAIL, "no handler"),
    ("SIG-04", {"train_again": (box("killed-again", 1),)}, Status.WARN, "SIGKILL"),
    ("SIG-05", {"train_again": (box("twice", 0), box("twice-again", 1))}, Status.WARN, "two SIGTERM"),
    (
        "DIS-01",
        {
            "train_hosts": tuple(
                box(name, 1)
                for name in (
                    "algo-2",
                    "algo-3",
                    "whole-algo-2",
                    "whole-algo-3",
                    "usual-algo-1",
                    "usual-algo-2",
                )
            )
        },
        Status.WARN,
        "of two hosts",
    ),
    (
        "DIS-02",
        {"train_peer_dies": (box("algo-1", 137), box("algo-2", 137, killed=True, facts={"after": 60.0}))},
        Status.WARN,
        "60.0 s later",
    ),
    ("DIS-04", {"train_groups": (box("algo-1"), box("algo-3", 1))}, Status.WARN, "algo-3"),
    (
        "TTK-09",
        {"train_toolkit": (box("runs", 0, replace(PROBED, text='{"argv": []}')),)},
        Status.WARN,
        "[]",
    ),
    ("TTK-21", {"train_toolkit": (probe("fails", 1, FAILURE),)}, Status.WARN, "does not hold"),
    ("TTK-21", {"train_toolkit": (probe("fails", 0),)}, Status.WARN, "the container with 0"),
    ("TTK-23", {"train_toolkit": (probe("waits", 137, killed=True, stopping=4),)}, Status.WARN, "killed"),
    ("TTK-23", {"train_toolkit": (probe("waits", 143),)}, Status.WARN, "no time"),
    ("SIG-03", {"train_toolkit": (probe("waits", 0, STOPPED),)}, Status.WARN, "not the process"),
    ("TMD-03", {"train_sdk3": (box("runs", 1),)}, Status.WARN, "ended with 1"),
    (
        "TMD-05",
        {"train_sdk3": (box("runs", 0, replace(PROBED, text='{"names": ["SM_HPS"]}')),)},
        Status.WARN,
        "SM_MODEL_DIR",
    ),
    ("TMD-08", {"train_sdk3": (probe("waits", 143),)}, Status.WARN, "no time"),
    ("LCL-22", {"train_sdk3": (probe("local", 1),)}, Status.WARN, "local container mode"),
    ("PRC-01", {"process_script": (box("ScriptProcessor", 1),)}, Status.WARN, "ScriptProcessor"),
    ("PRC-02", {"process_stop": (box("TERM", 137, killed=True),)}, Status.FAIL, "SIGTERM"),
    ("PRC-02", {"process_stop": (box("TERM", 0), box("INT", 137, killed=True))}, Status.FAIL, "SIGINT"),
    ("PRC-02", {"process_stop": (box("TERM", 0, facts=HEARS_NOT),)}, Status.FAIL, "never asked"),
    ("PRC-03", {"process": (box("plain", 127),)}, Status.FAIL, "127"),
    (
        "PRC-05",
        {"process": (box("plain", 0, replace(LINK, path="/opt/ml/processing/output/dataset/x")),)},
        Status.FAIL,
        "is a link",
    ),
    (
        "PRC-07",
        {"process": (box("plain", 0, File(path="/opt/ml/output/message", size=3, utf8=False)),)},
        Status.FAIL,
        "not UTF-8",
    ),
    ("PRC-09", {"process": (box("plain", 0, log=""),)}, Status.WARN, "prints nothing"),
]


@pytest.mark.parametrize(("clause", "changes", "status", "says"), BROKEN)
def test_broken(clause: str, changes: dict[str, Any], status: Status, says: str) -> None:
    found = finding(clause, seen(**changes))
    assert (found.status, found.severity is Severity.MUST or status is Status.WARN) == (status, True), (
        found.evidence
    )
    assert says in found.evidence
    assert CANARY not in found.evidence


UNSEEN: list[tuple[str, dict[str, Any], str]] = [
    ("TRN-01", trains(1, log="FileNotFoundError: labels.csv"), "give it a case"),
    ("TRN-01", trains(1, log="ImportError: no GPU\n" + "training\n" * 300 + "KeyError: y"), "give it a case"),
    ("TRN-01", trains(None, refused="exec: train: not found"), "IMG-01"),
    ("TRN-01", trains(1, log="Could not resolve host: example"), "TRN-11"),
    ("TRN-01", trains(None, killed=True), "TRN-02"),
    ("TRN-02", trains(None, killed=True), "time-limits"),
    ("TRN-11", trains(1), "TRN-01"),
    ("CFG-01", trains(1), "TRN-01"),
    ("CHN-01", trains(0, MODEL, File(path="/opt/ml/input/data/train/cache", size=2)), "CHN-02"),
    ("OUT-01", trains(1), "TRN-01"),
    ("OUT-02", {"train_hosts": (box("algo-2", 0, MODEL), box("algo-3", 1))}, "DIS-01"),
    ("OUT-03", {"train_fail": (box("no-data", 0), box("no-room", 0, MODEL))}, "neither"),
    ("SIG-01", {"train_stop": stops(facts={"hears": None, "early": True})}, "trains longer"),
    ("SIG-01", {"train_stop": stops(code=1, facts={"hears": False, "early": True})}, "before"),
    (
        "SIG-02",
        {
            "train_stop": stops(facts=HEARS_NOT),
            "train_stop_init": stops(code=143, facts=HEARS_NOT),
        },
        "SIG-01",
    ),
    ("DIS-02", {"train_peer_dies": (box("algo-1"), box("algo-2", facts={"early": True}))}, "before"),
    ("PRC-03", {"process": (box("plain", 1),)}, "made-up table"),
    ("PRC-05", {"process": (box("plain", 1),)}, "PRC-03"),
    ("STU-01", {"studio": (box("studio", 1),)}, "local mode"),
]


@pytest.mark.parametrize(("clause", "changes", "says"), UNSEEN)
def test_what_was_not_seen_is_not_judged(clause: str, changes: dict[str, Any], says: str) -> None:
    found = finding(clause, seen(**changes))
    assert found.status is Status.NOT_RUN, found.evidence
    assert says in found.evidence


APART: list[tuple[str, dict[str, Any]]] = [
    ("CHN-03", {"train_pipe": (box("plain", 1, facts={"opened": False}),)}),
    ("CHN-04", {"train_pipe": (box("plain", 1, facts={"opened": False}),)}),
    ("CHN-08", {"train_fail": (box("no-data", 0, MODEL),)}),
    ("OUT-07", {"train_again": (box("killed", 137), box("killed-again", 0))}),
    ("TTK-09", {"train_toolkit": (box("runs", 0, MODEL),)}),
    ("TTK-21", {"train_toolkit": (box("runs", 0, MODEL),)}),
    ("TTK-23", {"train_toolkit": (box("runs", 0, MODEL),)}),
    ("SIG-03", {"train_toolkit": (box("runs", 0, MODEL),)}),
    ("TMD-08", {"train_sdk3": (probe("waits", 137, killed=True),)}),
]


@pytest.mark.parametrize(("clause", "changes"), APART)
def test_what_does_not_apply_is_set_aside(clause: str, changes: dict[str, Any]) -> None:
    assert finding(clause, seen(**changes)).status is Status.SKIP


def test_the_users_own_data_leave_no_excuse() -> None:
    own = Case(channels={"train": "data"}, inputs={"raw": "data"})
    assert finding("TRN-01", seen(own, **trains(1))).status is Status.FAIL
    assert finding("PRC-03", seen(own, process=(box("plain", 1),))).status is Status.FAIL


@pytest.mark.parametrize(
    ("silent", "status"),
    [
        (box("no-word", 0, MODEL), Status.PASS),
        (box("no-word", 2), Status.WARN),
        (box("no-word", 0), Status.WARN),
        (box("bogus", 2), Status.NOT_RUN),
    ],
)
def test_what_it_does_without_a_word_is_seen_where_no_config_tells(silent: Container, status: Status) -> None:
    evidence = replace(seen(train_words=(silent,)), config=ImageConfig(entrypoint=("/entry.sh",)))
    found = next(each for each in judge(evidence, static.PART).findings if each.id == "LCL-20")
    assert found.status is status
    unplayed = replace(evidence, runs={})
    assert next(e for e in judge(unplayed, static.PART).findings if e.id == "LCL-20").status is Status.NOT_RUN


def test_metrics_that_nobody_named_are_not_missed() -> None:
    assert finding("TRN-13", seen(Case())).status is Status.SKIP
    assert finding("HPO-02", seen(Case())).status is Status.NOT_RUN


def test_a_training_that_ended_before_it_was_stopped_may_have_heard() -> None:
    found = finding("SIG-01", seen(train_stop=stops(facts={"hears": True, "early": True})))
    assert found.status is Status.PASS


def test_a_toolkit_that_does_not_run_the_script_is_told_why() -> None:
    evidence = seen(train_toolkit=(box("runs", 0, MODEL),))
    facts = ImageFacts(distributions={"sagemaker-training": "5.1.4"})
    assert "its own code comes first" in finding("HPO-06", replace(evidence, facts=facts)).evidence


@pytest.mark.parametrize("text", ["", "{", "[1]", '"x"', '{"argv": 1}'])
def test_a_file_of_the_images_own_is_no_probe(text: str) -> None:
    own = box("runs", 0, replace(PROBED, text=text), facts={"ran": True})
    assert finding("TTK-09", seen(train_toolkit=(own,))).status in {Status.SKIP, Status.WARN}
    assert finding("TMD-05", seen(train_sdk3=(own,))).status in {Status.NOT_RUN, Status.WARN}


def test_what_an_image_prints_does_not_reach_the_terminal_as_it_is() -> None:
    found = finding("TRN-01", seen(**trains(127, log="\x1b[2J\x1b]0;owned\x07\n")))
    assert "\x1b" not in found.evidence
    assert "owned" in found.evidence


def test_every_clause_is_seen_broken_in_this_file() -> None:
    never = {"TRN-09", "STU-01"}  # they have nothing to break: they tell whether something is possible
    assert {clause for clause, *_ in BROKEN} | never == {clause.id for clause in CLAUSES}
