"""What build and render share: from a project to its plan and its Dockerfile."""

from pathlib import Path
from typing import TYPE_CHECKING

from byoc_kit import assets
from byoc_kit.images.daemon import look
from byoc_kit.inventory import Inventory
from byoc_kit.plan.build import plan_build
from byoc_kit.plan.types import Plan
from byoc_kit.store import Store
from byoc_kit.talk import Talk
from byoc_kit.work.project import Project
from byoc_kit.work.tree import read_tree

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = ["plan_of", "templates_of"]


def plan_of(project: Project, client: "DockerClient | None", *, store: Store | None, talk: Talk) -> Plan:
    """The plan of *project*; with *client* None nobody looks into the base. Notes are told to *talk*."""
    spec = project.spec
    inventory: Inventory | None = None
    if client is not None and spec.build.dockerfile is None:
        inventory = look(client, spec.image.base, spec.image.platform, store=store, talk=talk)
    plan = plan_build(spec, inventory, read_tree(spec, project.root))
    for note in plan.notes:
        talk.note(note)
    return plan


def templates_of(root: Path) -> dict[str, str]:
    """Name to text: byoc's own as ``byoc/...``, those of the project's ``templates`` folder by their bare names."""
    own = {f"byoc/{path.name}": path.read_text(encoding="utf-8") for path in assets.templates().glob("*.j2")}
    folder = root / "templates"
    return own | {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.j2"))}
