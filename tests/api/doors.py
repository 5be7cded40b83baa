"""Doors of a router whose settings or store are not as they should be."""

import time
from dataclasses import replace
from typing import Any

from chalicelib import bounds, wiring
from chalicelib.attaching import Undelivered
from chalicelib.inbox import Inbox
from chalicelib.inbox_leases import InboxLeases
from chalicelib.key_desk import KeyDesk
from chalicelib.key_records import KeyRecords
from chalicelib.leasing import JobLeases
from chalicelib.listing import JobLists
from chalicelib.patience import Patience
from chalicelib.queueing import JobQueue
from chalicelib.relay import Relay
from chalicelib.service import FrontDoor
from chalicelib.store import Store
from chalicelib.streaming import TokenStreams
from chalicelib.waiting import WaitingRoom
from chalicelib.workshop import Workshop


def door(store: Store, **changed: Any) -> FrontDoor:
    """Return the use cases on *store*, some queue settings *changed*."""
    queue = replace(bounds.queue_settings(), **changed)
    room = WaitingRoom(store, queue.waiting_callers, queue.tenant_waiters)
    return FrontDoor(
        JobQueue(store, queue),
        JobLists(store),
        TokenStreams(store),
        Inbox(store, queue),
        InboxLeases(store),
        Patience(room, time.monotonic),
    )


def relay(door: FrontDoor, store: Store) -> Relay:
    """Return the use case of the OpenAI API at *door*, which is *store*'s; nobody waits long."""
    return Relay(door, Undelivered(store), 0.05)


def key_desk(store: Store) -> KeyDesk:
    """Return the use cases of API keys on *store*, with the laptop's public key."""
    return KeyDesk(KeyRecords(store), wiring.api_keys())


def workshop(store: Store, **changed: Any) -> Workshop:
    """Return the use cases of workers on *store*, some queue settings *changed*."""
    queue = replace(bounds.queue_settings(), **changed)
    patience = Patience(WaitingRoom(store, queue.waiters), time.monotonic)
    return Workshop(JobLeases(store, queue), JobQueue(store, queue), patience)
