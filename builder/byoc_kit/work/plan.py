"""What build and render share: from a project to its plan and its Dockerfile."""

from pathlib import Path

from byoc_kit import assets
from byoc_kit.docker_api import Client
from byoc_kit.errors import UsageError
from byoc_kit.images.daemon import look
from byoc_kit.inventory import Inventory
from byoc_kit.plan.build import plan_build
from byoc_kit.plan.types import Plan
from byoc_kit.store import Store
from byoc_kit.talk import Talk
from byoc_kit.work.accounts import accounts_of
from byoc_kit.work.logins import engine_login
from byoc_kit.work.project import Project
from byoc_kit.work.tree import read_tree

__all__ = ["look_into", "own_templates", "plan_of", "templates_of"]


def look_into(project: Project, client: "Client", *, store: Store, talk: Talk) -> Inventory | None:
    """What the base of *project* holds; None where a Dockerfile of its own says what the base is."""
    image = project.spec.image
    if project.spec.build.dockerfile is not None:
        return None
    login = engine_login(accounts=accounts_of(project.spec.publish))
    return look(client, image.base, image.platform, store=store, talk=talk, login=login)


def plan_of(project: Project, inventory: Inventory | None, *, talk: Talk) -> Plan:
    """The plan of *project* on what was seen of its base. Notes are told to *talk*."""
    spec = project.spec
    plan = plan_build(spec, inventory, read_tree(spec, project.root))
    for note in plan.notes:
        talk.note(note)
    return plan


def templates_of(root: Path) -> dict[str, str]:
    """Name to text: byoc's own as ``byoc/...``, those in the project's ``templates`` by bare names."""
    ours = {f"byoc/{path.name}": path.read_text(encoding="utf-8") for path in assets.templates().glob("*.j2")}
    return ours | own_templates(root)


def own_templates(root: Path) -> dict[str, str]:
    """Name to text of the project's own templates, if it has any."""
    return {path.name: _text(path) for path in sorted((root / "templates").glob("*.j2"))}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the template {path} cannot be read",
            why=str(error),
            fix="save it as UTF-8 text that you may read, or remove it",
            id="BYOC-E208",
        ) from error
