"""Scripts that the SDK brings: by hyperparameters (HPO-06, TTK), behind ModelTrainer's driver (TMD)."""

import json
import re
from typing import Final

from byoc_kit.contract.clauses.trained import by_name, why
from byoc_kit.contract.clauses.verdicts import NOBODY, TRAINING, apart, broken, kept, unseen
from byoc_kit.contract.evidence import Container
from byoc_kit.contract.types import Clause, Evidence, Severity, Verdict
from byoc_kit.spec.types import Target

__all__ = ["PART"]

TOOLKIT: Final = "sagemaker-training"
PROBE: Final = "/opt/ml/model/probe.json"
FAILURE: Final = "/opt/ml/output/failure"
GIVEN: Final = frozenset(
    f"SM_{name}"
    for name in re.findall(
        r"\w+",
        """
        MODEL_DIR INPUT_DIR INPUT_DATA_DIR INPUT_CONFIG_DIR OUTPUT_DIR OUTPUT_FAILURE OUTPUT_DATA_DIR
        LOG_LEVEL MASTER_ADDR MASTER_PORT SOURCE_DIR ENTRY_SCRIPT CHANNELS HPS HP_BATCH_SIZE CURRENT_HOST
        CURRENT_HOST_RANK CURRENT_INSTANCE_TYPE HOSTS HOST_COUNT NETWORK_INTERFACE_NAME NUM_CPUS NUM_GPUS
        NUM_NEURONS RESOURCE_CONFIG INPUT_DATA_CONFIG TRAINING_ENV
        """,
    )
)
"""What the driver of ModelTrainer sets (TMD-05)."""


def _has_toolkit(seen: Evidence) -> bool:
    return seen.facts is not None and seen.facts.has(TOOLKIT)


def _probe(container: Container | None) -> dict[str, object]:
    """What the probe has told; empty: it did not run."""
    told = container.file(PROBE) if container else None
    try:
        found = json.loads(told.text or "") if told else {}
    except ValueError:  # the image's own file of that name
        return {}
    return found if isinstance(found, dict) else {}


def _listed(told: dict[str, object], key: str) -> list[str]:
    found = told.get(key)
    return [str(word) for word in found] if isinstance(found, list) else []


def runs_a_script_it_is_sent(seen: Evidence) -> Verdict:
    """HPO-06."""
    runs = by_name(seen.runs["train-toolkit"], "runs")
    if _probe(runs):
        return kept("it runs the script that sagemaker_program and sagemaker_submit_directory name")
    if _has_toolkit(seen):
        return broken(
            "it has the training toolkit and does not run the script: its own code comes first", NOBODY
        )
    return broken(
        "it does not run a script that hyperparameters name: the SDK's tuner can bring none", NOBODY
    )


def passes_hyperparameters(seen: Evidence) -> Verdict:
    """TTK-09."""
    told = _probe(by_name(seen.runs["train-toolkit"], "runs"))
    if not told:
        return apart("it does not run scripts named by hyperparameters: see HPO-06")
    words = _listed(told, "argv")
    if "--batch-size" in words and not any("sagemaker" in word for word in words):
        return kept(f"the script is started with {' '.join(words)}")
    return broken(f"the script is started with {words}")


def tells_of_a_script_that_failed(seen: Evidence) -> Verdict:
    """TTK-21."""
    failed = by_name(seen.runs["train-toolkit"], "fails")
    if failed is None:
        return apart("it does not run scripts named by hyperparameters: see HPO-06")
    said = failed.file(FAILURE)
    if failed.exit_code == 0:
        return broken("the script ended with 7, and the container with 0")
    if said and "fails as it was asked" in (said.text or ""):
        return kept(f"exit code {failed.exit_code}, and the script's own words in the failure text")
    return broken(f"exit code {failed.exit_code}, and the failure text does not hold the script's words")


def passes_on_a_stop(seen: Evidence) -> Verdict:
    """TTK-23."""
    return _stopped(by_name(seen.runs["train-toolkit"], "waits"), "HPO-06")


def _stopped(waits: Container | None, otherwise: str) -> Verdict:
    if waits is None or not waits.facts.get("ran"):
        return apart(f"the script does not run: see {otherwise}")
    if waits.killed:
        return broken(f"SIGTERM did not reach the script, which was killed after {waits.stopping or 0:.0f} s")
    if waits.file("/opt/ml/output/data/probe-stopped"):
        return kept(f"SIGTERM reached the script, which ended after {waits.stopping or 0:.1f} s")
    return broken(f"the script had no time to save anything: {why(waits)}")


def reaches_children(seen: Evidence) -> Verdict:
    """SIG-03."""
    waits = by_name(seen.runs["train-toolkit"], "waits")
    if waits is None or not waits.file("/opt/ml/output/data/probe-stopped"):
        return apart("only a script that is brought can tell, and none was told to stop: see HPO-06, TTK-23")
    if waits.file("/opt/ml/output/data/probe-child-stopped"):
        return kept("SIGTERM reached the script and the process that it had started")
    return broken("SIGTERM reached the script, and not the process that it had started")


