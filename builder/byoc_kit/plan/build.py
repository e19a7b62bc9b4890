"""Every decision of a build: a spec and what is known of the base become a plan."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from byoc_kit.errors import UsageError
from byoc_kit.inventory import Inventory
from byoc_kit.plan.config import config_step
from byoc_kit.plan.interpreter import interpreter
from byoc_kit.plan.runtime import (
    BIN,
    entry_json,
    missing_packages,
    python_packages,
    python_program,
    system_packages,
    target_needs,
)
from byoc_kit.plan.types import (
    Asset,
    Base,
    ContextFile,
    DockerfileStep,
    EngineChoice,
    FileEntry,
    FilesStep,
    Inline,
    Options,
    Plan,
    ProjectFile,
    PythonStep,
    Step,
    SystemStep,
    Tree,
)
from byoc_kit.spec.types import Chain, File, Spec

__all__ = ["needs_running", "plan_build"]

RUNTIME = PurePosixPath("/opt/byoc")
PROGRAM = PurePosixPath("/opt/program")
RESERVED = PurePosixPath("/opt/ml")
"""SageMaker's own; mounts hide what an image has there (IMG-07)."""


def plan_build(spec: Spec, inventory: Inventory | None, tree: Tree) -> Plan:
    """What the image of *spec* will be.

    *inventory* None: nobody could look at the base; the plan then uses ``python3`` of PATH and apt-get, and
    says so in its notes. Raises UsageError where base and spec cannot go together.
    """
    if spec.build.dockerfile is not None:
        return _adopted(spec, spec.build.dockerfile)
    if inventory is not None:
        _refuse_platform(spec, inventory)
    python, notes = interpreter(spec, inventory)
    manager = inventory.package_manager if inventory else "apt-get"
    steps: list[Step] = [
        *_system(spec, inventory, manager),
        *_python(spec, inventory, tree),
        *_files(spec, tree, inventory),
        config_step(spec, inventory, python),
    ]
    return Plan(
        name=spec.image.name,
        style=spec.image.style.value,
        server=spec.serve.server.value if spec.serve else None,
        python=python,
        base=_base(spec, inventory),
        manager=manager,
        engine=EngineChoice(name="docker", why=_why(steps)),
        options=_options(spec, inventory),
        steps=tuple(steps),
        notes=(*spec.notes, *notes, *_notes(spec, inventory)),
    )


def needs_running(spec: Spec) -> tuple[Step, ...]:
    """The steps of *spec* that run something inside the base, as far as byoc.toml alone tells."""
    if spec.build.dockerfile is not None:
        return (DockerfileStep(path=spec.build.dockerfile),)
    packages = (*spec.system.packages, *system_packages(spec, None))
    return (SystemStep(packages=packages, manager="the package manager"),) if packages else ()


def _adopted(spec: Spec, dockerfile: PurePosixPath) -> Plan:
    """The plan that builds a Dockerfile of the user's own as it is."""
    return Plan(
        name=spec.image.name,
        style=spec.image.style.value,
        server=spec.serve.server.value if spec.serve else None,
        python=None,
        base=_base(spec, None),
        manager=None,
        engine=EngineChoice(name="docker", why=f"{dockerfile} is built as it is"),
        options=_options(spec, None),
        steps=(DockerfileStep(path=dockerfile),),
        notes=spec.notes,
    )


def _base(spec: Spec, inventory: Inventory | None) -> Base:
    return Base(
        reference=spec.image.base,
        digest=inventory.digest if inventory else None,
        image_id=inventory.image_id if inventory else None,
        platform=spec.image.platform,
        os=f"{inventory.os_id} {inventory.os_version or ''}".strip()
        if inventory and inventory.os_id
        else None,
    )


def _why(steps: Iterable[Step]) -> str:
    runs = {"system": "system packages", "python": "Python packages"}
    names = [runs[step.kind] for step in steps if step.kind in runs]
    return (
        f"{' and '.join(names)} are installed inside the base" if names else "the base is in the local engine"
    )


