"""The clauses that config and manifest can answer. To add one: write its predicate, list it in PART.

A predicate is pure: same evidence, same verdict. It never shows the value of an environment variable.
"""

import re
from typing import Final

from byoc_kit.contract.clauses.trained import by_name, model_files, why
from byoc_kit.contract.clauses.verdicts import (
    NOBODY,
    SERVING,
    TRAINING,
    apart,
    base_name,
    broken,
    kept,
    listed,
    unseen,
)
from byoc_kit.contract.types import ALL_TARGETS, Clause, Evidence, Severity, Verdict
from byoc_kit.oci.manifest import DOCKER_LAYER, DOCKER_MANIFEST
from byoc_kit.spec.types import Target

__all__ = ["PART"]

SHELLS: Final = {"sh", "bash", "dash", "ash", "zsh", "cmd"}
INITS: Final = {"tini", "dumb-init", "init", "catatonit"}
ROOT: Final = {"", "0", "root"}
LONGEST_URI: Final = 255  # characters; api:AlgorithmImage, ContainerImage, ImageUri
SERVERLESS_LIMIT: Final = 10 * 1024**3  # bytes; "greater than supported size 10737418240"
ENTRY: Final = "/opt/byoc/entry"
MULTI_MODEL: Final = "com.amazonaws.sagemaker.capabilities.multi-models"
BIND_TO_PORT: Final = "com.amazonaws.sagemaker.capabilities.accept-bind-to-port"
CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
OWN_KEYS: Final = {"SAGEMAKER_PROGRAM", "SAGEMAKER_TRAINING_MODULE", "SAGEMAKER_SERVING_MODULE"}
"""The SAGEMAKER_* variables that belong to an image, not to the platform."""
PLATFORM_KEYS: Final = re.compile(
    r"AWS_REGION|AWS_DEFAULT_REGION|TRAINING_JOB_(NAME|ARN)|SM_[A-Z_]+|SAGEMAKER_[A-Z_]+"
)
REFERENCE: Final = re.compile(r"[^/\s@]+(/[^/\s@]+)+(@sha256:[0-9a-f]{64})?")


def starts(seen: Evidence) -> Verdict:
    """IMG-01."""
    if seen.config.entrypoint:
        return _entrypoint_is_there(seen, seen.config.entrypoint)
    words = {"train": TRAINING & {*seen.targets}, "serve": SERVING & {*seen.targets}}
    wanted = {word for word, targets in words.items() if targets}
    if not wanted:
        return apart("no target of this image is started with a word")
    if seen.commands is None:
        return unseen("no ENTRYPOINT; whether train and serve are on PATH was not looked up")
    missing = wanted - seen.commands - _lying_there(seen)
    if not missing:
        return kept(f"no ENTRYPOINT; on PATH: {listed(wanted)}")
    hit = (words[word] for word in missing)
    return broken(f"no ENTRYPOINT; not on PATH: {listed(missing)}", frozenset[Target]().union(*hit))


def _entrypoint_is_there(seen: Evidence, entrypoint: tuple[str, ...]) -> Verdict:
    if seen.facts is not None and not seen.facts.starts:
        return broken(f"ENTRYPOINT begins with {entrypoint[0]!r}, which is not in the image")
    return kept(f"ENTRYPOINT {list(entrypoint)} takes the word")


def _lying_there(seen: Evidence) -> set[str]:
    """The names of programs that PATH leads to, also of those that cannot be executed (IMG-04)."""
    return {base_name(path) for path in seen.facts.starts} if seen.facts else set()


def exec_form(seen: Evidence) -> Verdict:
    """IMG-02."""
    entrypoint = seen.config.entrypoint
    if not entrypoint:
        return apart("no ENTRYPOINT")
    shell = base_name(entrypoint[0]).removesuffix(".exe") in SHELLS
    if shell and len(entrypoint) > 1 and re.fullmatch(r"-[a-z]*c|/[cCsS]", entrypoint[1]):
        return broken(f"ENTRYPOINT begins with {list(entrypoint[:2])}: a shell is the first process")
    return kept(f"ENTRYPOINT begins with {entrypoint[0]!r}")


