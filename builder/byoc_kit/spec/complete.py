"""The third step: checked data with all defaults in it becomes a Spec, in which nothing is left open."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from byoc_kit.oci.config import Platform
from byoc_kit.spec import types as t
from byoc_kit.spec.mistake import SOURCE, View
from byoc_kit.spec.values import is_root, targets_of

__all__ = ["complete"]

Data = Mapping[str, Any]


def complete(data: Data, *, requirements: Sequence[str], notes: Sequence[str] = ()) -> t.Spec:
    """The spec of *data*, keys as in the file. *requirements*: the inline ones, then those of the file."""
    train, serve, process = data["train"], data["serve"], data["process"]
    source = train["source"] if train else SOURCE
    return t.Spec(
        image=_image(data),
        python=_python(data["python"], requirements),
        system=t.System(packages=tuple(data["system"]["packages"])),
        files=tuple(_file(dest, entry) for dest, entry in data["files"].items()),
        env=_copy(data["env"]),
        labels=_copy(data["labels"]),
        train=_train(train) if train else None,
        serve=_serve(serve, source) if serve else None,
        process=_process(process) if process else None,
        build=_build(data["build"]),
        publish=_publish(data["publish"]) if data["publish"] else None,
        verify=_verify(data["verify"]) if data["verify"] else None,
        notes=tuple(notes),
    )


def _image(data: Data) -> t.Image:
    image = data["image"]
    return t.Image(
        name=image["name"],
        version=image["version"],
        style=t.Style(image["style"] or t.Style.BASIC),
        base=image["base"] or "",
        platform=Platform.parse(image["platform"]),
        targets=tuple(map(t.Target, targets_of(View(data)))),
        user="" if is_root(image["user"]) else image["user"],
        instances=tuple(image["instances"]),
        entrypoint=t.Chain(image["entrypoint"]),
    )


def _python(table: Data, requirements: Sequence[str]) -> t.Python:
    return t.Python(
        requirements=tuple(requirements),
        requirements_file=_maybe_path(table["requirements-file"]),
        packages=tuple(map(_path, table["packages"])),
        index_url=table["index-url"],
        extra_index_urls=tuple(table["extra-index-urls"]),
        find_links=tuple(table["find-links"]),
        allow_change=tuple(table["allow-change"]),
        protect=tuple(table["protect"]),
    )


def _file(dest: str, entry: str | Data) -> t.File:
    source, mode = (entry, None) if isinstance(entry, str) else (entry["source"], entry["mode"])
    place = PurePosixPath(dest) / _path(source).name if dest.endswith("/") else PurePosixPath(dest)
    return t.File(dest=place, source=_path(source), mode=int(mode, 8) if mode else None)


def _train(table: Data) -> t.Train:
    return t.Train(
        program=str(_path(table["program"])),
        source=_path(table["source"]),
        module=table["module"],
        hyperparameters=_copy(table["hyperparameters"]),
        channels=_paths(table["channels"]) or {},
        metrics=_copy(table["metrics"]),
    )


def _serve(table: Data, source: str) -> t.Serve:
    return t.Serve(
        program=str(_path(table["program"])),
        source=_path(table["source"] or source),
        server=t.Server(table["server"]),
        workers=table["workers"],
        model=_maybe_path(table["model"]),
    )


def _process(table: Data) -> t.Process:
    return t.Process(
        program=table["program"],
        source=_path(table["source"]),
        inputs=_copy({name: _path(path) for name, path in table["inputs"].items()}),
        outputs=tuple(table["outputs"]),
    )


def _build(table: Data) -> t.Build:
    return t.Build(
        engine=table["engine"],
        network=t.Network(table["network"]),
        ca_bundle=table["ca-bundle"],
        secrets=_copy(table["secrets"]),
        cache=table["cache"],
        compiler=table["compiler"],
        bytecode=table["bytecode"],
        dockerfile=_maybe_path(table["dockerfile"]),
    )


def _publish(table: Data) -> t.Publish:
    return t.Publish(
        repository=table["repository"],
        region=table["region"],
        account=table["account"],
        tags=tuple(table["tags"]),
        oci=table["oci"],
        on_conflict=table["on-conflict"],
        profile=table["profile"],
        role_arn=table["role-arn"],
        external_id=table["external-id"],
        role_session_name=table["role-session-name"],
        endpoint_url=table["endpoint-url"],
        roles=_copy(table["roles"]),
        ecr=_ecr(table["ecr"]),
    )


def _ecr(table: Data) -> t.Ecr:
    accounts = table["pull-accounts"]
    return t.Ecr(
        create=table["create"],
        encryption=table["encryption"],
        kms_key=table["kms-key"],
        mutability=table["mutability"],
        mutability_exclusions=tuple(table["mutability-exclusions"]),
        scan=table["scan"],
        keep_releases=table["keep-releases"],
        expire_untagged_days=table["expire-untagged-days"],
        pull_accounts=None if accounts is None else tuple(sorted(set(accounts))),
        sagemaker_pull=table["sagemaker-pull"],
        resource_tags=_copy(table["resource-tags"]),
    )


def _verify(table: Data) -> t.Verify:
    return t.Verify(
        request=_maybe_path(table["request"]),
        expect=table["expect"],
        content_type=table["content-type"],
        hyperparameters=table["hyperparameters"],
        channels=_paths(table["channels"]),
        metrics=table["metrics"],
        dynamic=table["dynamic"],
        time_limits=_copy({clause: float(limit) for clause, limit in table["time-limits"].items()}),
        waivers=tuple(_copy(waiver) for waiver in table["waivers"]),
    )


def _path(text: str) -> PurePosixPath:
    return PurePosixPath(text)


def _paths(table: Mapping[str, str] | None) -> Mapping[str, PurePosixPath] | None:
    return None if table is None else {name: _path(path) for name, path in table.items()}


def _maybe_path(text: str | None) -> PurePosixPath | None:
    return None if text is None else _path(text)


def _copy(table: Mapping[str, Any]) -> Mapping[str, Any]:
    return dict(table)
