"""``byoc build``: a project becomes an image in the local engine."""

import contextlib
import os
from collections.abc import Mapping

from byoc_kit.docker_api import connect
from byoc_kit.engines.docker import Order, build_image
from byoc_kit.plan.render import render
from byoc_kit.plan.types import Built, Plan
from byoc_kit.store import user_store
from byoc_kit.talk import Silence, Talk
from byoc_kit.work.key import key_of
from byoc_kit.work.plan import look_into, plan_of, templates_of
from byoc_kit.work.project import Project
from byoc_kit.work.state import keep_out_of_git, write_last_build

__all__ = ["build", "plan"]


def build(
    project: Project,
    *,
    talk: Talk | None = None,
    environ: Mapping[str, str] = os.environ,
    tag: str | None = None,
    no_cache: bool = False,
) -> Built:
    """Build the image of *project* and tag it *tag*, or ``<image name>:latest``.

    The base is pulled where the engine lacks it. What was built is also written to ``.byoc/last-build.json``,
    BuildKit's whole output to ``.byoc/build.log``. Raises ByocError.
    """
    voice = talk or Silence()
    with contextlib.closing(connect(environ)) as client:
        seen = look_into(project, client, store=user_store(environ), talk=voice)
        made = plan_of(project, seen, talk=voice)
        adopted = project.spec.build.dockerfile
        keep_out_of_git(project)
        order = Order(
            spec=project.spec,
            plan=made,
            rendered=None if adopted else render(made, templates_of(project.root)),
            dockerfile=project.root / adopted if adopted else None,
            root=project.root,
            tag=tag or f"{project.spec.image.name}:latest",
            log=project.state / "build.log",
            key=None if adopted else key_of(made, project.root),
            no_cache=no_cache,
        )
        voice.say(f"building {order.tag} on {made.base.reference or adopted} ({made.engine.why})")
        built = build_image(order, client, talk=voice, environ=environ)
    write_last_build(project, built)
    return built


def plan(project: Project, *, talk: Talk | None = None, environ: Mapping[str, str] = os.environ) -> Plan:
    """What :func:`build` would do; only the base is pulled and looked into. Raises ByocError."""
    voice = talk or Silence()
    with contextlib.closing(connect(environ)) as client:
        seen = look_into(project, client, store=user_store(environ), talk=voice)
    return plan_of(project, seen, talk=voice)
