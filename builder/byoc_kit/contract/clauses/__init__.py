"""Every clause that can be judged, in the order of the report. Each part is a module with its ``PART``."""

from typing import Final

from byoc_kit.contract.clauses import (
    batch,
    distributed,
    endurance,
    files,
    hosting,
    invocations,
    multi_model,
    outputs,
    pipeline,
    places,
    processing,
    sdk,
    serverless,
    signals,
    static,
    streaming,
    toolkits,
    training,
)
from byoc_kit.contract.types import Clause

__all__ = ["CLAUSES"]

CLAUSES: Final[tuple[Clause, ...]] = (
    *static.PART,
    *places.PART,
    *files.PART,
    *toolkits.PART,
    *training.PART,
    *outputs.PART,
    *signals.PART,
    *distributed.PART,
    *sdk.PART,
    *processing.PART,
    *hosting.PART,
    *invocations.PART,
    *endurance.PART,
    *streaming.PART,
    *batch.PART,
    *serverless.PART,
    *multi_model.PART,
    *pipeline.PART,
)
"""A new part is a module of this package with a ``PART``, and a line here."""
