# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# How quickstart and cluster tell their own processes from others, and what those do. To be sourced.

# The letter by which ps shows the state of a process; nothing when there is none.
state_of() { awk '/^State:/ { print $2 }' "/proc/$1/status" 2> /dev/null || true; }

# A killed one that nobody has buried yet does not live.
lives() { [ -n "$1" ] && [[ $(state_of "$1") == [^ZX] ]]; }

stopped() { [[ $(state_of "$1") == T ]]; }

# The command line, with a space after each argument. A number in a file may be a stranger's by now; the command line of our
# own names the data folder. It can be read where /proc/PID/exe of another user cannot.
command_of() { cat "/proc/$1/cmdline" 2> /dev/null | tr '\0' ' ' || true; }

what_to_do_with_a_stopped_one() { printf "'kill -CONT %s' lets it go on, 'kill -KILL %s' ends it" "$1" "$1"; }

port_taken() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }

# listens PID PORT: whether the process itself does; what answers on the port may be another.
listens() {
  local inode
  while read -r inode; do
    if [ -n "$(find "/proc/$1/fd" -lname "socket:\[$inode\]" -print -quit 2> /dev/null)" ]; then
      return 0
    fi
  done < <(awk -v port="$(printf ':%04X' "$2")" \
    '$4 == "0A" && substr($2, length($2) - 4) == port { print $10 }' /proc/net/tcp /proc/net/tcp6 2> /dev/null)
  return 1
}

# responds [CURL-OPTION...] URL: with success, whatever proxy the environment names. It is asked again when late.
responds() { curl -sf --noproxy '*' -o /dev/null --max-time 1 "$@"; }

# How many seconds a process gets to start, or to end.
patience=90

# late SINCE: whether they have passed since $SECONDS was that.
late() { [ $((SECONDS - $1)) -ge "$patience" ]; }

# take_turn DATA: one at a time starts or ends processes of a data folder. Until this shell ends, or end_turn.
take_turn() {
  exec 9> "$1/quickstart.lock"
  if ! flock -n 9; then
    say "Another command starts or ends processes of this data folder; waiting for it"
    flock 9
  fi
}
end_turn() { exec 9>&-; }
