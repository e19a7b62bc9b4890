"""A plan becomes a Dockerfile, whose text comes from templates, and the list of files it needs."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from byoc_kit.errors import UsageError
from byoc_kit.plan.protected import ABI, PROTECTED
from byoc_kit.plan.types import (
    Asset,
    ConfigStep,
    ContextFile,
    DockerfileStep,
    FileEntry,
    FilesStep,
    Inline,
    Plan,
    PythonStep,
    Rendered,
    Step,
    SystemStep,
)
from byoc_kit.spec.lock import Lock

__all__ = ["eject_texts", "render", "template_name"]

SHIPPED = "byoc/"
"""Before the name of a template that byoc ships; the project's own have bare names."""

COMPILER = {
    "apt-get": ("gcc", "libc6-dev", "python3-dev"),
    "apk": ("gcc", "musl-dev", "python3-dev"),
    "dnf": ("gcc", "glibc-devel", "python3-devel"),
    "microdnf": ("gcc", "glibc-devel", "python3-devel"),
}
"""What compiling a C extension needs, with Python's headers, by package manager."""

WHEELS = PurePosixPath("wheels/wheels.py")


def template_name(style: str, templates: Mapping[str, str]) -> str:
    """The template for *style*: the project's own, where it has one."""
    own = f"{style}.j2"
    return own if own in templates else SHIPPED + own


def render(plan: Plan, templates: Mapping[str, str]) -> Rendered:
    """The Dockerfile of *plan* and its context. Same plan, same templates: same bytes.

    *templates*: name to text, ``byoc/...`` for those shipped. Raises UsageError for mistakes in the project's
    own templates, for what a Dockerfile cannot say, and where the plan is a Dockerfile of the user's own.
    """
    for step in plan.steps:
        if isinstance(step, DockerfileStep):
            raise _adopted(step)
    return Rendered(
        dockerfile=_text(plan, templates),
        context=tuple(sorted(_context(plan), key=lambda file: file.path)),
    )


def _adopted(step: DockerfileStep) -> UsageError:
    return UsageError(
        f"there is nothing to render: [build] dockerfile is {step.path}",
        why="a Dockerfile of the project's own is built as it is, without templates",
        fix=f"read {step.path}, or remove the key to build from byoc.toml's other tables",
        id="BYOC-E211",
    )


def _text(plan: Plan, templates: Mapping[str, str]) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.DictLoader(dict(templates)),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - the output is a Dockerfile; its own quoting is in the filters
    )
    environment.filters.update(quote=quote, json=exec_form, sh=shlex.quote, slug=slug)
    name = template_name(plan.style, templates)
    try:
        return _tidy(environment.get_template(name).render(**variables(plan)))
    except UsageError:
        raise
    except Exception as error:  # an expression in a template can raise anything
        raise _wrong_template(name, error) from error


def _tidy(text: str) -> str:
    """One empty line where there are more, none at either end."""
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n"


def variables(plan: Plan) -> dict[str, Any]:
    """What templates may use; documented in docs, so names here stay."""
    python = _step(plan, PythonStep)
    return {
        "name": plan.name,
        "style": plan.style,
        "server": plan.server,
        "base": plan.base,
        "manager": plan.manager,
        "options": plan.options,
        "caches": slug(f"{plan.base.os or plan.base.reference} {plan.base.platform.architecture}"),
        "interpreter": shlex.quote(plan.python) if plan.python else "python3",
        "system": _step(plan, SystemStep),
        "python": python,
        "wheel_options": _wheel_options(python) if python else "",
        "compiler": " ".join(COMPILER.get(plan.manager or "", ())) if python and python.compiler else "",
        "pip_package": "py3-pip" if plan.manager == "apk" else "python3-pip",
        "config": _step(plan, ConfigStep),
        "copies": {layer: list(_copies(plan, layer)) for layer in ("files", "runtime", "program")},
    }


def _step(plan: Plan, kind: type[Step]) -> Any:
    return next((step for step in plan.steps if isinstance(step, kind)), None)


def _wheel_options(step: PythonStep) -> str:
    given = [("--may-change", name) for name in step.may_change] + [
        ("--protect", name) for name in step.protect
    ]
    return "".join(f" {option} {shlex.quote(name)}" for option, name in given)


def quote(value: str) -> str:
    """*value* as one double-quoted word of ENV and LABEL. Raises UsageError for a line break."""
    if re.search(r"[\n\r\0]", value):
        raise UsageError(
            f"a value of [env] or [labels] holds a line break: {value.splitlines()[0]!r}...",
            why="a Dockerfile has no way to write a line break in ENV and LABEL",
            fix="put the text into a file with [files], or write it without line breaks",
            id="BYOC-E207",
        )
    return '"' + re.sub(r'(["\\$])', r"\\\1", value) + '"'