def no_bare_init(seen: Evidence) -> Verdict:
    """IMG-03."""
    entrypoint = seen.config.entrypoint or ()
    if not entrypoint or base_name(entrypoint[0]) not in INITS:
        return kept("no init program is the ENTRYPOINT")
    program = [word for word in entrypoint[1:] if not word.startswith("-")]
    if program:
        return broken(f"{entrypoint[0]!r} wraps {program[0]!r}: works, but AWS advises against it", NOBODY)
    return broken(f"ENTRYPOINT {list(entrypoint)} passes the bare word on")


def runs_as_root(seen: Evidence) -> Verdict:
    """IMG-05."""
    user = seen.config.user
    if user.partition(":")[0] in ROOT:
        return kept(f"USER is {user or 'not set'}")
    return broken(f"USER is {user!r}", ALL_TARGETS - {Target.STUDIO})


def short_uri(seen: Evidence) -> Verdict:
    """IMG-09."""
    if seen.reference is None:
        return apart("the image is not in a registry yet")
    if len(seen.reference) > LONGEST_URI:
        return broken(f"the reference has {len(seen.reference)} characters")
    if not REFERENCE.fullmatch(seen.reference):
        return broken(f"{seen.reference!r} is not registry/repository with tag or digest")
    return kept(f"{len(seen.reference)} characters")


def docker_manifest(seen: Evidence) -> Verdict:
    """IMG-11."""
    if seen.manifest_media_type is None:
        return unseen("the image is not in a registry yet: publish looks at its manifest")
    others = {kind for kind in seen.layer_media_types if kind != DOCKER_LAYER}
    if seen.manifest_media_type != DOCKER_MANIFEST:
        return broken(f"the manifest is {seen.manifest_media_type}", SERVING)
    if others:
        return broken(f"layers are {listed(others)}", SERVING)
    return kept(seen.manifest_media_type)


def right_platform(seen: Evidence) -> Verdict:
    """IMG-12."""
    found = seen.config.platform
    if seen.expected is None:
        known = found.os == "linux" and found.architecture in {"amd64", "arm64"}
        if str(found) == "linux/amd64":
            return kept(str(found))
        return broken(
            f"{found}; right only for Graviton instances" if known else str(found),
            NOBODY if known else ALL_TARGETS,
        )
    if found != seen.expected:
        return broken(f"{found}, meant for {seen.expected}")
    return kept(str(found))


def moderate_size(seen: Evidence) -> Verdict:
    """IMG-13."""
    if seen.size is None:
        return unseen("the size is not known")
    text = f"{seen.size / 1e9:.2f} GB"
    return kept(text) if seen.size <= SERVERLESS_LIMIT else broken(text)


def fits_serverless(seen: Evidence) -> Verdict:
    """SLS-01."""
    if Target.SERVERLESS not in seen.targets:
        return apart("not for serverless endpoints")
    if seen.size is None:
        return unseen("the size is not known")
    text = f"{seen.size / 1e9:.2f} GB"
    return kept(text) if seen.size <= SERVERLESS_LIMIT else broken(text, frozenset({Target.SERVERLESS}))


def unbuffered(seen: Evidence) -> Verdict:
    """IMG-17."""
    if seen.config.env.get("PYTHONUNBUFFERED"):
        return kept("PYTHONUNBUFFERED is set")
    if seen.commands is not None and "python3" not in seen.commands:
        return apart("no python3 on PATH")
    return broken("PYTHONUNBUFFERED is not set")


def labelled(seen: Evidence) -> Verdict:
    """IMG-18."""
    needed = {Target.MULTI_MODEL: MULTI_MODEL, Target.PIPELINE: BIND_TO_PORT}
    asked = {target: label for target, label in needed.items() if target in seen.targets}
    if not asked:
        return apart("neither for multi-model endpoints nor for inference pipelines")
    missing = {target: label for target, label in asked.items() if seen.config.labels.get(label) != "true"}
    if missing:
        return broken(f"not set to true: {listed(missing.values())}", frozenset(missing))
    return kept(f"true: {listed(asked.values())}")


def stops_by_sigterm(seen: Evidence) -> Verdict:
    """IMG-19."""
    signal = seen.config.stop_signal
    if signal in {"", "SIGTERM", "TERM", "15"}:
        return kept(f"STOPSIGNAL is {signal or 'not set'}")
    return broken(f"STOPSIGNAL is {signal}")


def no_healthcheck(seen: Evidence) -> Verdict:
    """IMG-20."""
    return broken("HEALTHCHECK is set") if seen.config.healthcheck else kept("no HEALTHCHECK")


