"""The repository in Amazon ECR as code: what byoc.toml wants, what is there, and how one gets there."""

import fnmatch
import json
import os
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from byoc_kit.aws.repository import apply as send
from byoc_kit.aws.repository import encryption_of, find, images_of, registry_state
from byoc_kit.aws.session import AwsSettings
from byoc_kit.errors import ByocError
from byoc_kit.oci.ecr import EcrRegistry
from byoc_kit.oci.reference import Named, Repository
from byoc_kit.plan.repository import Action, Encryption, RegistryState, RepositoryPlan, plan_repository
from byoc_kit.spec.types import Ecr, Publish
from byoc_kit.talk import Silence, Talk
from byoc_kit.work.accounts import accounts_of
from byoc_kit.work.places import base_location, destination
from byoc_kit.work.project import Project

__all__ = ["apply", "command", "ensure", "offer_mounting", "plan", "require_no_drift"]

MOST = 5  # names in one message
AS_IT_IS = Ecr(
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
)
"""What is wanted where no byoc.toml says anything."""


def ensure(
    project: Project | None,
    repository: Repository | None = None,
    *,
    plan_only: bool = False,
    environ: Mapping[str, str] = os.environ,
    talk: Talk | None = None,
) -> RepositoryPlan:
    """Make the repository of *project* (or *repository*, wanted with the same settings) if it is missing.

    What exists is left as it is; a difference to byoc.toml is told to *talk*. The plan that comes back is
    what was found before. Outside of ECR there is nothing to do. Raises ByocError: BYOC-E822 where it is
    missing and byoc.toml forbids to make it, else as ``aws_errors``.
    """
    voice, made = talk or Silence(), plan(project, repository)
    if made.exists:
        if made.drift:
            differs = "; ".join(made.drift)
            voice.warn(f"{made.repository} is not as byoc.toml says ({differs}): `byoc repository plan`")
    elif made.exists is False and not plan_only:
        if not _wanted(project).create:
            raise _missing(made.repository)
        voice.say(f"{made.repository}: {made.own[0].what}")
        _send(project, made, made.own)
        _notes(made, voice)
    return made


def offer_mounting(project: Project, repository: Repository, talk: Talk) -> None:
    """Before layers are sent into *repository*: tell how the registry would share those that it has.

    Only where the base is in the same registry; nothing is asked of AWS else.
    """
    here = EcrRegistry.of_host(repository.host)
    base = _base_encryption(project, repository, here) if here else None
    if here is not None and base is not None:
        settings = accounts_of(_publish(project)).of(here.account)
        state = registry_state(settings, here, scanning=False)
        there = find(settings, here, repository.path, AS_IT_IS)
        _notes(plan_repository(repository, AS_IT_IS, there, base=base, registry=state), talk)


def _notes(made: RepositoryPlan, talk: Talk) -> None:
    for action in made.actions:
        if action.scope == "registry":
            how = command(action, made.repository)
            talk.note(f"{action.what}: not done, since it concerns the whole registry: `{how}`")
    for note in made.notes:
        talk.note(note)


def plan(
    project: Project | None,
    repository: Repository | None = None,
    *,
    registry: bool = False,
) -> RepositoryPlan:
    """What the repository lacks of what byoc.toml says; *registry*: ask for the registry's settings, too."""
    where = repository or destination(_needed(project))
    here = EcrRegistry.of_host(where.host)
    if here is None:
        return RepositoryPlan(repository=where, exists=None)
    wanted, settings = _wanted(project), accounts_of(_publish(project)).of(here.account)
    found = find(settings, here, where.path, wanted)
    base = _base_encryption(project, where, here) if found is None or registry else None
    state = RegistryState()
    if registry or wanted.scan == "enhanced" or base is not None:
        state = registry_state(settings, here, scanning=wanted.scan == "enhanced")
    made = plan_repository(where, wanted, found, base=base, registry=state)
    return _with_expiring(made, settings, here) if registry and found else made


