"""Images whose config already tells what is wrong with them."""

from byoc_kit.spec.types import Target
from zoo.good.plain import SERVER, TRAINER
from zoo.programs import TRAIN_AT

__all__ = ["IMAGES"]

TINI = '#!/bin/sh\n[ "$1" = -- ] && shift\nexec "$@"\n'
TRAIN_BY_PATH = {"entrypoint": (TRAIN_AT,), "cmd": ("train",)}

IMAGES = (
    TRAINER.but(
        "train-not-there", "nothing is called train", "IMG-01", files={"/usr/local/bin/run": "#!/bin/sh\n"}
    ),
    TRAINER.saying(
        "entrypoint-not-there",
        "ENTRYPOINT names a program that is not in the image",
        "IMG-01",
        entrypoint=("/opt/train",),
    ),
    SERVER.but(
        "serve-not-there", "nothing is called serve", "IMG-01", files={"/usr/local/bin/run": "#!/bin/sh\n"}
    ),
    TRAINER.saying(
        "entrypoint-in-shell-form",
        "ENTRYPOINT in shell form: a shell is the first process, and the word is lost",
        "IMG-02",
        entrypoint=("/bin/sh", "-c", f"{TRAIN_AT}; exit $?"),
    ).known_for("SIG-01", "SIG-02", "TRN-05"),
    TRAINER.but(
        "init-is-the-entrypoint",
        "tini is the ENTRYPOINT and gets the bare word",
        "IMG-03",
        files={**TRAINER.files, "/usr/bin/tini": TINI},
        settings=TRAINER.saying("", "", "", entrypoint=("/usr/bin/tini", "--")).settings,
    ),
    TRAINER.saying(
        "user-is-not-root", "USER is not root, the mounts belong to root", "IMG-05", user="1000"
    ).known_for("TRN-01", "CHN-03", "OUT-03"),
    TRAINER.saying(
        "meant-for-another-processor", "built for arm64 by mistake", "IMG-12", platform="linux/arm64"
    ),
    SERVER.but(
        "pipeline-without-label", "no label accept-bind-to-port", "IMG-18", targets=(Target.PIPELINE,)
    ),
    TRAINER.saying(
        "credentials-in-env",
        "credentials in ENV",
        "IMG-22",
        env={**TRAINER.settings.env, "AWS_SECRET_ACCESS_KEY": "x"},
    ),
    SERVER.saying(
        "exposes-another-port", "EXPOSE 5000, as Flask's examples do", "IMG-25", ports=("5000/tcp",)
    ).warning(),
    SERVER.saying("stops-by-sigquit", "nginx's STOPSIGNAL was inherited", "IMG-19", stop_signal="SIGQUIT")
    .known_for("INF-13")
    .warning(),
    SERVER.saying(
        "has-a-healthcheck", "HEALTHCHECK in the place of /ping", "IMG-20", healthcheck=True
    ).warning(),
    TRAINER.saying("buffers-its-log", "PYTHONUNBUFFERED is not set", "IMG-17", env={}).warning(),
    TRAINER.saying(
        "volume-below-opt-ml", "VOLUME /opt/ml/model", "IMG-24", volumes=("/opt/ml/model",)
    ).warning(),
    TRAINER.saying("does-not-train-by-default", "neither ENTRYPOINT nor CMD", "LCL-20", cmd=None).warning(),
)
