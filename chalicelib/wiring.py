"""The router's parts, and which of them stand on which; each is made when it is first asked for.

What one role alone needs is imported by the part that brings it: each function loads its own.
"""

import dataclasses
import functools
import time
from typing import TYPE_CHECKING, Protocol

from chalicelib import bounds, settings

if TYPE_CHECKING:
    from chalicelib.api_keys import ApiKeys
    from chalicelib.console_page import Page
    from chalicelib.counting import Tally
    from chalicelib.key_desk import KeyDesk
    from chalicelib.model_lists import ModelLists
    from chalicelib.relay import Relay
    from chalicelib.response_desk import ResponseDesk
    from chalicelib.service import FrontDoor
    from chalicelib.store import Store
    from chalicelib.tokens import Verifier
    from chalicelib.upkeep import Upkeep
    from chalicelib.workshop import Workshop


class StandIns(Protocol):
    """What a laptop has in place of the settings that it lacks."""

    def store_url(self) -> str:
        """Return the address of a store that serves by then. Raises NotConfigured."""

    def jwks(self) -> str:
        """Return where the public keys of its tokens lie."""

    def api_key_jwks(self) -> str:
        """Return where the public keys of its API keys lie."""


stand_ins: StandIns | None = None
"""Set by the laptop's host alone, and looked at in the environment ``local`` alone."""


@functools.cache
def door() -> "FrontDoor":
    """Return the use cases on the store. Raises NotConfigured naming a missing variable."""
    from chalicelib import (
        inbox,
        inbox_leases,
        listing,
        patience,
        queueing,
        service,
        streaming,
        waiting,
    )

    connection = store()
    queue, retention = bounds.queue_settings(), bounds.retention_settings()
    room = waiting.WaitingRoom(connection, queue.waiting_callers, queue.tenant_waiters)
    return service.FrontDoor(
        queueing.JobQueue(connection, queue, retention),
        listing.JobLists(connection),
        streaming.TokenStreams(connection),
        inbox.Inbox(connection, queue, retention),
        inbox_leases.InboxLeases(connection, retention),
        patience.Patience(room, time.monotonic),
    )


@functools.cache
def relay() -> "Relay":
    """Return the use case of the OpenAI API. Raises as door does."""
    from chalicelib import attaching, relay

    return relay.Relay(door(), attaching.Undelivered(store()), bounds.relay_seconds())


@functools.cache
def response_desk() -> "ResponseDesk":
    """Return the use cases of responses. Raises as door does."""
    from chalicelib import response_desk

    return response_desk.ResponseDesk(door(), bounds.relay_seconds(), bounds.engine_options())


@functools.cache
def model_lists() -> "ModelLists":
    """Return what lists the models there are. Raises as door does."""
    from chalicelib import model_lists

    return model_lists.ModelLists(store())


@functools.cache
def workshop() -> "Workshop":
    """Return the use cases of workers that come over HTTPS. Raises as door does."""
    from chalicelib import leasing, patience, waiting, workshop

    queue, retention = bounds.queue_settings(), bounds.retention_settings()
    return workshop.Workshop(
        leasing.JobLeases(store(), queue, retention),
        door().queue,
        patience.Patience(waiting.WaitingRoom(store(), queue.waiters), time.monotonic),
    )


@functools.cache
def upkeep() -> "Upkeep":
    """Return what does what is due. Raises as door does."""
    from chalicelib import upkeep

    queue, retention = bounds.queue_settings(), bounds.retention_settings()
    return upkeep.Upkeep(store(), queue, retention, time.monotonic)


@functools.cache
def key_desk() -> "KeyDesk":
    """Return the use cases of API keys. Raises as door does.

    It brings the cryptography, so that inside Lambda its first caller loads it, not the start.
    """
    from chalicelib import key_desk, key_records

    return key_desk.KeyDesk(key_records.KeyRecords(store()), api_keys())


@functools.cache
def api_keys() -> "ApiKeys | None":
    """Return what reads API keys, None where there are none. Raises NotConfigured."""
    from chalicelib import api_keys, keysources

    accepted = _key_settings()
    source = keysources.api_key_source(accepted)
    return api_keys.ApiKeys(accepted.environment, source) if source else None


def verifier() -> "Verifier":
    """Return what believes tokens. Raises NotConfigured naming a missing variable."""
    from chalicelib import keysources, tokens

    accepted = _token_settings()
    return tokens.Verifier(accepted, keysources.key_source(accepted), api_keys=api_keys())


@functools.cache
def tally() -> "Tally":
    """Return what counts refusals. Raises as door does."""
    from chalicelib import counting

    return counting.Tally(store(), time.monotonic)


@functools.cache
def store() -> "Store":
    """Return the store, not connected yet. Raises NotConfigured naming a missing variable."""
    from chalicelib import store

    where = settings.store_settings(_store_url())
    return store.connect(where.url, where.replicas, where.sign_in)


@functools.cache
def requests() -> bounds.RequestSettings:
    """Return the limits on requests. Raises NotConfigured naming a bad setting."""
    return bounds.request_settings()


@functools.cache
def contract() -> str:
    """Return the text of ``openapi.json``."""
    return (settings.PROJECT / "chalicelib" / "openapi.json").read_text(encoding="utf-8")


@functools.cache
def console() -> "Page":
    """Return the web console's page. Inside Lambda its first caller puts it together."""
    from chalicelib import console_page

    return console_page.read(settings.PROJECT / "chalicelib" / "console")


def _laptop() -> StandIns | None:
    return stand_ins if settings.environment() == settings.LOCAL else None


def _store_url() -> str:
    laptop = None if settings.variable("store_url") else _laptop()
    return laptop.store_url() if laptop else settings.required("store_url")


def _token_settings() -> settings.TokenSettings:
    accepted = settings.token_settings()
    laptop = None if accepted.jwks else _laptop()
    return dataclasses.replace(accepted, jwks=laptop.jwks()) if laptop else accepted


def _key_settings() -> settings.KeySettings:
    accepted = settings.key_settings()
    laptop = None if accepted.jwks else _laptop()
    return dataclasses.replace(accepted, jwks=laptop.api_key_jwks()) if laptop else accepted
