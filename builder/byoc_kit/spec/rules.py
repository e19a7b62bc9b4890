"""The second step, part two: rules that no type can say, on the text of the file alone.

To add a rule: write it (a :class:`View` in, mistakes out), and list it in ``RULES``. Rules that look at the
project's files are in :mod:`byoc_kit.spec.files`.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from byoc_kit.errors import UsageError
from byoc_kit.oci.reference import parse_repository
from byoc_kit.spec.bases import check_base
from byoc_kit.spec.environment import check_env, check_labels
from byoc_kit.spec.limits import check_channels, check_ends, check_hyperparameters, check_metrics
from byoc_kit.spec.mistake import Mistake, View
from byoc_kit.spec.packages import check_packages, check_requires_byoc
from byoc_kit.spec.parse import Key
from byoc_kit.spec.paths import check_paths
from byoc_kit.spec.secrets import check_credentials
from byoc_kit.spec.tag_templates import check_tags
from byoc_kit.spec.trial import check_verify
from byoc_kit.spec.types import OCI_TARGETS, Server, Style, Target
from byoc_kit.spec.values import is_root, targets_of

__all__ = ["check_rules"]

NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(:[A-Za-z0-9_][A-Za-z0-9._-]*)?")
INSTANCE = re.compile(r"ml\.(?P<family>[a-z]+[0-9]+[a-z0-9-]*)\.[a-z0-9-]+")
GRAVITON = re.compile(r"[a-z]+[0-9]+g[a-z]*|.*-gb[0-9]+")  # m7g, c6gn, g5g; p6e-gb200 (IMG-12)
SECRET = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def check_rules(view: View) -> Iterator[Mistake]:
    """Everything that is wrong in the text, in the order of the rules."""
    for rule in RULES:
        yield from rule(view)


def check_name(view: View) -> Iterator[Mistake]:
    """[image] name is a docker repository name."""
    name = view.text("image", "name")
    if name and not (NAME.fullmatch(name) and len(name) <= 200):
        yield Mistake(
            key=("image", "name"),
            what=f"{name[:60]!r} is not a name that an image can have",
            why="lower-case letters and digits, separated by one of '.', '_', '-', '/'; no tag, no registry",
            fix=f"write for example {_as_name(name)!r}",
            id="BYOC-E124",
        )


def _as_name(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "model"


def check_needed(view: View) -> Iterator[Mistake]:
    """What must be there, given what else is there."""
    adopted = view.has("build", "dockerfile")
    for key in ("style", "base"):
        if view.has("image") and not view.has("image", key) and not adopted:
            yield _needed(("image", key), "is missing", f"add {key} = ..., or [build] dockerfile = ...")
    targets = targets_of(view)
    if view.has("image") and not targets and not view.has("image", "targets"):
        yield _needed(
            ("image",),
            "nothing says what the image is for",
            'add [train] or [serve], or targets = ["training"]',
        )
    tables = {
        "train": any(_is(t, "trains") for t in targets),
        "serve": any(_is(t, "serves") for t in targets),
    }
    for table, wanted in tables.items():
        if wanted and not adopted and not view.has(table):
            names = ", ".join(t for t in targets if _is(t, f"{table}s"))
            yield _needed(
                (table,), f"is missing, and a target ({names}) needs it", f"add [{table}] with program"
            )


def _is(target: str, quality: str) -> bool:
    return target in set(Target) and bool(getattr(Target(target), quality))


def _needed(key: Key, what: str, fix: str) -> Mistake:
    return Mistake(key=key, what=what, why="byoc has no default that would be right", fix=fix, id="BYOC-E106")


def check_targets(view: View) -> Iterator[Mistake]:
    """Targets that are there twice, or that the chosen server cannot do."""
    seen: set[str] = set()
    mms = view.text("serve", "server") == Server.MMS
    for key, target in view.texts("image", "targets"):
        if target in seen:
            yield Mistake(
                key=key,
                what=f"{target!r} is there twice",
                why="each target counts once",
                fix="take one out",
                id="BYOC-E125",
            )
        seen.add(target)
        if mms and target in MMS_CANNOT:
            yield Mistake(
                key=key,
                what=f'{target!r} does not work with server = "mms"',
                why=MMS_CANNOT[target],
                fix='write server = "asgi", or take the target out',
                id="BYOC-E126",
            )


MMS_CANNOT: Mapping[str, str] = {
    Target.SERVERLESS: "multi-model-server writes its settings to /etc, and a serverless endpoint "
    "lets a container write to /tmp only (SLS-04, STK-06)",
    Target.MULTI_MODEL: "sagemaker-inference cannot import each model's own code (STK-14)",
    Target.STREAMING: "multi-model-server collects an answer before it sends it (INF-30)",
}
"""Target to why sagemaker-inference cannot serve it."""


def check_style(view: View) -> Iterator[Mistake]:
    """[train] module belongs to the framework style, and the framework style to it."""
    style, module = view.text("image", "style"), view.has("train", "module")
    if style == Style.FRAMEWORK and view.has("train") and not module:
        yield Mistake(
            key=("train", "module"),
            what="is missing, and the framework style needs it",
            why="the toolkit calls a function of your framework package for each job (TTK-06)",
            fix='add module = "package.module:function", and its package to [python]',
            id="BYOC-E127",
        )
    if module and style in set(Style) - {Style.FRAMEWORK}:
        yield Mistake(
            key=("train", "module"),
            what=f"the style {style} does not use it",
            why="only the framework style calls a module; the others run the program",
            fix='take it out, or write style = "framework"',
            id="BYOC-E127",
        )


def check_user(view: View) -> Iterator[Mistake]:
    """USER is root for hosting (IMG-05)."""
    user = view.text("image", "user")
    if user is None or is_root(user):
        return
    if not USER.fullmatch(user):
        yield Mistake(
            key=("image", "user"),
            what=f"{user[:60]!r} is not a user",
            why="USER is a name or a number, with :group at most",
            fix="take it out: root is right for SageMaker",
            id="BYOC-E128",
        )
    elif hosting := [target for target in targets_of(view) if _is(target, "serves")]:
        yield Mistake(
            key=("image", "user"),
            what=f"{user!r} is not root, and the image is for {', '.join(hosting)}",
            why="SageMaker starts serving containers as root, and what it mounts is root's (IMG-05)",
            fix="take it out",
            id="BYOC-E128",
        )


def check_instances(view: View) -> Iterator[Mistake]:
    """Instance types exist in form, and have the platform's architecture (IMG-12)."""
    arm = view.text("image", "platform") == "linux/arm64"
    for key, text in view.texts("image", "instances"):
        found = INSTANCE.fullmatch(text)
        if not found:
            yield Mistake(
                key=key,
                what=f"{text[:60]!r} is not an instance type",
                why="SageMaker's types are ml.FAMILY.SIZE",
                fix='write for example "ml.m5.xlarge"',
                id="BYOC-E129",
            )
        elif bool(GRAVITON.fullmatch(found["family"])) != arm:
            yield Mistake(
                key=key,
                what=f"{text} is {'an amd64' if arm else 'an arm64'} machine, and the platform is "
                f"{'linux/arm64' if arm else 'linux/amd64'}",
                why="the image would end there with 'exec format error' (IMG-12)",
                fix="correct the instance type or [image] platform",
                id="BYOC-E129",
            )


