"""What images stand on: Debian with Python, or with what people install over it; built once in a session."""

import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import docker

from rig.projects import Project, image
from zoo.form import GROUND

__all__ = ["MMS", "TOOLKIT", "WEB", "made"]

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
}
OURS: Final[Mapping[str, tuple[str, str]]] = {TOOLKIT: ("script-mode-1", "asgi"), MMS: ("basic", "mms")}
"""Styles and servers whose images have it all, and which the session makes in any case."""


def made(client: docker.DockerClient, base: str, wanted: Iterable[str], project: Project) -> dict[str, str]:
    """Names of *wanted* grounds to images: *base*, what is built on it, and those of *project*."""
    names = sorted({*wanted} - {GROUND})
    ours = {name: image(project(*OURS[name])) for name in names if name in OURS}
    return {GROUND: base, **ours, **{name: _built(client, base, name) for name in names if name not in ours}}


def _built(client: docker.DockerClient, base: str, name: str) -> str:
    text = f"FROM {base}\n{DOCKERFILES[name]}"
    build: Callable[..., Any] = client.images.build
    built, _ = build(
        fileobj=io.BytesIO(text.encode()), network_mode="host", rm=True, tag=f"byoc-zoo-ground:{name}"
    )
    return str(built.id)
