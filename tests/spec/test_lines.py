"""The line on which a key stands, whatever form the file has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byoc_kit.spec.parse import Key, dotted, find_lines

TEXT = '''\
# a comment
top.a = 1
[image]
name = "x"
targets = [
  "a",
  "b", # c
]
[a.b.c]
x = { y = 1, z = "x" }
[train]
program = "p"
dot.ted = 2
dot.other = 3
[zz]
q = """
a
b"""
after = 1
[train.hyperparameters]
k = 1
[[verify.waivers]]
clause = "1"
[[verify.waivers]]
clause = "2"
'''


@pytest.mark.parametrize(
    ("key", "line"),
    [
        (("top", "a"), 2),
        (("top",), 2),
        (("image",), 3),
        (("image", "name"), 4),
        (("image", "targets"), 5),
        (("image", "targets", 0), 6),
        (("image", "targets", 1), 7),
        (("a",), 9),
        (("a", "b", "c", "x", "z"), 10),
        (("train", "program"), 12),
        (("train", "dot"), 13),
        (("train", "dot", "other"), 14),
        (("zz", "q"), 16),
        (("zz", "after"), 19),
        (("train", "hyperparameters"), 20),
        (("train", "hyperparameters", "k"), 21),
        (("verify", "waivers"), 22),
        (("verify", "waivers", 1), 24),
        (("verify", "waivers", 1, "clause"), 25),
        (("image", "missing"), 3),
        (("nothing", "at", "all"), None),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_of_a_key(key: Key, line: int | None, end: str) -> None:
    assert find_lines(TEXT.replace("\n", end), [key]).get(key) == line


names = st.text("abc-_19", min_size=1, max_size=5)
values = st.sampled_from(["1", "true", '"x"', "[1, 2]", "[\n 1,\n 2\n]", '"""\na\nb"""', "{ a = 1 }", "1.5"])


@given(st.dictionaries(names, st.dictionaries(names, values, min_size=1, max_size=4), min_size=1, max_size=4))
def test_line_of_every_key(tables: dict[str, dict[str, str]]) -> None:
    text = ""
    lines: dict[Key, int] = {}
    for table, rows in tables.items():
        lines[table,] = text.count("\n") + 1
        text += f"[{table}]\n"
        for name, value in rows.items():
            lines[table, name] = text.count("\n") + 1
            text += f"{name} = {value}\n"
    assert find_lines(text, lines) == lines


def test_keys_are_told_as_people_write_them() -> None:
    assert dotted(("files", "/opt/x", "mode")) == 'files."/opt/x".mode'
    assert dotted(("image", "targets", 1)) == "image.targets[1]"
    assert dotted(("env", 'a"\n')) == 'env."a\\"\\n"'
