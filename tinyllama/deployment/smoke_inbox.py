"""The smoke test's events: published, read, leased, acknowledged; others' stay where they are."""

import secrets
from typing import Any

from tinyllama.deployment.smoke_calls import Answer, Target

EVENT = "smoke.test"
SOURCE = "tinyllama-smoke"
PAGES = 100
PAGE_EVENTS = 200
LEASE_SECONDS = 30


class Inbox:
    """Events of our own in an inbox that may hold others."""

    def __init__(self, api: Target, jobs: set[str]) -> None:
        self._api = api
        self._jobs = jobs
        self._left: list[str] = []

    def run(self) -> None:
        """Take the steps. Raises Silent once the API does not answer any more."""
        first, second = self._publish(), self._publish_cloudevent()
        for route, event_id in (("/events/{event_id}", first), ("/inbox/{event_id}", second)):
            if event_id:
                self._read(route, event_id)
        self._page()
        self._lease()
        ours = list(self._left)
        for number, event_id in enumerate(ours):
            route = ("/events/{event_id}", "/inbox/{event_id}")[number % 2]
            if self._api.call("DELETE", route, {204}, event_id=event_id):
                self._left.remove(event_id)

    def _read(self, route: str, event_id: str) -> None:
        def check(answer: Answer) -> str:
            return "" if answer.body["event_id"] == event_id else "it is another event"

        self._api.call("GET", route, {200}, event_id=event_id, check=check)

    def clean_up(self) -> list[str]:
        """Acknowledge what the steps did not; return the ids of events that stay."""
        for event_id in list(self._left):
            answer = self._api.send("DELETE", "/events/{event_id}", event_id=event_id)
            if answer and answer.status == 204:  # noqa: PLR2004
                self._left.remove(event_id)
        return self._left

    def _publish(self) -> str | None:
        body = {"event_type": EVENT, "payload": None, "source": SOURCE}
        return self._published(note="", body=body)

    def _publish_cloudevent(self) -> str | None:
        body = {
            "specversion": "1.0",
            "id": secrets.token_hex(8),
            "source": f"/{SOURCE}",
            "type": EVENT,
        }
        headers = {"Content-Type": "application/cloudevents+json"}
        return self._published(note="a CloudEvent", body=body, headers=headers)

    def _published(self, **how: Any) -> str | None:
        answer = self._api.call("POST", "/events", {201}, keep=self._keep, **how)
        return str(answer.body["event_id"]) if answer else None

    def _keep(self, answer: Answer) -> None:
        event_id = answer.body.get("event_id") if isinstance(answer.body, dict) else None
        if isinstance(event_id, str):
            self._left.append(event_id)

    def _page(self) -> None:
        """Page through all that is pending; the ends of our jobs are ours as well."""
        seen: set[str] = set()

        def check(answer: Answer) -> str:
            for event in answer.body["events"]:
                seen.add(event["event_id"])
                payload = event["payload"] if isinstance(event["payload"], dict) else {}
                if payload.get("job_id") in self._jobs and event["event_id"] not in self._left:
                    self._left.append(event["event_id"])
            return ""

        published = set(self._left)
        limit = str(PAGE_EVENTS)
        page = self._api.call("GET", "/inbox", {200}, limit=limit, check=check)
        for _ in range(PAGES):
            following = page.link("link") if page else None
            if following is None:
                break
            page = self._api.call(
                "GET", "/inbox", {200}, url=following, check=check, note="the next page"
            )
        else:
            page = None  # more than anybody looks through

        def found(_: Answer) -> str:
            return "" if published <= seen or page is None else "it lacks what was published"

        self._api.call("GET", "/inbox", {200}, type=EVENT, check=found, note="of our type")

    def _lease(self) -> None:
        """Lease what is oldest, give others' events back at once, and acknowledge one of ours."""
        token = secrets.token_hex(16)
        body: dict[str, Any] = {"lease": token, "count": PAGE_EVENTS, "seconds": LEASE_SECONDS}
        leased = self._api.call("POST", "/inbox/lease", {200}, body=body)
        held = [event["event_id"] for event in leased.body["events"]] if leased else []
        ours = [event_id for event_id in held if event_id in self._left][-1:]
        given_back = [event_id for event_id in held if event_id not in ours]
        holding, note = ({200}, "") if held else ({409}, "there was nothing to lease")
        self._api.call(
            "POST", "/inbox/extend", holding, body={"lease": token, "seconds": LEASE_SECONDS},
            note=note,
        )  # fmt: skip
        some = {"event_ids": given_back} if given_back and ours else {}
        released, note = ({204}, "") if given_back else ({409}, "a lease that never was")
        other = token if given_back else secrets.token_hex(16)
        self._api.call("POST", "/inbox/release", released, body={"lease": other, **some}, note=note)
        acknowledged, note = ({204}, "") if ours else ({409}, "a lease that never was")
        named = {"lease": token, "event_ids": ours} if ours else {"lease": secrets.token_hex(16)}
        done = self._api.call("POST", "/inbox/ack", acknowledged, body=named, note=note)
        if done and ours:
            self._left.remove(ours[0])
