"""An inventory as tables for a person."""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence

from byoc_kit.inventory import Inventory, LayerFacts, OsPackage

__all__ = ["files_text", "inventory_text"]

LARGEST = 10
"""System packages that are shown where not all are asked for."""
WIDE = 200  # columns of the output where nobody looks at a terminal


def inventory_text(inventory: Inventory, *, everything: bool) -> str:
    """Facts, then interpreters, distributions, system packages and layers; with *everything*, all of each."""
    parts = ["\n".join(f"{name:<12}{value}" for name, value in _facts(inventory) if value)]
    parts += [f"unknown: {each}" for each in inventory.unknown]
    parts += _tables(inventory, everything)
    if everything:
        parts.append(_pairs("variables", inventory.config.env))
        parts.append(_pairs("labels", inventory.config.labels))
    return "\n\n".join(part for part in parts if part)


def files_text(files: Iterable[Mapping[str, object]]) -> str:
    """Like ``ls -ln``, with the layer in front."""
    return "\n".join(
        f"{each['layer']:>3}  {each['type']:<8} {each['mode']} {each['uid']}:{each['gid']} "
        f"{each['size']:>12}  {each['path']}" + (f" -> {each['link']}" if each["link"] else "")
        for each in files
    )


def _facts(inventory: Inventory) -> Iterator[tuple[str, str]]:
    config, libc, python = inventory.config, inventory.libc, inventory.python
    system = " ".join(filter(None, (inventory.os_id, inventory.os_version)))
    library = f"{libc.name} {'.'.join(map(str, libc.version))}" if libc else "unknown C library"
    yield "image", inventory.reference
    yield "config", inventory.image_id or ""
    yield "platform", str(inventory.platform)
    yield "system", ", ".join(filter(None, (system, library, inventory.package_manager)))
    if python is not None:
        pip = f"pip {python.pip}" if python.pip else "no pip"
        yield "python", f"{python.executable} {_version(python.version)}, {pip}"
    yield "CUDA", inventory.cuda or ""
    yield "toolkits", ", ".join(f"{name} {version}" for name, version in (inventory.toolkits or {}).items())
    yield "on PATH", " ".join(sorted(inventory.commands & {"train", "serve"}))
    yield "entrypoint", _words(config.entrypoint)
    yield "cmd", _words(config.cmd)
    yield "user", config.user
    yield "workdir", config.workdir
    yield "size", _sizes(inventory.layers or ())


def _sizes(layers: Sequence[LayerFacts]) -> str:
    travels = [each.size for each in layers if each.size is not None]
    unpacked = sum(each.unpacked for each in layers)
    text = f"{unpacked / 1e6:,.1f} MB in {sum(each.files for each in layers):,} files, {len(layers)} layers"
    return text + (f", {sum(travels) / 1e6:,.1f} MB to move" if len(travels) == len(layers) else "")


def _tables(inventory: Inventory, everything: bool) -> Iterator[str]:
    yield _table(
        ("INTERPRETER", "VERSION", "KIND", "PACKAGES IN"),
        [
            (f"{each.executable}{' *' if each.default else ''}", _version(each.version), each.kind, path)
            for each in inventory.pythons or ()
            for path in each.paths[:1] or ("",)
        ],
    )
    yield _table(
        ("DISTRIBUTION", "VERSION", "INSTALLER", "MB", "IN"),
        [
            (each.name, each.version, each.installer or "-", _mb(each.size), each.location)
            for each in inventory.distributions or ()
        ],
    )
    packages = sorted(inventory.os_packages or (), key=_weight)
    shown = packages if everything else packages[:LARGEST]
    yield _table(
        ("SYSTEM PACKAGE", "VERSION", "BY", "MB"),
        [(each.name, each.version, each.manager, _mb(each.size)) for each in shown],
    )
    if len(shown) < len(packages):
        yield f"and {len(packages) - len(shown)} smaller system packages (--all lists them)"
    yield _table(
        ("LAYER", "MB", "MB UNPACKED", "FILES", "MADE BY"),
        [
            (
                (each.digest or each.diff_id)[7:19],
                _mb(each.size),
                _mb(each.unpacked),
                f"{each.files}",
                _maker(each),
            )
            for each in inventory.layers or ()
        ],
    )


def _weight(package: OsPackage) -> tuple[int, str]:
    return -(package.size or 0), package.name


def _maker(layer: LayerFacts) -> str:
    """The command that made the layer, on one line."""
    return " ".join(layer.created_by.replace("/bin/sh -c #(nop)", "").split())[:WIDE]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as they need; the last is cut at the edge of a terminal."""
    if not rows:
        return ""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    edge = shutil.get_terminal_size((WIDE, 0)).columns
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows)
    )
    return "\n".join(line.rstrip()[:edge] for line in lines)


def _pairs(title: str, pairs: Mapping[str, str]) -> str:
    return "\n".join([f"{title}:", *(f"  {name}={value}" for name, value in sorted(pairs.items()))])


def _version(parts: Iterable[int | None]) -> str:
    return ".".join(str(part) for part in parts if part is not None)


def _words(words: Sequence[str] | None) -> str:
    return " ".join(words or ())


def _mb(size: int | None) -> str:
    return "-" if size is None else f"{size / 1e6:,.1f}"