def _options(spec: Spec, inventory: Inventory | None) -> Options:
    known_root = inventory is not None and inventory.config.user in {"", "root", "0", "0:0", "root:root"}
    return Options(
        network=spec.build.network.value,
        cache=spec.build.cache,
        secrets=tuple(sorted(spec.build.secrets)),
        root=not known_root,
    )


def _notes(spec: Spec, inventory: Inventory | None) -> Iterator[str]:
    if inventory is None:
        yield f"nobody could look into {spec.image.base}: python3 of its PATH and apt-get are assumed"
        return
    config = inventory.config
    if config.user not in {"", "root", "0", "0:0", "root:root"} and not spec.image.user:
        yield f"the base's USER is {config.user}; this image's is root, as SageMaker expects (IMG-05)"
    if config.entrypoint and spec.image.entrypoint is Chain.CHAIN:
        yield f"the base's ENTRYPOINT {list(config.entrypoint)} is kept: commands are started through it"


def _refuse_platform(spec: Spec, inventory: Inventory) -> None:
    if inventory.platform != spec.image.platform:
        raise UsageError(
            f"{spec.image.base} is an image for {inventory.platform}, not for {spec.image.platform}",
            why="an image runs only on the processor architecture it was made for (IMG-12)",
            fix=f"choose another base, `docker pull --platform {spec.image.platform} {spec.image.base}`, "
            f'or say platform = "{inventory.platform}" under [image] and use instances of that kind',
            id="BYOC-E203",
        )


def _system(spec: Spec, inventory: Inventory | None, manager: str | None) -> Iterator[SystemStep]:
    packages = missing_packages(spec, inventory, manager)
    if not packages:
        return
    if manager is None:
        raise UsageError(
            f"system packages cannot be installed into {spec.image.base}: {', '.join(packages)}",
            why="the base has neither apt-get nor dnf, microdnf or apk",
            fix="choose a base with a package manager, or one that has these packages",
            id="BYOC-E210",
        )
    yield SystemStep(packages=packages, manager=manager)


def _python(spec: Spec, inventory: Inventory | None, tree: Tree) -> Iterator[PythonStep]:
    found = inventory.python if inventory else None
    has_pip = inventory is None or (found is not None and found.pip is not None)
    runtime = (*python_packages(spec), *(() if has_pip else ("pip",)))  # SageMaker's SDK wants pip (TMD-02)
    if not (spec.python.requirements or runtime or spec.python.packages):
        return
    needs_compiler = target_needs(spec).toolkit  # sagemaker-training has a C extension and no wheel (TTK-50)
    yield PythonStep(
        requirements=spec.python.requirements,
        runtime=runtime,
        packages=spec.python.packages,
        sources=tuple(_sources(spec.python.packages, tree)),
        compiler=needs_compiler if spec.build.compiler is None else spec.build.compiler,
        pip=has_pip,
        bytecode=spec.build.bytecode,
        may_change=spec.python.allow_change,
        protect=spec.python.protect,
    )


def _sources(packages: Iterable[PurePosixPath], tree: Tree) -> Iterator[ContextFile]:
    """The files of folders that are built into wheels, each folder at a place of its own."""
    for number, folder in enumerate(packages):
        place = PurePosixPath("wheels", "packages", f"{number}-{folder.name or 'project'}")
        for path, bits in _below(folder, tree.project).items():
            yield ContextFile(
                path=place / path.relative_to(folder), content=ProjectFile(path), mode=_mode(bits)
            )


def _files(spec: Spec, tree: Tree, inventory: Inventory | None) -> Iterator[FilesStep]:
    """The three layers of files; those that change most often come last."""
    layers = {
        "files": _own_files(spec, tree),
        "runtime": _runtime_files(spec, tree, inventory),
        "program": _program_files(spec, tree),
    }
    taken: dict[PurePosixPath, FileEntry] = {}
    for layer, (roots, entries) in layers.items():
        files = _unique(entries, taken)
        if files:
            yield FilesStep(layer=layer, files=files, roots=roots)  # type: ignore[arg-type]


Found = tuple[tuple[PurePosixPath, ...], list[FileEntry]]


