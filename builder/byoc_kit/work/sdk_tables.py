"""Read the tables of images that an installed SageMaker SDK carries, without importing it."""

import json
from pathlib import Path

from byoc_kit.catalogue.tables import Tables
from byoc_kit.errors import ByocError

__all__ = ["read_tables"]

PLACES = {"sagemaker_core": "sagemaker/core/image_uri_config", "sagemaker": "sagemaker/image_uri_config"}
"""Distribution to where it keeps its tables: SDK 3 and SDK 2."""


def read_tables(packages: Path, *, date: str) -> Tables:
    """The tables of the SDK that is installed in the folder *packages*; *date* is today's, ISO 8601.

    Raises ByocError (BYOC-E848) where there is none.
    """
    for distribution, place in PLACES.items():
        files = sorted((packages / place).glob("*.json"))
        if files:
            configs = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}
            return Tables.packed(configs, source=_source(packages, distribution), date=date)
    raise ByocError(
        f"there is no SageMaker SDK in {packages}",
        why=f"neither {' nor '.join(PLACES.values())} is there",
        fix="name an environment or a site-packages folder that has sagemaker: --sdk DIR",
        id="BYOC-E848",
    )


def _source(packages: Path, distribution: str) -> str:
    found = sorted(packages.glob(f"{distribution}-[0-9]*.dist-info"))
    version = found[-1].name.removesuffix(".dist-info").partition("-")[2] if found else "of unknown version"
    return f"{distribution.replace('_', '-')} {version}, image_uri_config"
