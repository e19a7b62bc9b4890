"""The catalogue of prebuilt images: what comes with byoc, and what ``byoc bases update`` found since."""

import functools
import json
import os
from collections.abc import Mapping
from importlib import resources
from typing import Any

from byoc_kit.catalogue.catalogue import Catalogue
from byoc_kit.store import Store, user_store

__all__ = ["KIND", "catalogue", "shipped"]

KIND = "catalogue"
"""Of the user's copies in the store."""
SHIPPED = ("images", "plain", "regions", "tables")
FORMATS = {"tables": "byoc/sdk-tables/1", "seen": "byoc/prebuilt-images/1"}
"""Documents that the user may have newer than byoc."""


def catalogue(environ: Mapping[str, str] = os.environ) -> Catalogue:
    """Everything that is known; a copy of the user's wins over what is shipped where it is newer."""
    documents = dict(shipped())
    for name, document in _updates(user_store(environ)).items():
        if name not in documents or document["date"] >= documents[name]["date"]:
            documents[name] = document
    return Catalogue(documents)


@functools.cache
def shipped() -> Mapping[str, Mapping[str, Any]]:
    """What comes with this version, by name."""
    folder = resources.files("byoc_kit.catalogue").joinpath("data")
    return {name: json.loads(folder.joinpath(f"{name}.json").read_text(encoding="utf-8")) for name in SHIPPED}


def _updates(store: Store) -> Mapping[str, Mapping[str, Any]]:
    """The user's copies; one that a later version wrote in another form is left alone."""
    found = {name: store.read(KIND, name) for name in FORMATS}
    return {name: each for name, each in found.items() if each and each.get("schema") == FORMATS[name]}
