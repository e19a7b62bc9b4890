"""What a batch transform job may ask of this server: GET /execution-parameters (BAT-02)."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from byoc_serving.errors import ServingError
from byoc_serving.settings import number

PAYLOAD_IN_MB = 6  # the service's own default
MOST_IN_FLIGHT_IN_MB = 100  # of all transforms together (BAT-04)
PER_WORKER = 2  # one that is computed, and one that is being read meanwhile
STRATEGIES = ("MULTI_RECORD", "SINGLE_RECORD")


def execution_parameters(workers: int, environ: Mapping[str, str]) -> Dict[str, Any]:
    """The answer. What the job itself asked for is repeated: the service sets variables for it (BAT-01).

    Raises ServingError for a variable that cannot be used.
    """
    payload = number(environ, "SAGEMAKER_MAX_PAYLOAD_IN_MB", PAYLOAD_IN_MB, least=0)
    most = MOST_IN_FLIGHT_IN_MB // payload if payload else MOST_IN_FLIGHT_IN_MB
    concurrent = max(1, min(workers * PER_WORKER, most))
    return {
        "MaxConcurrentTransforms": number(environ, "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS", concurrent),
        "BatchStrategy": _strategy(environ),
        "MaxPayloadInMB": payload,
    }


def _strategy(environ: Mapping[str, str]) -> str:
    text = environ.get("SAGEMAKER_BATCH_STRATEGY") or STRATEGIES[0]
    if text not in STRATEGIES:
        raise ServingError(
            "SAGEMAKER_BATCH_STRATEGY is {!r}".format(text),
            why="it is one of " + ", ".join(STRATEGIES),
            fix="correct the variable in the job's environment, or leave it out",
        )
    return text
