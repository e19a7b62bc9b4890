"""What the files of an image tell without running it."""

import re
from collections.abc import Iterator
from typing import Final

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
from byoc_kit.contract.evidence import File, ImageFacts
from byoc_kit.contract.types import Clause, Evidence, Severity, Verdict
from byoc_kit.spec.types import Target

__all__ = ["PART", "SHELLS"]

SHELLS: Final = {"sh", "bash", "dash", "ash", "zsh"}
NOBODY_LOOKED: Final = "nobody looked at the files of the image"
DRIVER: Final = r".*/(libcuda|libnvidia-ml)\.so[.0-9]*|.*/nvidia-smi|.*/nvidia[^/]*\.ko"
LEGITIMATE: Final = re.compile(r"/(compat|stubs)/")
FOR_SCRIPTS: Final = {"/bin/bash", "ls", "tar", "gzip", "python3", "python", "pip"}
FOR_DRIVER: Final = {"/bin/bash", "chmod", "cat"}


def can_be_started(seen: Evidence) -> Verdict:
    """IMG-04."""
    facts = seen.facts
    if facts is None:
        return unseen(NOBODY_LOOKED)
    if not facts.starts:
        return unseen("there is no program to look at: see IMG-01")
    wrong = [fault for path in facts.starts for fault in _faults(facts, path)]
    wrong += [f"{path} has line ends of Windows" for path in facts.scripts if _windows(facts.file(path))]
    return broken("; ".join(wrong)) if wrong else kept(f"{listed(facts.starts)} can be executed")


def _faults(facts: ImageFacts, path: str) -> Iterator[str]:
    """Why the kernel would not execute the file *path*."""
    file = facts.file(path)
    if file is None:
        return
    if not file.mode & 0o111:
        yield f"{path} is not executable (mode {file.mode:o})"
    if file.text is None:
        return
    first = file.text.partition("\n")[0]
    if not first.startswith("#!"):
        yield f"{path} is no program and does not begin with #!"
    elif first.endswith("\r"):
        yield f"{path} has line ends of Windows"
    elif missing := _missing_interpreter(facts, first[2:].split()):
        yield f"{path} begins with {first.strip()}: there is no {missing}"


def _missing_interpreter(facts: ImageFacts, words: list[str]) -> str:
    """What the first line of a script names and the image does not have; empty: nothing."""
    interpreter = words[0] if words else "interpreter"
    if facts.file(interpreter) is None:
        return interpreter
    asked = next((word for word in words[1:] if not word.startswith("-") and "=" not in word), "")
    if base_name(interpreter) == "env" and asked and asked not in facts.programs:
        return asked
    return ""


def _windows(file: File | None) -> bool:
    return file is not None and "\r\n" in (file.text or "")


def leaves_opt_ml_alone(seen: Evidence) -> Verdict:
    """IMG-07."""
    if seen.facts is None:
        return unseen(NOBODY_LOOKED)
    below = [file.path for file in seen.facts.named("/opt/ml/.+") if file.kind != "dir"]
    baked = [path for path in below if not path.startswith("/opt/ml/code/")]
    if baked:
        return broken(f"the image holds {_few(baked)}")
    return kept("nothing below /opt/ml" if not below else "below /opt/ml only code")


def _few(paths: list[str]) -> str:
    rest = len(paths) - 3
    return ", ".join(paths[:3]) + (f" and {rest} more" if rest > 0 else "")


def starts_without_opt_ml(seen: Evidence) -> Verdict:
    """IMG-08."""
    facts = seen.facts
    if facts is None:
        return unseen(NOBODY_LOOKED)
    hidden = [path for path in (*facts.starts, *facts.scripts, seen.config.workdir) if _below_opt_ml(path)]
    if hidden:
        return broken(f"it starts with {listed(set(hidden))}")
    return kept("nothing it is started by lies below /opt/ml")


def _below_opt_ml(path: str) -> bool:
    return path == "/opt/ml" or path.startswith("/opt/ml/")


def others_can_read(seen: Evidence) -> Verdict:
    """SLS-04."""
    if seen.facts is None:
        return unseen(NOBODY_LOOKED)
    if seen.facts.closed:
        return broken(f"closed to others: {_few(list(seen.facts.closed))}")
    return kept("programs and their folders can be read by everybody")


def no_driver(seen: Evidence) -> Verdict:
    """IMG-14."""
    if seen.facts is None:
        return unseen(NOBODY_LOOKED)
    found = [file.path for file in seen.facts.named(DRIVER) if not LEGITIMATE.search(file.path)]
    if found:
        return broken(f"the image holds {_few(found)}")
    return kept("nothing of the NVIDIA driver")


