"""The page documents every key of ``byoc/inventory/1``, and no other."""

import re
from collections.abc import Iterator
from pathlib import Path

from byoc_kit.inventory.document import to_json
from inventory.made import folder
from inventory.test_read import DEBIAN, distribution, read

PAGE = Path(__file__).parents[2] / "docs" / "inspect.md"
OPEN = ("toolkits", "config.env", "config.labels")
"""Mappings whose keys are the image's own."""


def keys(value: object, above: str = "") -> Iterator[str]:
    if isinstance(value, dict) and above not in OPEN:
        for key, each in value.items():
            yield from keys(each, f"{above}.{key}" if above else key)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        yield from (key for each in value for key in keys(each, f"{above}[]"))
    else:
        yield above


def test_every_key_is_documented() -> None:
    site = "usr/local/lib/python3.11/dist-packages"
    found = read([*DEBIAN, folder(site), *distribution(site, "idna", "3.7")], env={"A": "1"})
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    documented = {key for row in rows for key in re.findall(r"`([^`]+)`", row.split(" | ")[0])}
    assert documented == set(keys(to_json(found)))
