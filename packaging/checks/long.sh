#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What takes long: sanitizers over unit and integration tests, the kill series, the soak, the fuzzers. Its summary goes
# into docs/quality.md, between the two marks.
set -euo pipefail
# shellcheck source=SCRIPTDIR/../common.sh
. "$(dirname "$0")/../common.sh"
cd "$LARES_ROOT"
logs="$LARES_ROOT/build/check"
mkdir -p "$logs"
fuzz_seconds=${LARES_FUZZ_SECONDS:-120}
rows=() code_all=0

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

# tests NAME PRESET CTEST-ARGUMENT...
tests() {
  local name=$1 preset=$2 code=0 start=$SECONDS log reports summary
  shift 2
  log="$logs/long-$name.log"
  # A server that a test started ends with a code that nobody may look at, so what a sanitizer says goes to files.
  reports="$logs/long-$name-reports"
  rm -rf "$reports"
  mkdir -p "$reports"
  (
    cd "build/$preset"
    export ASAN_OPTIONS="log_path=$reports/asan" UBSAN_OPTIONS="print_stacktrace=1:log_path=$reports/ubsan"
    export TSAN_OPTIONS="suppressions=$LARES_ROOT/packaging/checks/tsan.supp:log_path=$reports/tsan"
    ctest --output-on-failure --no-tests=ignore "$@"
  ) > "$log" 2>&1 || code=$?
  if ! summary=$(grep -E '^[0-9]+% tests passed' "$log"); then
    row "$name" none $((SECONDS - start)) "there are no such tests"
    return
  fi
  if [ -n "$(ls "$reports")" ]; then
    code=1
    summary="$summary; $(find "$reports" -type f | wc -l) reports of the sanitizer"
    head -q -n 40 "$reports"/* | head -n 400
  fi
  [ "$code" -eq 0 ] || grep -vE '^ *Start +[0-9]+:| Passed +[0-9.]+ sec$' "$log" | tail -n 200
  row "$name" "$code" $((SECONDS - start)) "$summary"
}

# The programs of a build whose name begins so, without everything else that it has.
programs() { ninja -C "build/$1" -t targets all | sed -nE "s/^($2[a-z0-9_]*): phony\$/\1/p" | sort -u; }

for sanitizer in asan tsan; do
  start=$SECONDS
  if configure "$sanitizer" > "$logs/$sanitizer.log" 2>&1 && build "$sanitizer" >> "$logs/$sanitizer.log" 2>&1; then
    tests "$sanitizer" "$sanitizer" -j "$(nproc)" -L '^(unit|load|integration|fuzz)$'
  else
    tail -n 50 "$logs/$sanitizer.log"
    row "$sanitizer" 1 $((SECONDS - start)) "does not build"
  fi
done

tests kill debug -L '^kill$'
tests soak debug -L '^soak$'
tests long debug -L '^long$'

# shellcheck disable=SC2046  # one word for each program
if configure fuzz > "$logs/fuzz.log" 2>&1 && build fuzz $(programs fuzz fuzz_) >> "$logs/fuzz.log" 2>&1; then
  for target in build/fuzz/fuzz/fuzz_*; do
    [ -x "$target" ] || continue
    name=$(basename "$target")
    name=${name#fuzz_}
    start=$SECONDS code=0
    # What the fuzzer finds new is kept in the build folder; the corpus of the tree grows by hand, with a reason.
    found="build/fuzz/found/$name"
    mkdir -p "$found"
    corpora=()
    while read -r corpus; do corpora+=("$corpus"); done < <(
      ctest --test-dir build/fuzz -N -V -R "^fuzz\\.$name\$" | sed -nE 's/.*Test command: [^ ]+ "([^"]+)".*/\1/p')
    "$target" -max_total_time="$fuzz_seconds" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$found/crash-" \
      "$found" "${corpora[@]}" > "$logs/fuzz-$name.log" 2>&1 || code=$?
    [ "$code" -eq 0 ] || tail -n 60 "$logs/fuzz-$name.log"
    executions=$(sed -nE 's/^Done ([0-9]+) runs.*/\1/p' "$logs/fuzz-$name.log" | tail -n 1)
    row "fuzz $name" "$code" $((SECONDS - start)) "${executions:-0} inputs"
  done
else
  tail -n 50 "$logs/fuzz.log"
  row fuzz 1 0 "does not build"
fi

changed=""
[ -z "$(git status --porcelain -- . ':!docs/quality.md')" ] || changed=", with changes that are not committed"
{
  printf '%s UTC, commit %s%s, %s cores.\n\n' "$(date -u '+%Y-%m-%d %H:%M')" "$(git rev-parse --short=12 HEAD)" "$changed" "$(nproc)"
  printf '| what | verdict | time | |\n|---|---|---|---|\n'
  printf '%s\n' "${rows[@]}"
} > "$logs/long.md"
awk -v summary="$logs/long.md" '
  /^<!-- long check: begin -->$/ { print; while ((getline line < summary) > 0) print line; skip = 1; next }
  /^<!-- long check: end -->$/ { skip = 0 }
  !skip { print }' docs/quality.md > "$logs/quality.md"
cp "$logs/quality.md" docs/quality.md
say "docs/quality.md carries the summary"
exit "$code_all"