def clean_environment(seen: Evidence) -> Verdict:
    """IMG-22."""
    names = set(seen.config.env)
    if secrets := names & CREDENTIALS:
        return broken(f"ENV holds credentials: {listed(secrets)}")
    shadows = {name for name in names - OWN_KEYS if PLATFORM_KEYS.fullmatch(name)}
    if shadows:
        return broken(f"ENV sets what belongs to the platform: {listed(shadows)}", NOBODY)
    return kept(f"{len(names)} variables, none of the platform's")


def lets_sdk_in(seen: Evidence) -> Verdict:
    """IMG-23."""
    if not TRAINING & {*seen.targets}:
        return apart("not for training")
    if seen.commands is None:
        return unseen("what is on PATH was not looked up")
    missing = {"bash", "chmod", "cat", "python3"} - seen.commands
    if not {"pip", "pip3"} & seen.commands:
        missing.add("pip")
    return (
        broken(f"not on PATH: {listed(missing)}")
        if missing
        else kept("bash, chmod, cat, python3 and pip are on PATH")
    )


def no_volume(seen: Evidence) -> Verdict:
    """IMG-24."""
    below = [path for path in seen.config.volumes if path == "/opt/ml" or path.startswith("/opt/ml/")]
    if below:
        return broken(f"VOLUME {listed(below)}")
    return kept(
        f"VOLUME {listed(seen.config.volumes)}, outside /opt/ml" if seen.config.volumes else "no VOLUME"
    )


def trains_by_default(seen: Evidence) -> Verdict:
    """LCL-20."""
    entrypoint, cmd = seen.config.entrypoint or (), seen.config.cmd or ()
    if not TRAINING & {*seen.targets}:
        return apart("not for training")
    if cmd[:1] == ("train",):
        return kept(f"CMD is {list(cmd)}")
    if cmd:
        return broken(f"CMD is {list(cmd)}")
    if ENTRY in entrypoint:
        return kept("the entry program trains when it is given no word")
    if entrypoint:
        return _without_a_word(seen) or unseen(
            f"no CMD; what ENTRYPOINT {list(entrypoint)} does without a word only a run can tell"
        )
    return broken("neither ENTRYPOINT nor CMD: the container cannot start without a word")


def _without_a_word(seen: Evidence) -> Verdict | None:
    """What a run without a word tells where the config does not; None: there is none that does."""
    run, plain = seen.runs.get("train-words"), seen.runs.get("train")
    silent = by_name(run, "no-word") if run else None
    if silent is None or plain is None or plain.problem or plain.one.exit_code != 0:
        return None
    if silent.exit_code == 0 and model_files(silent):
        return kept("no CMD, and yet it trains without a word")
    return broken(f"no CMD, and without a word {why(silent)}")


