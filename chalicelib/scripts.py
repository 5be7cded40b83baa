"""The moves as the store runs them: Lua put together from the files of ``lua/``."""

from functools import cache, cached_property
from hashlib import sha1
from pathlib import Path

_LUA = Path(__file__).parent / "lua"


@cache
def _lua(part: str) -> str:
    """Return a file of ``lua/``; a cold start opens each library once, not for every move."""
    return (_LUA / part).read_text(encoding="utf-8")


class Lua:
    """A script's *source*, and the digest under which the server caches it."""

    def __init__(self, *parts: str) -> None:
        self.source = "\n".join(parts)

    @cached_property
    def sha(self) -> str:
        """Return the digest."""
        return sha1(self.source.encode(), usedforsecurity=False).hexdigest()


class Script(Lua):
    """One move: ``lua/lib/common.lua``, the *libraries* it builds on, ``lua/<name>.lua``.

    Read when this is made. One that only *reads* need not reach the replicas. *guarded* is the
    same move on a caller's behalf (``lua/lib/guard.lua``).
    """

    def __init__(self, name: str, *libraries: str, reads: bool = False) -> None:
        common, guard = _lua("lib/common.lua"), _lua("lib/guard.lua")
        parts = [_lua(f"lib/{library}.lua") for library in libraries]
        move = _lua(f"{name}.lua")
        super().__init__(common, *parts, move)
        self.reads = reads
        inner = "local function move()", move, "end", "return guarded(move)"
        self._guarded_parts = common, guard, *parts, *inner

    @cached_property
    def guarded(self) -> Lua:
        """Return it as a caller's; worker and tick have none, so that no start puts it together."""
        return Lua(*self._guarded_parts)
