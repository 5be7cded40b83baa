"""How the OpenAI API's callers hear of the models there are."""

from collections.abc import Iterable
from urllib.parse import unquote

from chalicelib.jobs import JsonObject
from chalicelib.openai_errors import ModelNotFound
from chalicelib.routing import Reply


def models(names: Iterable[str]) -> Reply:
    """Answer the list of the models there are."""
    return Reply({"object": "list", "data": [_model(name) for name in names]})


def model(text: str, names: Iterable[str]) -> Reply:
    """Answer the one that the path's *text* names, percent-encoded. Raises ModelNotFound."""
    name = unquote(text)
    if name not in names:
        raise ModelNotFound
    return Reply(_model(name))


def _model(name: str) -> JsonObject:
    return {"id": name, "object": "model", "created": 0, "owned_by": "tinyllama"}
