"""Images made by hand -> what they hold: interpreters, distributions, packages, system."""

import json
import sqlite3
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byoc_kit.inventory import Inventory, Libc, OsPackage, Python
from byoc_kit.inventory.document import from_json, to_json
from byoc_kit.inventory.layer import read_layer
from byoc_kit.inventory.merge import merge
from byoc_kit.inventory.packing import PackingError, pack_inventory, unpack_inventory
from byoc_kit.inventory.read import layer_facts, take_inventory
from byoc_kit.inventory.rpm import read_database
from inventory.made import Entry, folder, image, link, tar, text

STATUS = """Package: python3.11-minimal
Status: install ok installed
Priority: optional
Installed-Size: 5000
Architecture: amd64
Version: 3.11.2-6+deb12u8
Description: short
 Package: a line that only looks like one

Package: removed
Status: deinstall ok config-files
Architecture: all
Version: 1

Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9
"""
OS_RELEASE = 'PRETTY_NAME="Debian"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n'
GLIBC = b"\x7fELF\0GNU C Library (Debian GLIBC 2.36-9+deb12u10) stable release version 2.36.\n\0"


def interpreter(prefix: str, minor: int = 11, lib: str = "lib") -> list[Entry]:
    return [
        text(f"{prefix}/bin/python3.{minor}", "ELF", mode=0o755),
        link(f"{prefix}/bin/python3", f"python3.{minor}"),
        text(f"{prefix}/{lib}/python3.{minor}/os.py"),
    ]


def distribution(folder: str, name: str, version: str, **files: str) -> list[Entry]:
    info = f"{folder}/{name}-{version}.dist-info"
    metadata = files.pop("METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nText\n")
    rest = [text(f"{info}/{each.replace('__', '.')}", content) for each, content in files.items()]
    return [text(f"{info}/METADATA", metadata), *rest]


DEBIAN: list[Entry] = [
    text("etc/os-release", OS_RELEASE),
    text("usr/bin/apt-get", "ELF", mode=0o755),
    text("usr/bin/sh", "ELF", mode=0o755),
    link("bin", "usr/bin"),
    link("lib", "usr/lib"),
    text("usr/lib/x86_64-linux-gnu/libc.so.6", GLIBC, mode=0o755),
    text("var/lib/dpkg/status", STATUS),
    *interpreter("usr"),
    text("usr/lib/python3.11/EXTERNALLY-MANAGED"),
    folder("usr/lib/python3/dist-packages"),
    folder("usr/local/lib/python3.11/dist-packages"),
]


def venv(prefix: str, minor: int = 11, shared: bool = False, home: str = "/usr/bin") -> list[Entry]:
    return [
        text(
            f"{prefix}/pyvenv.cfg",
            f"home = {home}\ninclude-system-site-packages = {str(shared).lower()}\nversion = 3.{minor}.2\n",
        ),
        link(f"{prefix}/bin/python3", f"{home}/python3"),
        link(f"{prefix}/bin/python", "python3"),
        folder(f"{prefix}/lib/python3.{minor}/site-packages"),
        link(f"{prefix}/lib64", "lib"),
    ]


def read(*layers: Sequence[Entry], env: Mapping[str, str] | None = None, **config: object) -> Inventory:
    tars = [tar(each) for each in layers]
    made = image(tars, env, **config)
    trees = [read_layer([each]) for each in tars]
    merged = merge(trees)
    inventory = take_inventory(made, merged, layer_facts(made, trees))
    again, index = unpack_inventory(pack_inventory(inventory, merged.index))
    assert again == inventory, "what is kept is what was found"
    assert list(index.walk()) == list(merged.index.walk())
    return inventory


def pythons(inventory: Inventory) -> Mapping[str, Python]:
    assert inventory.pythons is not None
    return {each.executable: each for each in inventory.pythons}


