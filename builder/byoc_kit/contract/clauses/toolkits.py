"""What SageMaker's toolkits need of an image that ships them."""

import re
from typing import Final

from byoc_kit.contract.clauses.verdicts import NOBODY, SERVING, TRAINING, apart, broken, kept, listed, unseen
from byoc_kit.contract.types import Clause, Evidence, Severity, Verdict

__all__ = ["PART"]

NOBODY_LOOKED: Final = "nobody looked at the files of the image"
TRAINING_TOOLKIT: Final = "sagemaker-training"
INFERENCE_TOOLKIT: Final = "sagemaker-inference"
NEEDED: Final = {
    "boto3",
    "gevent",
    "inotify-simple",
    "numpy",
    "paramiko",
    "protobuf",
    "psutil",
    "retrying",
    "scipy",
    "werkzeug",
}
WITHOUT_PKG_RESOURCES: Final = 82  # setuptools: the first major version without it (STK-11)


def toolkit_is_whole(seen: Evidence) -> Verdict:
    """TTK-51."""
    if seen.facts is None:
        return unseen(NOBODY_LOOKED)
    if not seen.facts.has(TRAINING_TOOLKIT):
        return apart(f"no {TRAINING_TOOLKIT}")
    missing = NEEDED - seen.facts.distributions.keys()
    if missing:
        return broken(f"{TRAINING_TOOLKIT} needs {listed(missing)}", TRAINING)
    return kept(f"{TRAINING_TOOLKIT} {seen.facts.distributions[TRAINING_TOOLKIT]} and what it needs")


def jobs_bring_their_code(seen: Evidence) -> Verdict:
    """TTK-05."""
    if seen.facts is None:
        return unseen(NOBODY_LOOKED)
    if not seen.facts.has(TRAINING_TOOLKIT):
        return apart(f"no {TRAINING_TOOLKIT}")
    baked = [file.path for file in seen.facts.named("/opt/ml/code/.+") if file.kind != "dir"]
    if baked:
        return broken(f"{len(baked)} files in /opt/ml/code, such as {baked[0]}", NOBODY)
    return kept("/opt/ml/code is empty")


def has_its_server(seen: Evidence) -> Verdict:
    """STK-02."""
    if seen.facts is None:
        return unseen(NOBODY_LOOKED)
    if not seen.facts.has(INFERENCE_TOOLKIT):
        return apart(f"no {INFERENCE_TOOLKIT}")
    missing = {"java", "multi-model-server"} - seen.facts.programs
    if missing:
        return broken(f"not on PATH: {listed(missing)}", SERVING)
    return kept("java and multi-model-server are on PATH")


def has_pkg_resources(seen: Evidence) -> Verdict:
    """STK-11."""
    facts = seen.facts
    if facts is None:
        return unseen(NOBODY_LOOKED)
    if not facts.has(INFERENCE_TOOLKIT):
        return apart(f"no {INFERENCE_TOOLKIT}")
    version = facts.distributions.get("setuptools")
    found = f"setuptools {version or 'is missing'}"
    major = re.match("[0-9]+", version or "")
    if major is None or int(major[0]) >= WITHOUT_PKG_RESOURCES:
        return broken(found, SERVING)
    return kept(found)


def refuses_pickles(seen: Evidence) -> Verdict:
    """STK-13."""
    if seen.facts is None:
        return unseen(NOBODY_LOOKED)
    decoders = seen.facts.named(r".*/sagemaker_inference/decoder\.py")
    if not decoders:
        return apart(f"no {INFERENCE_TOOLKIT}")
    if any("allow_pickle=True" in (file.text or "") for file in decoders):
        return broken(f"{decoders[0].path} unpickles what a request brings")
    return kept("its decoder takes no pickles")


PART: Final = (
    Clause(
        id="TTK-05",
        says="An image with the training toolkit leaves /opt/ml/code to the jobs",
        severity=Severity.SHOULD,
        source="sagemaker-training-toolkit: what lies there is taken in the place of source_dir",
        fix="put code of your own into /opt/program, unless jobs never bring theirs",
        judge=jobs_bring_their_code,
        targets=TRAINING,
    ),
    Clause(
        id="TTK-51",
        says="What the training toolkit imports is installed with it",
        severity=Severity.MUST,
        source="sagemaker-training-toolkit, setup.py",
        fix="pip install sagemaker-training without --no-deps",
        judge=toolkit_is_whole,
        targets=TRAINING,
    ),
    Clause(
        id="STK-02",
        says="An image with the inference toolkit has multi-model-server and Java",
        severity=Severity.MUST,
        source="sagemaker-inference-toolkit, README",
        fix="pip install multi-model-server, and a Java runtime (openjdk-17-jre-headless)",
        judge=has_its_server,
        targets=SERVING,
    ),
    Clause(
        id="STK-11",
        says="The inference toolkit finds pkg_resources: setuptools before 82 is installed",
        severity=Severity.MUST,
        source="sagemaker-inference-toolkit, model_server.py; setuptools 82 has no pkg_resources",
        fix="pip install 'setuptools<82'",
        judge=has_pkg_resources,
        targets=SERVING,
    ),
    Clause(
        id="STK-13",
        says="The inference toolkit does not unpickle what a request brings",
        severity=Severity.SHOULD,
        source="CWE-502; AWS's own images mend it",
        fix="set allow_pickle=False in sagemaker_inference/decoder.py, or serve without the toolkit",
        judge=refuses_pickles,
        targets=SERVING,
    ),
)
"""In the order of the report."""
