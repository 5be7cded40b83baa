"""How each answer of the OpenAI API's routes is brought about."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.leasing import Outcome
from tests.api.answering import ERROR, at_work, outcome
from tests.calls import Answer

if TYPE_CHECKING:
    from tests.api.test_contract_answers import Scene

CHAT, RESPONSES = "/v1/chat/completions", "/v1/responses"
ONE = f"{RESPONSES}/{{response_id}}"
ASKED: Mapping[str, Any] = {
    CHAT: {"messages": [{"role": "user", "content": "Say hello"}]},
    RESPONSES: {"input": "Say hello"},
}
MODEL = "tinyllama"


def ready(scene: "Scene") -> tuple[str, Any]:
    """Return path and body of a call that will be answered with success, once a model has."""
    if "{response_id}" in scene.path:
        body = {"input": "Say hello", "background": True}
        response_id = str(scene.api.post(RESPONSES, body).json["id"])
        return scene.path.replace("{response_id}", response_id), None
    if "{model}" in scene.path:
        scene.worker.leases.beat("worker", 1, [MODEL])
        return scene.path.replace("{model}", MODEL), None
    return scene.path, ASKED.get(scene.path)


def answered(scene: "Scene") -> Answer:
    """Call the route while a model answers."""
    with at_work(scene.worker, outcome()):
        return scene.call()


def failed(scene: "Scene") -> Answer:
    """Call the route while the engine fails."""
    with at_work(scene.worker, Outcome(error=ERROR)):
        return scene.call()


def streamed(scene: "Scene", query: str = "?stream=true") -> Answer:
    """Ask for a stream of what is not there yet."""
    path, _ = scene.ready()
    return scene.send((path + query, None), {})


def at_the_last_hop(scene: "Scene") -> Answer:
    """Call where one more redirect would not be followed."""
    if scene.path == ONE:
        return streamed(scene, "?stream=true&hop=18")
    path, body = scene.ready()
    return scene.send((f"{path}?hop=18", body), {})


def job_of(answer: Answer) -> str:
    """Return the job that a redirect leads to."""
    return str(answer.headers["location"]).partition("job=")[2].partition("&")[0]


BY_CODE = {
    "job_failed": failed,
    "still_running": at_the_last_hop,
    "model_not_found": lambda scene: scene.call_plainly(),
    "response_not_found": lambda scene: scene.call_plainly(),
}
BY_STATUS = {
    (CHAT, 200): answered,
    (RESPONSES, 200): answered,
    (ONE, 307): streamed,
}
