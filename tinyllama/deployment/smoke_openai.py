"""The smoke test and the OpenAI API: models, a chat, a response; what they made is erased."""

import re
from typing import Any
from urllib.parse import quote

from tinyllama.deployment.smoke_calls import Answer, Target

MODEL = "/v1/models/{model}"
CHAT = "/v1/chat/completions"
RESPONSES = "/v1/responses"
RESPONSE = "/v1/responses/{response_id}"
JOB = "/jobs/{job_id}"
PROMPT = "Say hello in one word."
OK = 200
_ID = re.compile(r"(?:chatcmpl-|resp_|job_)([0-9a-f]{32})")


class OpenAi:
    """A chat and a response on their way through the API; their jobs are told to *made*."""

    def __init__(self, api: Target, made: set[str]) -> None:
        self._api = api
        self._made = made
        self._left: list[str] = []

    def run(self, *, answered: bool) -> None:
        """Take the steps; *answered* says that a worker is there. Raises Silent."""
        self._list_models()
        self._chat(answered=answered)
        self._respond()
        self.clean_up()

    def clean_up(self) -> list[str]:
        """Erase what the steps did not; return the ids of jobs that stay."""
        for job_id in list(self._left):
            self._api.send("POST", f"{JOB}/cancel", job_id=job_id)
            answer = self._api.send("DELETE", JOB, job_id=job_id)
            if answer and answer.status == 204:  # noqa: PLR2004
                self._left.remove(job_id)
        return self._left

    def _list_models(self) -> None:
        page = self._api.call("GET", "/v1/models", {200})
        offered = page.body["data"] if page else []
        if offered:
            self._api.call("GET", MODEL, {200}, model=quote(offered[0]["id"], safe=""))
        else:
            note = "a model that nobody offers"
            self._api.call("GET", MODEL, {404}, model="no-such-model", note=note)

    def _chat(self, *, answered: bool) -> None:
        body: dict[str, Any] = {"messages": [{"role": "user", "content": PROMPT}], "max_tokens": 16}
        if not answered:
            note = "two answers at once: without a worker there would be none"
            self._api.call("POST", CHAT, {400}, body=body | {"n": 2}, note=note)
            return
        self._api.call("POST", CHAT, {200, 307}, body=body, keep=self._keep, check=self._led)

    def _respond(self) -> None:
        """Begin a response, look at it, cancel it and erase it."""
        body = {"input": PROMPT, "max_output_tokens": 16, "background": True}
        begun = self._api.call("POST", RESPONSES, {200}, body=body, keep=self._keep)
        if not begun:
            return
        response_id = begun.body["id"]

        def check(answer: Answer) -> str:
            return "" if answer.body["id"] == response_id else "it is another response"

        self._api.call("GET", RESPONSE, {200}, response_id=response_id, check=check)
        self._api.call("POST", f"{RESPONSE}/cancel", {200}, response_id=response_id, check=check)
        # One whose worker has not confirmed yet runs on, and is erased when all is.
        erased = self._api.call("DELETE", RESPONSE, {200, 409}, response_id=response_id)
        if erased and erased.status == OK:
            self._left.remove(self._job_id(response_id))

    def _keep(self, answer: Answer) -> None:
        told = answer.body.get("id") if isinstance(answer.body, dict) else None
        self._note(told if isinstance(told, str) else "")

    def _led(self, answer: Answer) -> str:
        """Note the job that a redirect leads to; say where it leads elsewhere."""
        if answer.status == OK:
            return ""
        where = answer.link("location") or ""
        self._note(where)
        return (
            "" if where.startswith(f"{self._api.root}{CHAT}?job=") else "Location leads elsewhere"
        )

    def _note(self, told: str) -> None:
        job_id = self._job_id(told)
        if job_id and job_id not in self._made:
            self._left.append(job_id)
            self._made.add(job_id)

    def _job_id(self, told: str) -> str:
        found = _ID.search(told)
        return f"job_{found[1]}" if found else ""
