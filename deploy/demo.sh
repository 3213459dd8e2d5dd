#!/usr/bin/env bash
# A cabinet of four sockets on a 20 A main fuse, at work: the cabinet in software on real serial lines, a broker, the
# gateway, and a live table. Everything it starts ends with it; nothing is kept.
#   deploy/demo.sh                    until Ctrl-C
#   deploy/demo.sh --seconds 120      ends by itself
#   deploy/demo.sh --listen [PORT]    also lets a Home Assistant elsewhere in, with a password that it prints
#   deploy/demo.sh --scenario NAME    another one of hil/scenarios
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

seconds="" listen="" scenario="demo"
while [ $# -gt 0 ]; do
    case "$1" in
        --seconds) seconds="${2:?--seconds wants a number}"; shift 2 ;;
        --listen)
            listen=1884; shift
            case "${1:-}" in [0-9]*) listen="$1"; shift ;; esac ;;
        --scenario) scenario="${2:?--scenario wants a name}"; shift 2 ;;
        -h | --help) sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
        *) say "Unknown: $1 (try --help)"; exit 2 ;;
    esac
done
case "$seconds" in '' | *[!0-9]*) [ -z "$seconds" ] || { say "--seconds wants a whole number"; exit 2; } ;; esac

debian_packages ca-certificates mosquitto
environment demo

room="$(mktemp -d "${TMPDIR:-/tmp}/laddvakt-demo.XXXXXX")"
broker="" cabinet="" gateway="" table="" clock=""

# ends PID SECONDS: asks it to end, and after so long makes it.
ends() {
    local pid="$1" patience="$2"
    [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null || return 0
    kill -TERM "$pid" 2>/dev/null || true
    while [ "$patience" -gt 0 ] && kill -0 "$pid" 2>/dev/null; do
        sleep 0.1
        patience=$((patience - 1))
    done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}

# What the run leaves behind: every session signed, and checked against the key that this gateway made.
receipt() {
    local laddvakt="$VENV/bin/laddvakt" key
    key="$("$laddvakt" key show --state-dir "$room/state" | sed -n 's/^hex: //p')" || return 0
    "$laddvakt" export --state-dir "$room/state" --format ocmf -o "$room/records.ocmf" || return 0
    [ -s "$room/records.ocmf" ] || { say "No session has ended in this run, so there is no signed record yet."; return 0; }
    say "Signed records of this run, checked against the gateway's key:"
    "$laddvakt" verify "$room/records.ocmf" --key "$key" || true
}

tidy() {
    trap - EXIT
    trap '' INT TERM HUP    # whoever presses Ctrl-C again would leave processes behind
    ends "$clock" 1
    ends "$table" 20
    ends "$gateway" 300     # it stops every session and signs it
    [ "$(ls -A "$room/state" 2>/dev/null)" ] && receipt
    ends "$cabinet" 30
    ends "$broker" 30
    rm -rf "$room"
}
trap 'tidy' EXIT
trap 'tidy; exit 0' INT TERM HUP

free_port() {
    "$VENV/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# waits_for SECONDS WHAT PID LOG COMMAND...: until the command is true, or the process has gone.
waits_for() {
    local patience=$(($1 * 10)) what="$2" pid="$3" log="$4"
    shift 4
    while ! "$@" 2>/dev/null; do
        if [ "$patience" -le 0 ] || ! kill -0 "$pid" 2>/dev/null; then
            say "The $what did not come up:"
            cat "$log" >&2
            exit 1
        fi
        sleep 0.1
        patience=$((patience - 1))
    done
}

# Each in a session of its own (setsid): Ctrl-C is for this script alone, since the gateway needs the cabinet and the
# broker for as long as it signs its last sessions.
start_broker() {
    port="$(free_port)"
    {
        printf 'per_listener_settings true\nlistener %s 127.0.0.1\nallow_anonymous true\n' "$port"
        if [ -n "$listen" ]; then
            password="$("$VENV/bin/python" -c 'import secrets; print(secrets.token_urlsafe(12))')"
            (umask 077 && printf 'homeassistant:%s\n' "$password" >"$room/passwords")
            mosquitto_passwd -U "$room/passwords"
            printf 'listener %s\npassword_file %s\nallow_anonymous false\n' "$listen" "$room/passwords"
        fi
    } >"$room/mosquitto.conf"
    if [ "$(id -u)" -eq 0 ] && id mosquitto >/dev/null 2>&1; then
        chmod 711 "$room"       # as root, mosquitto becomes its own user, who must reach its password file
        [ ! -e "$room/passwords" ] || chown mosquitto "$room/passwords"
    fi
    PATH="$PATH:/usr/sbin" setsid mosquitto -c "$room/mosquitto.conf" >"$room/broker.log" 2>&1 </dev/null &
    broker=$!
    waits_for 10 broker "$broker" "$room/broker.log" bash -c "exec 3<>/dev/tcp/127.0.0.1/$port"
}

start_cabinet() {
    setsid "$VENV/bin/python" -m hil cabinet "hil/scenarios/$scenario.toml" --mqtt "127.0.0.1:$port" \
        --config-out "$room/laddvakt.toml" --state-dir "$room/state" >"$room/cabinet.log" 2>&1 </dev/null &
    cabinet=$!
    waits_for 20 cabinet "$cabinet" "$room/cabinet.log" grep -q '"p1"' "$room/cabinet.log"
}

start_gateway() {
    mkdir -m 700 "$room/state"
    setsid "$VENV/bin/laddvakt" run "$room/laddvakt.toml" >"$room/gateway.log" 2>&1 </dev/null &
    gateway=$!
}

cd "$CHECKOUT"
start_broker
start_cabinet
start_gateway
if [ -n "$listen" ]; then
    say "For Home Assistant (Settings, Devices & services, MQTT): broker $(hostname -I 2>/dev/null | cut -d' ' -f1)," \
        "port $listen, user homeassistant, password $password"
fi
plain=()
[ -t 1 ] || plain=(--plain)
"$VENV/bin/laddvakt" watch --port "$port" "${plain[@]}" </dev/null &
table=$!
if [ -n "$seconds" ]; then
    sleep "$seconds" &
    clock=$!
    wait -n "$clock" "$table" "$gateway" || true
else
    wait -n "$table" "$gateway" || true
fi
if ! kill -0 "$gateway" 2>/dev/null; then
    say "The gateway ended:"
    tail -n 30 "$room/gateway.log" >&2
    exit 1
fi
