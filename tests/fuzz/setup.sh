#!/usr/bin/env bash
# Makes this suite's virtual environment, once, and prints the path of its Python:
# `setup.sh PYTHON`, PYTHON being the one to make it with. It lies in the user's cache under a name
# made of the pins and of the Python, so that a rerun is quick and other pins are another
# environment. All else that is said goes to standard error.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
python=$1
requirements=$here/requirements.txt
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tinyllama-router

name=$("$python" - "$requirements" <<'PYTHON'
import hashlib, pathlib, sys
made_of = pathlib.Path(sys.argv[1]).read_bytes() + sys.version.encode() + sys.prefix.encode()
print("fuzz-" + hashlib.sha256(made_of).hexdigest()[:12])
PYTHON
)
environment=$cache/$name
mkdir -p "$cache"

# Two runs at once would install over each other; macOS has no flock and takes the risk.
exec 9>"$cache/$name.lock"
if command -v flock >/dev/null; then flock 9; fi

if [ ! -e "$environment/complete" ]; then
  printf 'Installing schemathesis with %s (once, under a minute) ...\n' "$("$python" --version)" >&2
  rm -rf "$environment"
  "$python" -m venv "$environment"
  "$environment/bin/python" -m pip install -qq --disable-pip-version-check \
    --requirement "$requirements" 1>&2
  touch "$environment/complete"
fi
printf '%s\n' "$environment/bin/python"
