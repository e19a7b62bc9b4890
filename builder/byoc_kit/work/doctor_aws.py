"""``byoc doctor`` where a project touches Amazon ECR: what a publish needs is tried, and leaves no trace."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any

from byoc_kit.aws.ecr import Tokens
from byoc_kit.aws.probe import probe
from byoc_kit.aws.repository import registry_state
from byoc_kit.aws.session import AwsSettings, region_of, whoami
from byoc_kit.errors import ByocError
from byoc_kit.oci.ecr import EcrRegistry
from byoc_kit.oci.reference import Named, Repository
from byoc_kit.plan.iam import PULL, PUSH, Denied, Need, covered_by_managed, policy, trust_policy
from byoc_kit.plan.repository import RepositoryPlan
from byoc_kit.spec.types import Publish
from byoc_kit.work.accounts import Accounts, accounts_of
from byoc_kit.work.checks import Check, Result, State, checked
from byoc_kit.work.places import base_location, destination
from byoc_kit.work.project import Project
from byoc_kit.work.repository import plan as plan_of

__all__ = ["aws_checks", "publishes_to_ecr"]

MANAGED = "AmazonSageMakerFullAccess"


def publishes_to_ecr(publish: Publish | None) -> bool:
    """Whether the repository is one of Amazon ECR; a name without a registry is."""
    if publish is None:
        return False
    host, slash, _ = publish.repository.partition("/")
    other = slash and ("." in host or ":" in host or host == "localhost")
    return publish.repository.startswith("ecr:") or not other or EcrRegistry.of_host(host) is not None


def aws_checks(project: Project) -> Iterator[Check]:
    """Who we are, what we may do, and the repository; nothing where the project does not touch ECR."""
    publish, base = project.spec.publish, _base(project)
    into_ecr = publishes_to_ecr(publish)
    if not into_ecr and base is None:
        return
    accounts = accounts_of(publish)
    known = _identity("aws", accounts.default)
    yield known
    if publish is not None:
        for account in publish.roles:
            yield _identity(f"aws {account}", accounts.of(account))
    if known.state is State.FAIL:
        return
    places = [base] if base else []
    if into_ecr:
        found: list[Repository] = []
        registry = checked("registry", lambda: _registry(project, found))
        yield registry
        places = found + places
    if not places:
        return
    yield _permissions(accounts, places, pushed=found[0] if into_ecr and found else None)
    if into_ecr and found:
        yield from _repository(project, accounts, found[0])


def _base(project: Project) -> Repository | None:
    """The base's repository, where that is in a private registry of ECR."""
    if project.spec.build.dockerfile or not project.spec.image.base:
        return None
    base = base_location(project)
    inside = isinstance(base, Named) and EcrRegistry.of_host(base.repository.host) is not None
    return base.repository if inside and isinstance(base, Named) else None


def _identity(name: str, settings: AwsSettings) -> Check:
    def look() -> Result:
        return State.OK, f"{whoami(settings).arn}, {region_of(settings)} ({settings})", ""

    found = checked(name, look)
    if found.state is State.FAIL and settings.role_arn:
        return replace(found, documents=_role_documents(settings, settings.role_arn))
    return found


def _role_documents(settings: AwsSettings, role: str) -> Mapping[str, Mapping[str, Any]]:
    """Both policies that assuming *role* needs; none where even the caller is not known."""
    try:
        caller = whoami(replace(settings, role_arn=None))
    except ByocError:
        return {}
    return {
        f"trust policy of {role}": trust_policy(caller.arn, settings.external_id),
        f"policy of {caller.arn}": policy([Need(actions=("sts:AssumeRole",), resource=role)]),
    }


def _registry(project: Project, found: list[Repository]) -> Result:
    found.append(destination(project))
    return State.OK, str(found[0]), ""


def _permissions(accounts: Accounts, places: Iterable[Repository], *, pushed: Repository | None) -> Check:
    denied: list[Denied] = []
    tried: list[str] = []

    def look() -> Result:
        for place in places:
            actions = PUSH if place == pushed else PULL
            denied.extend(_denied(accounts, place, actions))
            tried.append(f"{'push to' if place == pushed else 'pull from'} {place}")
        if not denied:
            return State.OK, f"allowed: {'; '.join(tried)}", ""
        seen = "; ".join(_grouped(denied))
        fixes = dict.fromkeys(each.fix for each in denied if not each.cause.mendable)
        own = ["add the policy below to the identity"] if any(each.cause.mendable for each in denied) else []
        return State.FAIL, f"not allowed: {seen}", "; ".join([*own, *fixes])

    found = checked("permissions", look)
    needs = [Need(actions=(each.action,), resource=each.resource) for each in denied if each.cause.mendable]
    return replace(found, documents={"policy that is missing": policy(needs)}) if needs else found


