# Sourced by demo.sh, test.sh and prove.sh: Debian packages that are missing, and a virtual environment in .venv with
# what uv.lock says. Does nothing that is done already. Honours pip's own settings (PIP_INDEX_URL, pip.conf).
# shellcheck shell=bash

CHECKOUT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
VENV="$CHECKOUT/.venv"

# Campaigns start the gateway hundreds of times: compiled once, it starts as it does on a real machine.
unset PYTHONDONTWRITEBYTECODE

say() { printf '%s\n' "$*" >&2; }

# Runs a command quietly; if it fails, shows what it said and ends the script.
quietly() {
    local log
    log="$(mktemp)"
    if ! "$@" >"$log" 2>&1 </dev/null; then
        cat "$log" >&2
        rm -f "$log"
        say "failed: $*"
        exit 1
    fi
    rm -f "$log"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        say "Needs root, or sudo, for: $*"
        exit 1
    fi
}

# debian_packages NAME...: installs those that dpkg does not have.
debian_packages() {
    local missing=() name
    for name in "$@"; do
        dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
    done
    [ "${#missing[@]}" -eq 0 ] && return
    if ! command -v apt-get >/dev/null; then
        say "This is no Debian: install by hand what Debian calls ${missing[*]}."
        exit 1
    fi
    say "Installing Debian packages: ${missing[*]}"
    quietly as_root apt-get -q update
    quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "${missing[@]}"
}

# The first Python from 3.11 to 3.13, the machine's own first.
find_python() {
    local name
    for name in python3 python3.11 python3.12 python3.13; do
        if command -v "$name" >/dev/null &&
            "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    say "Needs Python 3.11, 3.12 or 3.13."
    exit 1
}

# environment EXTRA...: .venv holds the locked dependencies with these extras, and this checkout, editable.
environment() {
    local python wanted stamp extras=() extra
    python="$(find_python)"
    wanted="$("$python" -V) $* $(cat "$CHECKOUT/uv.lock" "$CHECKOUT/pyproject.toml" | sha256sum)"
    stamp="$VENV/.laddvakt-environment"
    [ -x "$VENV/bin/laddvakt" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        debian_packages python3-venv
    fi
    say "Making the environment in .venv ($*)"
    [ -x "$VENV/bin/python" ] || quietly "$python" -m venv "$VENV"
    rm -f "$stamp"
    export PIP_DISABLE_PIP_VERSION_CHECK=1
    for extra in "$@"; do extras+=(--extra "$extra"); done
    quietly "$VENV/bin/python" -m pip install "uv>=0.5,<1"
    quietly "$VENV/bin/uv" --directory "$CHECKOUT" export --frozen --no-emit-project "${extras[@]}" \
        --output-file "$VENV/requirements.txt"
    quietly "$VENV/bin/python" -m pip install --require-hashes -r "$VENV/requirements.txt"
    quietly "$VENV/bin/python" -m pip install --no-deps --editable "$CHECKOUT"
    printf '%s\n' "$wanted" >"$stamp"
}

commit() {
    local id
    id="$(git -C "$CHECKOUT" rev-parse --short=12 HEAD 2>/dev/null || echo unknown)"
    [ -z "$(git -C "$CHECKOUT" status --porcelain 2>/dev/null)" ] || id="$id+changes"
    printf '%s' "$id"
}

# Every campaign: a module of tests/campaigns that can be run.
campaign_files() {
    grep -ls '__name__ == "__main__"' "$CHECKOUT"/tests/campaigns/[!_]*.py || true
}