def exec_form(words: tuple[str, ...] | list[str]) -> str:
    """*words* as the JSON array of ENTRYPOINT, CMD and COPY."""
    return json.dumps(list(words), ensure_ascii=False)


def slug(text: str) -> str:
    """*text* as the id of a cache."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _copies(plan: Plan, layer: str) -> Iterator[tuple[str, str]]:
    """Source in the context and destination in the image, for each root of *layer*."""
    for step in plan.steps:
        if isinstance(step, FilesStep) and step.layer == layer:
            names = {file.dest for file in step.files}
            for number, root in enumerate(step.roots):
                slash = "" if root in names else "/"
                yield _escape(f"{_place(layer, number, root)}{slash}"), _escape(f"{root}{slash}")


def _escape(path: str) -> str:
    """COPY expands variables even in its JSON form."""
    return re.sub(r"([\\$])", r"\\\1", path)


def _place(layer: str, number: int, root: PurePosixPath) -> PurePosixPath:
    """Where what goes to *root* lies in the context; without the characters that COPY takes for a pattern."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", str(root)).strip("-") or "root"
    return PurePosixPath(layer, f"{number}-{name}" if layer == "files" else name)


def _context(plan: Plan) -> Iterator[ContextFile]:
    for step in plan.steps:
        if isinstance(step, FilesStep):
            yield from (_in_context(step, entry) for entry in step.files)
        elif isinstance(step, PythonStep):
            yield from _build_files(step, plan.lock)


def _in_context(step: FilesStep, entry: FileEntry) -> ContextFile:
    number, root = next(
        (number, root)
        for number, root in enumerate(step.roots)
        if root == entry.dest or root in entry.dest.parents
    )
    return ContextFile(
        path=_place(step.layer, number, root) / entry.dest.relative_to(root),
        content=entry.content,
        mode=entry.mode,
        unix_lines=entry.unix_lines,
    )


def _build_files(step: PythonStep, lock: Lock | None) -> Iterator[ContextFile]:
    """What the wheel stage gets: its program, the requirements, and the sources of packages.

    Of a lock every version is asked for, so that pip has nothing to decide.
    """
    stage = PurePosixPath("wheels")
    asked = (*step.requirements, *step.runtime) if lock is None else tuple(_exact(lock))
    lines = "".join(f"{line}\n" for line in asked)
    yield ContextFile(path=stage / "wheels.py", content=Asset(WHEELS))
    yield ContextFile(path=stage / "requirements.txt", content=Inline(lines))
    rule = {"version": PROTECTED, "major": sorted(ABI)}
    yield ContextFile(path=stage / "protected.json", content=Inline(json.dumps(rule, indent=1) + "\n"))
    yield from step.sources


def _exact(lock: Lock) -> Iterator[str]:
    """One requirement for each published wheel of *lock*; the project's own are built from their sources."""
    for wheel in lock.wheels:
        if wheel.built_from is None or wheel.source_sha256 is not None:
            yield f"{wheel.name}=={wheel.version}"


def _wrong_template(name: str, error: Exception) -> UsageError:
    """A mistake in a template, with file and line as far as Jinja tells."""
    where = getattr(error, "name", None) or name
    line = getattr(error, "lineno", None) or _line(error, where)
    return UsageError(
        f"the template {_shown(where)}{f', line {line},' if line else ''} cannot be rendered",
        why=str(getattr(error, "message", None) or error),
        fix="correct it there, or remove the file to get byoc's own back; "
        "`byoc render --eject` writes byoc's own out for comparison",
        id="BYOC-E208",
    )


def _line(error: BaseException, name: str) -> int | None:
    """The line of template *name* that the traceback of *error* passed last."""
    found, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in {name, "<template>"}:
            found = trace.tb_lineno
        trace = trace.tb_next
    return found


def _shown(name: str) -> str:
    return name if name.startswith(SHIPPED) else f"templates/{name}"


def eject_texts(style: str, shipped: Mapping[str, str]) -> dict[str, str]:
    """byoc's templates for *style* as files of the project, which refer to each other.

    *shipped*: file name to text.
    """
    names = [f"{style}.j2", *sorted(name for name in shipped if name.startswith("_"))]
    return {name: shipped[name].replace(f'"{SHIPPED}_', '"_') for name in names}
