"""A processing program that tells what it saw, and misbehaves when its first argument asks for it."""

import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

ML = Path("/opt/ml")
PLACE = ML / "processing"
CONFIG = {file.name: json.loads(file.read_text()) for file in (ML / "config").glob("*.json")}
HOST = CONFIG["resourceconfig.json"]["current_host"]


def files(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*") if path.is_file())


def tell(output: Path) -> None:
    seen = {
        "arguments": sys.argv[1:],
        "environment": dict(os.environ),
        "config": CONFIG,
        "files": files(PLACE),
        "outputs": sorted(path.name for path in (PLACE / "output").iterdir()),
        "address": socket.gethostbyname(HOST),
        "hostname": socket.gethostname(),
        "writable": sorted(str(path) for path in (PLACE / "input").iterdir() if can_write(path)),
    }
    (output / f"{HOST}.json").write_text(json.dumps(seen))


def can_write(folder: Path) -> bool:
    try:
        (folder / ".probe").touch()
        (folder / ".probe").unlink()
    except OSError:
        return False
    return True


def stopped(number: int, frame: object) -> None:
    print("the handler has run", flush=True)
    sys.exit(0)


do = sys.argv[1] if len(sys.argv) > 1 else "tell"
print("processing on", HOST, flush=True)
if do == "fail":
    (ML / "output/message").write_text("the data are sour")
    sys.exit(3)
elif do == "bytes":
    (ML / "output/message").write_bytes(b"\xff\xfe")
elif do == "wait":
    signal.signal(signal.SIGTERM, stopped)
    print("ready to be stopped", flush=True)
    time.sleep(600)
elif do == "share":
    for file in (PLACE / "input/raw").iterdir():
        (PLACE / "output/facts" / file.name).write_text(HOST)
    (PLACE / "output/facts/same.txt").write_text(HOST)
elif do == "link":
    (PLACE / "output/facts/link").symlink_to("/etc/hostname")
else:
    tell(PLACE / "output/facts")
    (ML / "output/message").write_text("é" * 600)