def test_debian() -> None:
    found = read(DEBIAN)
    assert (found.os_id, found.os_version, found.package_manager) == ("debian", "12", "apt-get")
    assert found.libc == Libc(name="glibc", version=(2, 36))
    assert found.os_packages == (
        OsPackage(
            name="python3.11-minimal",
            version="3.11.2-6+deb12u8",
            manager="dpkg",
            architecture="amd64",
            size=5_120_000,
        ),
        OsPackage(name="libc6", version="2.36-9", manager="dpkg", architecture="amd64"),
    )
    python = pythons(found)["/usr/bin/python3"]
    assert (python.version, python.abi, python.prefix, python.kind) == ((3, 11, 2), "cp311", "/usr", "system")
    assert python.default
    assert python.externally_managed
    assert python.paths == ("/usr/local/lib/python3.11/dist-packages", "/usr/lib/python3/dist-packages")
    assert python.scheme.purelib == PurePosixPath("/usr/local/lib/python3.11/dist-packages")
    assert (python.scheme.scripts, python.scheme.data) == (
        PurePosixPath("/usr/local/bin"),
        PurePosixPath("/usr/local"),
    )
    assert found.python is not None
    assert (found.python.executable, found.python.version, found.python.pip) == (
        "/usr/bin/python3",
        (3, 11, 2),
        None,
    )
    assert found.commands == {"sh", "python3"}
    assert found.unknown == ()
    assert list(pythons(found)) == ["/usr/bin/python3"], "/bin is the same folder"


def test_the_layers_in_numbers() -> None:
    found = read(DEBIAN, [text("opt/a", "12345")])
    assert found.layers is not None
    assert [(each.files, each.unpacked, each.created_by) for each in found.layers][1] == (1, 5, "RUN step 1")
    assert found.layers[1].size is not None
    assert found.layers[1].size < 300


def test_a_venv_first_on_path_is_the_default() -> None:
    env = {"PATH": "/opt/venv/bin:/usr/local/bin:/usr/bin:/bin"}
    found = read(DEBIAN, venv("opt/venv"), env=env)
    own = pythons(found)["/opt/venv/bin/python3"]
    assert own.default
    assert (own.kind, own.prefix, own.version) == ("venv", "/opt/venv", (3, 11, 2))
    assert own.paths == ("/opt/venv/lib/python3.11/site-packages",)
    assert own.sees == ()
    assert not own.externally_managed
    assert own.scheme.platlib == PurePosixPath("/opt/venv/lib/python3.11/site-packages")
    assert own.scheme.headers == PurePosixPath("/opt/venv/include/site/python3.11")
    assert not pythons(found)["/usr/bin/python3"].default


def test_a_venv_that_sees_its_base() -> None:
    layer = [
        *venv("opt/venv", shared=True),
        *distribution("opt/venv/lib/python3.11/site-packages", "wheel", "2.0"),
        *distribution("usr/lib/python3/dist-packages", "wheel", "1.0"),
        *distribution("usr/lib/python3/dist-packages", "idna", "3.0"),
    ]
    layer += distribution("usr/lib/python3.11/site-packages", "six", "1.0")
    found = read(DEBIAN, layer, env={"PATH": "/opt/venv/bin:/usr/bin"})
    own, base = pythons(found)["/opt/venv/bin/python3"], pythons(found)["/usr/bin/python3"]
    assert own.paths[0] == "/opt/venv/lib/python3.11/site-packages"
    assert own.sees == ("/usr/lib/python3.11/site-packages", *base.paths), "Debian's venvs look there too"
    assert {(d.name, d.version) for d in found.importable(own)} == {
        ("wheel", "2.0"),
        ("idna", "3.0"),
        ("six", "1.0"),
    }
    assert {(d.name, d.version) for d in found.importable(base)} == {("wheel", "1.0"), ("idna", "3.0")}
    by_version = {(d.name, d.version): d.python for d in found.distributions or ()}
    assert by_version == {
        ("wheel", "2.0"): "/opt/venv/bin/python3",
        ("wheel", "1.0"): "/usr/bin/python3",
        ("idna", "3.0"): "/usr/bin/python3",
        ("six", "1.0"): "/opt/venv/bin/python3",
    }


def test_a_copied_interpreter_finds_its_library_by_home() -> None:
    copied = [each for each in venv("opt/venv") if "bin/python" not in str(each)]
    copied += [text("opt/venv/bin/python3", "ELF", mode=0o755)]
    found = read(DEBIAN, copied, env={"PATH": "/opt/venv/bin"})
    assert pythons(found)["/opt/venv/bin/python3"].version == (3, 11, 2)


