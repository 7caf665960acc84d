"""Who is next: the shares that wait, a queue for each workspace, and the turns among them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from adapters.engagement_log.share import Share
from application.ports import Overloaded


class Piece(NamedTuple):
    """The facts of a share from ``start`` up to ``stop``."""

    share: Share
    start: int
    stop: int


class FairQueue:
    """Groups take from each waiting workspace in turn, so that one's flood does not hold up another.

    As long as one workspace sends alone, its groups are large. Once another has been seen, groups stay small for
    a while: what a lone fact waits for is mostly the group before it.
    """

    def __init__(
        self, *, alone: int = 1_000, among_others: int = 64, memory: float = 2.0, most_bytes_together: int = 1 << 20,
        most_bytes: int = 32 << 20, most_bytes_each: int = 20 << 20, most_facts_each: int = 20_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._alone = alone
        self._among_others = among_others
        self._memory = memory
        self._most_bytes_together = most_bytes_together
        self._most_bytes = most_bytes
        self._most_bytes_each = most_bytes_each
        self._most_facts_each = most_facts_each
        self._clock = clock
        self._shares: dict[int, deque[Share]] = {}
        self._turns: deque[int] = deque()
        self._facts: dict[int, int] = {}
        self._bytes: dict[int, int] = {}
        self._all_bytes = 0
        self._last: int | None = None
        self._others_until = 0.0

    def __bool__(self) -> bool:
        return bool(self._turns)

    def put(self, share: Share) -> None:
        """Let a share wait. Overloaded where its workspace, or all together, have too much waiting."""
        workspace = share.workspace
        facts = self._facts.get(workspace, 0) + len(share.rows)
        size = self._bytes.get(workspace, 0) + share.size
        too_many = facts > self._most_facts_each or size > self._most_bytes_each
        if too_many or self._all_bytes + share.size > self._most_bytes:
            raise Overloaded
        if workspace != self._last:
            if self._last is not None:
                self._others_until = self._clock() + self._memory
            self._last = workspace
        self._facts[workspace], self._bytes[workspace] = facts, size
        self._all_bytes += share.size
        queue = self._shares.get(workspace)
        if queue is None:
            self._shares[workspace] = deque((share,))
            self._turns.append(workspace)
        else:
            queue.append(share)

    def group(self) -> list[Piece]:
        """The next group: from each workspace in turn at most its part, from one that is alone as much as fits."""
        contended = len(self._turns) > 1 or self._clock() < self._others_until
        each = self._among_others if contended else self._alone
        room, room_bytes = self._alone, self._most_bytes_together
        pieces: list[Piece] = []
        for _ in range(len(self._turns)):
            workspace = self._turns.popleft()
            taken, taken_bytes = self._take(workspace, min(each, room), room_bytes, pieces)
            room -= taken
            room_bytes -= taken_bytes
            if workspace in self._shares:
                self._turns.append(workspace)
            if room <= 0 or room_bytes <= 0:
                break
        return pieces

    def _take(self, workspace: int, most: int, most_bytes: int, pieces: list[Piece]) -> tuple[int, int]:
        queue = self._shares[workspace]
        taken = taken_bytes = 0
        while queue and taken < most and taken_bytes < most_bytes:
            share = queue[0]
            start, stop = share.sent, len(share.rows)
            # A share that was answered already (refused as a whole, or its client left) is not begun any more.
            if not share.answer.done():
                a_row = share.size // stop + 1
                stop = min(stop, start + most - taken, start + (most_bytes - taken_bytes) // a_row + 1)
                pieces.append(Piece(share, start, stop))
                taken += stop - start
                taken_bytes += (stop - start) * a_row
            share.sent = stop
            if stop == len(share.rows):
                queue.popleft()
                self._leave(share)
        if not queue:
            del self._shares[workspace]
        return taken, taken_bytes

    def _leave(self, share: Share) -> None:
        workspace = share.workspace
        self._all_bytes -= share.size
        self._facts[workspace] -= len(share.rows)
        self._bytes[workspace] -= share.size
        if not self._facts[workspace]:
            del self._facts[workspace], self._bytes[workspace]
