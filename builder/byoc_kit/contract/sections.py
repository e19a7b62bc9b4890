"""The sections of the contract, by the letters that their clauses' ids begin with."""

from collections.abc import Iterable
from typing import Final

__all__ = ["SECTIONS", "by_section", "section", "title"]

SECTIONS: Final = {
    "HAR": "How SageMaker starts containers",
    "IMG": "Image and manifest",
    "TRN": "Training",
    "CFG": "Files of a training job",
    "ENV": "Environment of a training job",
    "CHN": "Input channels",
    "OUT": "What a job leaves",
    "SIG": "Stopping",
    "DIS": "Several hosts",
    "TMD": "ModelTrainer of SDK v3",
    "TTK": "sagemaker-training toolkit",
    "INF": "Endpoints",
    "BID": "Bidirectional streaming",
    "MME": "Multi-model endpoints",
    "PIP": "Inference pipelines",
    "BAT": "Batch transform",
    "ASY": "Asynchronous endpoints",
    "SLS": "Serverless endpoints",
    "STS": "Stateful sessions",
    "STK": "sagemaker-inference toolkit",
    "PRC": "Processing",
    "HPO": "Tuning",
    "LCL": "Local mode of the SDK",
    "STU": "Local mode in Studio",
}
"""In the order of the contract."""


def section(name: str) -> str:
    """The letters of the section of clause *name*."""
    return name.partition("-")[0]


def title(letters: str) -> str:
    """What the section *letters* is about."""
    return SECTIONS.get(letters, letters)


def by_section(names: Iterable[str]) -> dict[str, list[str]]:
    """*names* in order, by the letters of their section, sections in the order of the contract."""
    found: dict[str, list[str]] = {letters: [] for letters in SECTIONS}
    for name in sorted(names):
        found.setdefault(section(name), []).append(name)
    return {letters: some for letters, some in found.items() if some}