def asks_for_gpus(seen: Evidence) -> Verdict:
    """IMG-15."""
    if seen.facts is None:
        return unseen(NOBODY_LOOKED)
    if not seen.facts.cuda:
        return apart("no CUDA")
    missing = {"NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES"} - seen.config.env.keys()
    return broken(f"not set: {listed(missing)}") if missing else kept("both are set")


def compat_only_when_needed(seen: Evidence) -> Verdict:
    """IMG-16."""
    if seen.facts is None:
        return unseen(NOBODY_LOOKED)
    if not seen.facts.cuda:
        return apart("no CUDA")
    places = seen.config.env.get("LD_LIBRARY_PATH", "").split(":")
    if any(re.search("/compat/?$", place) for place in places):
        return broken("LD_LIBRARY_PATH names the folder of compatibility libraries")
    return kept("LD_LIBRARY_PATH names no compatibility libraries")


def has_what_the_driver_needs(seen: Evidence) -> Verdict:
    """TMD-02."""
    if seen.facts is None:
        return unseen(NOBODY_LOOKED)
    programs = seen.facts.programs
    missing = {*(FOR_DRIVER - programs)}
    missing |= {"python3"} if not programs & {"python3", "python"} else set()
    missing |= {"pip3"} if not programs & {"pip3", "pip"} else set()
    if missing:
        return broken(f"missing: {listed(missing)}; jobs with SourceCode end at once", NOBODY)
    return kept("/bin/bash, chmod, cat, Python and pip are there")


def has_what_processors_need(seen: Evidence) -> Verdict:
    """PRC-10."""
    if seen.facts is None:
        return unseen(NOBODY_LOOKED)
    missing = FOR_SCRIPTS - seen.facts.programs
    if missing:
        return broken(f"missing: {listed(missing)}")
    return kept("python3, python, pip, bash, ls, tar and gzip are there")


def has_all_of_efa(seen: Evidence) -> Verdict:
    """DIS-05."""
    facts = seen.facts
    if facts is None:
        return unseen(NOBODY_LOOKED)
    libfabric, plugin = facts.named("/opt/amazon/efa/.+"), facts.named(r".*/libnccl-net\.so[.0-9]*")
    if not libfabric and not plugin:
        return apart("nothing of EFA is installed")
    if modules := facts.named(r".*/efa\.ko[^/]*"):
        return broken(f"a kernel module is in the image: {modules[0].path}", TRAINING)
    wanted = {
        "/opt/amazon/efa/bin/fi_info": bool(facts.file("/opt/amazon/efa/bin/fi_info")),
        "libnccl-net.so (aws-ofi-nccl)": bool(plugin) or not facts.cuda,
    }
    missing = [name for name, there in wanted.items() if not there]
    return broken(f"missing: {listed(missing)}", TRAINING) if missing else kept("libfabric and its plugin")


def can_launch_mpi(seen: Evidence) -> Verdict:
    """DIS-06."""
    facts = seen.facts
    if facts is None:
        return unseen(NOBODY_LOOKED)
    if "mpirun" not in facts.programs:
        return apart("no mpirun on PATH")
    settings = "\n".join(file.text or "" for file in facts.named(r"/etc/ssh/ssh_config|/root/\.ssh/config"))
    there = {
        "sshd": "sshd" in facts.programs,
        "ssh": "ssh" in facts.programs,
        "a host key": bool(facts.named(r"/etc/ssh/ssh_host_[^/]+_key")),
        "StrictHostKeyChecking no": bool(re.search(r"(?mi)^\s*StrictHostKeyChecking\s+no\b", settings)),
    }
    missing = [name for name, found in there.items() if not found]
    if not missing:
        return kept("mpirun, ssh, sshd with host keys, and hosts are trusted")
    launched = facts.has("sagemaker-training") and facts.has("mpi4py")
    return broken(f"mpirun, but not {listed(missing)}", TRAINING if launched else NOBODY)


def plain_archive(seen: Evidence) -> Verdict:
    """INF-15."""
    files = seen.case.model_files
    if files is None:
        return apart("no model was given")
    links = [file.path for file in files if file.kind in {"symlink", "hardlink"}]
    if links:
        return broken(f"links in the model: {_few(links)}")
    names = [file.path.removeprefix("./").strip("/") for file in files if file.kind != "dir"]
    tops = {name.partition("/")[0] for name in names}
    if len(tops) == 1 and all("/" in name for name in names):
        return broken(f"everything lies below {tops.pop()}/, not at the root", NOBODY)
    return kept(f"{len(files)} entries, no links")


