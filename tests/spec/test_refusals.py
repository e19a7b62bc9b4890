"""Each way in which a byoc.toml is refused, by the text that is told. The cases are in refusals.txt."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from byoc_kit.errors import UsageError

HEAD = '[image]\nname = "churn"\nstyle = "basic"\nbase = "python:3.12"\n[train]\nprogram = "train.py"\n'


@dataclass
class Case:
    name: str
    text: str = ""
    files: dict[str, bytes | None] = field(default_factory=dict)
    told: str = ""


def cases() -> Iterator[Case]:
    """The sections of refusals.txt."""
    content = Path(__file__).with_name("refusals.txt").read_text(encoding="utf-8")
    for section in content.split("\n=== ")[1:]:
        given, _, told = section.partition(">>> ")
        head, *files = given.split("--- ")
        name, _, text = head.partition("\n")
        case = Case(name=name, text=text, told=told.strip())
        for file in files:
            path, _, body = file.partition("\n")
            source, arrow, _ = path.partition(" -> outside")
            case.files[source] = None if arrow else body.encode()
        yield case


CASES = list(cases())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_refused_with_what_why_and_fix(case: Case, refused: Callable[..., UsageError]) -> None:
    error = refused(case.text, case.files)
    assert f"{error.id}\n{error}" == case.told


def test_every_refusal_is_in_the_file() -> None:
    """A new rule needs a case; the limits have tests of their own below, a file on disk has others."""
    spec = Path(__file__).parents[2] / "builder" / "byoc_kit" / "spec"
    raised = {
        word.strip('",)')
        for file in spec.glob("*.py")
        for word in file.read_text(encoding="utf-8").replace("=", " ").split()
        if word.strip('",)').startswith("BYOC-E1")
    }
    elsewhere = {"BYOC-E101", "BYOC-E123", "BYOC-E140"}
    assert raised - elsewhere <= {case.told.split("\n")[0] for case in CASES}


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({f"h{i}": "1" for i in range(101)}, "train.hyperparameters: 101 hyperparameters"),
        ({"a": '"' + "x" * 2501 + '"'}, "train.hyperparameters.a: 2501 characters as text"),
        ({"a": "[" + "1," * 1000 + "]"}, "train.hyperparameters.a: 3000 characters as text"),
        ({"x" * 257: "1"}, f'train.hyperparameters."{"x" * 57}...": a name of 257 characters'),
        ({'""': "1"}, 'train.hyperparameters."": a name of 0 characters'),
        ({"a": "0x" + "f" * 17}, "train.hyperparameters.a: this value cannot be a hyperparameter"),
    ],
)
def test_limits_of_hyperparameters(
    table: dict[str, str], told: str, refused: Callable[..., UsageError]
) -> None:
    error = refused(HEAD + "[train.hyperparameters]\n" + "".join(f"{k} = {v}\n" for k, v in table.items()))
    assert [line.split(": ", 1)[1] for line in error.details] == [told]


def test_what_is_just_within_the_limits_is_read(read: Callable[..., object]) -> None:
    hyperparameters = "".join(f"h{i} = 1\n" for i in range(99)) + f'{"k" * 256} = "{"x" * 2500}"\n'
    channels = "".join(f'c{i} = "d"\n' for i in range(19)) + f'{"n" * 64} = "d"\n'
    metrics = "".join(f"m{i} = '(x)'\n" for i in range(39)) + f"{'m' * 255} = '({'x' * 498})'\n"
    tables = {"hyperparameters": hyperparameters, "channels": channels, "metrics": metrics}
    assert read(HEAD + "".join(f"[train.{name}]\n{rows}" for name, rows in tables.items()))


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("[train.channels]\n" + "".join(f'c{i} = "d"\n' for i in range(21)), "train.channels: 21 channels"),
        ("[train.metrics]\n" + "".join(f"m{i} = '(x)'\n" for i in range(41)), "train.metrics: 41 metrics"),
        (f"[train.metrics]\na = '({'x' * 500})'\n", "train.metrics.a: 502 characters"),
        ("[train.metrics]\n'' = '(x)'\n", 'train.metrics."": a name of 0 characters'),
        (f'[env]\nA = "{"x" * 33000}"\n', "env: 33001 bytes of environment"),
    ],
)
def test_other_limits(rows: str, told: str, refused: Callable[..., UsageError]) -> None:
    error = refused(HEAD + rows)
    assert [line.split(": ", 1)[1] for line in error.details] == [told]
    assert error.id == "BYOC-E123"


def test_a_requirements_file_in_another_encoding(refused: Callable[..., UsageError]) -> None:
    error = refused(HEAD + '[python]\nrequirements-file = "r.txt"\n', {"r.txt": b"\xff\xfe"})
    assert error.details == ("byoc.toml:8: python.requirements-file: r.txt is not UTF-8",)


@pytest.mark.parametrize(
    "secret",
    [
        "AKIA" + "Q" * 16,
        "ghp_" + "a1" * 18,
        "hf_" + "aB" * 17,
        "glpat-" + "a" * 20,
        "https://user:hunter2@index.example/",
    ],
)
@pytest.mark.parametrize("place", ['[env]\nA = "{}"', '[labels]\na = "{}"', '[python]\nindex-url = "{}"'])
def test_no_message_repeats_a_secret(secret: str, place: str, refused: Callable[..., UsageError]) -> None:
    error = refused(HEAD + place.format(secret))
    assert secret not in str(error)
    assert "hunter2" not in str(error)


@pytest.mark.parametrize("name", ["MAX_TOKENS", "TOKENIZERS_PARALLELISM", "PAD_TOKEN", "KEYRING_BACKEND"])
def test_words_of_language_models_are_no_credentials(name: str, read: Callable[..., object]) -> None:
    assert read(HEAD + f'[env]\n{name} = "1"\n')


def test_the_example_key_of_the_documentation_is_no_credential(read: Callable[..., object]) -> None:
    assert read(HEAD, {"src/README.md": b"export KEY=AKIAIOSFODNN7EXAMPLE"})


@pytest.mark.parametrize("name", ["src/ca-bundle.pem", "src/cert.pem", "src/.env.example"])
def test_certificates_and_examples_are_no_credentials(name: str, read: Callable[..., object]) -> None:
    assert read(HEAD, {name: b"-----BEGIN CERTIFICATE-----"})
