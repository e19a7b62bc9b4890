"""What the files of an engine's image tell: its own shell looks, without network and with little to spend.

Saving an image takes as long as it is large; this takes less than a second for most.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from byoc_kit.contract.asked import (
    BASH,
    FOLDERS,
    MOST,
    NAMES,
    PROGRAM_FOLDERS,
    PROGRAMS,
    TEXT,
    TEXTS,
    distinct,
    file_text,
    normal,
    script_words,
    start_words,
)
from byoc_kit.contract.evidence import File, ImageFacts
from byoc_kit.docker_helper import printed
from byoc_kit.errors import ByocError
from byoc_kit.oci.config import ImageConfig
from byoc_kit.store import Store

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = ["look_into"]

SECONDS: Final = 120
MEMORY: Final = "512m"
PROCESSES: Final = 128
MOST_OUTPUT: Final = "8m"
KIND: Final = "interior"
KINDS: Final = {0o040000: "dir", 0o120000: "symlink", 0o100000: "file", 0o010000: "fifo"}

PYTHON: Final = """
import sys
print("python %d %d" % sys.version_info[:2])
try:
    from importlib.metadata import distributions
except ImportError:
    distributions = list
for each in distributions():
    print("distribution %s %s" % (each.metadata["Name"], each.version))
"""

PROBE: Final = f"""
where() {{
  case $1 in */*) [ -f "$1" ] && echo "$1"; return;; esac
  (IFS=:; for d in $PATH; do [ -f "$d/$1" ] && [ -x "$d/$1" ] && echo "$d/$1" && exit; done
  for d in $PATH; do [ -f "$d/$1" ] && echo "$d/$1" && exit; done)
}}
read_it() {{ echo "text $(od -An -v -tx1 -N{TEXT} "$1" | tr -d ' \\n') $1"; }}
note() {{ stat -L -c 'file %f %u %s %n' "$1"; read_it "$1"; }}
start() {{
  path=$(where "$1"); [ -n "$path" ] || return
  echo "$2 $path"; note "$path"
  read -r first < "$path" 2>/dev/null
  case $first in '#!'*) set -- ${{first#??}}; [ -e "$1" ] && stat -L -c 'file %f %u %s %n' "$1"
    shift; for word; do command -v "$word" >/dev/null && echo "program $word"; done;; esac
}}
echo looked
for name in {" ".join(PROGRAMS)}; do command -v $name >/dev/null && echo "program $name"; done
[ -x {BASH} ] && echo "program {BASH}"
while [ "$1" != -- ]; do start "$1" starts; shift; done; shift
while [ "$1" != -- ]; do start "$1" script; shift; done; shift
for text in {" ".join(TEXTS)}; do [ -f "$text" ] && note "$text"; done
for key in /etc/ssh/ssh_host_*_key; do [ -f "$key" ] && stat -c 'file %f %u %s %n' "$key"; done
find {" ".join(FOLDERS)} -exec stat -c 'file %f %u %s %n' {{}} + 2>/dev/null | head -n {MOST}
find / -xdev \\( {" -o ".join(f"-name '{name}'" for name in NAMES)} \\) \
  -exec stat -c 'file %f %u %s %n' {{}} + 2>/dev/null | head -n {MOST}
find / -xdev -path '*/sagemaker_inference/decoder.py' 2>/dev/null | while read -r path; do note "$path"; done
[ "$PWD" = / ] || set -- "$PWD"
find {" ".join(PROGRAM_FOLDERS)} "$@" -xdev \\( -type d ! -perm -005 -o -type f ! -perm -004 \\) \
  2>/dev/null | head -n {MOST} | while read -r path; do echo "closed $path"; done
python3 -I -c '{PYTHON}' 2>/dev/null
echo done
"""
"""Run by the ``sh`` of an image; prints one fact per line. Its words: starts, ``--``, scripts, ``--``."""


def look_into(
    client: "DockerClient", image_id: str, config: ImageConfig, *, store: Store
) -> ImageFacts | None:
    """What clauses ask of the image's files; looked at once for each image id. None: it has no shell to look.

    Raises ByocError (BYOC-E660) where a container for it cannot be started.
    """
    key = f"{image_id} {PROBE}"
    known = store.read(KIND, key)
    lines = known.get("lines") if isinstance(known, dict) else None
    if not isinstance(lines, list):
        lines = _lines(client, image_id, config)
        store.write(KIND, key, {"lines": lines})
    return _facts(lines) if "looked" in lines and "done" in lines else None


def _lines(client: "DockerClient", image_id: str, config: ImageConfig) -> list[str]:
    """The probe's lines; none where the image has no ``sh``."""
    import requests
    from docker.errors import APIError

    words = [*start_words(config), "--", *script_words(config), "--"]
    asked: dict[str, Any] = {"entrypoint": ["sh", "-c", PROBE, "sh"], "command": words, **_limits()}
    try:
        return printed(client, image_id, seconds=SECONDS, **asked)
    except (APIError, requests.RequestException) as error:
        said = str(getattr(error, "explanation", None) or error)
        if "not found" in said or "no such file" in said:
            return []
        raise _not_started(image_id, error) from error


def _limits() -> dict[str, Any]:
    """An image is untrusted: no network, no new privileges, little of everything."""
    return {
        "network_mode": "none",
        "user": "0",
        "detach": True,
        "mem_limit": MEMORY,
        "pids_limit": PROCESSES,
        "security_opt": ["no-new-privileges"],
        "log_config": {"Type": "json-file", "Config": {"max-size": MOST_OUTPUT}},
    }


def _not_started(image_id: str, error: Exception) -> ByocError:
    return ByocError(
        f"nobody can look into the image {image_id[7:19]}",
        why=str(getattr(error, "explanation", None) or error)[:300],
        fix=f"`docker run --rm --entrypoint sh {image_id[7:19]} -c true` shows the same",
        id="BYOC-E660",
    )


def _facts(lines: Sequence[str]) -> ImageFacts:
    """What the probe has told."""
    told: dict[str, list[str]] = {}
    for line in lines:
        key, _, rest = line.partition(" ")
        told.setdefault(key, []).append(rest)
    python = [int(part) for part in next(iter(told.get("python", [])), "").split()]
    files = distinct(_files(told))
    return ImageFacts(
        files=files,
        starts=tuple(told.get("starts", ())),
        scripts=tuple(told.get("script", ())),
        programs=frozenset(told.get("program", ())),
        closed=tuple(dict.fromkeys(told.get("closed", ()))),
        distributions=normal(
            [(name, version) for line in told.get("distribution", ()) for name, version in [_pair(line)]]
        ),
        python=(python[0], python[1]) if len(python) == 2 else None,
        cuda=any("libcudart.so" in file.path for file in files),
    )


def _pair(line: str) -> tuple[str, str]:
    name, _, version = line.rpartition(" ")
    return name, version


def _files(told: dict[str, list[str]]) -> Iterator[File]:
    texts = {path: data for data, _, path in (line.partition(" ") for line in told.get("text", ()))}
    for line in told.get("file", ()):
        mode, uid, size, path = line.split(" ", 3)
        if path in FOLDERS:
            continue
        bits, data = int(mode, 16), texts.get(path)
        yield File(
            path=path,
            kind=KINDS.get(bits & 0o170000, "other"),
            mode=bits & 0o7777,
            uid=int(uid),
            size=int(size),
            text=None if data is None else file_text(bytes.fromhex(data)),
        )
