#!/bin/sh
# Make .venv: a Python environment with exactly what requirements/dev.txt pins by hash, and byoc-kit itself.
# Needs Python 3.11 or newer and a package index. Does nothing if nothing has changed since the last time.
set -eu
cd "$(dirname "$0")/.."
venv=${VENV:-.venv}

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$1"; say "fix: $2"; exit 1; }

wanted() { # what the environment was made from, as one line
    cat requirements/uv.txt requirements/dev.txt pyproject.toml tools/bootstrap.sh | cksum
    pwd -P
}

python_that() { # the first Python, 3.11 or newer, that can import $1
    for name in python3 python3.11 python3.12 python3.13 python3.14 /usr/bin/python3; do
        if "$name" -c "import sys, $1; sys.exit(sys.version_info < (3, 11))" >/dev/null 2>&1; then
            command -v "$name"
            return 0
        fi
    done
    return 1
}

agreed() { # whether $1 may be done to this machine
    [ "${DEMO_INSTALL:-}" = 1 ] || [ ! -t 0 ] && return 0
    printf 'setup: %s? [y/N] ' "$1" >&2
    read -r answer && [ "$answer" = y ]
}

add_venv_module() { # Debian's Python comes without the module venv
    hint="install Python 3.11 or newer with the module venv (Debian: apt-get install python3-venv)"
    python_that sys >/dev/null || fail "no Python 3.11 or newer found" "$hint"
    [ "$(id -u)" = 0 ] && [ -f /etc/debian_version ] || fail "this Python has no module ensurepip" "$hint"
    agreed "install python3-venv with apt-get" || fail "python3-venv is missing" "$hint"
    say "installing python3-venv with apt-get"
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y --no-install-recommends python3-venv >/dev/null 2>&1 || {
        apt-get update >/dev/null
        apt-get install -y --no-install-recommends python3-venv >/dev/null
    } || fail "apt-get could not install python3-venv" "$hint"
}

use_pips_settings() { # uv reads none of pip's; a machine that has a mirror usually told only pip
    index=$("$venv/bin/python" -m pip config get global.index-url 2>/dev/null || true)
    index=${PIP_INDEX_URL:-$index}
    certificates=$("$venv/bin/python" -m pip config get global.cert 2>/dev/null || true)
    certificates=${PIP_CERT:-$certificates}
    [ -n "${UV_DEFAULT_INDEX:-}" ] || [ -z "$index" ] || export UV_DEFAULT_INDEX="$index"
    [ -n "${SSL_CERT_FILE:-}" ] || [ -z "$certificates" ] || export SSL_CERT_FILE="$certificates"
}

stamp="$venv/.made-from"
if [ -x "$venv/bin/byoc" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$(wanted)" ] && "$venv/bin/python" -c ''; then
    exit 0
fi

python=$(python_that ensurepip) || { add_venv_module; python=$(python_that ensurepip); }
say "making $venv with $("$python" --version)"
rm -f "$stamp"
[ -x "$venv/bin/python" ] && "$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear "$venv"
use_pips_settings
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
if ! "$venv/bin/uv" pip sync --quiet --python "$venv/bin/python" --require-hashes requirements/dev.txt; then
    say "uv could not install the requirements; trying pip"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.txt
fi
"$venv/bin/uv" pip install --quiet --offline --python "$venv/bin/python" --no-deps --no-build-isolation --editable .
wanted > "$stamp"
