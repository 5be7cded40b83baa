"""What the clients' scripts share: cases asked for on standard input, what was seen on the output.

In comes ``{"cases": {name: {"base_url", "token", "model", "prompt"}}}``, out goes one line of JSON
for each case as it ends: ``{"case", "seconds", "seen"}``. What a client raises is seen as well.
"""

import json
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

type Seen = Mapping[str, object]
type Case = Callable[[Asked], Seen]

_writing = threading.Lock()


@dataclass(frozen=True)
class Asked:
    """What a case is given."""

    base_url: str
    token: str
    model: str
    prompt: str

    @property
    def messages(self) -> list[dict[str, str]]:
        """The prompt as a chat."""
        return [{"role": "user", "content": self.prompt}]


def asked() -> dict[str, Asked]:
    """Return what standard input asks for, by the case's name."""
    return {name: Asked(**given) for name, given in json.load(sys.stdin)["cases"].items()}


def run(cases: Mapping[str, Case]) -> None:
    """Run what is asked for of *cases*, all at the same time."""
    threads = [
        threading.Thread(target=_run, args=(name, cases[name], given))
        for name, given in asked().items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def thrice(case: Case) -> Case:
    """Return *case* three times over, one after the other; what the last saw is what is seen."""

    def cases(given: Asked) -> Seen:
        return [case(given) for _ in range(3)][-1]

    return cases


def _run(name: str, case: Case, given: Asked) -> None:
    began = time.monotonic()
    try:
        seen = case(given)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what a user sees
        seen = raised(error)
    tell(name, began, seen)


def tell(name: str, began: float, seen: Seen) -> None:
    """Print what a case saw that began at that ``time.monotonic()``."""
    line = json.dumps({"case": name, "seconds": time.monotonic() - began, "seen": seen})
    with _writing:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def raised(error: Exception) -> Seen:
    """Return what a user sees of *error*."""
    response = getattr(error, "response", None)
    headers = getattr(response, "headers", {})
    return {
        "raised": type(error).__name__,
        "status": getattr(error, "status_code", None),
        "code": getattr(error, "code", None),
        "param": getattr(error, "param", None),
        "type": getattr(error, "type", None),
        "message": str(error),
        "retry_after": headers.get("retry-after"),
    }
