"""The file that every description of byoc starts with works as it stands."""

from collections.abc import Callable
from pathlib import PurePosixPath

from byoc_kit.oci.config import Platform
from byoc_kit.spec.types import (
    Build,
    Chain,
    Ecr,
    Image,
    Network,
    Publish,
    Python,
    Serve,
    Server,
    Spec,
    Style,
    System,
    Target,
    Train,
)

EXAMPLE = """\
[image]
name = "churn"
style = "script-mode-1"
base = "public.ecr.aws/docker/library/python:3.12-slim"
targets = ["training", "hosting"]    # the words of interfaces.md

[python]
requirements = ["scikit-learn", "pandas>=2"]

[train]
program = "train.py"
source = "src"
channels = { train = "data" }        # what `byoc run train` mounts when told nothing else

[serve]
program = "inference.py"
server = "asgi"                      # or "mms"

[publish]
repository = "sagemaker/churn"       # in the account's ECR; or a full registry/path
"""


def test_the_example_is_complete(read: Callable[..., Spec]) -> None:
    src = PurePosixPath("src")
    assert read(EXAMPLE) == Spec(
        image=Image(
            name="churn",
            version=None,
            style=Style.SCRIPT_MODE_1,
            base="public.ecr.aws/docker/library/python:3.12-slim",
            platform=Platform("linux", "amd64"),
            targets=(Target.TRAINING, Target.HOSTING),
            user="",
            instances=(),
            entrypoint=Chain.CHAIN,
        ),
        python=Python(
            requirements=("scikit-learn", "pandas>=2"),
            requirements_file=None,
            packages=(),
            index_url=None,
            extra_index_urls=(),
            find_links=(),
            allow_change=(),
            protect=(),
        ),
        system=System(packages=()),
        files=(),
        env={},
        labels={},
        train=Train(
            program="train.py",
            source=src,
            module=None,
            hyperparameters={},
            channels={"train": PurePosixPath("data")},
            metrics={},
        ),
        serve=Serve(program="inference.py", source=src, server=Server.ASGI, workers=None, model=None),
        process=None,
        build=Build(
            engine="auto",
            network=Network.DEFAULT,
            ca_bundle="auto",
            secrets={},
            cache=True,
            compiler=None,
            bytecode="none",
            dockerfile=None,
        ),
        publish=Publish(
            repository="sagemaker/churn",
            region=None,
            account=None,
            tags=(),
            on_conflict="fail",
            profile=None,
            role_arn=None,
            external_id=None,
            role_session_name=None,
            endpoint_url=None,
            roles={},
            ecr=Ecr(
                create=True,
                encryption=None,
                kms_key=None,
                mutability=None,
                mutability_exclusions=(),
                scan=None,
                keep_releases=None,
                expire_untagged_days=None,
                pull_accounts=None,
                sagemaker_pull=None,
                resource_tags={},
            ),
        ),
        verify=None,
    )


def test_a_local_image_is_a_base_too(read: Callable[..., Spec]) -> None:
    text = EXAMPLE.replace("public.ecr.aws/docker/library/python:3.12-slim", "mybase:dev")
    assert read(text).image.base == "mybase:dev"


def test_every_key_is_understood(read: Callable[..., Spec]) -> None:
    spec = read(
        """\
requires-byoc = ">=0.1"
image.name = "team/churn"
image.version = "1.4.2"
image.style = "framework"
image.base = "localhost:5000/base@sha256:%s"
image.platform = "linux/arm64"
image.user = "0:0"
image.instances = ["ml.m7g.xlarge", "ml.c6gn.large"]
image.entrypoint = "replace"

[python]
requirements = ["numpy[extra]>=1,<3; python_version < '4'"]
requirements-file = "requirements.txt"
packages = ["framework"]
index-url = "https://index.example/simple"
extra-index-urls = ["http://index.example:8080/simple/"]
find-links = ["https://index.example/wheels"]
allow-change = ["numpy"]
protect = ["torch"]

[system]
packages = ["libgomp1", "g++=4:12.2.0-3"]

[files]
"/opt/acme/words.txt" = "words.txt"
"/opt/acme/" = { source = "run.sh", mode = "0755" }

[env]
OMP_NUM_THREADS = "1"
SAGEMAKER_MODEL_SERVER_WORKERS = "2"
EOS_TOKEN = "</s>"

[labels]
"org.opencontainers.image.vendor" = "Acme"
"com.amazonaws.sagemaker.inference.cuda.verified_versions" = "12.9"

[train]
program = "train.py"
module = "house.training:main"
hyperparameters = { epochs = 3, lr = 0.1, deep = true, layers = [64, 32], opt = { name = "adam" }, s = "x" }
metrics = { "validation:f1" = "f1=([0-9.]+)" }

[serve]
program = "inference.py"
server = "mms"
workers = 2
model = "model"

[process]
program = "train.py"

[build]
engine = "docker"
network = "host"
ca-bundle = "none"
secrets = { pip_conf = "file:~/.config/pip/work.conf", token = "env:HF_TOKEN" }
cache = false
compiler = true
bytecode = "imports"

[publish]
repository = "registry.example:5000/team/churn"
region = "eu-west-1"
account = "111122223333"
tags = ["stable"]
on-conflict = "keep"

[verify]
request = "sample.csv"
expect = "1"
content-type = "text/csv"
dynamic = false
time-limits = { startup = 120, invocation = 0.5 }
waivers = [{ clause = "IMG-17", reason = "our base", until = "2027-01-31" }]
"""
        % ("a" * 64),
        {
            "requirements.txt": b"scipy\n",
            "framework/pyproject.toml": b"",
            "words.txt": b"",
            "run.sh": b"",
        },
    )
    assert spec.image.user == ""
    assert spec.image.platform == Platform("linux", "arm64")
    assert spec.image.targets == (Target.TRAINING, Target.HOSTING, Target.PROCESSING)
    assert spec.python.requirements == ("numpy[extra]>=1,<3; python_version < '4'", "scipy")
    assert [(str(file.dest), str(file.source), file.mode) for file in spec.files] == [
        ("/opt/acme/words.txt", "words.txt", None),
        ("/opt/acme/run.sh", "run.sh", 0o755),
    ]
    assert spec.train is not None
    assert spec.train.hyperparameters["layers"] == [64, 32]
    assert spec.serve is not None
    assert (spec.serve.source, spec.serve.workers) == (PurePosixPath("src"), 2)
    assert spec.verify is not None
    assert spec.verify.time_limits == {"startup": 120.0, "invocation": 0.5}
    assert spec.build.secrets["token"] == "env:HF_TOKEN"
    assert spec.notes == ()


def test_an_adopted_dockerfile_needs_neither_style_nor_base(read: Callable[..., Spec]) -> None:
    spec = read(
        '[image]\nname = "own"\ntargets = ["training"]\n[build]\ndockerfile = "Dockerfile"\n[env]\nA = "1"\n',
        {"Dockerfile": b"FROM x\n"},
    )
    assert spec.image.style is Style.BASIC
    assert spec.image.base == ""
    assert spec.notes == ("[env] has no effect: [build] dockerfile builds Dockerfile as it is",)