def _own_files(spec: Spec, tree: Tree) -> Found:
    for file in spec.files:
        if file.dest == RESERVED or RESERVED in file.dest.parents:
            raise UsageError(
                f'[files] "{file.dest}" cannot be in the image',
                why="everything below /opt/ml is SageMaker's: its mounts hide what an image has there",
                fix="put it elsewhere, e.g. below /opt/program or /usr/local/share",
                id="BYOC-E205",
            )
    return tuple(file.dest for file in spec.files), [
        entry for file in spec.files for entry in _copied(file, tree, frozenset())
    ]


def _runtime_files(spec: Spec, tree: Tree, inventory: Inventory | None) -> Found:
    if spec.image.entrypoint is Chain.KEEP:
        return (), []
    wanted = {"entry", "serving"} if spec.serve else {"entry"}
    shipped = [path for path in sorted(tree.assets) if path.parts[0] in wanted]
    told = FileEntry(dest=RUNTIME / "entry.json", content=Inline(entry_json(spec, inventory)))
    entries = [
        FileEntry(dest=RUNTIME / path, content=Asset(path), mode=_mode(tree.assets[path])) for path in shipped
    ]
    if (program := python_program(spec, inventory)) is not None:
        told_python = FileEntry(dest=PurePosixPath(BIN) / "python", content=Inline(program), mode=0o755)
        entries.append(told_python)
    return (RUNTIME,), [*entries, told]


def _program_files(spec: Spec, tree: Tree) -> Found:
    programs: dict[PurePosixPath, set[PurePosixPath]] = {}
    for table in _baked(spec):
        programs.setdefault(table[0], set()).add(table[0] / table[1])
    return ((PROGRAM,) if programs else ()), [
        entry
        for source, named in programs.items()
        for entry in _copied(File(dest=PROGRAM, source=source, mode=None), tree, frozenset(named))
    ]


def _baked(spec: Spec) -> Iterator[tuple[PurePosixPath, str]]:
    """Source and program of what is part of the image; the rest is fetched when a container starts."""
    for table in (spec.train, spec.serve):
        if table is not None and spec.image.style.bakes_code:
            yield table.source, table.program
    if spec.process is not None:
        yield spec.process.source, spec.process.program


def _copied(file: File, tree: Tree, programs: frozenset[PurePosixPath]) -> Iterator[FileEntry]:
    """The regular files that *file* means: itself, or everything below the folder."""
    below = _below(file.source, tree.project)
    missing = sorted(programs - below.keys()) or ([] if below else [file.source])
    if missing:
        raise UsageError(
            f"there is no {missing[0]} to put into the image",
            why="it does not exist in the project, or .dockerignore leaves it out",
            fix="correct the path in byoc.toml, or .dockerignore",
            id="BYOC-E206",
        )
    for path, bits in below.items():
        yield FileEntry(
            dest=file.dest if path == file.source else file.dest / path.relative_to(file.source),
            content=ProjectFile(path),
            mode=_mode(bits) if file.mode is None else file.mode,
            unix_lines=path in programs or path.suffix == ".sh",
        )


def _below(source: PurePosixPath, files: Mapping[PurePosixPath, int]) -> dict[PurePosixPath, int]:
    everything = source == PurePosixPath(".")
    return {
        path: files[path] for path in sorted(files) if everything or path == source or source in path.parents
    }


def _mode(bits: int) -> int:
    return 0o755 if bits & 0o111 else 0o644


def _unique(entries: Iterable[FileEntry], taken: dict[PurePosixPath, FileEntry]) -> tuple[FileEntry, ...]:
    """*entries* without repetitions; remembers them in *taken*."""
    kept = []
    for entry in entries:
        other = taken.setdefault(entry.dest, entry)
        if other is entry:
            kept.append(entry)
        elif other.content != entry.content:
            raise UsageError(
                f"two files want to be {entry.dest} in the image",
                why=f"{_told(other)} and {_told(entry)} both go there",
                fix="rename one of them, or use one source folder for both",
                id="BYOC-E204",
            )
    return tuple(kept)


def _told(entry: FileEntry) -> str:
    match entry.content:
        case Inline():
            return "a file that byoc writes"
        case Asset(path):
            return f"byoc's own {path}"
        case ProjectFile(path):
            return str(path)
