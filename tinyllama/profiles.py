"""Profiles: which router a user calls and with which token, each a file of the user's own.

They lie in the user's configuration folder, one file of mode 0600 for each. The folder is made
with mode 0700; one that is there stays as it is, since it may be for other things, too.
"""

import json
import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from chalicelib import settings
from tinyllama.client_errors import Unusable
from tinyllama.deployment import whole_files

DEFAULT = "default"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_FILE_BYTES = 65_536


@dataclass(frozen=True)
class Profile:
    """An address and the token, or API key, that opens it."""

    name: str
    url: str
    token: str = field(repr=False)


def folder() -> Path:
    """Return where profiles lie, ``TINYLLAMA_CONFIG_DIR`` or the user's own; it may not exist."""
    chosen = settings.variable("config_dir")
    return Path(chosen or platformdirs.user_config_path("tinyllama-router")).expanduser()


def names() -> list[str]:
    """Return the names of the profiles that there are, sorted."""
    return sorted(file.stem for file in folder().glob("*.json") if _NAME.fullmatch(file.stem))


def save(profile: Profile) -> Path:
    """Write a profile in place of the one of that name; return its file.

    Raises Unusable for a name that is none, DeploymentFailed where it cannot be written.
    """
    file = _file(profile.name)
    with suppress(OSError):  # what goes wrong here is told where the file is written
        file.parent.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
    text = json.dumps({"url": profile.url, "token": profile.token}, indent=2)
    whole_files.replace(file, f"{text}\n", private=True)
    return file


def remove(name: str) -> bool:
    """Remove a profile; False when there is none. Raises Unusable."""
    file = _file(name)
    try:
        file.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise Unusable(f"{file} cannot be removed: {error.strerror}") from None
    return True


def chosen(name: str | None) -> Profile | None:
    """Return the profile *name*, else that of ``TINYLLAMA_PROFILE``, else the default one.

    None only where none is named and there is no default. Raises Unusable.
    """
    wanted = name or settings.variable("profile")
    found = load(wanted or DEFAULT)
    if found is None and wanted is not None:
        there = ", ".join(names()) or "none yet"
        raise Unusable(
            f"there is no profile {wanted} (there are: {there});"
            f" `tinyllama login --profile {wanted}` makes it"
        )
    return found


def load(name: str) -> Profile | None:
    """Return a profile, None when there is none.

    Raises Unusable for one that others could read, or that is no profile.
    """
    file = _file(name)
    text = _read_own(file)
    if text is None:
        return None
    again = f"`tinyllama login --profile {name}` writes it anew"
    try:
        told = json.loads(text)
        url, token = told["url"], told["token"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise Unusable(f"{file} holds no profile: {again}") from None
    if not isinstance(url, str) or not isinstance(token, str):
        raise Unusable(f"{file} holds no profile: {again}")
    return Profile(name, url, token)


def _read_own(file: Path) -> bytes | None:
    try:
        # A pipe without a writer would be waited for.
        with open(os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as opened:  # noqa: PTH123
            found = os.fstat(opened.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise Unusable(f"{file} is no file: a profile is")
            text = opened.read(_FILE_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unusable(f"{file} cannot be read: {error.strerror}") from None
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise Unusable(
            f"{file} is not yours alone, so the token in it may be known to others: get a new"
            f" one with `tinyllama login --profile {file.stem}`, or `chmod 600 {file}` if it is not"
        )
    return text


def _file(name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise Unusable("a profile's name is 1 to 64 letters, digits, dots, dashes and underscores")
    return folder() / f"{name}.json"