def check_secrets(view: View) -> Iterator[Mistake]:
    """Ids of build secrets are names of files."""
    for name in view.table("build", "secrets"):
        if not SECRET.fullmatch(name):
            yield Mistake(
                key=("build", "secrets", name),
                what="this is not the id of a secret",
                why="it becomes the file /run/secrets/ID: letters, digits, '_', '.', '-'",
                fix="rename it",
                id="BYOC-E131",
            )


def check_repository(view: View) -> Iterator[Mistake]:
    """[publish] repository names a repository, without a tag."""
    text = view.text("publish", "repository")
    if text is None:
        return
    try:
        parse_repository(text.removeprefix("ecr:"))
    except UsageError as error:
        yield Mistake(
            key=("publish", "repository"),
            what="this is not a repository",
            why=error.why,
            fix="write for example sagemaker/churn, or registry.example:5000/team/churn",
            id="BYOC-E132",
        )


def check_ecr(view: View) -> Iterator[Mistake]:
    """Keys of [publish.ecr] that mean something only beside another one."""
    kms, exclusions = view.has("publish", "ecr", "kms-key"), list(view.texts(*EXCLUSIONS))
    if kms and not (view.text("publish", "ecr", "encryption") or "").startswith("KMS"):
        yield Mistake(
            key=("publish", "ecr", "kms-key"),
            what="a key without an encryption that uses it",
            why="ECR takes a key for KMS and KMS_DSSE only",
            fix='add encryption = "KMS"',
            id="BYOC-E135",
        )
    if exclusions and not view.has("publish", "ecr", "mutability"):
        yield Mistake(
            key=EXCLUSIONS,
            what="exclusions from nothing",
            why="they are the tags for which the opposite of mutability holds",
            fix='add mutability = "immutable"',
            id="BYOC-E135",
        )
    yield from _roles(view)


def _roles(view: View) -> Iterator[Mistake]:
    for key, _ in view.texts("publish", "roles"):
        if not re.fullmatch("[0-9]{12}", str(key[-1])):
            yield Mistake(
                key=key,
                what="this is not an account",
                why="the role is assumed for the registries of an account, and that has 12 digits",
                fix="write the number of the account in quotes",
                id="BYOC-E135",
            )
    for name in ("external-id", "role-session-name"):
        if view.has("publish", name) and not (
            view.has("publish", "role-arn") or view.table("publish", "roles")
        ):
            yield Mistake(
                key=("publish", name),
                what="there is no role to use it with",
                why="it is part of assuming a role",
                fix="add role-arn, or take it out",
                id="BYOC-E135",
            )


EXCLUSIONS = ("publish", "ecr", "mutability-exclusions")


def check_oci(view: View) -> Iterator[Mistake]:
    """An OCI manifest is for those who take one (IMG-11)."""
    if view.table("publish").get("oci") is True and not any(each in OCI_TARGETS for each in targets_of(view)):
        yield Mistake(
            key=("publish", "oci"),
            what="no target of this image takes an OCI manifest",
            why="endpoints, batch jobs and their like refuse it (IMG-11)",
            fix="take it out, or add a target that does: training, tuning, processing, studio",
            id="BYOC-E581",
        )


Rule = Callable[[View], Iterator[Mistake]]
RULES: tuple[Rule, ...] = (
    check_requires_byoc,
    check_needed,
    check_name,
    check_base,
    check_targets,
    check_style,
    check_user,
    check_instances,
    check_packages,
    check_paths,
    check_env,
    check_labels,
    check_credentials,
    check_hyperparameters,
    check_channels,
    check_ends,
    check_metrics,
    check_secrets,
    check_repository,
    check_tags,
    check_oci,
    check_ecr,
    check_verify,
)