def runs_behind_the_driver(seen: Evidence) -> Verdict:
    """TMD-03."""
    runs = by_name(seen.runs["train-sdk3"], "runs")
    if runs is not None and runs.exit_code == 0 and _probe(runs):
        return kept("a script runs behind the driver of ModelTrainer")
    if runs is None or runs.refused:
        return unseen("the driver could not be started: see TMD-02")
    return broken(f"behind the driver of ModelTrainer {why(runs)}", NOBODY)


def knows_its_environment(seen: Evidence) -> Verdict:
    """TMD-05."""
    told = _probe(by_name(seen.runs["train-sdk3"], "runs"))
    if not told:
        return unseen("the script did not run: see TMD-03")
    missing = GIVEN - {*_listed(told, "names")}
    return (
        broken(f"missing: {', '.join(sorted(missing))}") if missing else kept(f"{len(GIVEN)} SM_ variables")
    )


def stops_behind_the_driver(seen: Evidence) -> Verdict:
    """TMD-08."""
    waits = by_name(seen.runs["train-sdk3"], "waits")
    if waits is not None and waits.killed:
        return apart("the SDK's driver forwards no signals, whatever the image: the script was killed")
    return _stopped(waits, "TMD-03")


def runs_locally_too(seen: Evidence) -> Verdict:
    """LCL-22."""
    local = by_name(seen.runs["train-sdk3"], "local")
    if local is None:
        return unseen("the script did not run: see TMD-03")
    if local.exit_code == 0:
        return kept("it trains with an interface name that is not there")
    return broken(f"in local container mode {why(local)}")


PART: Final = (
    Clause(
        id="HPO-06",
        says="Runs a script that hyperparameters name, as the SDK's tuner sends it.",
        severity=Severity.MUST,
        source="SageMaker SDK 3: tuner.py",
        fix="ship the training toolkit with an empty /opt/ml/code, e.g. with style script-mode-2",
        judge=runs_a_script_it_is_sent,
        targets=frozenset({Target.TUNING}),
        needs=("train-toolkit",),
    ),
    Clause(
        id="TTK-09",
        says="Hyperparameters become words of the script's command line.",
        severity=Severity.PLATFORM,
        source="sagemaker-training: mapping.py",
        fix="use the toolkit's entry point as it is",
        judge=passes_hyperparameters,
        targets=TRAINING,
        needs=("train-toolkit",),
    ),
    Clause(
        id="TTK-21",
        says="What a script says when it fails is in the failure text.",
        severity=Severity.INFO,
        source="sagemaker-training: process.py does not capture stderr",
        fix="write /opt/ml/output/failure in the script itself; images of byoc do",
        judge=tells_of_a_script_that_failed,
        targets=TRAINING,
        needs=("train-toolkit",),
    ),
    Clause(
        id="TTK-23",
        says="SIGTERM reaches a script that the toolkit has started.",
        severity=Severity.INFO,
        source="public issues: sagemaker-training-toolkit#125, #173",
        fix="put a program before the toolkit that forwards signals; images of byoc have one",
        judge=passes_on_a_stop,
        targets=TRAINING,
        needs=("train-toolkit",),
    ),
    Clause(
        id="SIG-03",
        says="SIGTERM is passed on to all processes of a job: ranks, workers, children.",
        severity=Severity.SHOULD,
        source="deduced",
        fix="signal the whole process group: os.killpg, or images of byoc, which do",
        judge=reaches_children,
        targets=TRAINING,
        needs=("train-toolkit",),
    ),
    Clause(
        id="TMD-03",
        says="A script runs behind the driver of ModelTrainer, which writes to /opt/ml/input.",
        severity=Severity.MUST,
        source="SageMaker SDK 3: container_drivers",
        fix="have bash, chmod, cat, python3 and pip in the image, and nothing mounted over /opt/ml/input",
        judge=runs_behind_the_driver,
        targets=TRAINING,
        needs=("train-sdk3",),
    ),
    Clause(
        id="TMD-05",
        says="The script finds the SM_ variables of the driver.",
        severity=Severity.PLATFORM,
        source="SageMaker SDK 3: container_drivers/scripts/environment.py",
        fix="nothing: the driver sets them",
        judge=knows_its_environment,
        targets=TRAINING,
        needs=("train-sdk3",),
    ),
    Clause(
        id="TMD-08",
        says="SIGTERM reaches a script behind the driver of ModelTrainer.",
        severity=Severity.INFO,
        source="SageMaker SDK 3: the driver forwards no signals",
        fix="do not rely on it: write checkpoints from time to time",
        judge=stops_behind_the_driver,
        targets=TRAINING,
        needs=("train-sdk3",),
    ),
    Clause(
        id="LCL-22",
        says="A script runs in ModelTrainer's local container mode, whose network interface is not there.",
        severity=Severity.PLATFORM,
        source="SageMaker SDK 3: local_container.py writes `ethwe`",
        fix="fall back to the interface that is there",
        judge=runs_locally_too,
        targets=TRAINING,
        needs=("train-sdk3",),
    ),
)
