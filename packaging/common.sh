# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What quickstart and check share: the packages they need, and how the tree is built. To be sourced.

LARES_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

say() { printf '%s\n' "$*"; }
fail() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# The packages under [section] of packaging/dependencies, each with the command that is as good.
packages_of() {
  awk -v wanted="[$1]" '/^\[/ { on = ($0 == wanted); next } on && NF && !/^#/ { print $1, $2 }' \
    "$LARES_ROOT/packaging/dependencies"
}

# Installs what is missing of the given sections. Asks dpkg only, when nothing is.
need_packages() {
  local section missing=() package program installed
  command -v dpkg-query > /dev/null || fail "this is no Debian; install by hand what packaging/dependencies lists"
  installed=$'\n'$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p')$'\n'
  for section in "$@"; do
    while read -r package program; do
      if [[ $installed == *$'\n'"$package"$'\n'* ]] || { [ -n "$program" ] && command -v "$program" > /dev/null; }; then
        continue
      fi
      missing+=("$package")
    done < <(packages_of "$section")
  done
  if [ ${#missing[@]} -eq 0 ]; then
    return
  fi
  say "Installing ${#missing[@]} Debian packages: ${missing[*]}"
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo > /dev/null || fail "not root, and there is no sudo; run as root: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  install_packages "${as_root[@]}" -- "${missing[@]}" || fail "apt-get failed; its last lines stand above"
}

# install_packages [sudo] -- PACKAGE...  In a subshell, so that what it made for the time being is removed however it ends.
install_packages() (
  as_root=()
  while [ "$1" != -- ]; do
    as_root+=("$1")
    shift
  done
  shift
  log=$(mktemp)
  policy=/usr/sbin/policy-rc.d
  made_policy=""
  trap 'rm -f "$log"; [ -z "$made_policy" ] || "${as_root[@]}" rm -f "$policy"' EXIT
  # A package must not start its daemon here: tests start their own, quickstart runs none of the machine's.
  if [ ! -e "$policy" ]; then
    made_policy=yes
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" > /dev/null
    "${as_root[@]}" chmod +x "$policy"
  fi
  if ! { "${as_root[@]}" apt-get update -q && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends "$@"; } > "$log" 2>&1; then
    tail -n 30 "$log" >&2
    return 1
  fi
)

# As many compilers as there are cores, and as memory carries: the largest files take about 1.2 GB each.
build_jobs() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemAvailable:/ { print int($2 / 1200000) }' /proc/meminfo)
  [ "$memory" -ge 1 ] || memory=1
  if [ "$memory" -lt "$cores" ]; then echo "$memory"; else echo "$cores"; fi
}

# configure PRESET [OPTION...]: again only when the options are other than last time; ninja sees changed CMake files.
configure() {
  local preset=$1 stamp
  shift
  stamp="$LARES_ROOT/build/$preset/.configured"
  if [ -e "$LARES_ROOT/build/$preset/build.ninja" ] && [ "$(cat "$stamp" 2> /dev/null)" = "$*" ]; then
    return
  fi
  (cd "$LARES_ROOT" && cmake --preset "$preset" "$@")
  printf '%s\n' "$*" > "$stamp"
}

# build PRESET TARGET...: ninja's line of progress carries what is done, what there is, and the seconds so far.
build() {
  local preset=$1
  shift
  NINJA_STATUS='[%f of %t, %es] ' ninja -C "$LARES_ROOT/build/$preset" -j "$(build_jobs)" "$@"
}
