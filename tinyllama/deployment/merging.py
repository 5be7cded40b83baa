"""RFC 7396, JSON Merge Patch: what a patch leaves of a document."""

from typing import Any


def merged(document: Any, patch: Any) -> Any:
    """Return *document* with *patch* applied: objects are merged, null removes, the rest replaces.

    Neither argument is changed.
    """
    if not isinstance(patch, dict):
        return patch
    kept = document if isinstance(document, dict) else {}
    result = {name: value for name, value in kept.items() if patch.get(name, ...) is not None}
    for name, value in patch.items():
        if value is not None:
            result[name] = merged(kept.get(name), value)
    return result
