"""What a wheel file says about itself, without unpacking it."""

import zipfile
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

__all__ = ["WheelFacts", "read_wheel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelFacts:
    """Of one wheel."""

    name: str
    version: str
    requires: tuple[str, ...]
    pure: bool
    """Whether its only tag is ``py3-none-any`` (or py2.py3): it fits every machine."""
    installed: int
    """Bytes of its members."""


def read_wheel(path: Path, filename: str | None = None) -> WheelFacts:
    """The facts of the wheel at *path*, named *filename*. Raises ValueError where it is none."""
    try:
        _, _, _, tags = parse_wheel_filename(filename or path.name)
        with zipfile.ZipFile(path) as wheel:
            names = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
            metadata = next(name for name in names if name.count("/") == 1)
            headers = HeaderParser().parsestr(wheel.read(metadata).decode("utf-8", "replace"))
            installed = sum(member.file_size for member in wheel.infolist())
    except (InvalidWheelFilename, zipfile.BadZipFile, StopIteration, OSError) as error:
        raise ValueError(f"{filename or path.name} is not a wheel: {error}") from error
    return WheelFacts(
        name=canonicalize_name(headers["Name"]),
        version=str(headers["Version"]),
        requires=tuple(headers.get_all("Requires-Dist", [])),
        pure=all(tag.abi == "none" and tag.platform == "any" for tag in tags),
        installed=installed,
    )
