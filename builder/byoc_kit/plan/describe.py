"""A plan for machines (schema ``byoc/plan/1``) and for people: what ``--dry-run`` prints."""

from collections.abc import Iterator

from byoc_kit.plan.key import plain
from byoc_kit.plan.types import (
    Asset,
    ConfigStep,
    DockerfileStep,
    FileEntry,
    FilesStep,
    Inline,
    Plan,
    PythonStep,
    Step,
    SystemStep,
)

__all__ = ["describe", "plan_json"]


def plan_json(plan: Plan) -> dict[str, object]:
    """*plan* with its schema. Files are told by where their bytes come from."""
    engine = {
        "name": plan.engine.name,
        "why": plan.engine.why,
        "rejected": [{"name": name, "why": why} for name, why in plan.engine.rejected],
    }
    steps = [_files_json(step) if isinstance(step, FilesStep) else plain(step) for step in plan.steps]
    download = [wheel.filename for wheel in plan.download]
    told = {"engine": engine, "output": str(plan.output), "steps": steps, "download": download}
    return {"schema": "byoc/plan/1", **plain(plan), **told}


def _files_json(step: FilesStep) -> dict[str, object]:
    files = [
        {"dest": str(file.dest), "mode": f"{file.mode:04o}", "from": _source(file)} for file in step.files
    ]
    return {"kind": step.kind, "layer": step.layer, "files": files}


def _source(file: FileEntry) -> str:
    match file.content:
        case Inline():
            return "written by byoc"
        case Asset(path):
            return f"byoc: {path}"
        case content:
            return str(content.path)


def describe(plan: Plan) -> str:
    """*plan* in lines for a person."""
    base = plan.base
    lines = [
        f"image    {plan.name}:latest ({plan.style}{f', served by {plan.server}' if plan.server else ''})",
        f"base     {base.reference or 'as the Dockerfile says'} ({base.platform})",
        f"engine   {plan.engine.name}: {plan.engine.why}",
        *(f"         not {name}: {why}" for name, why in plan.engine.rejected),
        f"output   {plan.output}",
        *(line for step in plan.steps for line in _step(step)),
        *_wheels(plan),
        *_transfer(plan),
        *_estimates(plan),
        *(f"changes  {each}" for each in plan.mutations),
    ]
    return "\n".join(lines)


def _wheels(plan: Plan) -> Iterator[str]:
    """What the lock adds, and what of it has to come from an index."""
    if plan.lock is None:
        return
    for wheel in plan.lock.wheels:
        change = f", in place of {wheel.replaces}" if wheel.replaces else ""
        yield f"wheel    {wheel.name} {wheel.version}{f' ({size(wheel.size)})' if wheel.size else ''}{change}"
    if plan.download:
        known = sum(wheel.size or 0 for wheel in plan.download)
        yield f"fetch    {len(plan.download)} wheels, {size(known)}"


def _transfer(plan: Plan) -> Iterator[str]:
    if plan.transfer is None:
        return
    words = {
        "reuse": "are there already",
        "mount": "are mounted from another repository of that registry",
        "relay": "go from the base's place to the output",
        "upload": "are sent from this machine",
    }
    for name, text in words.items():
        blobs = getattr(plan.transfer, name)
        if blobs:
            yield f"{name:8} {len(blobs)} layers, {size(sum(blob.size for blob in blobs))}, {text}"


def _estimates(plan: Plan) -> Iterator[str]:
    found = plan.estimates
    if found is None:
        return
    moved = f"{size(found.download)} to fetch, {size(found.upload)} to send"
    yield f"costs    {moved}, {size(found.disk)} of disk"
    if found.seconds is not None:
        yield f"         about {found.seconds:,.0f} s at the rates measured here"


def size(count: float) -> str:
    """*count* bytes for a person."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} GB"


def _step(step: Step) -> Iterator[str]:
    match step:
        case SystemStep():
            yield f"system   {' '.join(step.packages)} ({step.manager})"
        case PythonStep():
            own = ", ".join([*step.requirements, *map(str, step.packages)])
            yield f"python   {own or 'nothing of your own'}"
            if step.runtime:
                yield f"         {', '.join(step.runtime)} (added for the style and the server)"
        case FilesStep():
            yield f"{step.layer:8} {len(step.files)} files below {', '.join(map(str, step.roots))}"
        case ConfigStep():
            yield from (f"env      {name}={value}" for name, value in step.env.items())
            yield from (f"label    {name}={value}" for name, value in step.labels.items())
            command = step.entrypoint or ("the ENTRYPOINT of the base",)
            yield f"start    {' '.join([*command, *(step.cmd or ())])}"
        case DockerfileStep():
            yield f"build    {step.path}, as it is"
