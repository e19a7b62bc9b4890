"""Which Python of the image runs the entry program and gets the packages."""

import re

from byoc_kit.errors import UsageError
from byoc_kit.inventory import Inventory
from byoc_kit.spec.types import Spec

__all__ = ["interpreter"]

OLDEST = (3, 8)
"""The entry program's; older ones have no supported pip either."""


def interpreter(spec: Spec, inventory: Inventory | None) -> tuple[str | None, tuple[str, ...]]:
    """Absolute path of the interpreter, and notes. None: ``python3`` of PATH, because nobody could look.

    Raises UsageError where the base has no Python that can be used.
    """
    if inventory is None:
        return None, ()
    if inventory.python is None:
        return _installed(spec, inventory)
    if inventory.python.version[:2] < OLDEST:
        found = ".".join(map(str, inventory.python.version[:2]))
        raise UsageError(
            f"{spec.image.base} has Python {found}",
            why="the entry program and current pip need Python 3.8 or newer",
            fix="choose a base with a newer python3 first on its PATH",
            id="BYOC-E202",
        )
    return inventory.python.executable, ()


def _installed(spec: Spec, inventory: Inventory) -> tuple[str, tuple[str, ...]]:
    """The interpreter that [system] packages bring."""
    if "sh" not in inventory.commands:
        raise UsageError(
            f"{spec.image.base} has no shell",
            why="packages are installed by commands inside the base, and SageMaker's SDK needs one (TMD-02)",
            fix="choose a base with sh, e.g. a -slim image instead of a distroless one",
            id="BYOC-E212",
        )
    for package in spec.system.packages:
        named = re.match(r"python3(\.\d+)?(?=$|[=<>~])", package)
        if named:
            path = f"/usr/bin/{named[0]}"
            return path, (f"{spec.image.base} has no Python: {path} of [system] packages is used",)
    raise UsageError(
        f"{spec.image.base} has no python3",
        why="the entry program of every style is Python, and so are the packages of this spec",
        fix='choose a base with Python, or add it: [system] packages = ["python3"]',
        id="BYOC-E201",
    )
