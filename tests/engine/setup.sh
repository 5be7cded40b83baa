#!/usr/bin/env bash
# Makes the model server's own virtual environment, once, and prints the path of its Python.
# It lies in the user's cache under a name made of the pins and of the Python, so that a rerun is
# quick and other pins are another environment. All else that is said goes to standard error.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
requirements=$here/requirements.txt
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tinyllama-router

say() { printf '%s\n' "$*" >&2; }

usable() { # 3.11 or later, able to make a virtual environment with pip
  "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

candidates() { # 3.11 first: the one these pins were tried with
  PYENV_VERSION=3.11 pyenv which python3.11 2>/dev/null || true
  printf '%s\n' python3.11 python3.12 python3.13 python3
}

find_python() {
  local candidate
  while read -r candidate; do
    if usable "$candidate"; then
      "$candidate" -c 'import sys; print(sys.executable)'
      return
    fi
  done < <(candidates)
  say "The engine tests need a Python 3.11 or later with venv: apt-get install python3 python3-venv"
  return 1
}

python=$(find_python)
name=$("$python" - "$requirements" <<'PYTHON'
import hashlib, pathlib, sys
made_of = pathlib.Path(sys.argv[1]).read_bytes() + sys.version.encode()
print("engine-" + hashlib.sha256(made_of).hexdigest()[:12])
PYTHON
)
environment=$cache/$name
mkdir -p "$cache"

# Two runs at once would install over each other; macOS has no flock and takes the risk.
exec 9>"$cache/$name.lock"
if command -v flock >/dev/null; then flock 9; fi

if [ ! -e "$environment/complete" ]; then
  say "Installing the model server (torch and transformers, about a minute) with $("$python" --version) ..."
  rm -rf "$environment"
  "$python" -m venv "$environment"
  # torch by itself first: with it in place, nothing that follows can bring another build of it.
  torch=$(grep '^torch==' "$requirements")
  "$environment/bin/python" -m pip install -qq "$torch" 1>&2
  "$environment/bin/python" -m pip install -qq --requirement "$requirements" 1>&2
  touch "$environment/complete"
fi
printf '%s\n' "$environment/bin/python"
