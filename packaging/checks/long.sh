#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What takes long: sanitizers over the tests, the kill series, the soak, the fuzzers. It asks nobody anything, goes on after a
# failure, and puts its summary into docs/quality.md, between the two marks.
#
#   long.sh [PART...]    parts: asan tsan kill soak long fuzz. Without one it is all of them, and only then the summary is written.
set -euo pipefail
# shellcheck source=SCRIPTDIR/../common.sh
. "$(dirname "$0")/../common.sh"
cd "$LARES_ROOT"
logs="$LARES_ROOT/build/check"
mkdir -p "$logs"
fuzz_seconds=${LARES_FUZZ_SECONDS:-120}
# The build that is killed and soaked: as it is tested, without a sanitizer.
plain=${LARES_PRESET:-debug}
all=(asan tsan kill soak long fuzz)
parts=("$@")
[ $# -gt 0 ] || parts=("${all[@]}")
for part in "${parts[@]}"; do
  [[ " ${all[*]} " == *" $part "* ]] || fail "there is no part '$part'; there are: ${all[*]}"
done
need_packages long
rows=() code_all=0
# What is judged is what stands here now; a commit that is made meanwhile is not.
began=$(date -u '+%Y-%m-%d, %H:%M')
commit=$(git rev-parse --short=12 HEAD)
[ -z "$(git status --porcelain -- . ':!docs/quality.md')" ] || commit="$commit with changes that were not committed"

# row NAME CODE SECONDS TEXT: the code 0 has passed, "none" is that there is nothing to run, any other has failed.
row() {
  local verdict=passed
  if [ "$2" = none ]; then
    verdict="not run"
  elif [ "$2" -ne 0 ]; then
    verdict=FAILED
    code_all=1
  fi
  rows+=("| $1 | $verdict | $3 s | $4 |")
  printf '%-24s %s %6d s  %s\n' "$1" "$verdict" "$3" "$4"
}

# built NAME PRESET TARGET...: configures and builds; a row and a failure when that is not possible.
built() {
  local name=$1 preset=$2 start=$SECONDS
  shift 2
  if configure "$preset" > "$logs/long-$preset.log" 2>&1 && build "$preset" "$@" >> "$logs/long-$preset.log" 2>&1; then
    return
  fi
  grep -vE '^\[[0-9]+ of ' "$logs/long-$preset.log" | tail -n 50 || true
  row "$name" 1 $((SECONDS - start)) "does not build"
  return 1
}

# tests NAME PRESET CTEST-ARGUMENT...
tests() {
  local name=$1 preset=$2 code=0 start=$SECONDS log reports summary found
  shift 2
  log="$logs/long-$name.log"
  # A server that a test started ends with a code that nobody may look at, so what a sanitizer says goes to files.
  reports="$logs/long-$name-reports"
  rm -rf "$reports"
  mkdir -p "$reports"
  (
    cd "build/$preset"
    # Without names no suppression is found to apply.
    symbolizer="external_symbolizer_path=$(command -v llvm-symbolizer-19)"
    export ASAN_OPTIONS="$symbolizer:log_path=$reports/asan"
    export UBSAN_OPTIONS="$symbolizer:print_stacktrace=1:log_path=$reports/ubsan"
    export TSAN_OPTIONS="$symbolizer:suppressions=$LARES_ROOT/packaging/checks/tsan.supp:log_path=$reports/tsan"
    ctest --output-on-failure --no-tests=ignore "$@"
  ) > "$log" 2>&1 || code=$?
  summary=$(sed -nE 's/^[0-9]+% tests passed, ([0-9]+) tests? failed out of ([0-9]+)$/\2 tests, \1 failed/p' "$log")
  if [ -z "$summary" ] && [ "$code" -eq 0 ]; then
    row "$name" none $((SECONDS - start)) "there are no such tests"
    return
  fi
  found=$(find "$reports" -type f | wc -l)
  if [ "$found" -gt 0 ]; then
    code=1
    find "$reports" -type f -exec head -n 40 {} \;
  fi
  if [ "$code" -ne 0 ]; then
    grep -vE '^ *Start +[0-9]+:| Passed +[0-9.]+ sec$' "$log" | tail -n 200 || true
  fi
  row "$name" "$code" $((SECONDS - start)) "${summary:-ctest ended with $code}; $found reports of a sanitizer"
}

# The programs of a build whose name begins so, without everything else that it has.
programs() { ninja -C "build/$1" -t targets all | sed -nE "s/^($2[a-z0-9_]*): phony\$/\1/p" | sort -u; }

# fuzz NAME: one target, for its time. What it finds new is kept in the build folder, and is where the next run goes on; the
# corpus of the tree grows by hand, with a reason.
fuzz() {
  local found="build/fuzz/found/$1" corpora=() corpus code=0 start=$SECONDS
  mkdir -p "$found"
  while read -r corpus; do corpora+=("$corpus"); done < <(
    ctest --test-dir build/fuzz -N -V -R "^fuzz\\.$1\$" | sed -nE 's/.*Test command: [^ ]+ "([^"]+)".*/\1/p')
  "build/fuzz/fuzz/fuzz_$1" -max_total_time="$fuzz_seconds" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$found/crash-" \
    "$found" "${corpora[@]}" > "$logs/fuzz-$1.log" 2>&1 || code=$?
  printf '%s %s\n' "$code" $((SECONDS - start)) > "$logs/fuzz-$1.result"
}

fuzz_all() {
  local name names=() code seconds executions
  # The targets are known once it is configured.
  if ! configure fuzz > "$logs/long-fuzz.log" 2>&1; then
    row fuzz 1 0 "cannot be configured"
    return
  fi
  # shellcheck disable=SC2046  # one word for each program
  built fuzz fuzz $(programs fuzz fuzz_) || return 0
  for name in $(programs fuzz fuzz_); do names+=("${name#fuzz_}"); done
  rm -f "$logs"/fuzz-*.result
  # One on each core: a target is a thread by itself.
  for name in "${names[@]}"; do
    while [ "$(jobs -pr | wc -l)" -ge "$(nproc)" ]; do wait -n || true; done
    fuzz "$name" &
  done
  wait
  for name in "${names[@]}"; do
    code=1 seconds=0
    read -r code seconds < "$logs/fuzz-$name.result" || true
    [ "$code" -eq 0 ] || tail -n 60 "$logs/fuzz-$name.log"
    executions=$(sed -nE 's/^Done ([0-9]+) runs.*/\1/p' "$logs/fuzz-$name.log" | tail -n 1)
    row "fuzz $name" "$code" "$seconds" "${executions:-0} inputs"
  done
}

for part in "${parts[@]}"; do
  case $part in
    asan | tsan)
      ! built "$part" "$part" || tests "$part" "$part" -j "$(nproc)" -L '^(unit|load|sim|integration|fuzz)$'
      ;;
    # The soaks wait most of the time, so both shapes go at once.
    soak) ! built soak "$plain" || tests soak "$plain" -j 2 -L '^soak$' ;;
    kill | long) ! built "$part" "$plain" || tests "$part" "$plain" -L "^$part\$" ;;
    fuzz) fuzz_all ;;
  esac
done

if [ "${parts[*]}" = "${all[*]}" ]; then
  {
    printf '%s to %s UTC, commit %s, %s cores.\n\n' "$began" "$(date -u '+%H:%M')" "$commit" "$(nproc)"
    printf '| what | verdict | time | |\n|---|---|---|---|\n'
    printf '%s\n' "${rows[@]}"
  } > "$logs/long.md"
  awk -v summary="$logs/long.md" '
    /^<!-- long check: begin -->$/ { print; while ((getline line < summary) > 0) print line; skip = 1; next }
    /^<!-- long check: end -->$/ { skip = 0 }
    !skip { print }' docs/quality.md > "$logs/quality.md"
  cp "$logs/quality.md" docs/quality.md
  say "docs/quality.md carries the summary"
fi
exit "$code_all"
