"""Prepares the process for the script of a data scientist, then runs it.

The image names ``house_framework.training:main`` in SAGEMAKER_TRAINING_MODULE; sagemaker-training calls
it instead of the script. What all scripts of the house should have in common belongs here.
"""

import logging
import platform

from sagemaker_training import entry_point, environment, runner

logger = logging.getLogger(__name__)


def main():
    """Run the script that the job names, with what the house adds to its environment."""
    job = environment.Environment()
    logger.info("house_framework: python %s, %s CPUs", platform.python_version(), job.num_cpus)
    entry_point.run(
        uri=job.module_dir,
        user_entry_point=job.user_entry_point,
        args=job.to_cmd_args(),
        env_vars=dict(job.to_env_vars(), **house_variables(job.num_cpus)),
        runner_type=runner.ProcessRunnerType,
    )


def house_variables(cpus):
    """The same everywhere: as many threads as CPUs, and hashes that repeat."""
    return {"OMP_NUM_THREADS": str(cpus), "PYTHONHASHSEED": "0"}
