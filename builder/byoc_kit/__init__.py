"""Bring your own container to Amazon SageMaker: one byoc.toml to an image that trains and serves.

The names in ``__all__`` are the public Python API; what is not listed may change.

>>> import byoc_kit
>>> sorted(byoc_kit.__all__)
['ByocError', 'build', 'run_process', 'run_serve', 'run_train', 'run_transform', 'run_tune']
"""

from typing import TYPE_CHECKING, Any

from byoc_kit.errors import ByocError

if TYPE_CHECKING:
    from byoc_kit.work.api import build, run_process, run_serve, run_train, run_transform, run_tune

__all__ = ["ByocError", "build", "run_process", "run_serve", "run_train", "run_transform", "run_tune"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Load the API when it is first used, so that ``byoc --help`` stays quick."""
    if name in __all__:
        from byoc_kit.work import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
