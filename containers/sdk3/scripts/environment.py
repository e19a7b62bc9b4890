"""Writes ``/opt/ml/input/sm_training.env``, which the driver's shell reads: the variables of TMD-05."""

import json
import os
import subprocess

INPUT = "/opt/ml/input"
CONFIG, DATA = INPUT + "/config", INPUT + "/data"
DRIVERS = DATA + "/sm_drivers"
MASTER, PORT = "algo-1", 7777


def read(path):
    """The JSON in *path*; an empty object if there is no such file."""
    try:
        with open(path) as file:
            return json.load(file) or {}
    except FileNotFoundError:
        return {}


def parsed(text):
    """The value of a hyperparameter: JSON if it is, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def as_text(value):
    """How a value stands in the environment: texts as they are, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def listed(*command):
    """What *command* prints; empty if the image has no such program, or it finds nothing."""
    try:
        return subprocess.check_output(command, stderr=subprocess.DEVNULL).decode()
    except (OSError, subprocess.CalledProcessError):
        return ""


def accelerators():
    """How many GPUs, and how many Neuron cores there are."""
    gpus = sum(line.startswith("GPU ") for line in listed("nvidia-smi", "--list-gpus").splitlines())
    neurons = sum(each.get("nc_count", 0) for each in json.loads(listed("neuron-ls", "-j") or "[]"))
    return gpus, neurons


def places():
    """Folders and files that have one place in every job."""
    return {
        "SM_MODEL_DIR": "/opt/ml/model",
        "SM_INPUT_DIR": INPUT,
        "SM_INPUT_DATA_DIR": DATA,
        "SM_INPUT_CONFIG_DIR": CONFIG,
        "SM_OUTPUT_DIR": "/opt/ml/output",
        "SM_OUTPUT_FAILURE": "/opt/ml/output/failure",
        "SM_OUTPUT_DATA_DIR": "/opt/ml/output/data",
        "SM_LOG_LEVEL": int(os.environ.get("SM_LOG_LEVEL", "20")),
        "SM_MASTER_ADDR": MASTER,
        "SM_MASTER_PORT": PORT,
    }


def code():
    """What the job says of its source, and of how it is distributed."""
    source, distributed = read(DRIVERS + "/sourcecode.json"), read(DRIVERS + "/distributed.json")
    found = {}
    if source:
        found.update(SM_SOURCE_DIR=DATA + "/code", SM_ENTRY_SCRIPT=source.get("entry_script", ""))
    if distributed:
        found.update(
            SM_DISTRIBUTED_DRIVER_DIR=DRIVERS + "/distributed_drivers", SM_DISTRIBUTED_CONFIG=distributed
        )
    return found


def machine(resources):
    """What the job says of its hosts, and what this one has."""
    hosts = sorted(resources["hosts"])
    gpus, neurons = accelerators()
    return {
        "SM_CURRENT_HOST": resources["current_host"],
        "SM_CURRENT_INSTANCE_TYPE": resources["current_instance_type"],
        "SM_HOSTS": hosts,
        "SM_NETWORK_INTERFACE_NAME": resources["network_interface_name"],
        "SM_HOST_COUNT": len(hosts),
        "SM_CURRENT_HOST_RANK": hosts.index(resources["current_host"]),
        "SM_NUM_CPUS": os.cpu_count(),
        "SM_NUM_GPUS": gpus,
        "SM_NUM_NEURONS": neurons,
        "SM_RESOURCE_CONFIG": resources,
    }


SUMMARY = (
    "current_host",
    "current_instance_type",
    "hosts",
    "master_addr",
    "master_port",
    "input_data_config",
    "input_config_dir",
    "input_data_dir",
    "input_dir",
    "log_level",
    "model_dir",
    "network_interface_name",
    "num_cpus",
    "num_gpus",
    "num_neurons",
    "output_data_dir",
    "resource_config",
)
"""Members of SM_TRAINING_ENV that repeat the variable of their name."""


def variables():
    """Every variable of the job, in the order in which they are written."""
    channels = read(CONFIG + "/inputdataconfig.json")
    values = {key: parsed(value) for key, value in read(CONFIG + "/hyperparameters.json").items()}
    folders = {name: DATA + "/" + name for name in channels}
    found = {**places(), **code()}
    found.update(("SM_CHANNEL_" + name.upper(), folder) for name, folder in folders.items())
    found["SM_CHANNELS"] = list(channels)
    found.update(("SM_HP_" + key.replace("-", "_").upper(), value) for key, value in values.items())
    found["SM_HPS"] = values
    found.update(machine(read(CONFIG + "/resourceconfig.json")))
    found["SM_INPUT_DATA_CONFIG"] = channels
    summary = {name: found["SM_" + name.upper()] for name in SUMMARY}
    summary.update(
        channel_input_dirs=folders, hyperparameters=values, job_name=os.environ["TRAINING_JOB_NAME"]
    )
    found["SM_TRAINING_ENV"] = summary
    return found


def main():
    """Write them as the SDK's driver does; a quote within a value breaks the file there too (TMD-06)."""
    with open(INPUT + "/sm_training.env", "w") as file:
        for name, value in variables().items():
            file.write("export {}='{}'\n".format(name, as_text(value)))


if __name__ == "__main__":
    main()
