"""What a training is given: config files (CFG), environment (ENV), channels (CHN), a tuner's values (HPO)."""

from typing import Final

from byoc_kit.contract.clauses.trained import below, by_name, ground, twist, why
from byoc_kit.contract.clauses.verdicts import NOBODY, TRAINING, apart, broken, kept, unseen
from byoc_kit.contract.evidence import Container, File
from byoc_kit.contract.scenarios import CANARY
from byoc_kit.contract.types import Clause, Evidence, Severity, Verdict
from byoc_kit.spec.types import Target

__all__ = ["INPUTS"]

PAGE: Final = "AWS docs: your-algorithms-training-algo-running-container"
CONFIG: Final = "/opt/ml/input/config"
DATA: Final = "/opt/ml/input/data"
GIVEN: Final = frozenset(
    {f"{CONFIG}/{name}.json" for name in ("hyperparameters", "inputdataconfig", "resourceconfig")}
    | {f"{DATA}/train/data.csv"}
)
TUNING: Final = frozenset({Target.TUNING})
BOTH: Final = ("train", "train-inputs")


def _added(container: Container, folder: str) -> tuple[File, ...]:
    """Files that were not there before; empty ones may be mountpoints."""
    return tuple(file for file in below(container, folder) if file.path not in GIVEN and file.size)


def writes_no_config(seen: Evidence) -> Verdict:
    """CFG-09."""
    if new := _added(seen.runs["train"].one, CONFIG):
        return broken(f"it writes {new[0].path}")
    return kept("nothing new among the config files")


def leaves_data_alone(seen: Evidence) -> Verdict:
    """CHN-02."""
    if new := _added(seen.runs["train"].one, DATA):
        return broken(f"it writes {new[0].path}, which a channel in mode FastFile does not allow")
    return twist("streamed", "channels in mode FastFile, read-only")(seen)


def reads_channels(seen: Evidence) -> Verdict:
    """CHN-01."""
    once = seen.runs["train"].one
    if _added(once, DATA):
        return unseen("it writes beside its data: see CHN-02")
    if _added(once, CONFIG):
        return unseen("it writes among its config files: see CFG-09")
    return twist("read-only", "/opt/ml/input read-only and channels in mode File")(seen)


def reads_pipes(seen: Evidence) -> Verdict:
    """CHN-03."""
    plain = by_name(seen.runs["train-pipe"], "plain")
    if plain is None or not plain.facts.get("opened"):
        return apart("it does not open /opt/ml/input/data/<channel>_0: it does not read pipes")
    if plain.exit_code == 0:
        return kept("it reads a channel in mode Pipe")
    return broken(f"it opens the pipe of epoch 0, and then {why(plain)}")


def reads_records(seen: Evidence) -> Verdict:
    """CHN-04."""
    framed = by_name(seen.runs["train-pipe"], "recordio")
    if framed is None:
        return apart("it does not read pipes")
    if framed.exit_code == 0:
        return kept("it reads RecordIO from a pipe")
    return broken(f"with RecordIO in the pipe {why(framed)}", NOBODY)


def shares_may_be_empty(seen: Evidence) -> Verdict:
    """CHN-07."""
    whole = by_name(seen.runs["train-hosts"], "whole-algo-2")
    if nothing := ground(seen):
        return nothing
    if whole is None:
        return kept("two hosts train, of which one got no object")
    if any(each.exit_code != 0 for each in seen.runs["train-hosts"].containers if "whole" in each.name):
        return unseen("two hosts do not train with all data either: see DIS-01")
    empty = next(each for each in seen.runs["train-hosts"].containers if each.exit_code != 0)
    return broken(f"with a share of the objects {empty.name}: {why(empty)}")


def misses_data_clearly(seen: Evidence) -> Verdict:
    """CHN-08."""
    if nothing := ground(seen):
        return nothing
    empty = by_name(seen.runs["train-fail"], "no-data")
    if empty is None or empty.exit_code == 0:
        return apart("it trains without data")
    if empty.killed:
        return broken(f"without any channel {why(empty)}")
    if empty.file("/opt/ml/output/failure") or empty.log.strip():
        return kept(f"without any channel {why(empty)}")
    return broken("without any channel it fails and says nothing")


