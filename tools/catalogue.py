"""Write the catalogue's data anew: ``python tools/catalogue.py FACTS SITE_PACKAGES``.

FACTS is a JSON file of facts on prebuilt images: ``source``, ``accounts``, ``images`` as the documentation of
AWS's deep learning containers lists them. SITE_PACKAGES is where ``sagemaker-core`` (or ``sagemaker`` 2) and
botocore are installed: the SDK's tables of images, and the regions of every partition. What we write
ourselves, plain Python and CUDA bases, is ``plain.json`` and stays as it is.
"""

import argparse
import datetime
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from byoc_kit.work.sdk_tables import read_tables

DATA = Path(__file__).parents[1] / "builder" / "byoc_kit" / "catalogue" / "data"

REPOSITORIES = {
    "base-ubuntu": "base",
    "sglang-server": "sglang",
    "vllm-server": "vllm",
    "vllm-omni": "vllm",
}
"""Images that the documentation lists under another name than that of their repository."""
TABLES = {
    "deep-learning-containers": "deep-learning-containers",
    "algorithms (xgboost, scikit-learn, tei)": "algorithms",
}
ALGORITHMS = re.compile(r"sagemaker-(scikit-learn|xgboost)|tei(-cpu)?")


def main() -> None:
    """Write images.json, tables.json and regions.json."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("facts", type=Path)
    arguments.add_argument("packages", type=Path)
    arguments.add_argument("--out", type=Path, default=DATA)
    arguments.add_argument("--date", default=datetime.datetime.now(datetime.UTC).date().isoformat())
    told = arguments.parse_args()
    facts = json.loads(told.facts.read_text(encoding="utf-8"))
    write(told.out / "images.json", images(facts, told.date), "images")
    write(told.out / "tables.json", read_tables(told.packages, date=told.date).document(), "frameworks")
    write(told.out / "regions.json", regions(told.packages, told.date), "partitions")


def images(facts: Mapping[str, Any], date: str) -> dict[str, Any]:
    """The documented images and the accounts that they are in."""
    return {
        "schema": "byoc/prebuilt-images/1",
        "source": facts["source"],
        "date": date,
        "accounts": {TABLES[name]: dict(sorted(table.items())) for name, table in facts["accounts"].items()},
        "images": [image(each) for each in facts["images"]],
    }


def image(fact: Mapping[str, Any]) -> dict[str, Any]:
    """One image, with only what is known of it."""
    repository = REPOSITORIES.get(fact["repository"], fact["repository"])
    if repository == "huggingface-tei":
        repository = "tei-cpu" if fact["accelerator"] == "cpu" else "tei"
    known = {
        "repository": repository,
        "framework": fact["framework"],
        "version": fact["version"].partition("+")[0],
        "device": fact["accelerator"],
        "python": fact.get("python"),
        "cuda": fact.get("cuda"),
        "os": fact.get("os"),
        "variant": fact["platform"],
        "accounts": "algorithms" if ALGORITHMS.fullmatch(repository) else None,
        "public": fact.get("public_registry"),
        "released": fact.get("ga"),
        "ends": fact.get("eop"),
        "tags": fact["tags"],
    }
    return {name: value for name, value in known.items() if value}


def regions(packages: Path, date: str) -> dict[str, Any]:
    """Every partition with its domain and its regions, as botocore has them."""
    endpoints = json.loads((packages / "botocore" / "data" / "endpoints.json").read_text(encoding="utf-8"))
    return {
        "schema": "byoc/regions/1",
        "source": f"botocore {version(packages, 'botocore')}, endpoints",
        "date": date,
        "partitions": [
            {
                "name": each["partition"],
                "suffix": each["dnsSuffix"],
                "pattern": each["regionRegex"],
                "regions": sorted(each["regions"]),
            }
            for each in endpoints["partitions"]
        ],
    }


def version(packages: Path, name: str) -> str:
    """The version of a distribution that is installed in *packages*."""
    return next(packages.glob(f"{name}-*.dist-info")).name.removesuffix(".dist-info").partition("-")[2]


def write(file: Path, document: Mapping[str, Any], rows: str) -> None:
    """One line for each entry of *rows*, so that a difference can be read."""
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in document.items() if key != rows]
    table = document[rows]
    if isinstance(table, Mapping):
        body = block("{}", (f"{json.dumps(key)}: {compact(value)}" for key, value in table.items()))
    else:
        body = block("[]", map(compact, table))
    text = ",\n".join([*lines, f"{json.dumps(rows)}: {body}"])
    file.write_text(f"{{\n{text}\n}}\n", encoding="utf-8")


def block(ends: str, lines: Iterable[str]) -> str:
    """*lines* between brackets."""
    return f"{ends[0]}\n" + ",\n".join(lines) + f"\n{ends[1]}"


def compact(value: Any) -> str:
    """*value* in one short line."""
    return json.dumps(value, separators=(",", ":"))


if __name__ == "__main__":
    main()
