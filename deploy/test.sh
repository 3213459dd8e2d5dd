#!/usr/bin/env bash
# Every check of the house, on a machine that has only git, Python and root or sudo: style, types, floors, package,
# units, a seeded sample of every campaign, all tests with branch coverage. Ends with pytest's closing line.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$CHECKOUT"

SEED="${LADDVAKT_SEED:-20260101}"
# The samples that wait, and the tests, of which half mostly wait for ports, processes and the wall clock.
SAMPLES_AT_ONCE="${LADDVAKT_SAMPLES_AT_ONCE:-4}"
TESTS_AT_ONCE="${LADDVAKT_TESTS_AT_ONCE:-$((2 * $(nproc)))}"
BRANCH_COVERAGE_MIN="${LADDVAKT_BRANCH_COVERAGE_MIN:-95}"

failed=()

# step NAME COMMAND...: runs and times it. A failure is remembered, so that one run tells all of them.
step() {
    local name="$1" start=$SECONDS verdict="ok"
    shift
    say "--- $name"
    ("$@") </dev/null || { verdict="FAILED"; failed+=("$name"); }
    say "--- $name: $verdict, $((SECONDS - start)) s"
}

# The wheel holds every file of the gateway that Python needs, models included, and works away from the checkout.
package() {
    local room
    room="$(mktemp -d)"
    quietly .venv/bin/python -m pip wheel --no-deps --wheel-dir "$room" .
    quietly .venv/bin/python -m pip install --no-deps --no-compile --target "$room/site" "$room"/laddvakt-*.whl
    (cd "$room" && PYTHONPATH="$room/site" "$VENV/bin/python" -P -m gateway.cli.main check-config \
        "$CHECKOUT/deploy/laddvakt.toml.example" >/dev/null 2>"$room/said") || { cat "$room/said" >&2; return 1; }
    if [ "$(find "$room/site/gateway" -name '*.toml' | wc -l)" -ne "$(find gateway -name '*.toml' | wc -l)" ]; then
        say "The wheel lacks model files."
        return 1
    fi
    rm -rf "$room"
}

unit_exposure() {
    systemd-analyze security --offline=true --threshold=20 --no-pager deploy/laddvakt.service | tail -n 1
    return "${PIPESTATUS[0]}"
}

# One campaign's sample; what it prints comes out in one piece, when it is over.
campaign_sample() {
    local name="$1" said code=0 start=$SECONDS
    said="$(.venv/bin/python -m "tests.campaigns.$name" --sample --seed "$SEED" 2>&1)" || code=$?
    say "campaign $name, sample, seed $SEED, $((SECONDS - start)) s$([ "$code" -eq 0 ] || echo ": FAILED ($code)")
$said"
    return "$code"
}
export -f campaign_sample say
export SEED

# The samples that mostly wait for the wall clock, the longest first.
WAITING="strace_kills kills four_wallboxes han_silent dead_meter dead_man small_disk soak medium_faults"

# Each sample that is named on standard input, so many at a time.
samples_at_once() {
    xargs -P "$1" -I NAME bash -c 'campaign_sample NAME'
}

# What measures milliseconds runs alone. Then those that wait run a few at a time, and beside them the others, which
# compute, one after the other: more of them would take the processor from those that must be in time.
campaign_samples() {
    local alone="reaction" wrong=0 waiting computing
    waiting="$(tr ' ' '\n' <<<"$WAITING")"
    computing="$(for file in $(campaign_files); do basename "$file" .py; done | grep -vxF "$alone"$'\n'"$waiting")"
    campaign_sample "$alone" || wrong=1
    samples_at_once 1 <<<"$computing" &
    samples_at_once "$SAMPLES_AT_ONCE" <<<"$waiting" || wrong=1
    wait "$!" || wrong=1
    return "$wrong"
}

# Tests that hold a wire to its milliseconds: they have the machine to themselves.
IN_TIME=(tests/devices/test_modbus_bus.py tests/devices/test_modbus_turns.py)

tests_in_time() {
    .venv/bin/python -m pytest -q "${IN_TIME[@]}"
}

all_tests() {
    .venv/bin/python -m pytest -q -n "$TESTS_AT_ONCE" --dist worksteal --hypothesis-seed="$SEED" \
        --cov --cov-report= --durations=10 "${IN_TIME[@]/#/--ignore=}" "$@" 2>&1 | tee .venv/pytest.log
    return "${PIPESTATUS[0]}"
}

# The rooms where a branch that no test takes is a decision that nobody has looked at.
branch_coverage() {
    local room
    for room in control metering journal; do
        say "branch coverage of gateway/$room, at least $BRANCH_COVERAGE_MIN %"
        .venv/bin/coverage report --include="gateway/$room/*" --fail-under="$BRANCH_COVERAGE_MIN" || return 1
    done
}

step "debian packages" debian_packages ca-certificates git mosquitto softhsm2 strace systemd
step "environment" environment dev dlms gpio pkcs11 demo
[ "${#failed[@]}" -eq 0 ] || exit 1
step "lock" quietly .venv/bin/uv lock --check
step "style" .venv/bin/ruff check --quiet .
step "types" .venv/bin/mypy --no-error-summary
step "floors" quietly .venv/bin/lint-imports
step "package" package
step "unit" unit_exposure
step "campaign samples" campaign_samples
step "tests in time" tests_in_time
step "tests" all_tests "$@"
step "branch coverage" branch_coverage
say "seed $SEED, commit $(commit), $SECONDS s in all${failed[*]:+, failed: ${failed[*]}}"
tail -n 1 .venv/pytest.log
[ "${#failed[@]}" -eq 0 ]
