#!/usr/bin/env bash
# Fuzzes with libFuzzer, on the stable compiler: every target in turn, or those named.
#
#   scripts/fuzz.sh [--seconds N] [target…]
#
# What is found is left in fuzz/artifacts; once mended, it belongs into fuzz/corpus/<target>, where `cargo test` replays it. Inputs
# that reach new code are kept in fuzz/found, outside of the repository.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=300
targets=()
while [ $# -gt 0 ]; do
	case $1 in
	--seconds) seconds=${2:?--seconds wants a number}; shift 2 ;;
	-h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) targets+=("$1"); shift ;;
	esac
done
if [ ${#targets[@]} -eq 0 ]; then
	mapfile -t targets < <(find fuzz/corpus -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort)
fi
if ! command -v c++ > /dev/null; then
	echo "fuzz: libFuzzer is built with a C++ compiler: install g++ or clang" >&2
	exit 1
fi

# Counters at every edge, and what is compared with what: all of it plain code generation, so no nightly compiler is needed. The
# target is named so that build scripts are left as they are.
host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTFLAGS="${RUSTFLAGS:-} -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions -Coverflow-checks"
target_dir=${CARGO_TARGET_DIR:-target}/fuzz
cargo build --release --locked -p tenantry-fuzz --features libfuzzer --bin fuzz --target "$host" --target-dir "$target_dir" \
	--config 'profile.release.lto=false'

mkdir -p fuzz/artifacts
for target in "${targets[@]}"; do
	echo "fuzz: $target for $seconds s" >&2
	mkdir -p "fuzz/found/$target"
	TENANTRY_FUZZ=$target "$target_dir/$host/release/fuzz" "fuzz/found/$target" "fuzz/corpus/$target" \
		-artifact_prefix="fuzz/artifacts/$target-" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
		-max_len=4096 -print_final_stats=0 -verbosity=1
done
