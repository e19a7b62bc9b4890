"""What build steps may see and the image may not keep: pip's configuration, CA certificates, secrets."""

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from byoc_kit.errors import UsageError
from byoc_kit.pip_settings import LISTS, Settings, pip_settings
from byoc_kit.spec.types import Python, Spec

__all__ = ["pip_conf", "write_secrets"]

CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE")
"""Where people say which CA bundle to trust; the first that is set counts."""


def write_secrets(
    spec: Spec, folder: Path, root: Path, environ: Mapping[str, str] = os.environ
) -> dict[str, Path]:
    """Secret id to a file that holds it: existing files as they are, the others written to *folder*.

    A secret of the user's named ``pip_conf`` or ``ca_bundle`` replaces byoc's. Raises UsageError where one
    is missing. *root*: the project's folder.
    """
    found: dict[str, Path] = {}
    text = pip_conf(spec.python, environ)
    if text:
        found["pip_conf"] = _private(folder / "pip_conf", text)
    bundle = _ca_bundle(spec.build.ca_bundle, root, environ)
    if bundle is not None:
        found["ca_bundle"] = bundle
    for name, source in spec.build.secrets.items():
        found[name] = _secret(name, source, folder, root, environ)
    return found


def pip_conf(python: Python, environ: Mapping[str, str] = os.environ, prefix: str = sys.prefix) -> str:
    """A pip.conf with the spec's indexes, else those of the calling user's pip; empty where neither has any.

    Only http and https: paths of this machine mean nothing in a build.
    """
    own: Settings = {
        "index-url": [python.index_url] if python.index_url else [],
        "extra-index-url": list(python.extra_index_urls),
        "find-links": list(python.find_links),
    }
    settings = own if any(own.values()) else pip_settings(environ, prefix)
    lines = [
        f"{name} = {chr(10).join(f'    {value}' for value in values).strip()}"
        for name, values in ((name, _usable(name, settings.get(name, []))) for name in LISTS)
        if values
    ]
    return "\n".join(["[global]", *lines, ""]) if lines else ""


def _usable(name: str, values: Iterable[str]) -> list[str]:
    if name == "trusted-host":
        return list(values)
    return [value for value in values if value.startswith(("http://", "https://"))]


def _ca_bundle(setting: str, root: Path, environ: Mapping[str, str]) -> Path | None:
    """The CA bundle for build steps. Raises UsageError where a file that was named does not exist."""
    if setting == "none":
        return None
    if setting == "auto":
        named = next((environ[name] for name in CA_VARIABLES if environ.get(name)), None)
        return Path(named) if named and Path(named).is_file() else None
    return _existing(setting, root, environ, f"[build] ca-bundle = {setting!r}")


def _secret(name: str, source: str, folder: Path, root: Path, environ: Mapping[str, str]) -> Path:
    kind, _, rest = source.partition(":")
    if kind == "file":
        return _existing(rest, root, environ, f"the build secret {name}")
    if rest not in environ:
        raise UsageError(
            f"the build secret {name} is not there",
            why=f"the environment variable {rest} is not set",
            fix=f'set {rest}, or take the secret from a file: {name} = "file:PATH" in [build] secrets',
            id="BYOC-E313",
        )
    return _private(folder / f"secret-{name}", environ[rest])


def _existing(text: str, root: Path, environ: Mapping[str, str], what: str) -> Path:
    home = environ.get("HOME")
    path = root / (Path(home, text[2:]) if text.startswith("~/") and home else Path(text))
    if not path.is_file():
        raise UsageError(
            f"{what}: there is no file {path}",
            why="a file on this machine was named, and it does not exist",
            fix="correct the path in byoc.toml",
            id="BYOC-E313",
        )
    return path


def _private(path: Path, text: str) -> Path:
    """Write *text* so that only the calling user can read it."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    return path
