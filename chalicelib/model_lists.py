"""The models that can be asked for: what live workers tell of. Reads alone; they tell by beats."""

import json
import re
from collections.abc import Iterable

from chalicelib import keyspace, limits
from chalicelib.scripts import Script
from chalicelib.store import Store

_MODELS = Script("models", reads=True)

_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._:/@-]{{0,{limits.MODEL_CHARS - 1}}}")


def listable(names: Iterable[object]) -> list[str]:
    """Return those of *names* that a request may ask for, each once, ``WORKER_MODELS`` at most.

    The rest is left out: what no request can name is of no use to a caller.
    """
    fine = (name for name in names if isinstance(name, str) and _NAME.fullmatch(name))
    return list(dict.fromkeys(fine))[: limits.WORKER_MODELS]


class ModelLists:
    """Lists models. Thread-safe; raises StoreUnavailable."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def models(self) -> list[str]:
        """Return the ids of the models that workers serve, sorted; a silent worker's are out."""
        keys = keyspace.WORKERS, keyspace.MODELS
        told = self._store.run(_MODELS, keys, (limits.WORKER_SILENT_SECONDS * 1000,))
        return sorted({name for each in told for name in json.loads(each)})
