#!/usr/bin/env bash
# Makes a virtual environment for what the project's own must not hold, once, and prints the path of
# its Python: `environment.sh PYTHON NAME REQUIREMENTS`, PYTHON being the one to make it with.
# It lies in the user's cache under a name made of the pins and of the Python, so that a rerun is
# quick and other pins are another environment. All else that is said goes to standard error.
set -euo pipefail
python=$1
kind=$2
requirements=$3
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tinyllama-router

name=$("$python" - "$requirements" "$kind" <<'PYTHON'
import hashlib, pathlib, sys
made_of = pathlib.Path(sys.argv[1]).read_bytes() + sys.version.encode() + sys.prefix.encode()
print(sys.argv[2] + "-" + hashlib.sha256(made_of).hexdigest()[:12])
PYTHON
)
environment=$cache/$name
mkdir -p "$cache"

# Two runs at once would install over each other; macOS has no flock and takes the risk.
exec 9>"$cache/$name.lock"
if command -v flock >/dev/null; then flock 9; fi

if [ ! -e "$environment/complete" ]; then
  printf 'Installing %s with %s (once, under a minute) ...\n' "$kind" "$("$python" --version)" >&2
  rm -rf "$environment"
  "$python" -m venv "$environment"
  "$environment/bin/python" -m pip install -qq --disable-pip-version-check \
    --requirement "$requirements" 1>&2
  touch "$environment/complete"
fi
printf '%s\n' "$environment/bin/python"
