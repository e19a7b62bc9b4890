"""The data of the catalogue are what ``tools/catalogue.py`` makes of its sources."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import botocore
import pytest

from byoc_kit.catalogue.catalogue import Catalogue
from byoc_kit.work.catalogue import shipped
from byoc_kit.work.sdk_tables import read_tables
from catalogue.known import known
from rig.machine import Missing
from rig.sdk import sdk_python

TOOL = Path(__file__).parents[2] / "tools" / "catalogue.py"
FACTS = {
    "source": "somebody's list",
    "accounts": {
        "deep-learning-containers": {"eu-west-1": "123456789012"},
        "algorithms (xgboost, scikit-learn, tei)": {"eu-west-1": "210987654321"},
    },
    "images": [
        {
            "repository": "vllm-server",
            "framework": "vLLM",
            "version": "0.27.0+amzn2023.4bdc8a78",
            "accelerator": "gpu",
            "python": "py312",
            "cuda": "cu130",
            "os": "amzn2023",
            "platform": "sagemaker",
            "public_registry": True,
            "ga": "2026-01-02",
            "eop": "2027-01-02",
            "tags": ["server-sagemaker-cuda-v2.3"],
        },
        {
            "repository": "huggingface-tei",
            "framework": "TEI",
            "version": "1.9.3",
            "accelerator": "cpu",
            "platform": "sagemaker",
            "tags": ["2.0.1-tei1.9.3-cpu-py310-ubuntu24.04"],
        },
    ],
}


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """Where an SDK with one table, and botocore's regions, are installed."""
    site = tmp_path / "site-packages"
    tables = site / "sagemaker" / "core" / "image_uri_config"
    tables.mkdir(parents=True)
    row = {"registries": {"eu-west-1": "123456789012"}, "repository": "kmeans"}
    (tables / "kmeans.json").write_text(json.dumps({"scope": ["training"], "versions": {"1": row}}))
    (tables / "instance_gpu_info.json").write_text(json.dumps({"eu-west-1": {"ml.p3.2xlarge": {"Count": 1}}}))
    (site / "sagemaker_core-3.1.4.dist-info").mkdir()
    (site / "botocore-1.2.3.dist-info").mkdir()
    (site / "botocore" / "data").mkdir(parents=True)
    shutil.copy(Path(botocore.__file__).parent / "data" / "endpoints.json", site / "botocore" / "data")
    return site


def test_facts_and_tables_become_a_catalogue(tmp_path: Path, packages: Path) -> None:
    (tmp_path / "facts.json").write_text(json.dumps(FACTS))
    arguments = [tmp_path / "facts.json", packages, "--out", tmp_path, "--date", "2026-11-21"]
    subprocess.run([sys.executable, TOOL, *map(str, arguments)], check=True)
    documents = {
        name: json.loads((tmp_path / f"{name}.json").read_text()) for name in ("images", "tables", "regions")
    }
    made = Catalogue(documents | {"plain": shipped()["plain"]})

    (server,) = made.of_repository("vllm")
    assert (server.version, server.python, server.cuda) == ("0.27.0", "3.12", "13.0")
    assert server.public == "public.ecr.aws/deep-learning-containers/vllm"
    assert str(server.ends) == "2027-01-02"
    (tei,) = made.of_repository("tei-cpu")
    assert dict(tei.accounts) == {"eu-west-1": "210987654321"}
    assert list(made.tables.frameworks) == ["kmeans"]
    assert made.tables.source == "sagemaker-core 3.1.4, image_uri_config"
    assert {document["date"] for document in documents.values()} == {"2026-11-21"}
    assert made.regions.registry("1" * 12, "cn-north-1") == f"{'1' * 12}.dkr.ecr.cn-north-1.amazonaws.com.cn"


@pytest.mark.setup
def test_the_shipped_tables_are_those_of_the_reference_sdk() -> None:
    try:
        site = next(sdk_python(3).parents[1].glob("lib/python*/site-packages"))
    except Missing as reason:
        pytest.fail(str(reason), pytrace=False)
    found = read_tables(site, date=known().tables.date)
    assert found.source == known().tables.source
    assert found.document() == shipped()["tables"]
