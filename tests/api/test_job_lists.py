"""GET /jobs: a tenant's own jobs, newest first."""

from urllib.parse import quote

import pytest

from tests.calls import Api, HandWorker

PROMPT = {"prompt": "Say hello"}


def submit(api: Api, model: str | None = None) -> str:
    named = {"model": model} if model else {}
    return str(api.post("/infer", PROMPT | named).json["id"])


def pages(api: Api, path: str) -> list[list[str]]:
    """Follow every next link; return the ids of each page."""
    found = []
    while True:
        answer = api.get(path)
        found.append([job["id"] for job in answer.json["jobs"]])
        link = answer.headers.get("link")
        if link is None:
            return found
        path = "/jobs" + link.removeprefix("<").partition(">")[0]


def listed(api: Api, query: str) -> list[str]:
    return [job_id for page in pages(api, f"/jobs{query}") for job_id in page]


def test_jobs_are_paged_newest_first_to_the_end(api: Api) -> None:
    submitted = [submit(api) for _ in range(5)]

    found = pages(api, "/jobs?limit=2")

    assert [job_id for page in found for job_id in page] == submitted[::-1]
    assert all(len(page) <= 2 for page in found)


def test_a_listed_job_is_the_job_without_what_may_be_long(
    api: Api, hand_worker: HandWorker
) -> None:
    job_id = submit(api, "tiny")
    hand_worker.answer()

    (summary,) = api.get("/jobs").json["jobs"]

    whole = api.get(f"/jobs/{job_id}").json
    assert whole.items() >= summary.items()
    assert whole.keys() - summary.keys() == {"position", "eta_seconds", "result", "usage"}


@pytest.mark.slow
def test_a_page_stays_within_what_lambda_can_carry(api: Api) -> None:
    escaped_often = {str(n): "\U0001f999" * 512 for n in range(16)}
    body = PROMPT | {"metadata": escaped_often}
    submitted = [str(api.post("/infer", body).json["id"]) for _ in range(50)]

    found = pages(api, "/jobs?limit=200")

    assert len(found) == 2
    assert [job_id for page in found for job_id in page] == submitted[::-1]


def test_a_filter_leaves_only_what_satisfies_it(api: Api, hand_worker: HandWorker) -> None:
    done, small, big = submit(api), submit(api, "small"), submit(api, "org/big:1@x")
    hand_worker.answer()

    assert listed(api, "?state=succeeded") == [done]
    assert listed(api, "?state=queued&limit=1") == [big, small]
    assert listed(api, f"?model={quote('org/big:1@x')}&limit=1") == [big]
    assert listed(api, "?model=small&state=failed") == []


def test_a_tenant_sees_its_own_jobs_alone(api: Api) -> None:
    submit(api)

    assert Api(api.transport, tenant="globex").get("/jobs").json == {"jobs": []}


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "cursor=x", "state=done", "state=", "model=", "model=-a"]
)
def test_an_unusable_parameter_is_named(api: Api, query: str) -> None:
    answer = api.get(f"/jobs?{query}")

    assert (answer.status, answer.json["code"]) == (400, "invalid_parameter")
    assert answer.json["detail"].startswith(query.partition("=")[0])