def keeps_secrets(seen: Evidence) -> Verdict:
    """ENV-05."""
    shown = [box.name for name in BOTH for box in seen.runs[name].containers if CANARY in box.log]
    if shown:
        return broken("the log shows values of the environment or of hyperparameters, which may be secrets")
    return kept("a value made up as a secret is not in the log")


INPUTS: Final = (
    Clause(
        id="CFG-01",
        severity=Severity.MUST,
        says="Reads hyperparameters whose values are all strings: quotes, unicode, 2,500 characters.",
        source=f"{PAGE}; AWS API: HyperParameters",
        fix="convert each value yourself: float(h['lr']), h['flag'] == 'true'; hand none of them to a shell",
        judge=twist("strings", "hyperparameters that are numbers, text with quotes, and 2,500 characters"),
        targets=TRAINING,
        needs=BOTH,
    ),
    Clause(
        id="CFG-02",
        severity=Severity.SHOULD,
        says="Reads values that are encoded as JSON, and ignores keys it does not know.",
        source="sagemaker-training: params.py",
        fix="try json.loads and fall back to the text; take the keys you know and leave the others",
        judge=twist("encoded", "hyperparameters encoded as JSON, and keys of the SDK's own"),
        targets=TRAINING,
        needs=BOTH,
    ),
    Clause(
        id="CFG-03",
        severity=Severity.MUST,
        says="Reads inputdataconfig.json with several channels, whatever their optional keys and names.",
        source=PAGE,
        fix="take the channels that you need by name; a name may have dashes and dots",
        judge=twist("channels", "two more channels, one with a dash and a ContentType, one with a dot"),
        targets=TRAINING,
        needs=BOTH,
    ),
    Clause(
        id="CFG-04",
        severity=Severity.PLATFORM,
        says="Takes a channel whose mode is told as FastFile for plain files.",
        source=PAGE,
        fix="do not compare TrainingInputMode with File: only Pipe is different",
        judge=twist("streamed", "TrainingInputMode FastFile"),
        targets=TRAINING,
        needs=BOTH,
        contested="AWS's page of 2023 says that the file tells FastFile, that of 2025 that it tells File",
    ),
    Clause(
        id="CFG-05",
        severity=Severity.MUST,
        says="Reads resourceconfig.json with current_host, hosts and network_interface_name alone.",
        source=f"{PAGE}; SageMaker SDK 3: local_container.py",
        fix="take current_group_name, instance_groups and topology as optional",
        judge=twist("minimal", "a resourceconfig.json without groups, with an interface that is not there"),
        targets=TRAINING,
        needs=BOTH,
    ),
    Clause(
        id="CFG-08",
        severity=Severity.PLATFORM,
        says="Does not mind other files among the config files.",
        source="seen in public logs of jobs",
        fix="open the files that you know by name",
        judge=twist("junk", "eight other JSON files in /opt/ml/input/config"),
        targets=TRAINING,
        needs=BOTH,
    ),
    Clause(
        id="CFG-09",
        severity=Severity.SHOULD,
        says="Does not write among its config files.",
        source="deduced",
        fix="write to /tmp, or to /opt/ml/output/data what you want to keep",
        judge=writes_no_config,
        targets=TRAINING,
        needs=("train",),
    ),
    Clause(
        id="ENV-01",
        severity=Severity.PLATFORM,
        says="Trains without TRAINING_JOB_ARN, AWS_REGION and the like, as local mode and isolation have it.",
        source=PAGE,
        fix="take variables of the service as optional",
        judge=twist("bare", "no variable but TRAINING_JOB_NAME"),
        targets=TRAINING,
        needs=BOTH,
    ),
    Clause(
        id="ENV-05",
        severity=Severity.SHOULD,
        says="Does not print its environment or its hyperparameters, which may hold secrets.",
        source="deduced",
        fix="print names, not values; with the training toolkit set SAGEMAKER_CONTAINER_LOG_LEVEL=30",
        judge=keeps_secrets,
        targets=TRAINING,
        needs=BOTH,
    ),
    Clause(
        id="CHN-01",
        severity=Severity.MUST,
        says="Reads channels in mode File at /opt/ml/input/data/<channel>, and writes nothing there.",
        source=f"{PAGE}; AWS API: Channel",
        fix="write to /tmp, /opt/ml/model or /opt/ml/output/data",
        judge=reads_channels,
        targets=TRAINING,
        needs=BOTH,
        contested="whether the folder of a channel in mode File can be written to is not documented",
    ),
    Clause(
        id="CHN-02",
        severity=Severity.MUST,
        says="Reads channels in mode FastFile, which are read-only: no file is written or renamed there.",
        source=f"{PAGE}; AWS API: Channel",
        fix="keep caches and lock files elsewhere, e.g. below /tmp",
        judge=leaves_data_alone,
        targets=TRAINING,
        needs=BOTH,
    ),
    Clause(
        id="CHN-03",
        severity=Severity.MUST,
        says="Reads mode Pipe: one pipe an epoch, waited for, opened once, read in order.",
        source=PAGE,
        fix="open <channel>_<epoch> once, wait until the next one exists, do not seek",
        judge=reads_pipes,
        targets=TRAINING,
        needs=("train-pipe",),
    ),
    Clause(
        id="CHN-04",
        severity=Severity.MUST,
        says="Reads records wrapped as RecordIO from a pipe, where the job asks for it.",
        source="AWS API: Channel.RecordWrapperType",
        fix="read RecordWrapperType in inputdataconfig.json, and unwrap: magic, length, content, padding",
        judge=reads_records,
        targets=TRAINING,
        needs=("train-pipe",),
    ),
    Clause(
        id="CHN-07",
        severity=Severity.SHOULD,
        says="A host's share of a sharded channel may be empty.",
        source="AWS API: S3DataSource.S3DataDistributionType; deduced",
        fix="go on without data where other hosts have some",
        judge=shares_may_be_empty,
        targets=TRAINING,
        needs=("train", "train-hosts"),
    ),
    Clause(
        id="CHN-08",
        severity=Severity.SHOULD,
        says="Says clearly and soon that a channel is missing.",
        source="deduced",
        fix="look for the channel first, and end with a sentence that names it",
        judge=misses_data_clearly,
        targets=TRAINING,
        needs=("train", "train-fail"),
    ),
    Clause(
        id="OUT-10",
        severity=Severity.PLATFORM,
        says="Trains although /opt/ml/output/{metrics,profiler,tensors,intermediate} are there already.",
        source="sagemaker-training: intermediate_output.py; seen in public logs of jobs",
        fix="make folders with exist_ok",
        judge=twist("outputs", "folders of Debugger and Profiler in /opt/ml/output"),
        targets=TRAINING,
        needs=BOTH,
    ),
    Clause(
        id="TRN-10",
        severity=Severity.SHOULD,
        says="Trains with the cache folder of a managed warm pool.",
        source="AWS docs: train-warm-pools",
        fix="leave /opt/ml/sagemaker/warmpoolcache alone, or use it as a cache that may be empty",
        judge=twist("warm-pool", "the cache folder of a warm pool"),
        targets=TRAINING,
        needs=BOTH,
    ),
    Clause(
        id="HPO-01",
        severity=Severity.MUST,
        says="Does not mind the hyperparameter _tuning_objective_metric, and values of a tuner as strings.",
        source="sagemaker-training: params.py; AWS docs: automatic-model-tuning-define-metrics-variables",
        fix="take the keys you know and leave the others",
        judge=twist("tuned", "_tuning_objective_metric and values of a tuner", TUNING),
        targets=TUNING,
        needs=BOTH,
    ),
    Clause(
        id="HPO-03",
        severity=Severity.SHOULD,
        says="Reads categories in quotes, and whole numbers as text, as a tuner sends them.",
        source="AWS docs: automatic-model-tuning-define-metrics-variables",
        fix="try json.loads and fall back to the text",
        judge=twist("categories", "a category in quotes", TUNING),
        targets=TUNING,
        needs=BOTH,
    ),
)