def _denied(accounts: Accounts, place: Repository, actions: Iterable[str]) -> Iterator[Denied]:
    """What is refused of logging in at the registry of *place*, and of *actions* there. Raises ByocError."""
    registry = EcrRegistry.of_host(place.host)
    assert registry is not None, "only places in ECR are looked at"
    settings = accounts.of(registry.account)
    try:
        Tokens().of(settings, registry.region, registry.account)  # asked now, not remembered
    except ByocError as error:
        refused = Denied.parse(error.why)
        if refused is None:
            raise
        yield refused
    yield from probe(settings, registry, place.path, actions)


def _grouped(denied: Iterable[Denied]) -> Iterator[str]:
    """One sentence for all actions that are refused on the same thing for the same reason."""
    ordered = sorted(denied, key=lambda each: (each.resource, each.cause, each.action))
    for (resource, cause), group in groupby(ordered, key=lambda each: (each.resource, each.cause)):
        yield f"{', '.join(dict.fromkeys(each.action for each in group))} on {resource} ({cause})"


def _repository(project: Project, accounts: Accounts, place: Repository) -> Iterator[Check]:
    plans: list[RepositoryPlan] = []

    def look() -> Result:
        plans.append(plan_of(project, registry=True))
        return _state(plans[0], project)

    found = checked("repository", look)
    making = [need for each in plans if each.exists is False for need in _making(each)]
    yield replace(found, documents={"policy that making it needs": policy(making)}) if making else found
    yield checked("mounting", lambda: _mounting(project, accounts, place))
    if not covered_by_managed(place.path):
        yield Check(
            name="name",
            state=State.WARN,
            seen=f"{place.path} has no sagemaker in it: roles with no more than the managed policy {MANAGED} "
            "may not write there",
            fix='call it for example "sagemaker/churn", or give those roles a policy for it',
        )


def _making(made: RepositoryPlan) -> Iterator[Need]:
    """What must be allowed for the repository to be made; AWS has no way to try it."""
    registry = EcrRegistry.of_host(made.repository.host)
    assert registry is not None, "only what is to be in ECR is planned"
    for action in made.own:
        words = [
            action.operation.title().replace("_", ""),
            *(["TagResource"] if "tags" in action.request else []),
        ]
        yield Need(
            actions=tuple(f"ecr:{word}" for word in words), resource=registry.arn(made.repository.path)
        )


def _state(made: RepositoryPlan, project: Project) -> Result:
    assert project.spec.publish is not None, "it is published to"
    if made.drift:
        fix = "`byoc repository plan` shows it, `byoc repository apply` changes what can be changed"
        return State.WARN, f"{made.repository}: {'; '.join(made.drift)}", fix
    if made.exists:
        return State.OK, f"{made.repository} is as byoc.toml says", ""
    if project.spec.publish.ecr.create:
        seen = f"{made.repository} does not exist: publishing makes it, which needs ecr:CreateRepository"
        return State.OK, seen, ""
    return State.FAIL, f"{made.repository} does not exist", "`byoc repository apply` makes it"


def _mounting(project: Project, accounts: Accounts, place: Repository) -> Result:
    """Whether layers may be shared between repositories of the registry (ECR's blob mounting)."""
    registry = EcrRegistry.of_host(place.host)
    assert registry is not None, "only ECR is asked"
    state = registry_state(accounts.of(registry.account), registry, scanning=False)
    if state.mounting is None:
        return State.OK, "whether repositories may share layers is not told to this identity", ""
    if state.mounting:
        return State.OK, "repositories of the registry share layers", ""
    offer = f"`aws ecr put-account-setting --region {registry.region} --name BLOB_MOUNTING --value ENABLED`"
    base = _base(project)
    if base is not None and base.host == place.host:
        return State.WARN, "the base's layers are sent again: the registry does not share them", offer
    return State.OK, f"repositories of the registry do not share layers; {offer} lets them", ""