GUIDE: Final = "SageMaker Developer Guide"
PART: Final = (
    Clause(
        id="IMG-04",
        says="What the image is started by is executable, with line ends and first line that Linux takes",
        severity=Severity.MUST,
        source="sagemaker-pytorch-training-toolkit issue 254; for line ends deduced",
        fix="chmod +x, line ends of Unix, and a first line such as #!/bin/sh that names what is there",
        judge=can_be_started,
    ),
    Clause(
        id="IMG-07",
        says="Nothing is baked below /opt/ml, which belongs to the platform",
        severity=Severity.SHOULD,
        source=f"{GUIDE}, How Amazon SageMaker Runs Your Training Image",
        fix="put code into /opt/program, models and data into S3",
        judge=leaves_opt_ml_alone,
        contested="AWS's own tutorials bake /opt/ml/code, which does survive: that is not counted",
    ),
    Clause(
        id="IMG-08",
        says="The image still starts when an empty folder is mounted at /opt/ml",
        severity=Severity.SHOULD,
        source="deduced from the folder being reserved",
        fix="move the program out of /opt/ml, for instance to /opt/program",
        judge=starts_without_opt_ml,
    ),
    Clause(
        id="IMG-14",
        says="CUDA's libraries may be in the image, nothing of the NVIDIA driver",
        severity=Severity.MUST,
        source=f"{GUIDE}, Use Your Own Inference Code with Hosting Services",
        fix="remove libcuda, libnvidia-ml, nvidia-smi and kernel modules: the instance brings its own",
        judge=no_driver,
    ),
    Clause(
        id="IMG-15",
        says="An image with CUDA asks for GPUs and for the driver's libraries by its environment",
        severity=Severity.SHOULD,
        source="nvidia/cuda base images",
        fix="ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility",
        judge=asks_for_gpus,
    ),
    Clause(
        id="IMG-16",
        says="CUDA's compatibility libraries are used only where the driver is older than they are",
        severity=Severity.SHOULD,
        source="SageMaker API: ProductionVariant InferenceAmiVersion; start_cuda_compat.sh of AWS's images",
        fix="leave compat out of LD_LIBRARY_PATH; at start, compare /proc/driver/nvidia/version and add it",
        judge=compat_only_when_needed,
    ),
    Clause(
        id="INF-15",
        says="A model archive holds no links, and its files lie at its root",
        severity=Severity.MUST,
        source=f"{GUIDE}, Use Your Own Inference Code; SageMaker API: ModelDataSource",
        fix="tar czhf model.tar.gz -C FOLDER . (h: what links lead to, instead of the links)",
        judge=plain_archive,
        targets=SERVING,
    ),
    Clause(
        id="SLS-04",
        says="Programs and their folders can be read by others than root",
        severity=Severity.SHOULD,
        source=f"{GUIDE}, Troubleshooting Serverless Inference",
        fix="RUN chmod -R o+rX /opt/program (and whatever else is named)",
        judge=others_can_read,
        targets=frozenset({Target.SERVERLESS}),
        contested="who runs serverless containers is not documented",
    ),
    Clause(
        id="TMD-02",
        says="/bin/bash, chmod, cat, Python and pip are there for the driver of ModelTrainer",
        severity=Severity.MUST,
        source="sagemaker-train, templates of ModelTrainer",
        fix="install what is missing; without it use ModelTrainer without SourceCode",
        judge=has_what_the_driver_needs,
        targets=TRAINING,
    ),
    Clause(
        id="PRC-10",
        says="python3, python, pip, bash, ls, tar and gzip are there for ScriptProcessor and its relatives",
        severity=Severity.SHOULD,
        source="sagemaker-core, processing.py",
        fix="install what is missing; a link from python to python3 will do",
        judge=has_what_processors_need,
        targets=frozenset({Target.PROCESSING}),
    ),
    Clause(
        id="DIS-05",
        says="An image with EFA has libfabric with fi_info and NCCL's plugin, and no kernel module",
        severity=Severity.MUST,
        source=f"{GUIDE}, Run Training with EFA",
        fix="run the EFA installer with --skip-kmod, and install aws-ofi-nccl",
        judge=has_all_of_efa,
        targets=TRAINING,
    ),
    Clause(
        id="DIS-06",
        says="An image with mpirun has sshd with host keys, and ssh trusts the other hosts",
        severity=Severity.MUST,
        source="sagemaker-training-toolkit, mpi.py",
        fix="install openssh-server, ssh-keygen -A, and write StrictHostKeyChecking no into ssh_config",
        judge=can_launch_mpi,
        targets=TRAINING,
    ),
)
"""In the order of the report."""