PART: Final = (
    Clause(
        id="IMG-01",
        says="train and serve start something: an ENTRYPOINT takes the word, or programs of that name",
        severity=Severity.MUST,
        source="SageMaker Developer Guide, How Amazon SageMaker Runs Your Training Image",
        fix="set ENTRYPOINT to a program that takes the word, or put executables train and serve on PATH",
        judge=starts,
    ),
    Clause(
        id="IMG-02",
        says="ENTRYPOINT is in exec form, so that the word and SIGTERM reach the program",
        severity=Severity.MUST,
        source="SageMaker Developer Guide, Use Your Own Inference Code with Hosting Services",
        fix='write ENTRYPOINT ["program"]; where a shell is needed, a script that ends in exec "$@"',
        judge=exec_form,
    ),
    Clause(
        id="IMG-03",
        says="No init program (tini and the like) is the ENTRYPOINT",
        severity=Severity.MUST,
        source="SageMaker Developer Guide, Use Your Own Inference Code with Hosting Services",
        fix="make the program that takes the word the ENTRYPOINT; it reaps children and forwards signals",
        judge=no_bare_init,
    ),
    Clause(
        id="IMG-05",
        says="The image runs as root",
        severity=Severity.MUST,
        source="SageMaker Developer Guide, Use Your Own Inference Code; sagemaker-inference-toolkit issue 72",
        fix="remove USER, or set USER root as the last one: the mounts below /opt/ml belong to root",
        judge=runs_as_root,
    ),
    Clause(
        id="IMG-09",
        says="The image's URI has at most 255 characters",
        severity=Severity.MUST,
        source="SageMaker API: AlgorithmImage, ContainerImage, ImageUri",
        fix="choose a shorter repository name in [publish]",
        judge=short_uri,
    ),
    Clause(
        id="IMG-11",
        says="The manifest is Docker v2 schema 2 for one platform, with gzip layers",
        severity=Severity.MUST,
        source="aws/sagemaker-feedback issue 180: CreateModel refuses OCI; for training it is not stated",
        fix="publish with byoc, which converts; or build with --provenance=false and oci-mediatypes=false",
        judge=docker_manifest,
    ),
    Clause(
        id="IMG-12",
        says="Operating system and architecture are those of the instances",
        severity=Severity.MUST,
        source="deduced: a program for another processor cannot start",
        fix="build for linux/amd64 ([image] platform); linux/arm64 only for Graviton instances",
        judge=right_platform,
    ),
    Clause(
        id="IMG-13",
        says="The image is at most 10 GB, so that instances start soon",
        severity=Severity.SHOULD,
        source="SageMaker Developer Guide, Serverless Inference; ECR's quotas bind all others",
        fix="use a smaller base, and keep data, models and caches out of the image",
        judge=moderate_size,
    ),
    Clause(
        id="IMG-17",
        says="PYTHONUNBUFFERED is set, so that log lines and metrics appear while the job runs",
        severity=Severity.SHOULD,
        source="SageMaker Developer Guide, examples of Dockerfiles",
        fix="ENV PYTHONUNBUFFERED=1",
        judge=unbuffered,
    ),
    Clause(
        id="IMG-18",
        says="Multi-model and pipeline images carry the label of that capability, with the value true",
        severity=Severity.MUST,
        source="SageMaker Developer Guide, Build Your Own Container for Multi-Model Endpoints",
        fix=f"LABEL {MULTI_MODEL}=true, LABEL {BIND_TO_PORT}=true, whichever is asked for",
        judge=labelled,
    ),
    Clause(
        id="IMG-19",
        says="STOPSIGNAL is SIGTERM",
        severity=Severity.SHOULD,
        source="deduced from docker stop; whether SageMaker honours STOPSIGNAL is not documented",
        fix="STOPSIGNAL SIGTERM (some bases, such as nginx, change it)",
        judge=stops_by_sigterm,
    ),
    Clause(
        id="IMG-20",
        says="Nothing relies on HEALTHCHECK",
        severity=Severity.SHOULD,
        source="unconfirmed: SageMaker's own health check is GET /ping",
        fix="remove HEALTHCHECK and answer GET /ping",
        judge=no_healthcheck,
    ),
    Clause(
        id="IMG-22",
        says="ENV holds no credentials and no variable that belongs to the platform",
        severity=Severity.MUST,
        source="deduced: whoever can pull can read them, and ENV stays where the platform sets nothing",
        fix="remove them from Dockerfile or [env]; credentials come by the role, settings by the job",
        judge=clean_environment,
    ),
    Clause(
        id="IMG-23",
        says="bash, chmod, cat, python3 and pip are on PATH: the SageMaker SDK v3 starts its driver by them",
        severity=Severity.SHOULD,
        source="sagemaker-train, templates of ModelTrainer",
        fix="install what is missing ([system] packages)",
        judge=lets_sdk_in,
    ),
    Clause(
        id="IMG-24",
        says="There is no VOLUME below /opt/ml",
        severity=Severity.SHOULD,
        source="deduced: SageMaker mounts over it, and local runs get an anonymous volume instead",
        fix="remove the VOLUME instruction",
        judge=no_volume,
    ),
    Clause(
        id="LCL-20",
        says="Without a word a training image trains (ModelTrainer's local container mode gives none)",
        severity=Severity.SHOULD,
        source="sagemaker-python-sdk v3, local_core/local_container.py",
        fix='CMD ["train"]; SageMaker itself always gives the word, so it does no harm there',
        judge=trains_by_default,
    ),
    Clause(
        id="SLS-01",
        says="An image for serverless endpoints has at most 10 GB",
        severity=Severity.MUST,
        source="SageMaker Developer Guide, Serverless Inference; deep-learning-containers issue 4616",
        fix="use a smaller base (CPU libraries: serverless has no GPU), and keep models out of the image",
        judge=fits_serverless,
    ),
)
"""In the order of the report."""
