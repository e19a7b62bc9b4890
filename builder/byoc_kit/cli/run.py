"""``byoc run``: the image exactly as SageMaker would start it, here."""

import click

from byoc_kit.cli.lazy import LazyGroup

__all__ = ["JOBS", "run"]

JOBS = {
    "train": "Train, and check what the job leaves.",
    "tune": "Train with values from ranges.",
    "process": "Process, as a processing job does.",
    "serve": "Serve, and send requests.",
    "transform": "Transform a batch of files.",
}
"""Kind of job to the line that ``byoc run --help`` shows; the module ``run_<kind>`` has the rest."""


@click.group(
    cls=LazyGroup, table=JOBS, prefix="byoc_kit.cli.run_", epilog="Example: byoc run train --hp epochs=3"
)
def run() -> None:
    """Run the image here exactly as SageMaker would start it.

    The same /opt/ml tree, files, variables, names and signals as in the cloud; nothing of yours leaves
    this machine, and when the command ends nothing is left running.
    """
