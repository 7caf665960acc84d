"""Facts into the API as any client sends them: a thousand at a time over a few connections."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from infra.ask import Api, NoAnswer

BATCH = 1000
CONNECTIONS = 4
_TRIES = 20
_AGAIN_AFTER = 0.5


class NotTaken(Exception):
    """The API did not take every fact; the message says why."""


def send_all(url: str, key: str, facts: Iterable[dict[str, Any]], sent: Callable[[int], None]) -> None:
    """Send all facts; ``sent`` is called with the size of each batch that was acknowledged. NotTaken."""
    batches = _batches(iter(facts))
    one_at_a_time = threading.Lock()

    def take() -> list[dict[str, Any]] | None:
        with one_at_a_time:
            return next(batches, None)

    def send() -> None:
        with Api(url, key=key) as api:
            while batch := take():
                send_batch(api, batch)
                sent(len(batch))

    with ThreadPoolExecutor(CONNECTIONS) as senders:
        for sender in [senders.submit(send) for _ in range(CONNECTIONS)]:
            sender.result()


def send_batch(api: Api, batch: Sequence[dict[str, Any]]) -> str:
    """Send one batch and give its position. What is not available is tried again: a fact counts once."""
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_AGAIN_AFTER)
        try:
            status, answer = api.post("/v1/track/batch", {"facts": batch})
        except NoAnswer:
            continue
        if status in (429, 503):
            continue
        if status != 200:
            raise NotTaken(f"The API answered {status}: {answer}")
        if answer["rejected"]:
            raise NotTaken(f"The API refused {len(answer['rejected'])} facts, first: {answer['rejected'][0]}")
        return str(answer["position"])
    raise NotTaken(f"The API took no facts for {_TRIES * _AGAIN_AFTER:.0f} seconds.")


def _batches(facts: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(facts, BATCH)):
        yield batch
