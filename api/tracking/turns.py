"""How much of one workspace is worked on at once while others are here: what a lone fact waits for is mostly the work
that one loop has been given before it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final

_BYTES_OF_A_FACT: Final = 2_048


def cost_of(length: int) -> int:
    """The work in a body of so many bytes: one for a fact, more for a batch."""
    return 1 + length // _BYTES_OF_A_FACT


class Turns:
    """Counts the work of each workspace. As long as one is alone it may do what it likes; for ``memory`` seconds after
    another was seen, each has at most ``most`` under way, or one request that is larger, and the rest waits in order.
    """

    def __init__(self, *, most: int = 8, memory: float = 2.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._memory = memory
        self._clock = clock
        self._inside: dict[int, int] = {}
        self._waiting: dict[int, deque[tuple[int, asyncio.Future[None]]]] = {}
        self._last: int | None = None
        self._others_until = 0.0

    def enter(self, workspace: int, cost: int) -> asyncio.Future[None] | None:
        """Begin; a future that must be awaited first where the workspace has enough under way."""
        if workspace != self._last:
            if self._last is not None:
                self._others_until = self._clock() + self._memory
            self._last = workspace
        inside = self._inside.get(workspace, 0)
        if workspace not in self._waiting and self._may(inside, cost):
            self._inside[workspace] = inside + cost
            return None
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(workspace, deque()).append((cost, turn))
        return turn

    def leave(self, workspace: int, cost: int) -> None:
        """End, and let in who waits and may come."""
        inside = self._inside.pop(workspace) - cost
        waiting = self._waiting.get(workspace)
        while waiting:
            wanted, turn = waiting[0]
            if not turn.done():
                if not self._may(inside, wanted):
                    break
                inside += wanted
                turn.set_result(None)
            waiting.popleft()
        if waiting is not None and not waiting:
            del self._waiting[workspace]
        if inside:
            self._inside[workspace] = inside

    def _may(self, inside: int, cost: int) -> bool:
        return inside + cost <= self._most or not inside or self._clock() >= self._others_until
