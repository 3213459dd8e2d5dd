#!/usr/bin/env bash
# Runs one campaign in full and prints its figure with command, commit and seed.
#   deploy/prove.sh                    names the campaigns
#   deploy/prove.sh NAME [--seed N] …  runs one
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$CHECKOUT"

name="${1:-}"
if [ -z "$name" ] || [ ! -e "tests/campaigns/$name.py" ]; then
    [ -z "$name" ] || say "There is no campaign \"$name\"."
    say "Campaigns:"
    campaign_files | sed 's|.*/||; s|\.py$||' >&2
    exit 2
fi
shift
seed="" arguments=()
while [ $# -gt 0 ]; do
    case "$1" in
        --seed) seed="${2:?--seed wants a number}"; shift 2 ;;
        --seed=*) seed="${1#--seed=}"; shift ;;
        *) arguments+=("$1"); shift ;;
    esac
done
seed="${seed:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}"

debian_packages ca-certificates git mosquitto strace
environment dev dlms gpio demo fuzz
printf 'campaign %s\ncommand  deploy/prove.sh %s --seed %s%s\ncommit   %s\nseed     %s\n' \
    "$name" "$name" "$seed" "${arguments[*]:+ ${arguments[*]}}" "$(commit)" "$seed"
start=$SECONDS
code=0
.venv/bin/python -m "tests.campaigns.$name" --seed "$seed" "${arguments[@]}" || code=$?
printf 'took     %s s, exit %s\n' "$((SECONDS - start))" "$code"
exit "$code"