def test_lib64_of_an_amazon_linux_venv_is_on_the_path_twice_and_counted_once() -> None:
    base = [
        *interpreter("usr", 12, "lib64"),
        text("usr/include/python3.12/patchlevel.h", '#define PY_VERSION "3.12.9"'),
    ]
    own = [*venv("opt/venv", 12), *distribution("opt/venv/lib/python3.12/site-packages", "a", "1")]
    found = read(base, own, env={"PATH": "/opt/venv/bin:/usr/bin"})
    python = pythons(found)["/opt/venv/bin/python3"]
    assert python.version == (3, 12, 9)
    assert python.paths == (
        "/opt/venv/lib64/python3.12/site-packages",
        "/opt/venv/lib/python3.12/site-packages",
    )
    assert python.scheme.platlib == PurePosixPath("/opt/venv/lib/python3.12/site-packages")
    assert len(found.distributions or ()) == 1
    system = pythons(found)["/usr/bin/python3"]
    assert system.scheme.platlib == PurePosixPath("/usr/local/lib64/python3.12/site-packages")


def test_conda() -> None:
    record = {"name": "python", "version": "3.10.14", "build": "h1", "subdir": "linux-64"}
    numpy = {
        "name": "numpy",
        "version": "1.26.4",
        "subdir": "linux-64",
        "files": ["lib/python3.10/site-packages/numpy-1.26.4.dist-info/METADATA"],
        "paths_data": {"paths": [{"size_in_bytes": 7}, {"size_in_bytes": 5}]},
    }
    conda = [
        *interpreter("opt/conda", 10),
        link("opt/conda/bin/python", "python3.10"),
        text("opt/conda/conda-meta/python-3.10.14-h1.json", json.dumps(record)),
        text("opt/conda/conda-meta/numpy-1.26.4.json", json.dumps(numpy)),
        text("opt/conda/conda-meta/history", "no json"),
        text("opt/conda/conda-meta/damaged-1.json", "{"),
        *distribution("opt/conda/lib/python3.10/site-packages", "numpy", "1.26.4"),
    ]
    found = read(DEBIAN, conda, env={"PATH": "/opt/conda/bin:/usr/bin"})
    python = pythons(found)["/opt/conda/bin/python3"]
    assert (python.kind, python.version, python.default) == ("conda", (3, 10, 14), True)
    assert python.scheme.purelib == PurePosixPath("/opt/conda/lib/python3.10/site-packages")
    assert OsPackage(name="numpy", version="1.26.4", manager="conda", architecture="linux-64", size=12) in (
        found.os_packages or ()
    )
    assert [(d.name, d.installer) for d in found.distributions or ()] == [("numpy", "conda")]


def test_a_build_in_usr_local_has_no_dist_packages() -> None:
    site = "usr/local/lib/python3.12/site-packages"
    layer = [*interpreter("usr/local", 12), *distribution(site, "pip", "24.0"), folder("usr/local/lib64")]
    found = read(DEBIAN, layer)
    python = pythons(found)["/usr/local/bin/python3"]
    assert (python.kind, python.paths, python.default) == ("other", (f"/{site}",), True)
    assert python.version == (3, 12, None)
    assert found.unknown == ("the third part of the version of /usr/local/bin/python3: no file tells it",)
    assert found.python is not None
    assert found.python.pip == "24.0"


def test_pth_files_python_path_and_the_users_own_site() -> None:
    site = "/opt/venv/lib/python3.11/site-packages"
    layer = [
        *venv("opt/venv", shared=True),
        text(f"{site[1:]}/b.pth", "# comment\nimport os; os.system('no')\n/srv/more\n../beside\n/missing\n"),
        folder("srv/more"),
        folder("srv/first"),
        folder("opt/venv/lib/python3.11/beside"),
        folder("home/app/.local/lib/python3.11/site-packages"),
        text("etc/passwd", "root:x:0:0::/root:/bin/sh\napp:x:1000:100::/home/app:/bin/sh\n"),
    ]
    env = {"PATH": "/opt/venv/bin", "PYTHONPATH": "/srv/first:/nowhere:relative"}
    own = pythons(read(DEBIAN, layer, env=env, User="1000:100"))["/opt/venv/bin/python3"]
    assert own.paths == (
        "/srv/first",
        "/home/app/.local/lib/python3.11/site-packages",
        site,
        "/srv/more",
        "/opt/venv/lib/python3.11/beside",
        "/usr/local/lib/python3.11/dist-packages",
        "/usr/lib/python3/dist-packages",
    )


