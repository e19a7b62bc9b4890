"""Where pip on this machine gets packages from: whoever installs for a user asks it; he says it once."""

import configparser
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

__all__ = ["LISTS", "Settings", "pip_settings"]

LISTS = ("index-url", "extra-index-url", "find-links", "trusted-host")
"""Settings of pip that say where packages come from."""

Settings = dict[str, list[str]]
"""Name in :data:`LISTS` to its values; they may hold credentials."""


def pip_settings(environ: Mapping[str, str] = os.environ, prefix: str = sys.prefix) -> Settings:
    """What pip itself would find: its files, the later win, then PIP_* variables."""
    found: Settings = {}
    for path in _pip_files(environ, prefix):
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError, OSError):
            continue  # pip itself will complain about it
        for section in ("global", "install"):
            if parser.has_section(section):
                found |= {name: parser[section][name].split() for name in LISTS if name in parser[section]}
    variables = {name: "PIP_" + name.upper().replace("-", "_") for name in LISTS}
    return found | {name: environ[key].split() for name, key in variables.items() if environ.get(key)}


def _pip_files(environ: Mapping[str, str], prefix: str) -> Iterator[Path]:
    chosen = environ.get("PIP_CONFIG_FILE")
    if chosen == os.devnull:
        return
    home = Path(environ.get("HOME") or Path.home())
    yield from (Path("/etc/xdg/pip/pip.conf"), Path("/etc/pip.conf"), home / ".pip" / "pip.conf")
    if sys.platform == "darwin":
        yield home / "Library" / "Application Support" / "pip" / "pip.conf"
    yield Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"
    yield Path(prefix) / "pip.conf"
    if chosen:
        yield Path(chosen)
