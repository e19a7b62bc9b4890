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
    return {"schema": "byoc/plan/1", **plain(plan), "engine": engine, "steps": steps}


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
        *(line for step in plan.steps for line in _step(step)),
    ]
    return "\n".join(lines)


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
