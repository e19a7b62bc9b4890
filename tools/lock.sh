#!/bin/sh
# Write the hash-pinned locks in requirements/ anew. Versions move only when asked: make lock UPGRADE=1
set -eu
cd "$(dirname "$0")/.."
uv="${VENV:-.venv}/bin/uv"
upgrade=${UPGRADE:+--upgrade}

compile() { # no header, index or annotation: the files name packages and hashes, and nobody's index
    # shellcheck disable=SC2086 # $upgrade is one option or none
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
        --no-annotate --no-emit-index-url --no-emit-find-links $upgrade "$@"
}

compile requirements/uv.in -o requirements/uv.txt
compile pyproject.toml --group dev -c requirements/uv.txt -o requirements/dev.txt
compile requirements/sdk2.in -o requirements/sdk2.txt
compile requirements/sdk3.in -o requirements/sdk3.txt
