"""``byoc run``: the image exactly as SageMaker would start it, on this machine."""

from byoc_kit.work.endpoints import Endpoint, ServeOptions, serve
from byoc_kit.work.serve import Invocation, ServeResult, run_serve, shell_serve
from byoc_kit.work.train import TrainOptions, TrainResult, run_train, shell_train

__all__ = [
    "Endpoint",
    "Invocation",
    "ServeOptions",
    "ServeResult",
    "TrainOptions",
    "TrainResult",
    "run_serve",
    "run_train",
    "serve",
    "shell_serve",
    "shell_train",
]