def test_a_shim_on_path_makes_the_default_unknown() -> None:
    found = read(DEBIAN, [text("usr/local/bin/python3", "#!/bin/sh\nexec pyenv\n", mode=0o755)])
    assert found.python is None
    assert list(pythons(found)) == ["/usr/bin/python3"]
    assert not pythons(found)["/usr/bin/python3"].default
    assert "which Python /usr/local/bin/python3 starts" in found.unknown[0]


def test_distributions() -> None:
    site = "usr/local/lib/python3.11/dist-packages"
    metadata = (
        "Metadata-Version: 2.1\nName: Foo.Bar_baz\nVersion: 1.0+cu129\nRequires-Python: >=3.8\n"
        "Requires-Dist: numpy>=1.20\nRequires-Dist: x ;\n  extra == 'more'\nProvides-Extra: more\n\n"
        "Name: not-a-header\n"
    )
    direct = {"url": "https://user:secret@git.example/x.git", "vcs_info": {"vcs": "git"}}
    editable = {"url": "file:///src/local", "dir_info": {"editable": True}}
    layer = [
        *distribution(
            site,
            "Foo_Bar_baz",
            "1.0+cu129",
            METADATA=metadata,
            RECORD='foo/__init__.py,sha256=x,3\n../../../bin/foo,,\n"foo/a,b.py",sha256=y,\nfoo/c.py,,\n',
            INSTALLER="uv\n",
            direct_url__json=json.dumps(direct),
        ),
        text(f"{site}/foo/__init__.py", "abc"),
        text("usr/local/bin/foo", "12345", mode=0o755),
        *distribution(site, "local", "0.1", direct_url__json=json.dumps(editable)),
        folder(f"{site}/empty-1.0.dist-info"),
        *distribution(site, "~p", "9"),
        text(f"{site}/old_style-2.0.egg-info", "Name: old-style\nVersion: 2.0\n"),
        text(f"{site}/older-3.0-py3.11.egg-info/PKG-INFO", "Name: older\nVersion: 3.0\n"),
        text(f"{site}/linked.egg-link", "/src/linked\n.\n"),
        text(f"{site}/easy-install.pth", "/src/linked\n"),
        text("src/linked/linked.egg-info/PKG-INFO", "Name: linked\nVersion: 4.0\n"),
    ]
    found = {each.name: each for each in read(DEBIAN, layer).distributions or ()}
    assert set(found) == {"foo-bar-baz", "local", "old-style", "older", "linked"}
    foo = found["foo-bar-baz"]
    assert (foo.version, foo.installer, foo.requires_python) == ("1.0+cu129", "uv", ">=3.8")
    assert foo.requires == ("numpy>=1.20", "x ; extra == 'more'")
    assert foo.extras == ("more",)
    assert (foo.location, foo.metadata) == (f"/{site}", "Foo_Bar_baz-1.0+cu129.dist-info")
    assert foo.direct_url == "https://git.example/x.git"
    assert foo.files == (
        f"/{site}/foo/__init__.py",
        "/usr/local/bin/foo",
        f"/{site}/foo/a,b.py",
        f"/{site}/foo/c.py",
    )
    assert foo.size == 8
    assert (len(foo.files), foo.files[1]) == (4, "/usr/local/bin/foo")
    assert [name for name, each in found.items() if each.editable] == ["linked", "local"]
    assert found["older"].files is None
    assert found["older"].size is None


def test_a_name_found_twice_is_the_first_on_the_path() -> None:
    layer = [
        *distribution("usr/lib/python3/dist-packages", "wheel", "1.0"),
        *distribution("usr/local/lib/python3.11/dist-packages", "Wheel", "2.0"),
    ]
    assert [(d.name, d.version) for d in read(DEBIAN, layer).distributions or ()] == [("wheel", "2.0")]


def test_what_two_interpreters_share_is_listed_once() -> None:
    layer = [*venv("opt/venv"), *distribution("srv/shared", "idna", "3.7")]
    env = {"PATH": "/opt/venv/bin:/usr/bin", "PYTHONPATH": "/srv/shared"}
    found = read(DEBIAN, layer, env=env)
    assert [(d.name, d.python) for d in found.distributions or ()] == [("idna", "/opt/venv/bin/python3")]
    for python in found.pythons or ():
        assert [d.name for d in found.importable(python)] == ["idna"]


