"""Make what takes long while unit tests run: ``python -m rig.prefetch``, started by conftest.py.

Whoever needs a thing that is being made waits for it; what fails here fails again there, and is told there.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from rig import bases, engine, registry, sdk
from rig.bases import BOOKWORM, TRIXIE, packed
from rig.engine import find
from rig.machine import Missing, debian_root, install
from rig.sdk import sdk_python

__all__ = ["prefetching"]


@contextlib.contextmanager
def prefetching() -> Iterator[None]:
    """Install all packages of the rig in one go; then a process makes bases and SDKs beside the block."""
    if not debian_root():
        yield
        return
    with contextlib.suppress(Missing):
        install(bases.NEEDS | registry.NEEDS | sdk.NEEDS | ({} if find(os.environ) else engine.NEEDS))
    path = {"PYTHONPATH": str(Path(__file__).parents[1])}
    process = subprocess.Popen(
        [sys.executable, "-m", "rig.prefetch"],
        env={**os.environ, **path},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        process.terminate()  # after the thing that it makes now: debootstrap has mounts to undo
        process.wait()


def main() -> None:
    """Bases, unless one brings images of one's own, and SDKs; SIGTERM ends it after the present one."""
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    own = [base for base in (BOOKWORM, TRIXIE) if not os.environ.get(base.instead)]
    things: list[Callable[[], Path]] = [partial(packed, base) for base in own]
    things += [partial(sdk_python, 2), partial(sdk_python, 3)]
    for make in things:
        if not told:
            with contextlib.suppress(Missing):
                make()


if __name__ == "__main__":
    main()
