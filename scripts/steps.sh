# shellcheck shell=bash
# Runs named steps one after the other and tells at the end what came of them (after lib.sh).
#
# Each step has a process group of its own, so that an interruption ends its whole tree; then the
# services are stopped, $work is removed, and the table is printed all the same.

: "${root:?source lib.sh first}"
work=$(mktemp -d "${TMPDIR:-/tmp}/ramstream.XXXXXX")
running=
passed=0 failed=0
rows=() notes=()

# in_own_group COMMAND…: waits for it in a way that a signal interrupts at once.
in_own_group() {
    local status=0
    set -m
    "$@" </dev/null &
    running=$!
    set +m
    wait "$running" || status=$?
    running=
    return "$status"
}

# Ends the running step's group: asked first, forced after ten seconds.
end_running() {
    [[ -n $running ]] || return 0
    local try
    kill -TERM -- "-$running" 2>/dev/null || return 0
    for ((try = 0; try < 100; try++)); do
        kill -0 -- "-$running" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -KILL -- "-$running" 2>/dev/null || true
}

row() { rows+=("$(printf '%-34s %6s  %s' "$1" "$2" "$3")"); }

# attempt NAME COMMAND…: a step that may fail; false if it does, and counted in $failed.
attempt() {
    local name=$1 begun=$SECONDS status=0
    shift
    say "$name"
    current=$name
    if in_own_group "$@"; then
        passed=$((passed + 1))
        row "$name" "$((SECONDS - begun)) s" passed
    else
        failed=$((failed + 1))
        row "$name" "$((SECONDS - begun)) s" FAILED
        status=1
    fi
    current=
    return "$status"
}

# step NAME COMMAND…: the script ends with the first step that fails.
step() {
    attempt "$@" || exit 1
}

# not_checked WHAT: something that this run cannot judge; stands under the table.
not_checked() { notes+=("not checked here: $1"); }

# The steps that `make lint` and `make test` share.
check_code() {
    step "format" cargo fmt --check
    step "shell, Python, YAML, Dockerfile" scripts/lint-files
    if has_compose_loader; then
        step "compose file" scripts/lint-compose
    else
        not_checked "docker-compose.yml beyond its YAML: that takes the docker compose plugin, or Go 1.24"
    fi
    if has_go; then
        step "deployment" scripts/lint-deploy
    else
        not_checked "deploy/kubernetes, deploy/systemd and the alerts: that takes Go 1.24"
    fi
    step "clippy" cargo clippy --locked --all-targets -- -D warnings
    step "clippy, with the simulation" cargo clippy --locked --all-targets --all-features -- -D warnings
    step "documentation" env RUSTDOCFLAGS="-D warnings" \
        cargo doc --locked --no-deps --document-private-items --all-features
    not_checked "the image and the compose file in action: that takes a container engine"
    not_checked "deploy/kubernetes and deploy/systemd in action: that takes a cluster, and a machine that systemd runs"
}

check_dependencies() {
    step "licences, sources, bans" scripts/deny
    not_checked "known vulnerabilities: their list is on the open internet; there, run 'scripts/deny advisories'"
}

# Starts the services and takes over the environment that the tests read.
services_up() {
    step "Kafka Connect" tests/services/connect --fetch
    step "services up" tests/services/up --dir "$work/services" --for $$
    # shellcheck source=/dev/null
    source "$work/services/env"
}

services_down() { step "services down" tests/services/down --dir "$work/services"; }

finish() {
    local status=$?
    trap - EXIT
    trap '' INT TERM HUP
    [[ -z $running ]] || say "interrupted: stop '$current'"
    end_running
    "$root/tests/services/down" --dir "$work/services"
    rm -rf "$work"
    if [[ -n $running ]]; then
        failed=$((failed + 1))
        row "$current" "" interrupted
    fi
    printf '\n' && printf '%s\n' "${rows[@]}" "${notes[@]}"
    printf '%d passed, %d failed\n' "$passed" "$failed"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
