"""What the pages say is there: links, verbs, options, keys."""

import re
import tomllib
from pathlib import Path

import click
import pytest

from byoc_kit import assets
from byoc_kit.cli.main import VERBS, cli
from byoc_kit.spec.read import read_spec
from byoc_kit.spec.types import Style
from byoc_kit.work.project import Disk
from docs.pages import PAGES, ROOT, anchors, blocks, links, spoken

README = ROOT / "README.md"
OTHERS = [ROOT / "CONTRIBUTING.md", ROOT / "builder/README.md"]
PLACEHOLDERS = {"VERB"}
SCAFFOLDS = sorted((ROOT / "containers").rglob("README.md"))


def command(line: str) -> tuple[click.Command, list[str]]:
    """The click command that *line* calls, and its other words."""
    words = re.sub(r"\s+#.*| && .*| -- .*|\$\(.*?\)|[\[\]|]", "", line).split()[1:]
    group: click.Command = cli
    context = click.Context(cli)
    while isinstance(group, click.Group) and words and not words[0].startswith("-"):
        found = group.get_command(context, words[0])
        assert found is not None, f"there is no `byoc {words[0]}`"
        group, words = found, words[1:]
    return group, words


@pytest.mark.parametrize("page", PAGES + OTHERS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        if "://" in link:
            continue
        target, _, fragment = link.partition("#")
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), link
        assert not fragment or fragment in anchors(file), link


@pytest.mark.parametrize("page", PAGES + SCAFFOLDS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_and_option_exists(page: Path) -> None:
    for line in spoken(page):
        if PLACEHOLDERS & set(line.split()):
            continue
        found, words = command(line)
        options = {name for parameter in found.params for name in parameter.opts} | {"--help"}
        wrong = [word for word in words if re.match(r"--?[a-z]", word) and word.split("=")[0] not in options]
        assert not wrong, f"`{line}`: {wrong}"


def test_every_page_is_in_the_index() -> None:
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert pages <= set(links(ROOT / "docs/index.md"))


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_in_the_readme_and_has_an_example(verb: str) -> None:
    table = [line for line in README.read_text().splitlines() if line.startswith("| `byoc")]
    assert any(f"`byoc {verb}" in line for line in table)
    made = cli.get_command(click.Context(cli), verb)
    assert made is not None
    within = list(made.commands.values()) if isinstance(made, click.Group) and not made.epilog else [made]
    for each in within:
        assert f"byoc {verb}" in (each.epilog or ""), f"the help of {each.name} needs an example at its end"
        assert len(each.get_help(click.Context(each)).splitlines()) > 5


@pytest.mark.parametrize("style", list(Style))
def test_every_style_is_in_readme_and_docs(style: Style) -> None:
    for page in (README, ROOT / "docs/styles.md"):
        assert style.value in page.read_text()


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "toml")], ids=lambda page: page.name)
def test_every_piece_of_byoc_toml_is_right(page: Path, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    for program in ("train.py", "process.py"):
        (tmp_path / "src" / program).touch()
    (tmp_path / "wheels").mkdir()
    image = '[image]\nname = "x"\nversion = "1.0"\nstyle = "basic"\nbase = "x"\n'
    head = image + '[train]\nprogram = "train.py"\n'
    for block in blocks(page, "toml"):
        text = block.text if "[image]" in block.text else head + block.text
        assert tomllib.loads(text)
        read_spec(text, name=f"{page.name}, {block.text[:20]!r}", look=Disk(tmp_path))


def test_every_block_of_the_templates_is_in_the_docs() -> None:
    shipped = (assets.templates() / "_base.j2").read_text()
    names = re.findall(r"^\{% block (\w+) %\}", shipped, re.MULTILINE)
    assert re.findall(r"(?m)^\| `(\w+)` \|", (ROOT / "docs/templates.md").read_text()) == names


def test_the_changelog_has_the_version() -> None:
    from byoc_kit import __version__

    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()
