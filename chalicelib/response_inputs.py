"""The input of a response as the messages of a chat, which is what engines know. Pure.

Source: https://platform.openai.com/docs/api-reference/responses/create, ``input``.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from chalicelib.jobs import JsonObject
from chalicelib.validation import refused

type Part = JsonObject
_Turn = Callable[[Part, str], Part]


def messages(given: str | list[JsonObject]) -> list[JsonObject]:
    """Return the messages of *given*, the body's ``input``. Raises InvalidBody for what is no chat.

    The thoughts of a model (``reasoning``) are left out: engines want them as none of a chat's
    messages. Calls of functions join the assistant's message before them.
    """
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    found: list[JsonObject] = []
    for number, item in enumerate(given):
        _add(found, item, f"/input/{number}")
    return found


def _add(found: list[JsonObject], item: JsonObject, where: str) -> None:
    kind = item.get("type") or "message"
    if kind == "message":
        found.append(_message(item, where))
    elif kind == "function_call":
        _add_call(found, item, where)
    elif kind == "function_call_output":
        call_id = _text(item, "call_id", where)
        content = _content(item.get("output"), f"{where}/output", "tool")
        found.append({"role": "tool", "tool_call_id": call_id, "content": content})
    elif kind != "reasoning":
        raise refused(
            f"{where}/type",
            "must be one of message, function_call, function_call_output, item_reference, "
            "reasoning",
        )


def _message(item: JsonObject, where: str) -> JsonObject:
    role = _text(item, "role", where)
    if role not in {"user", "assistant", "system", "developer"}:
        raise refused(f"{where}/role", "must be one of user, assistant, system, developer")
    return {"role": role, "content": _content(item.get("content"), f"{where}/content", role)}


def _add_call(found: list[JsonObject], item: JsonObject, where: str) -> None:
    function = {name: _text(item, name, where) for name in ("name", "arguments")}
    call = {"id": _text(item, "call_id", where), "type": "function", "function": function}
    if not found or found[-1]["role"] != "assistant":
        found.append({"role": "assistant", "content": None})
    found[-1].setdefault("tool_calls", []).append(call)


def _content(content: Any, where: str, role: str) -> Any:
    """Return a message's content; one of a single text, or of an assistant, is a plain text."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise refused(where, "must be a string or an array")
    parts = list(_parts(content, where))
    texts = [part["text"] for part in parts if part["type"] == "text"]
    if len(texts) == len(parts) and (len(parts) == 1 or role == "assistant"):
        return "".join(texts)
    return parts


def _parts(content: list[Any], where: str) -> Iterator[Part]:
    for number, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        turn = _TURNS.get(kind) if isinstance(kind, str) else None
        if turn is None:
            raise refused(f"{where}/{number}/type", f"must be one of {', '.join(_TURNS)}")
        yield turn(part, f"{where}/{number}")


def _image(part: Part, where: str) -> Part:
    image = {"url": _text(part, "image_url", where)}
    if isinstance(part.get("detail"), str):
        image["detail"] = part["detail"]
    return {"type": "image_url", "image_url": image}


def _file(part: Part, where: str) -> Part:
    data = {"file_data": _text(part, "file_data", where)}
    if isinstance(part.get("filename"), str):
        data["filename"] = part["filename"]
    return {"type": "file", "file": data}


def _said(name: str) -> _Turn:
    return lambda part, where: {"type": "text", "text": _text(part, name, where)}


def _text(item: JsonObject, name: str, where: str) -> str:
    value = item.get(name)
    if not isinstance(value, str):
        detail = "is required" if value is None else "must be a string"
        raise refused(f"{where}/{name}", detail)
    return value


_TURNS: Mapping[str, _Turn] = {
    "input_text": _said("text"),
    "output_text": _said("text"),
    "text": _said("text"),
    "refusal": _said("refusal"),
    "input_image": _image,
    "input_file": _file,
}
