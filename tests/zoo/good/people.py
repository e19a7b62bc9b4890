"""Images in the manner of what people have, each of which keeps its contract."""

from byoc_kit.contract.evidence import Case
from byoc_kit.spec.types import Target
from zoo.form import Animal, Put, Settings, changed
from zoo.grounds import MMS, TOOLKIT, WEB
from zoo.programs import program

__all__ = ["IMAGES", "TUTORIAL"]

OWN = "/opt/program"
PLAIN = {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
PATH = {"PATH": f"{OWN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}

TUTORIAL = Animal(
    name="tutorial-mended",
    says="a decision tree behind Flask, gunicorn and nginx, as a well-known tutorial has it, and mended",
    targets=(Target.TRAINING, Target.HOSTING, Target.BATCH),
    ground=WEB,
    files={
        f"{OWN}/train": program("tutorial/train"),
        f"{OWN}/serve": program("tutorial/serve"),
        f"{OWN}/wsgi.py": program("tutorial/wsgi"),
        f"{OWN}/predictor.py": program("tutorial/predictor"),
        f"{OWN}/nginx.conf": program("tutorial/nginx.conf"),
    },
    settings=Settings(workdir=OWN, env={**PLAIN, **PATH}, cmd=("train",)),
    case=Case(content_type="text/csv"),
)
NOT_MENDED = {
    "serve": (
        "        stop(nginx, signal.SIGQUIT)\n",
        "        stop(gunicorn, signal.SIGTERM)\n        stop(nginx, signal.SIGQUIT)\n",
    ),
    "nginx.conf": ("client_max_body_size 100m", "client_max_body_size 5m"),
    "train": ("    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n", ""),
}
"""What the tutorial has, and what stands in its place here."""
COPIED = TUTORIAL.but(
    "tutorial-copied",
    "the same as people copy it: two faults that show in production only",
    "INF-10",
    files={
        **TUTORIAL.files,
        **{
            f"{OWN}/{name}": changed(program(f"tutorial/{name}"), new, old)
            for name, (new, old) in NOT_MENDED.items()
        },
    },
    all_faults=frozenset({"INF-10", "SIG-01"}),
).known_for("SIG-02", "INF-13")
FASTAPI = Animal(
    name="fastapi",
    says="FastAPI behind uvicorn, with an ENTRYPOINT that takes the word",
    targets=(
        Target.HOSTING,
        Target.SERVERLESS,
        Target.BATCH,
        Target.ASYNC,
        Target.STREAMING,
        Target.PIPELINE,
    ),
    ground=WEB,
    files={
        f"{OWN}/app.py": program("fastapi"),
        f"{OWN}/start": program("start-fastapi"),
    },
    settings=Settings(
        entrypoint=(f"{OWN}/start",),
        workdir=OWN,
        env=PLAIN,
        labels={"com.amazonaws.sagemaker.capabilities.accept-bind-to-port": "true"},
    ),
    case=Case(content_type="text/csv"),
)
SHELL = Animal(
    name="shell-only",
    says="trains with bash, awk and find, without Python",
    targets=(Target.TRAINING, Target.TUNING),
    files={"/usr/local/bin/train": program("train.sh"), "/usr/bin/python3": Put(gone=True)},
    settings=Settings(cmd=("train",)),
)
INFERENCE_TOOLKIT = Animal(
    name="inference-toolkit",
    says="SageMaker's inference toolkit with multi-model-server, for one model and for many",
    targets=(Target.MULTI_MODEL,),
    ground=MMS,
    files={f"{OWN}/start": program("start-mms"), f"{OWN}/handler.py": program("handler")},
    settings=Settings(
        entrypoint=("python3", f"{OWN}/start"),
        env={**PLAIN, "SAGEMAKER_MAX_PAYLOAD_IN_MB": "100"},
        labels={"com.amazonaws.sagemaker.capabilities.multi-models": "true"},
    ),
)
TRAINING_TOOLKIT = Animal(
    name="training-toolkit-alone",
    says="SageMaker's training toolkit as it is, without a program before it that forwards signals",
    targets=(Target.TRAINING,),
    ground=TOOLKIT,
    files={"/opt/ml/code/train.py": program("script")},
    settings=Settings(cmd=("train",), env={**PLAIN, "SAGEMAKER_PROGRAM": "train.py"}),
).known_for("SIG-01", "SIG-02", "OUT-03")
IMAGES = (TUTORIAL, COPIED, FASTAPI, SHELL, INFERENCE_TOOLKIT, TRAINING_TOOLKIT)
