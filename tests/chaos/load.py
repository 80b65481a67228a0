"""Steady load: events without end whose order, times and profiles a seed decides."""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from collections.abc import Iterator

from aiokafka import AIOKafkaProducer

from tests.support.cluster import LOAD
from tests.support.factories import START

#: What the questions are; the checker has its own statement of the same.
CONFIG = """\
events: {value: properties.amount}
time: {allowed_lateness: 0s, idle_after: 1h, reversible_for: 0s}
goals:
  churn:
    propensity: churn
    outcome: {will_not: {where: {field: type, equals: basket}}, within: 6h}
    tickets: {every: 1d}
  coupon:
    propensity: conversion
    outcome: {will: {where: {field: type, equals: coupon}}, within: 12h}
    tickets: {every: 2d}
"""
#: Mean time between two events of a profile, milliseconds.
GAP = 2 * 3_600_000
Keyed = Iterator[tuple[bytes, bytes]]


def events(seed: int, profiles: int) -> Keyed:
    """Keyed events in order of time."""
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    step, at, number = GAP // profiles, START, 0
    while True:
        profile = f"p{chance.randrange(profiles)}"
        at += chance.randrange(1, 2 * step)
        number += 1
        yield profile.encode(), json.dumps({
            "event_id": f"{seed}-{number}", "profile_id": profile, "timestamp": at,
            "type": "coupon" if chance.random() < 0.2 else "basket",
            "properties": {"amount": chance.randrange(1, 100)},
        }).encode()  # fmt: skip


class Load:
    """Sends events in a thread of its own until it is told to stop; loses and doubles none.

    Parameters
    ----------
    brokers, topic
        Where to.
    rate
        Events a second.
    source
        What to send.
    most
        After so many it stops by itself.
    """

    def __init__(
        self,
        brokers: str,
        topic: str,
        rate: float,
        source: Keyed,
        most: int,
    ) -> None:
        self.sent = 0
        self._where = (brokers, topic)
        self._rate, self._source, self._most = rate, source, most
        self._stop = threading.Event()
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> Load:
        """Begin."""
        self._thread.start()
        return self

    def stop(self) -> int:
        """End; how many were sent."""
        self._stop.set()
        return self.wait()

    def wait(self) -> int:
        """Wait for the end; how many were sent."""
        self._thread.join()
        if self._failed is not None:
            raise self._failed
        return self.sent

    def _run(self) -> None:
        try:
            asyncio.run(self._send())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self._failed = error

    async def _send(self) -> None:
        brokers, topic = self._where
        producer = AIOKafkaProducer(
            bootstrap_servers=brokers, enable_idempotence=True, acks="all", linger_ms=20,
            max_batch_size=256 * 1024, request_timeout_ms=120_000, client_id=LOAD,
        )  # fmt: skip
        await producer.start()
        started = time.monotonic()
        waiting = []
        while not self._stop.is_set() and self.sent < self._most:
            ahead = self.sent / self._rate - (time.monotonic() - started)
            if ahead > 0.02:
                await asyncio.sleep(ahead)
            key, value = next(self._source)
            waiting.append(await producer.send(topic, key=key, value=value))
            self.sent += 1
            if len(waiting) >= 10_000:
                await asyncio.gather(*waiting)
                waiting = []
        await asyncio.gather(*waiting)
        await producer.stop()
