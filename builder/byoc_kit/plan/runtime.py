"""What a style and a server add to the user's own packages and files."""

import json
import re
from dataclasses import dataclass

from byoc_kit.inventory import Inventory
from byoc_kit.spec.types import Chain, Server, Spec, Target

__all__ = [
    "BIN",
    "Needs",
    "entry_json",
    "missing_packages",
    "python_packages",
    "python_program",
    "system_packages",
    "target_needs",
]

TOOLKIT = ("sagemaker-training",)
ASGI = ("uvicorn", "httptools", "uvloop")
MMS = ("sagemaker-inference", "multi-model-server", "setuptools<82")
"""sagemaker_inference imports pkg_resources, which setuptools 82 no longer has (STK-11)."""

JRE = {
    "apt-get": "default-jre-headless",
    "dnf": "java-17-amazon-corretto-headless",
    "microdnf": "java-17-amazon-corretto-headless",
    "apk": "openjdk17-jre-headless",
}
"""multi-model-server is a Java program; the name of a runtime per package manager."""

JAVA = re.compile(
    r"(default-jre|openjdk-?[0-9]+-jre|java-[0-9.]+-(openjdk|amazon-corretto))(-headless|-base)?"
)
"""Names of packages with a Java runtime."""

CODE = "/opt/program"
BIN = "/opt/byoc/bin"
"""Programs of ours that the PATH of an image ends with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What must be in the image besides the user's own."""

    toolkit: bool
    """sagemaker-training."""
    server: Server | None


def target_needs(spec: Spec) -> Needs:
    """What the style, the tables and the targets of *spec* ask for together."""
    trains = spec.train is not None or any(target.trains for target in spec.image.targets)
    server = spec.serve.server if spec.serve else None
    if server is None and any(target.serves for target in spec.image.targets):
        server = Server.ASGI
    return Needs(toolkit=spec.image.style.has_toolkit and trains, server=server)


def python_packages(spec: Spec) -> tuple[str, ...]:
    """Requirements that the style and the server add: visible in the plan, without versions of ours."""
    needs = target_needs(spec)
    served = {None: (), Server.ASGI: ASGI, Server.MMS: MMS}[needs.server]
    return (*(TOOLKIT if needs.toolkit else ()), *served)


def system_packages(spec: Spec, manager: str | None) -> tuple[str, ...]:
    """System packages that the server adds."""
    if target_needs(spec).server is not Server.MMS:
        return ()
    return (JRE.get(manager or "", "a Java runtime"),)


def missing_packages(spec: Spec, inventory: Inventory | None, manager: str | None) -> tuple[str, ...]:
    """System packages that byoc.toml and the server ask for and the base lacks.

    Whatever is not known to be there counts as missing: installing it again does no harm.
    """
    known = (inventory.os_packages if inventory else None) or ()
    there = {package.name for package in known} | {f"{package.name}={package.version}" for package in known}
    asked = [name for name in spec.system.packages if name not in there]
    if not any(JAVA.fullmatch(package.name) for package in known):
        asked += system_packages(spec, manager)
    return tuple(dict.fromkeys(asked))


def python_program(spec: Spec, inventory: Inventory | None) -> str | None:
    """The program ``python`` of an image for processing; None where none is added.

    FrameworkProcessor starts code by that name, which many bases do not have (PRC-10). It lies in a folder
    at the end of PATH: one that the base has comes first.
    """
    if Target.PROCESSING not in spec.image.targets or spec.image.entrypoint is Chain.KEEP:
        return None
    if inventory is None or inventory.python is None:
        return None
    return f'#!/bin/sh\nexec {inventory.python.executable} "$@"\n'


def entry_json(spec: Spec, inventory: Inventory | None) -> str:
    """What the entry program must know, schema ``byoc/entry/1``."""
    document = {
        "schema": "byoc/entry/1",
        "style": spec.image.style.value,
        "targets": [target.value for target in spec.image.targets],
        "train": _train(spec),
        "serve": _serve(spec),
        "process": {"program": spec.process.program, "code": CODE} if spec.process else None,
        "base_entrypoint": _base_entrypoint(spec, inventory),
    }
    return json.dumps(document, indent=2) + "\n"


def _code(spec: Spec) -> str | None:
    return CODE if spec.image.style.bakes_code else None


def _train(spec: Spec) -> dict[str, object] | None:
    return {"program": spec.train.program, "code": _code(spec)} if spec.train else None


def _serve(spec: Spec) -> dict[str, object] | None:
    if spec.serve is None:
        return None
    return {
        "program": spec.serve.program,
        "code": _code(spec),
        "server": spec.serve.server.value,
        "workers": spec.serve.workers,
    }


def _base_entrypoint(spec: Spec, inventory: Inventory | None) -> list[str]:
    if inventory is None or spec.image.entrypoint is not Chain.CHAIN:
        return []
    return list(inventory.config.entrypoint or ())
