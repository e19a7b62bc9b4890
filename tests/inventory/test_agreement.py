"""What is read from the files is what the programs inside the same image say."""

import io
import json
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import docker
import pytest

from byoc_kit.inventory import Python
from byoc_kit.oci.reference import Docker
from byoc_kit.store import Store
from byoc_kit.work.inspect import Inspected, inspect_image
from inventory.made import tar, text

DOCKERFILE = r"""
ARG BASE
FROM $BASE
ARG PIP_NO_COMPILE=1
ARG PIP_QUIET=1
ARG PIP_ROOT_USER_ACTION=ignore
ARG PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python3 -m venv --without-pip /opt/venv \
 && python3 -m venv --without-pip --system-site-packages /opt/shared \
 && pip --python /opt/venv/bin/python install six==1.16.0 idna==3.7 wheel==0.44.0 setuptools==69.5.1
RUN mkdir -p /src/local/mine && touch /src/local/mine/__init__.py \
 && printf '[project]\nname = "Local_Thing"\nversion = "0.1"\n[tool.setuptools]\npackages = ["mine"]\n' \
    > /src/local/pyproject.toml \
 && pip --python /opt/venv/bin/python install --no-build-isolation --editable /src/local
RUN pip --python /opt/shared/bin/python install packaging==24.0 \
 && pip install --break-system-packages --ignore-installed click==8.1.7 wheel==0.43.0 \
 && cp -r /opt/venv/lib/python3.11/site-packages/six* /opt \
 && mkdir /opt/more && mv /opt/six* /opt/more \
 && echo /opt/more > /usr/local/lib/python3.11/dist-packages/more.pth
WORKDIR /opt/conda
RUN mkdir -p bin lib/python3.11/dist-packages conda-meta && cp /usr/bin/python3.11 bin/ \
 && ln -s python3.11 bin/python && cp -r /usr/lib/python3.11 lib/ && rm lib/python3.11/EXTERNALLY-MANAGED \
 && pip install --target lib/python3.11/site-packages certifi==2024.2.2 idna==3.6 \
 && echo /opt/conda/lib/python3.11/site-packages > lib/python3.11/dist-packages/site.pth \
 && echo '{"name": "python", "version": "3.11.2", "build": "h0"}' > conda-meta/python-3.11.2-h0.json \
 && echo conda > lib/python3.11/site-packages/certifi-2024.2.2.dist-info/INSTALLER
RUN rm -rf /opt/venv/lib/python3.11/site-packages/six* && dpkg --remove --force-depends python3-wheel
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin
"""
"""Four environments as bases have them, and removals in a later layer.

The one of conda is made of Debian's interpreter, whose frozen ``site`` looks into ``dist-packages`` only.
"""
FROZEN = "/opt/conda/lib/python3.11/dist-packages"

PYTHONS = ("/opt/venv/bin/python3", "/usr/bin/python3", "/opt/shared/bin/python3", "/opt/conda/bin/python")
KINDS = {"/usr/bin/python3": "system", "/opt/conda/bin/python": "conda"}

PROGRAM = """
import importlib.metadata, json, pathlib, sys, sysconfig
def told(each):
    direct = json.loads(each.read_text("direct_url.json") or "{}")
    files = each.files if each.read_text("RECORD") else []
    return {"name": each.metadata["Name"], "metadata": str(each._path), "direct_url": direct.get("url"),
        "installer": (each.read_text("INSTALLER") or "").strip() or None, "requires": each.requires or [],
        "requires_python": each.metadata["Requires-Python"],
        "files": sorted(str(file.locate().resolve()) for file in files)}
print(json.dumps({"path": sys.path, "prefix": sys.prefix, "version": sys.version_info[:3],
    "scheme": sysconfig.get_paths(), "distributions": list(map(told, importlib.metadata.distributions()))}))
"""
PACKAGES = "${db:Status-Abbrev}\t${Package}\t${Version}\t${Architecture}\t${Installed-Size}\n"


@pytest.fixture(scope="module")
def image(engine: docker.DockerClient, base: str) -> Iterator[str]:
    """The reference of the image of the Dockerfile above."""
    name = f"byoc-test-agreement:{uuid.uuid4().hex[:8]}"
    context = io.BytesIO(tar([text("Dockerfile", DOCKERFILE)]))
    engine.images.build(
        fileobj=context,
        custom_context=True,
        tag=name,
        buildargs={"BASE": base},
        network_mode="host",
        rm=True,
        forcerm=True,
    )
    yield name
    engine.images.remove(name, force=True)


@pytest.fixture(scope="module")
def inspected(image: str, tmp_path_factory: pytest.TempPathFactory) -> Inspected:
    return inspect_image(Docker(image), store=Store(tmp_path_factory.mktemp("store")))


