"""``byoc cache``."""

import click

from byoc_kit.cli.common import emit, json_option, talk

__all__ = ["cache"]


@click.group(epilog="Example: byoc cache info && byoc cache prune")
def cache() -> None:
    """What byoc keeps on this disk, and how to free it."""


@cache.command()
@json_option
def info(as_json: bool) -> None:
    """Where the cache is, and how much of what it holds."""
    from byoc_kit.work.cache import cache_info, cache_root

    root = cache_root()
    kinds = cache_info(root)
    rows = [f"{kind.name:<14}{kind.files:>6} files {kind.size / 1e6:>10,.1f} MB" for kind in kinds]
    data = {
        "schema": "byoc/cache/1",
        "root": str(root),
        "kinds": [{"name": kind.name, "files": kind.files, "bytes": kind.size} for kind in kinds],
    }
    emit("\n".join([str(root), *(rows or ["nothing is kept"])]), data, as_json=as_json)


@cache.command()
@json_option
def prune(as_json: bool) -> None:
    """Remove all of it; what is needed is made again."""
    from byoc_kit.work.cache import cache_root
    from byoc_kit.work.cache import prune as do

    root = cache_root()
    freed = do(root)
    talk().say(f"removed what was kept in {root}")
    emit(f"{freed / 1e6:,.1f} MB freed", {"schema": "byoc/cache/1", "freed": freed}, as_json=as_json)
