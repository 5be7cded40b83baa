"""GET /v1/models: what live workers offer, as the OpenAI API lists it."""

import openai
import pytest
from openai.types import Model

import tinyllama
from tests.calls import Api, HandWorker, Transport
from tests.worker.routers import Router

SMALL, LARGE = "tinyllama", "TinyLlama/TinyLlama-1.1B-Chat-v1.0"


def test_no_worker_offers_no_model(api: Api) -> None:
    assert api.get("/v1/models").json == {"object": "list", "data": []}


def test_models_are_those_of_live_workers_each_once(api: Api, hand_worker: HandWorker) -> None:
    hand_worker.leases.beat("one", 1, [SMALL, LARGE])
    hand_worker.leases.beat("two", 1, [SMALL])
    hand_worker.leases.beat("gone", 1, ["another"])
    hand_worker.leases.beat("gone", 0, [])

    listed = api.get("/v1/models").json["data"]

    assert [Model.model_validate(each, strict=True).id for each in listed] == [LARGE, SMALL]
    assert {each["owned_by"] for each in listed} == {"tinyllama"}


@pytest.mark.parametrize("path", ["TinyLlama%2FTinyLlama-1.1B-Chat-v1.0", "tinyllama"])
def test_a_model_is_told_by_its_name_percent_encoded(
    api: Api, hand_worker: HandWorker, path: str
) -> None:
    hand_worker.leases.beat("one", 1, [SMALL, LARGE])

    model = api.get(f"/v1/models/{path}").json

    assert model == {"id": path.replace("%2F", "/"), "object": "model", "created": 0,
                     "owned_by": "tinyllama"}  # fmt: skip


@pytest.mark.parametrize("path", ["absent", "TinyLlama%252FTinyLlama", "%00", "%2e%2e", "%ff", "%"])
def test_an_unknown_model_is_told_as_absent(api: Api, hand_worker: HandWorker, path: str) -> None:
    hand_worker.leases.beat("one", 1, [SMALL, LARGE])

    answer = api.get(f"/v1/models/{path}")

    assert answer.status == 404
    assert answer.json["error"]["code"] == "model_not_found"


@pytest.mark.slow
def test_an_unmodified_client_lists_and_finds_models(
    router: Router, hand_worker: HandWorker, http_transport: Transport
) -> None:
    del http_transport
    hand_worker.leases.beat("one", 1, [LARGE])
    client = openai.OpenAI(base_url=f"{router.url}/v1", api_key=tinyllama.make_token())

    listed, found = list(client.models.list()), client.models.retrieve(LARGE)

    assert found.id == LARGE
    assert LARGE in [each.id for each in listed]
    with pytest.raises(openai.NotFoundError) as raised:
        client.models.retrieve("org/absent")
    assert raised.value.code == "model_not_found"
    client.close()
