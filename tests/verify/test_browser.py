"""The HTML report in a real browser, without a network: it is drawn, and holds what it should."""

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from byoc_kit.contract.formats import FORMATS
from byoc_kit.contract.judge import judge
from byoc_kit.contract.types import Outcome
from contract.examples import EVIDENCE, clause

pytestmark = pytest.mark.engine

BROWSER = "byoc-test-browser:bookworm"
RECIPE = """
FROM {base}
RUN apt-get update && apt-get install -y --no-install-recommends chromium-headless-shell fonts-dejavu-core
"""
WIDTH, HEIGHT = 1000, 1200


@pytest.fixture(scope="module")
def browser(engine: docker.DockerClient, base: str) -> str:
    """An image with a browser in it, made once for the engine."""
    if BROWSER not in [tag for image in engine.images.list() for tag in image.tags]:
        recipe = io.BytesIO(RECIPE.format(base=base).encode())
        engine.images.build(fileobj=recipe, tag=BROWSER, network_mode="host", rm=True)
    return BROWSER


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a report with something of everything."""
    folder = tmp_path_factory.mktemp("page")
    folder.chmod(0o755)
    report = judge(
        EVIDENCE, [clause("INF-01", Outcome.BROKEN, needs=("serve",)), clause("A-1", Outcome.KEPT)]
    )
    (folder / "report.html").write_text(FORMATS["html"](report), encoding="utf-8")
    return folder


def browse(engine: docker.DockerClient, browser: str, folder: Path, *words: str) -> str:
    """What the browser prints about the page."""
    command = ["chromium-headless-shell", "--no-sandbox", "--disable-gpu", *words, "file:///page/report.html"]
    said: bytes = engine.containers.run(
        browser,
        command,
        remove=True,
        network_mode="none",
        volumes={str(folder): {"bind": "/page", "mode": "rw"}},
    )
    return said.decode()


def test_what_the_browser_has_read(engine: docker.DockerClient, browser: str, page: Path) -> None:
    read = browse(engine, browser, page, "--dump-dom")
    for word in ("fail INF-01", "mend INF-01", "first ping", "SIGTERM", "log of model", "<circle", "<svg"):
        assert word in read


def test_what_the_browser_shows(engine: docker.DockerClient, browser: str, page: Path) -> None:
    browse(
        engine,
        browser,
        page,
        f"--window-size={WIDTH},{HEIGHT}",
        "--hide-scrollbars",
        "--screenshot=/page/shot.png",
    )
    colours = set(pixels((page / "shot.png").read_bytes()))
    assert {(255, 255, 255), (0x9D, 0xB8, 0xD9), (0xB3, 0x26, 0x1E), (0x1A, 0x7F, 0x37)} <= colours


def pixels(png: bytes) -> Iterator[tuple[int, ...]]:
    """The colours of a PNG of 8 bits without interlacing, pixel by pixel."""
    width, height, depth, kind = struct.unpack(">IIBB", png[16:26])
    assert (width, height, depth) == (WIDTH, HEIGHT, 8)
    each, data, at = {2: 3, 6: 4}[kind], b"", 8
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + size]
        at += size + 12
    raw, line = zlib.decompress(data), bytes(width * each)
    for row in range(height):
        start = row * (width * each + 1)
        line = unfiltered(raw[start], raw[start + 1 : start + 1 + width * each], line, each)
        yield from (tuple(line[x : x + 3]) for x in range(0, len(line), each))


def unfiltered(kind: int, line: bytes, above: bytes, each: int) -> bytes:
    """One line of a PNG as it was before it was filtered."""
    out = bytearray(line)
    for x in range(len(out)):
        left = out[x - each] if x >= each else 0
        corner = above[x - each] if x >= each else 0
        out[x] = (out[x] + predicted(kind, left, above[x], corner)) & 255
    return bytes(out)


def predicted(kind: int, left: int, up: int, corner: int) -> int:
    """What the filter *kind* subtracted."""
    if kind == 4:
        return min((left, up, corner), key=lambda guess: abs(left + up - corner - guess))
    return (0, left, up, (left + up) // 2)[kind]
