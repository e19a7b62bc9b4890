"""Specs, bases and trees to plan with; nothing here touches a disk or an engine."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from byoc_kit import assets
from byoc_kit.inventory import Interpreter, Inventory
from byoc_kit.oci.config import ImageConfig, Platform
from byoc_kit.plan.types import Tree
from byoc_kit.spec.read import read_spec
from byoc_kit.spec.types import Spec

GOLDEN = Path(__file__).parents[1] / "golden"
STYLES = ("basic", "script-mode-1", "script-mode-2", "framework")
SERVERS = ("asgi", "mms")

TEXT = """
[image]
name = "churn"
style = "{style}"
base = "registry.example/python:3.12-slim"
targets = ["training", "hosting"]

[python]
requirements = ["scikit-learn", "pandas>=2"]
{packages}

[train]
program = "train.py"
source = "src"
{module}

[serve]
program = "inference.py"
server = "{server}"

{more}
"""

TREE = Tree(
    project={
        PurePosixPath("src/train.py"): 0o644,
        PurePosixPath("src/inference.py"): 0o644,
        PurePosixPath("src/lib/deep.py"): 0o600,
        PurePosixPath("bin/tool"): 0o700,
        PurePosixPath("framework/pyproject.toml"): 0o644,
        PurePosixPath("framework/house/__init__.py"): 0o644,
    },
    assets={
        PurePosixPath("entry/__main__.py"): 0o644,
        PurePosixPath("serving/__main__.py"): 0o644,
    },
)


class Everything:
    """A project in which every file exists and is empty."""

    def is_file(self, path: PurePosixPath) -> bool:
        return path.suffix != "" or path in TREE.project

    def is_dir(self, path: PurePosixPath) -> bool:
        return not self.is_file(path)

    def read_bytes(self, path: PurePosixPath) -> bytes:
        return b""

    def leaves(self, path: PurePosixPath) -> bool:
        return False


def spec_of(style: str = "basic", server: str = "asgi", more: str = "") -> Spec:
    """A usual spec with the tables *more* at its end."""
    own = style == "framework"
    text = TEXT.format(
        style=style,
        server=server,
        more=more,
        packages='packages = ["framework"]' if own else "",
        module='module = "house.training:main"' if own else "",
    )
    return read_spec(text, name="byoc.toml", look=Everything())


def base_of(**changes: object) -> Inventory:
    """A usual base: Debian 12 with Python 3.12 of its own."""
    usual = Inventory(
        reference="registry.example/python:3.12-slim",
        image_id="sha256:" + "1" * 64,
        digest=None,
        platform=Platform(),
        config=ImageConfig(),
        python=Interpreter(executable="/usr/local/bin/python3", version=(3, 12, 4), pip="25.0"),
        os_id="debian",
        os_version="12",
        package_manager="apt-get",
        commands=frozenset({"sh", "bash", "chmod", "cat", "python3", "pip3"}),
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def templates(own: Mapping[str, str] | None = None) -> dict[str, str]:
    """byoc's templates, and *own* ones of a project."""
    shipped = {f"byoc/{path.name}": path.read_text() for path in assets.templates().glob("*.j2")}
    return shipped | dict(own or {})