def _with_expiring(made: RepositoryPlan, settings: AwsSettings, here: EcrRegistry) -> RepositoryPlan:
    """*made*, with the images that a new lifecycle policy would delete."""
    if not any(action.name == "lifecycle" for action in made.actions):
        return made
    images, now = images_of(settings, here, made.repository.path), time.time()
    return replace(
        made,
        actions=tuple(
            each.with_expiring(images, now) if each.name == "lifecycle" else each for each in made.actions
        ),
    )


def apply(
    project: Project,
    *,
    remove: Collection[str] = (),
    registry: bool = False,
    dry_run: bool = False,
    talk: Talk | None = None,
) -> RepositoryPlan:
    """Make the repository what byoc.toml says; what that takes away must be named by *remove*.

    The plan holds what was done, or with *dry_run* would be. *registry*: change settings of the whole
    registry, too. Raises ByocError: BYOC-E823 where something would go that is not named; then nothing was
    changed.
    """
    voice, made = talk or Silence(), plan(project, registry=True)
    if not registry:
        made = replace(made, actions=made.own)
    actions = made.actions
    unnamed = [name for action in actions for name in action.removes if not _named(name, remove)]
    if unnamed:
        raise _unnamed(made.repository, unnamed)
    if not dry_run:
        for action in actions:
            voice.say(f"{made.repository}: {action.what}")
        _send(project, made, actions)
    return made


def require_no_drift(made: RepositoryPlan) -> None:
    """Raises ByocError (BYOC-E824) where *made* has something to do on the repository itself."""
    if made.exists is False or made.drift:
        raise ByocError(
            f"{made.repository} is not as byoc.toml says",
            why="somebody has changed one of them since" if made.exists else "it does not exist",
            fix="`byoc repository apply` makes it so; what ECR never changes needs a new repository",
            id="BYOC-E824",
            details=made.drift,
        )


def command(action: Action, repository: Repository) -> str:
    """The AWS CLI's words for *action*: for who has the right to do it, which may be somebody else."""
    here = EcrRegistry.of_host(repository.host)
    words = [f"aws ecr {action.operation.replace('_', '-')} --region {here.region if here else ''}"]
    for name, value in action.request.items():
        option = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name)
        text = value if isinstance(value, str) else f"'{json.dumps(value)}'"
        words.append(f"--{option} {text}")
    return " ".join(words)


def _named(name: str, remove: Collection[str]) -> bool:
    """Whether *name* is one of *remove*, where ``*`` stands for anything."""
    return any(fnmatch.fnmatchcase(name, each) for each in remove)


def _publish(project: Project | None) -> Publish | None:
    return project.spec.publish if project else None


def _wanted(project: Project | None) -> Ecr:
    publish = _publish(project)
    return publish.ecr if publish else AS_IT_IS


def _needed(project: Project | None) -> Project:
    assert project is not None, "without a project the repository is named"
    return project


def _send(project: Project | None, made: RepositoryPlan, actions: Collection[Action]) -> None:
    here = EcrRegistry.of_host(made.repository.host)
    if here is not None:
        send(accounts_of(_publish(project)).of(here.account), here, actions)


def _base_encryption(project: Project | None, where: Repository, here: EcrRegistry) -> Encryption | None:
    """How the base is encrypted, where it is another repository of the same registry."""
    if project is None or project.spec.build.dockerfile or not project.spec.image.base:
        return None
    base = base_location(project)
    if not isinstance(base, Named) or base.repository.host != where.host or base.repository == where:
        return None
    return encryption_of(accounts_of(_publish(project)).of(here.account), here, base.repository.path)


def _missing(repository: Repository) -> ByocError:
    return ByocError(
        f"{repository} does not exist",
        why="[publish.ecr] create = false: byoc does not make it while publishing",
        fix="`byoc repository apply` makes it, with what byoc.toml says; or ask who makes repositories",
        id="BYOC-E822",
    )


def _unnamed(repository: Repository, names: Sequence[str]) -> ByocError:
    words = " ".join(f"--remove {name!r}" for name in names[:MOST])
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ByocError(
        f"{repository}: this would take away {', '.join(names[:MOST])}{more}; nothing was changed",
        why="what somebody may miss goes only where it is named",
        fix=f"look at `byoc repository plan`, then add {words}; * stands for anything",
        id="BYOC-E823",
    )
