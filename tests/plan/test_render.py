"""What becomes of a plan: text from templates, the project's own among them, and files for the context."""

import re
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byoc_kit.errors import UsageError
from byoc_kit.plan.build import plan_build
from byoc_kit.plan.render import eject_texts, quote, render
from byoc_kit.plan.types import Rendered
from plan.examples import STYLES, TREE, base_of, spec_of, templates


def rendered(style: str = "basic", more: str = "", own: dict[str, str] | None = None) -> Rendered:
    return render(plan_build(spec_of(style, more=more), base_of(), TREE), templates(own))


def unquoted(word: str) -> str:
    """A double-quoted word as BuildKit reads it in ENV and LABEL."""
    assert word[0] == word[-1] == '"'
    read, rest = "", word[1:-1]
    while rest:
        if rest[0] == "\\" and rest[1:2] in {"\\", '"', "$"}:
            read, rest = read + rest[1], rest[2:]
        else:
            assert rest[0] not in {'"', "$"}, "would end the word, or be expanded"
            read, rest = read + rest[0], rest[1:]
    return read


@given(st.text(st.characters(exclude_characters="\n\r\0", exclude_categories=["Cs"])))
def test_any_value_survives_quoting(value: str) -> None:
    quoted = quote(value)
    assert unquoted(quoted) == value
    assert not quoted.endswith("\\"), "a backslash at the end of a line would join it with the next"


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\0b"])
def test_a_line_break_is_refused(value: str) -> None:
    with pytest.raises(UsageError) as caught:
        quote(value)
    assert caught.value.id == "BYOC-E207"


def test_same_plan_same_bytes() -> None:
    assert rendered("framework") == rendered("framework")


def test_every_base_of_the_dockerfile_names_the_platform() -> None:
    froms = re.findall(r"^FROM .*", rendered().dockerfile, re.MULTILINE)
    assert froms == [
        "FROM --platform=linux/amd64 registry.example/python:3.12-slim AS base",
        "FROM base AS wheels",
        "FROM base AS image",
    ]


@pytest.mark.parametrize("style", STYLES)
def test_nothing_that_an_old_frontend_does_not_know(style: str) -> None:
    text = rendered(style).dockerfile
    assert "# syntax" not in text
    assert "<<" not in text
    assert "--link" not in text


def test_secrets_are_optional_and_stay_out_of_the_final_stage() -> None:
    text = rendered("script-mode-1", more='[build]\nsecrets = { token = "env:TOKEN" }').dockerfile
    final = text[text.index("AS image") :]
    assert "type=secret" not in final
    assert "required" not in text
    assert "--mount=type=secret,id=token,target=/run/secrets/token" in text


def test_packages_of_the_project_reach_the_wheel_stage_with_all_their_files() -> None:
    paths = {str(file.path) for file in rendered("framework").context}
    assert {
        "wheels/wheels.py",
        "wheels/requirements.txt",
        "wheels/packages/0-framework/pyproject.toml",
        "wheels/packages/0-framework/house/__init__.py",
    } <= paths


def test_files_lie_in_the_context_under_names_that_copy_does_not_take_for_patterns() -> None:
    result = rendered(more='[files]\n"/srv/odd $name [1].txt" = "bin/tool"\n"/srv/lib" = "src/lib"')
    assert PurePosixPath("files/0-srv-odd-name-1-.txt") in {file.path for file in result.context}
    assert 'COPY ["files/0-srv-odd-name-1-.txt", "/srv/odd \\\\$name [1].txt"]' in result.dockerfile
    assert 'COPY ["files/1-srv-lib/", "/srv/lib/"]' in result.dockerfile


def test_user_and_caches_as_the_spec_says() -> None:
    text = rendered(more="[build]\ncache = false").dockerfile
    assert "type=cache" not in text
    assert not re.search("^USER", text, re.MULTILINE)
    assert "type=cache" in rendered().dockerfile


def test_a_project_overrides_one_block() -> None:
    own = '{% extends "byoc/basic.j2" %}\n{% block files %}\nRUN echo ours\n{{ super() }}{% endblock %}\n'
    text = rendered(own={"basic.j2": own}).dockerfile
    assert text.replace("RUN echo ours\n", "") == rendered().dockerfile
    assert "RUN echo ours\n" in text


def test_a_project_overrides_the_whole_template() -> None:
    assert rendered(own={"basic.j2": "FROM {{ base.reference }}\n"}).dockerfile == (
        "FROM registry.example/python:3.12-slim\n"
    )


def test_another_styles_template_changes_nothing() -> None:
    assert rendered(own={"framework.j2": "FROM scratch\n"}) == rendered()


@pytest.mark.parametrize(
    ("text", "where", "why"),
    [
        ("FROM x\n{% if %}\n", "templates/basic.j2, line 2", "Expected an expression"),
        ("FROM x\n\n{{ bsae }}\n", "templates/basic.j2, line 3", "'bsae' is undefined"),
        ('{% extends "byoc/basik.j2" %}\n', "byoc/basik.j2", "byoc/basik.j2"),
    ],
)
def test_mistakes_in_a_projects_template_are_told_with_file_and_line(text: str, where: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        rendered(own={"basic.j2": text})
    assert caught.value.id == "BYOC-E208"
    assert where in caught.value.what
    assert why in caught.value.why


def test_a_mistake_that_is_no_mistake_of_jinjas_is_told_too() -> None:
    with pytest.raises(UsageError) as caught:
        rendered(own={"basic.j2": "FROM x\n{{ 1 / 0 }}\n"})
    assert "templates/basic.j2, line 2" in caught.value.what
    assert "division by zero" in caught.value.why


@pytest.mark.parametrize("style", STYLES)
def test_ejected_templates_render_the_same_and_stand_alone(style: str) -> None:
    shipped = {name.removeprefix("byoc/"): text for name, text in templates().items()}
    own = eject_texts(style, shipped)
    assert not re.search(r'^{% (extends|import) "byoc/', "".join(own.values()), re.MULTILINE)
    plan = plan_build(spec_of(style), base_of(), TREE)
    assert render(plan, own) == render(plan, templates())


def test_an_adopted_dockerfile_is_not_rendered() -> None:
    with pytest.raises(UsageError) as caught:
        rendered(more='[build]\ndockerfile = "my.Dockerfile"')
    assert caught.value.id == "BYOC-E211"