def test_cuda_of_the_system_and_of_wheels() -> None:
    site = "usr/local/lib/python3.11/dist-packages"
    system = [text("usr/local/cuda-12.4/targets/x86_64-linux/lib/libcudart.so.12.4.127", "ELF")]
    wheel = [
        *distribution(site, "nvidia_cuda_runtime_cu12", "12.9.79"),
        text(f"{site}/nvidia/cuda_runtime/lib/libcudart.so.12"),
    ]
    assert read(DEBIAN, system).cuda == "12.4"
    assert read(DEBIAN, wheel).cuda == "12.9"
    assert read(DEBIAN, system, wheel).cuda == "12.4"
    assert read(DEBIAN).cuda is None
    two = read(DEBIAN, wheel, distribution(site, "nvidia_cuda_runtime", "13.0.1"))
    assert two.cuda is None
    assert two.unknown == ("which CUDA runtime is used: there are 12.9, 13.0",)


def test_toolkits_train_and_serve() -> None:
    site = "usr/local/lib/python3.11/dist-packages"
    layer = [
        *distribution(site, "sagemaker_training", "5.1.1"),
        *distribution(site, "sagemaker", "2.0"),
        text("usr/local/bin/train", "#!", mode=0o755),
        text("usr/local/bin/serve", "#!", mode=0o644),
    ]
    found = read(DEBIAN, layer)
    assert found.toolkits == {"sagemaker-training": "5.1.1"}
    assert found.commands & {"train", "serve"} == {"train"}


def test_alpine() -> None:
    installed = "P:musl\nV:1.2.5-r0\nA:x86_64\nI:667648\n\nP:busybox\nV:1.36.1-r29\nA:x86_64\n\n"
    found = read(
        [
            text("etc/os-release", 'ID=alpine\nVERSION_ID="3.20.3"\n'),
            text("lib/apk/db/installed", installed),
            text("lib/ld-musl-x86_64.so.1", "ELF", mode=0o755),
            text("sbin/apk", "ELF", mode=0o755),
        ]
    )
    assert found.libc == Libc(name="musl", version=(1, 2))
    assert found.package_manager == "apk"
    assert [(each.name, each.version, each.size) for each in found.os_packages or ()] == [
        ("musl", "1.2.5-r0", 667648),
        ("busybox", "1.36.1-r29", None),
    ]


def test_distroless_and_older_glibc() -> None:
    found = read(
        [
            text("var/lib/dpkg/status.d/libc6", "Package: libc6\nVersion: 2.31-1\nArchitecture: amd64\n"),
            text("var/lib/dpkg/status.d/libc6.md5sums", "x"),
            text("lib/x86_64-linux-gnu/libc-2.31.so", "ELF"),
            link("lib/x86_64-linux-gnu/libc.so.6", "libc-2.31.so"),
        ]
    )
    assert [each.name for each in found.os_packages or ()] == ["libc6"]
    assert found.libc == Libc(name="glibc", version=(2, 31))


def rpm_header(fields: Mapping[int, str | int]) -> bytes:
    """A header as rpm keeps it: big-endian, strings and 32-bit numbers."""
    entries, data = b"", b""
    for tag, value in fields.items():
        if isinstance(value, int):
            data += bytes(-len(data) % 4)
        entries += struct.pack(">iiii", tag, 4 if isinstance(value, int) else 6, len(data), 1)
        data += struct.pack(">I", value) if isinstance(value, int) else value.encode() + b"\0"
    return struct.pack(">ii", len(fields), len(data)) + entries + data


def rpm_database(path: Path, wal: bool) -> bytes:
    with sqlite3.connect(path) as connection:
        if wal:
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)")
        bash: dict[int, str | int] = {
            1000: "bash",
            1001: "5.2.15",
            1002: "1.amzn2023",
            1009: 8000000,
            1022: "x86_64",
        }
        for fields in (bash, bash | {1000: "dhcp", 1003: 12}, bash | {1000: "gpg-pubkey"}):
            connection.execute("INSERT INTO Packages (blob) VALUES (?)", [rpm_header(fields)])
    connection.execute("VACUUM")
    connection.close()
    return path.read_bytes()


