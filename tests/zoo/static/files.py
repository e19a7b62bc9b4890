"""Images whose files tell what is wrong with them."""

from byoc_kit.contract.evidence import Case, File
from byoc_kit.spec.types import Target
from zoo.form import Put, changed
from zoo.good.plain import SERVER, TRAINER
from zoo.programs import SERVE, TRAIN, TRAIN_AT

__all__ = ["IMAGES"]

LIB = "/usr/lib/x86_64-linux-gnu"
PACKAGES = "/usr/local/lib/python3.11/dist-packages"
FIRST_LINE = "#!/usr/bin/env python3\n"
TOOLKIT_NEEDS = (
    "boto3",
    "gevent",
    "inotify_simple",
    "numpy",
    "paramiko",
    "protobuf",
    "psutil",
    "retrying",
    "scipy",
    "werkzeug",
)
STUB = "#!/bin/sh\nexit 0\n"
RUN_BY_BASH = '#!/bin/bash\nset -e\r\nexec /opt/program/train "$@"\r\n'


def installed(*distributions: str) -> dict[str, str]:
    """The metadata of distributions of which nothing else is there: ``name==version``."""
    pairs = [each.split("==") for each in distributions]
    told = "Metadata-Version: 2.1\nName: {}\nVersion: {}\n"
    return {
        f"{PACKAGES}/{name}-{version}.dist-info/METADATA": told.format(name, version)
        for name, version in pairs
    }


TOOLKIT = installed("sagemaker_training==5.1.4", *(f"{name}==9.0" for name in TOOLKIT_NEEDS))

IMAGES = (
    TRAINER.but(
        "train-not-executable",
        "chmod +x was forgotten",
        "IMG-04",
        files={TRAIN_AT: Put(text=TRAIN, mode=0o644)},
    ),
    TRAINER.edited(
        "train-with-crlf",
        "checked out with line ends of Windows",
        "IMG-04",
        TRAIN_AT,
        FIRST_LINE,
        FIRST_LINE.replace("\n", "\r\n"),
    ).known_for("TRN-01", "OUT-03"),
    TRAINER.but(
        "train-without-first-line",
        "a script without #!",
        "IMG-04",
        files={TRAIN_AT: Put(text=changed(TRAIN, FIRST_LINE, ""), mode=0o755)},
    ).known_for("OUT-03"),
    TRAINER.edited(
        "train-by-an-interpreter-not-there",
        "its first line names /usr/bin/python",
        "IMG-04",
        TRAIN_AT,
        FIRST_LINE,
        "#!/usr/bin/python\n",
    ).known_for("OUT-03"),
    TRAINER.but(
        "entry-script-with-crlf",
        "bash is given a script with line ends of Windows",
        "IMG-04",
        files={"/opt/program/train": TRAIN, "/entry.sh": RUN_BY_BASH},
        settings=TRAINER.saying("", "", "", entrypoint=("bash", "/entry.sh")).settings,
    ).known_for("OUT-03"),
    TRAINER.plus(
        "data-below-opt-ml", "data baked below /opt/ml", "IMG-07", {"/opt/ml/data/iris.csv": "1,2\n"}
    ).warning(),
    TRAINER.but(
        "program-below-opt-ml",
        "the program itself lies below /opt/ml",
        "IMG-08",
        files={"/opt/ml/code/train": TRAIN},
        settings=TRAINER.saying("", "", "", entrypoint=("/opt/ml/code/train",), cmd=("train",)).settings,
    ).warning(),
    TRAINER.plus(
        "brings-the-driver",
        "a copy of the NVIDIA driver's library",
        "IMG-14",
        {f"{LIB}/libcuda.so.535.104": "x"},
    ),
    TRAINER.plus(
        "cuda-without-env", "CUDA, but no NVIDIA_VISIBLE_DEVICES", "IMG-15", {f"{LIB}/libcudart.so.12.4": "x"}
    ).warning(),
    TRAINER.plus(
        "cuda-compat-always",
        "CUDA's compat libraries are always used",
        "IMG-16",
        {f"{LIB}/libcudart.so.12.4": "x"},
    )
    .saying(
        "cuda-compat-always",
        "CUDA's compat libraries are always used",
        "IMG-16",
        env={**TRAINER.settings.env, "LD_LIBRARY_PATH": "/usr/local/cuda/compat"},
    )
    .warning(),
    TRAINER.plus(
        "efa-by-halves", "libfabric without fi_info", "DIS-05", {"/opt/amazon/efa/lib/libfabric.so.1": "x"}
    ),
    TRAINER.plus(
        "mpi-without-sshd",
        "mpirun and the toolkit, but no sshd",
        "DIS-06",
        {"/usr/local/bin/mpirun": STUB, **TOOLKIT, **installed("mpi4py==4.0")},
    ),
    TRAINER.plus(
        "toolkit-without-dependencies",
        "sagemaker-training by --no-deps",
        "TTK-51",
        installed("sagemaker_training==5.1.4"),
    ),
    TRAINER.plus(
        "toolkit-with-baked-code",
        "what jobs bring is ignored",
        "TTK-05",
        {**TOOLKIT, "/opt/ml/code/train.py": "x = 1\n"},
    ).warning(),
    TRAINER.plus(
        "no-bash", "no bash for ModelTrainer's driver", "TMD-02", {"/usr/bin/bash": Put(gone=True)}
    ).warning(),
    TRAINER.plus(
        "python-that-does-not-run",
        "PATH leads ModelTrainer's driver to a python3 that does not run",
        "TMD-03",
        {
            "/usr/local/bin/python3": "#!/bin/sh\nexit 1\n",
            TRAIN_AT: changed(TRAIN, FIRST_LINE, "#!/usr/bin/python3\n"),
        },
    ).warning(),
    TRAINER.plus("no-bash-on-path", "no bash on PATH", "IMG-23", {"/usr/bin/bash": Put(gone=True)}).warning(),
    SERVER.but(
        "model-with-links",
        "its model.tar.gz holds a link",
        "INF-15",
        case=Case(model_files=(File(path="model.json", kind="symlink", link="/data/model.json"),)),
    ),
    SERVER.plus(
        "inference-toolkit-without-java",
        "no Java, no multi-model-server",
        "STK-02",
        installed("sagemaker_inference==1.10.1"),
    ),
    SERVER.plus(
        "inference-toolkit-with-new-setuptools",
        "setuptools 82 has no pkg_resources",
        "STK-11",
        {
            **installed("sagemaker_inference==1.10.1", "setuptools==82.0.1"),
            "/usr/local/bin/java": STUB,
            "/usr/local/bin/multi-model-server": STUB,
        },
    ),
    SERVER.plus(
        "inference-toolkit-unpickles",
        "a request may bring a pickle",
        "STK-13",
        {f"{PACKAGES}/sagemaker_inference/decoder.py": "np.load(stream, allow_pickle=True)\n"},
    ).warning(),
    SERVER.but(
        "serve-closed-to-others",
        "only root can read the program",
        "SLS-04",
        targets=(Target.SERVERLESS,),
        files={"/usr/local/bin/serve": Put(text=SERVE, mode=0o700)},
    ).warning(),
)
