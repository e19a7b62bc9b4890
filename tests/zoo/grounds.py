"""What images stand on: Debian with Python, or with what people install over it; built once in a session."""

import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import docker

from zoo.form import GROUND

__all__ = ["WEB", "made"]

WEB = "web"
"""nginx, Flask and gunicorn, FastAPI and uvicorn."""
TOOLKIT = "toolkit"
"""SageMaker's training toolkit."""
MMS = "mms"
"""SageMaker's inference toolkit, multi-model-server and Java."""

CLEAN: Final = "rm -rf /var/lib/apt/lists/* /root/.cache"
PIP: Final = "pip install --break-system-packages --no-cache-dir --root-user-action=ignore"
DOCKERFILES: Final[Mapping[str, str]] = {
    WEB: f"""
RUN apt-get update && apt-get install -y --no-install-recommends nginx-light && {CLEAN}
RUN {PIP} flask gunicorn fastapi uvicorn[standard]
""",
    TOOLKIT: f"""
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev python3-dev && {CLEAN}
RUN {PIP} sagemaker-training
""",
    MMS: f"""
RUN apt-get update && apt-get install -y --no-install-recommends openjdk-17-jre-headless && {CLEAN}
RUN {PIP} 'setuptools<82' multi-model-server sagemaker-inference
""",
}


def made(client: docker.DockerClient, base: str, wanted: Iterable[str]) -> dict[str, str]:
    """Names of grounds to images of the engine: *base*, and what is built on it of *wanted*."""
    names = sorted({*wanted} - {GROUND})
    return {GROUND: base, **{name: _built(client, base, name) for name in names}}


def _built(client: docker.DockerClient, base: str, name: str) -> str:
    text = f"FROM {base}\n{DOCKERFILES[name]}"
    build: Callable[..., Any] = client.images.build
    image, _ = build(
        fileobj=io.BytesIO(text.encode()), network_mode="host", rm=True, tag=f"byoc-zoo-ground:{name}"
    )
    return str(image.id)
