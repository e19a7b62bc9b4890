"""The JSON Schema says the same as the reader, and the page of the docs is written from the same models."""

import importlib.util
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from byoc_kit.spec.model import TABLES, Table, fields_of
from byoc_kit.spec.schema import json_schema
from byoc_kit.spec.types import Style

if TYPE_CHECKING:
    import jsonschema

ROOT = Path(__file__).parents[2]
SCAFFOLDS = sorted((ROOT / "containers").glob("*/byoc.toml"))
HEAD = '[image]\nname = "churn"\nstyle = "basic"\nbase = "python:3.12"\n'


@pytest.fixture(scope="module")
def validator() -> "jsonschema.Draft202012Validator":
    import jsonschema  # its grammars take a second to load

    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("file", SCAFFOLDS, ids=lambda file: file.parent.name)
def test_scaffolds_are_valid(file: Path, validator: "jsonschema.Draft202012Validator") -> None:
    assert not list(validator.iter_errors(tomllib.loads(file.read_text(encoding="utf-8"))))


def test_there_is_a_scaffold_for_each_style_and_one_for_processing() -> None:
    assert {file.parent.name for file in SCAFFOLDS} == {*map(str, Style), "processing"}


@pytest.mark.parametrize(
    "text",
    [
        HEAD + 'tagrets = ["training"]',
        HEAD + 'targets = ["trainin"]',
        HEAD + "[publsh]",
        HEAD + '[serve]\nprogram = "a.py"\nworkers = 0',
        HEAD + '[serve]\nprogram = "a.py"\nworkers = "2"',
        HEAD + '[files]\n"/a" = { source = "a", mode = "rwx" }',
        HEAD + "[env]\nA = 1",
        "[train]\nprogram = 'a'",
    ],
)
def test_mistakes_are_not(text: str, validator: "jsonschema.Draft202012Validator") -> None:
    assert list(validator.iter_errors(tomllib.loads(text)))


def test_files_may_be_texts_and_tables(validator: "jsonschema.Draft202012Validator") -> None:
    text = HEAD + '[files]\n"/a" = "a"\n"/b" = { source = "b", mode = "0755" }\n'
    assert not list(validator.iter_errors(tomllib.loads(text)))


def keys_of(node: Any) -> set[str]:
    """Every key that a schema describes."""
    if isinstance(node, list):
        return set().union(*map(keys_of, node)) if node else set()
    if not isinstance(node, dict):
        return set()
    own = set(node.get("properties", {}))
    return own.union(*(keys_of(inner) for inner in node.values()))


def test_every_key_is_described_and_in_the_schema() -> None:
    assert keys_of(json_schema()) == {name for table in TABLES.values() for name in fields_of(table)}
    for table in TABLES.values():
        for name, field in fields_of(table).items():
            assert field.description or is_table(field.annotation), name


def is_table(annotation: Any) -> bool:
    parts = [annotation, *getattr(annotation, "__args__", ())]
    return any(isinstance(part, type) and issubclass(part, Table) for part in parts)


def test_every_table_is_listed() -> None:
    assert {table.__name__ for table in TABLES.values()} == {
        table.__name__ for table in Table.__subclasses__()
    }


def test_no_key_allows_null() -> None:
    assert '"null"' not in json.dumps(json_schema())
    assert '"default": null' not in json.dumps(json_schema())


def byoc(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "byoc_kit", *arguments]
    return subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)


def test_the_command_prints_or_writes_it(tmp_path: Path) -> None:
    printed = byoc("schema", cwd=tmp_path)
    assert json.loads(printed.stdout) == json_schema()
    assert byoc("schema", "--out", "byoc.schema.json", cwd=tmp_path).stdout == "byoc.schema.json\n"
    assert (tmp_path / "byoc.schema.json").read_text(encoding="utf-8") == printed.stdout


def test_the_command_says_where_it_cannot_write(tmp_path: Path) -> None:
    done = byoc("schema", "--out", "no/such/folder.json", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines()[:3] == [
        "error [BYOC-E133]: no/such/folder.json cannot be written",
        "  why: No such file or directory",
        "  fix: name a file in a folder that exists and that you may write to",
    ]


def test_the_page_of_the_docs_is_fresh() -> None:
    spec = importlib.util.spec_from_file_location("spec_table", ROOT / "tools" / "spec_table.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    written = (ROOT / "docs" / "byoc-toml.md").read_text(encoding="utf-8")
    assert written == tool.page(), "run: python tools/spec_table.py"


def test_every_id_of_this_room_is_explained() -> None:
    package = ROOT / "builder" / "byoc_kit"
    explained = tomllib.loads((package / "explanations" / "spec.toml").read_text(encoding="utf-8"))
    code = [
        *(package / "spec").glob("*.py"),
        *(package / "work" / f"{name}.py" for name in ("project", "schema", "config")),
    ]
    raised = {
        part[:4]
        for file in code
        for part in file.read_text(encoding="utf-8").split("BYOC-")[1:]
        if part[1:4].isdigit() and part[1] not in "59"  # explained with publishing, resolving and locking
    }
    assert {f"BYOC-{one}" for one in raised} == set(explained)
    assert all(entry["title"].endswith(".") and len(entry["text"]) > 60 for entry in explained.values())