@pytest.fixture(scope="module")
def said(engine: docker.DockerClient, image: str) -> Mapping[str, Any]:
    """What the programs in the image say: one container for all questions."""
    lines = ["set -e"]
    for python in PYTHONS:
        lines += [f"{python} -c '{PROGRAM}'", f"/usr/bin/python3 -m pip --python {python} list --format json"]
    lines += ["command -v python3", f"dpkg-query --show --showformat '{PACKAGES}'"]
    output = engine.containers.run(
        image, ["-c", "\n".join(lines)], entrypoint="sh", remove=True, stderr=False, network_mode="none"
    )
    asked = output.decode().splitlines()
    answers = {
        python: [json.loads(line) for line in asked[number * 2 : number * 2 + 2]]
        for number, python in enumerate(PYTHONS)
    }
    return {**answers, "default": asked[8], "dpkg": [line.split("\t") for line in asked[9:]]}


def known(inspected: Inspected, executable: str) -> Python:
    found = {each.executable: each for each in inspected.inventory.pythons or ()}
    return next(each for name, each in found.items() if name.startswith(executable))


@pytest.mark.parametrize("executable", PYTHONS)
def test_interpreter(inspected: Inspected, said: Mapping[str, Any], executable: str) -> None:
    theirs, ours = said[executable][0], known(inspected, executable)
    assert list(ours.version) == theirs["version"]
    assert ours.prefix == theirs["prefix"]
    assert ours.kind == KINDS.get(executable, "venv")
    shown = [path for path in theirs["path"] if "-packages" in path or path.startswith(("/src", "/opt/more"))]
    assert list(ours.paths) == [path for path in shown if path != FROZEN]
    assert ours.default == (said["default"] == ours.executable)


@pytest.mark.parametrize("executable", PYTHONS[:3])
def test_scheme(inspected: Inspected, said: Mapping[str, Any], executable: str) -> None:
    """The conda prefix is left out: its standard library is Debian's, and says so."""
    theirs, ours = said[executable][0]["scheme"], known(inspected, executable).scheme
    assert (str(ours.purelib), str(ours.platlib)) == (theirs["purelib"], theirs["platlib"])
    assert (str(ours.scripts), str(ours.data)) == (theirs["scripts"], theirs["data"])


@pytest.mark.parametrize("executable", PYTHONS)
def test_distributions(inspected: Inspected, said: Mapping[str, Any], executable: str) -> None:
    listed = said[executable][1]
    ours = inspected.inventory.importable(known(inspected, executable))
    assert {each.name: each.version for each in ours} == {
        each["name"].lower().replace("_", "-"): each["version"] for each in listed
    }
    editable = {each["name"] for each in listed if "editable_project_location" in each}
    assert {each.name for each in ours if each.editable} == {
        name.lower().replace("_", "-") for name in editable
    }


@pytest.mark.parametrize("executable", PYTHONS)
def test_details_of_distributions(inspected: Inspected, said: Mapping[str, Any], executable: str) -> None:
    ours = {each.name: each for each in inspected.inventory.importable(known(inspected, executable))}
    with_files = 0
    for theirs in reversed(said[executable][0]["distributions"]):
        each = ours[theirs["name"].lower().replace("_", "-")]
        place = f"{each.location}/{each.metadata}"
        if place != theirs["metadata"]:
            assert place in {other["metadata"] for other in said[executable][0]["distributions"]}
            continue  # a second one of that name, which nobody imports
        assert each.installer == theirs["installer"]
        assert each.direct_url == theirs["direct_url"]
        assert sorted(each.requires) == sorted(theirs["requires"])
        assert each.requires_python == theirs["requires_python"]
        found = sorted(f"/{inspected.index.resolve(path)}" for path in each.files or ())
        assert found == theirs["files"]
        with_files += bool(found)
    assert with_files


def test_system_packages(inspected: Inspected, said: Mapping[str, Any]) -> None:
    theirs = {
        (name, version, architecture, int(size) << 10)
        for status, name, version, architecture, size in said["dpkg"]
        if status.strip().endswith("i")
    }
    ours = inspected.inventory.os_packages or ()
    assert {(p.name, p.version, p.architecture, p.size) for p in ours if p.manager == "dpkg"} == theirs
    assert [p.name for p in ours if p.manager == "conda"] == ["python"]


def test_a_newer_debian(engine: docker.DockerClient, base13: str, tmp_path: Path) -> None:
    found = inspect_image(Docker(base13), store=Store(tmp_path)).inventory
    script = f"dpkg-query --show --showformat '{PACKAGES}'; python3 -c '{PROGRAM}'; ldd --version"
    output = engine.containers.run(base13, ["-c", script], entrypoint="sh", remove=True, network_mode="none")
    lines = output.decode().splitlines()
    dpkg = {tuple(line.split("\t")[1:3]) for line in lines if line.startswith("ii ")}
    assert {(each.name, each.version) for each in found.os_packages or ()} == dpkg
    theirs = next(json.loads(line) for line in lines if line.startswith("{"))
    python = found.default_python
    assert python is not None
    assert list(python.version) == theirs["version"]
    assert list(python.paths) == [path for path in theirs["path"] if "-packages" in path]
    assert (str(python.scheme.purelib), python.prefix) == (theirs["scheme"]["purelib"], theirs["prefix"])
    assert found.libc is not None
    assert any(line.endswith(f" {found.libc.version[0]}.{found.libc.version[1]}") for line in lines)
