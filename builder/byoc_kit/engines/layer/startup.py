"""Which byte code an image gets: all that can be made, or that of what its programs import."""

from collections.abc import Iterable

from byoc_kit.engines.layer.bytecode import compiled, interpreter, module_of
from byoc_kit.engines.layer.content import Reader
from byoc_kit.engines.layer.entries import File, InWheel
from byoc_kit.engines.layer.imports import imports_of, module_names, reached
from byoc_kit.engines.layer.libraries import Libraries
from byoc_kit.inventory import Python
from byoc_kit.plan.types import Plan, PythonStep
from byoc_kit.spec.lock import Lock
from byoc_kit.store import Store

__all__ = ["byte_code", "byte_code_notes"]

KIND = "imports"
FORMAT = 1


def byte_code(
    mode: str, added: Libraries, python: Python, programs: Iterable[bytes], *, store: Store
) -> tuple[File, ...]:
    """Byte code for the wheels *added*: of ``all`` modules, or (``imports``) of those that starting loads.

    That is what *programs* (sources) import anywhere, what the distributions import that the user asked for
    by name, and so on through the modules of the wheels. Nothing where this machine has no such Python
    (:func:`byte_code_notes` says so in the plan).
    """
    found = interpreter(python.version[:2])
    if found is None:
        return ()
    if mode != "imports":
        return compiled(added.files, found, store)
    with Reader() as reader:
        wanted = _Modules(added, reader, store).loaded_by(programs)
    return compiled(added.files, found, store, lambda file: file.path in wanted)


def byte_code_notes(plan: Plan, lock: Lock | None) -> tuple[str, ...]:
    """What a user should know about the byte code that *plan* asks for; for the plan's own notes."""
    version = lock.base.python if lock else ""
    asked = any(step.bytecode != "none" for step in plan.steps if isinstance(step, PythonStep))
    major, _, minor = version.partition(".")
    if not asked or not version or interpreter((int(major), int(minor))):
        return ()
    return (
        f"no Python {version} on this machine: no byte code is made, and modules are compiled whenever they "
        "are imported",
    )


class _Modules:
    """The modules of all wheels by name; what each imports is looked up once, and kept by wheel."""

    def __init__(self, added: Libraries, reader: Reader, store: Store) -> None:
        self._reader, self._store = reader, store
        self._files = {file.path: file for files in added.files.values() for file in files if module_of(file)}
        self._names = module_names(self._files, added.sites)
        self._requested = {file.path for name in added.requested for file in added.files[name]}
        self._kept: dict[str, dict[str, list[str]]] = {}

    def loaded_by(self, programs: Iterable[bytes]) -> frozenset[str]:
        """Paths of the modules that *programs*, and what was asked for by name, load."""
        named = {
            each for source in programs for each in imports_of(source, "", package=True, everywhere=True)
        }
        tops = {name for name, path in self._names.items() if path in self._requested and "." not in name}
        found = reached(named | tops, self._names, self._imports)
        for wheel, modules in self._kept.items():
            self._store.write(KIND, _key(wheel), modules)
        return found

    def _imports(self, name: str) -> list[str]:
        file = self._files[self._names[name]]
        assert isinstance(file.body, InWheel)
        body = file.body
        if body.sha256 not in self._kept:
            self._kept[body.sha256] = self._store.read(KIND, _key(body.sha256)) or {}
        known = self._kept[body.sha256]
        if body.member.name not in known:
            source = self._reader.small(body.wheel, body.member)
            package = file.path.endswith("/__init__.py")
            known[body.member.name] = list(imports_of(source, name, package=package))
        return known[body.member.name]


def _key(wheel: str) -> str:
    return f"{FORMAT} {wheel}"