@pytest.mark.parametrize("wal", [False, True])
def test_rpm(tmp_path: Path, wal: bool) -> None:
    database = rpm_database(tmp_path / "rpmdb.sqlite", wal)
    found = read(
        [text("usr/lib/sysimage/rpm/rpmdb.sqlite", database), link("var/lib/rpm", "/usr/lib/sysimage/rpm")]
    )
    assert found.os_packages == (
        OsPackage(
            name="bash", version="5.2.15-1.amzn2023", manager="rpm", architecture="x86_64", size=8000000
        ),
        OsPackage(
            name="dhcp", version="12:5.2.15-1.amzn2023", manager="rpm", architecture="x86_64", size=8000000
        ),
    )


@pytest.mark.parametrize(
    "entry",
    [text("var/lib/rpm/Packages", b"\0\x61\x15\x06"), text("var/lib/rpm/rpmdb.sqlite", "no database")],
)
def test_an_rpm_database_that_nobody_can_read_is_unknown(entry: Entry) -> None:
    found = read([entry])
    assert found.os_packages is None
    assert "rpm" in found.unknown[0]


def test_an_image_with_nothing_in_it() -> None:
    found = read([text("program", "ELF", mode=0o755)], Entrypoint=["/program"])
    assert (found.pythons, found.distributions, found.os_packages, found.python) == ((), (), (), None)
    assert found.libc is None
    assert found.unknown == ("the C library and its version: no file tells it",)


def test_an_inventory_that_was_cut_is_noticed() -> None:
    tars = [tar(DEBIAN)]
    made, trees = image(tars), [read_layer(tars)]
    packed = pack_inventory(take_inventory(made, merge(trees), layer_facts(made, trees)), merge(trees).index)
    for damaged in (packed[:-1], packed[: len(packed) // 2], b"", packed.replace(b'"distributions"', b'"x"')):
        with pytest.raises(PackingError):
            unpack_inventory(damaged)


GARBAGE = st.one_of(
    st.binary(max_size=300),
    st.sampled_from(
        [b"{", b"[]", b'{"name": 1}', b'"', b"\0" * 20, b'a,"\n', b"x" * 200_000, b"\xff\xfe: \xff"]
    ),
)
NAMES = (
    "etc/os-release",
    "etc/passwd",
    "var/lib/dpkg/status",
    "var/lib/dpkg/status.d/x",
    "lib/apk/db/installed",
    "var/lib/rpm/rpmdb.sqlite",
    "usr/lib/x86_64-linux-gnu/libc.so.6",
    "opt/conda/conda-meta/x-1.json",
    "opt/venv/pyvenv.cfg",
    "usr/include/python3.11/patchlevel.h",
    *(
        f"usr/lib/python3/dist-packages/a-1.dist-info/{name}"
        for name in ("METADATA", "RECORD", "INSTALLER", "direct_url.json")
    ),
    "usr/lib/python3/dist-packages/b.egg-info",
    "usr/lib/python3/dist-packages/c.egg-link",
    "usr/lib/python3/dist-packages/d.pth",
)


@given(st.dictionaries(st.sampled_from(NAMES), GARBAGE, max_size=6))
def test_no_file_of_an_image_breaks_the_reading(files: Mapping[str, bytes]) -> None:
    entries = [text(path, data) for path, data in files.items()]
    found = read([*DEBIAN, *interpreter("opt/conda", 10), *venv("opt/venv", shared=True)], entries)
    assert from_json(json.loads(json.dumps(to_json(found)))).pythons == found.pythons


@pytest.mark.parametrize(
    "record", ['{"url": 5, "dir_info": []}', '{"url": "http://[x", "dir_info": {"editable": 1}}', "[1]", "{"]
)
def test_a_strange_direct_url_is_none(record: str) -> None:
    layer = distribution("usr/lib/python3/dist-packages", "a", "1", direct_url__json=record)
    assert [each.direct_url for each in read(DEBIAN, layer).distributions or ()] == [None]


def test_a_damaged_record_is_none() -> None:
    layer = distribution("usr/lib/python3/dist-packages", "a", "1", RECORD="a" * 200_000 + ",,\n")
    assert [each.files for each in read(DEBIAN, layer).distributions or ()] == [None]


def test_a_database_that_never_ends_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "rpmdb.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE VIEW Packages AS WITH RECURSIVE n(blob) AS (SELECT 1 UNION ALL SELECT blob + 1 FROM n)"
            " SELECT NULL AS blob FROM n WHERE blob < 0"
        )
    connection.close()
    assert read_database(path.read_bytes()) is None
