# shellcheck shell=bash
# Shared by the scripts: words for the person watching, and what a machine must have.
#
# Everything here writes to stderr, so that a script's stdout stays its result.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Downloads and built tools that outlive a clone; safe to delete at any time.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/ramstream
# Also for scripts that run in a process of their own.
export root cache

say() { printf '==> %s\n' "$*" >&2; }

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# retry COMMAND…: up to three times; registries and mirrors have bad moments.
retry() {
    local try
    for try in 1 2 3; do
        "$@" && return
        [[ $try == 3 ]] || { say "try $try of 3 failed, once more in $((try * 5)) s: $1"; sleep $((try * 5)); }
    done
    return 1
}

# as_root COMMAND…: as root, or with a sudo that asks nothing; fails where neither is to be had.
as_root() {
    if [[ $(id -u) == 0 ]]; then "$@"; else have sudo && sudo -n "$@"; fi
}

apt_install() {
    retry as_root apt-get update -qq >&2 &&
        retry as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >&2
}

# need CHECK PACKAGE…: notes the packages where CHECK (a shell function or command line) fails; see install_missing.
missing=()
need() {
    local check=$1
    shift
    eval "$check" >/dev/null 2>&1 || missing+=("$@")
}

# Installs what `need` noted, or says in one line what to install.
install_missing() {
    [[ ${#missing[@]} -gt 0 ]] || return 0
    local list="${missing[*]}"
    have apt-get || die "missing on this machine; install the equivalents of these Debian packages: $list"
    [[ $(id -u) == 0 ]] || { have sudo && sudo -n true 2>/dev/null; } || die "missing; run: sudo apt-get install $list"
    say "install $list"
    apt_install "${missing[@]}" || die "apt-get could not install: $list"
    missing=()
}

# What `cargo build` needs: a C toolchain for librdkafka, and OpenSSL.
need_build_tools() {
    need_rust
    need 'have make' make
    need 'have cc' gcc libc6-dev
    need 'have c++' g++ # librdkafka's configure insists
    need 'have pkg-config' pkg-config
    need 'pkg-config --exists openssl' libssl-dev
    need 'pkg-config --exists zlib' zlib1g-dev
}

# The pinned toolchain, or, where it cannot be fetched, an installed one that is new enough.
need_rust() {
    have cargo || die "no cargo: install a Rust toolchain (1.95 or newer) with rustup"
    (cd "$root" && cargo --version) >/dev/null 2>&1 && return
    RUSTUP_TOOLCHAIN=stable cargo --version >/dev/null 2>&1 ||
        die "the toolchain of rust-toolchain.toml cannot be installed, and there is no 'stable': see 'rustup toolchain list'"
    export RUSTUP_TOOLCHAIN=stable
    say "the pinned Rust toolchain cannot be fetched: using $(cargo --version)"
}

java_is_new_enough() {
    local version
    version=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1)
    [[ -n $version && $version -ge 17 ]]
}

# What can load a compose file here: the plugin, or the Go that its loader is built with.
has_compose_loader() { docker compose version >/dev/null 2>&1 || has_go; }

# A Go that fetches the toolchain which a module asks for, if it is too old itself.
has_go() {
    have go || return 1
    local minor
    minor=$(go version | sed -n 's/.* go1\.\([0-9]*\).*/\1/p')
    [[ -n $minor && $minor -ge 24 ]]
}

# What the services and the readers by other hands need.
need_service_tools() {
    need java_is_new_enough default-jdk-headless
    need 'have mvn' maven
    need 'python3 -c "import ensurepip, venv"' python3 python3-venv
    need 'have setsid' util-linux
}

# Prints the interpreter of a virtual environment that has every requirements.txt of the project.
python_venv() {
    local venv=$root/target/venv files=() file marker lock
    for file in "$root"/{scripts,tests/readers,tests/clients}/requirements.txt; do
        [[ -f $file ]] && files+=("$file")
    done
    marker=$(cat "${files[@]}" | sha256sum | cut -c 1-16)
    # Two scripts at once must not make it both.
    mkdir -p "$root/target"
    exec {lock}>"$root/target/venv.lock"
    flock "$lock"
    if [[ ! -f $venv/$marker ]]; then
        say "Python packages into ${venv#"$root"/}"
        rm -rf "$venv"
        python3 -m venv "$venv" >&2
        retry "$venv/bin/pip" install --quiet --disable-pip-version-check "${files[@]/#/--requirement=}" >&2 ||
            die "pip could not install the packages of ${files[*]#"$root"/}"
        touch "$venv/$marker"
    fi
    exec {lock}>&-
    printf '%s\n' "$venv/bin/python"
}
