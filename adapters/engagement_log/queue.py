"""Who is next: the shares that wait, a queue for each workspace, and the turns among them."""

from __future__ import annotations

import math
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
    a while: what a lone fact waits for is mostly the group before it. Its own is smaller still, because it waits for
    all that is in it.
    """

    def __init__(
        self, *, alone: int = 1_000, among_others: int = 64, beside_few: int = 8, memory: float = 2.0,
        most_bytes_together: int = 1 << 20, most_bytes: int = 32 << 20, most_bytes_each: int = 20 << 20,
        most_facts_each: int = 20_000, just_now: float = 0.005, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._alone = alone
        self._among_others = among_others
        self._beside_few = beside_few
        self._memory = memory
        self._just_now = just_now
        self._most_bytes_together = most_bytes_together
        self._most_bytes = most_bytes
        self._most_bytes_each = most_bytes_each
        self._most_facts_each = most_facts_each
        self._clock = clock
        self._lines: dict[int, Line] = {}
        self._turns: deque[Line] = deque()
        self._all_bytes = 0
        self._last: int | None = None
        self._others_until = 0.0
        self._few_of: int | None = None
        self._few_at = self._few_before = -math.inf

    def __bool__(self) -> bool:
        return bool(self._turns)

    def put(self, share: Share) -> None:
        """Let a share wait. Overloaded where its workspace, or all together, have too much waiting."""
        workspace = share.workspace
        line = self._lines.get(workspace)
        if line is None:
            line = Line(workspace)
        facts, size = line.facts + len(share.rows), line.size + share.size
        if (
            facts > self._most_facts_each
            or size > self._most_bytes_each
            or self._all_bytes + share.size > self._most_bytes
        ):
            raise Overloaded
        if len(share.rows) <= self._beside_few:
            if workspace != self._few_of:
                self._few_of, self._few_before = workspace, self._few_at
            self._few_at = self._clock()
        if not line.shares:
            self._lines[workspace] = line
            self._turns.append(line)
            if workspace != self._last:
                self._others_until = self._clock() + self._memory if self._last is not None else 0.0
                self._last = workspace
        line.shares.append(share)
        line.facts, line.size = facts, size
        self._all_bytes += share.size

    def few_of_another(self, workspace: int) -> bool:
        """Whether another workspace sent a few facts just now."""
        came = self._few_before if workspace == self._few_of else self._few_at
        return self._clock() - came < self._just_now

    def group(self) -> list[Piece]:
        """The next group: from each workspace in turn at most its part, from one that is alone as much as fits."""
        each = self._each()
        room, room_bytes = self._alone, self._most_bytes_together
        pieces: list[Piece] = []
        for _ in range(len(self._turns)):
            line = self._turns.popleft()
            taken, taken_bytes = self._take(line, min(each, room), room_bytes, pieces)
            room -= taken
            room_bytes -= taken_bytes
            if line.shares:
                self._turns.append(line)
            else:
                del self._lines[line.workspace]
            if room <= 0 or room_bytes <= 0:
                break
        return pieces

    def _each(self) -> int:
        if len(self._turns) == 1:
            return self._among_others if self._clock() < self._others_until else self._alone
        few = any(line.facts <= self._beside_few for line in self._turns)
        return self._beside_few if few else self._among_others

    def _take(self, line: Line, most: int, most_bytes: int, pieces: list[Piece]) -> tuple[int, int]:
        taken = taken_bytes = 0
        shares = line.shares
        while shares and taken < most and taken_bytes < most_bytes:
            share = shares[0]
            start, stop = share.sent, len(share.rows)
            # A share that was answered already (refused as a whole, or its client left) is not begun any more.
            if not share.answer.done():
                a_row = share.size // stop + 1
                if stop - start > 1:
                    stop = min(stop, start + most - taken, start + (most_bytes - taken_bytes) // a_row + 1)
                pieces.append(Piece(share, start, stop))
                taken += stop - start
                taken_bytes += (stop - start) * a_row
            share.sent = stop
            if stop == len(share.rows):
                shares.popleft()
                line.facts -= stop
                line.size -= share.size
                self._all_bytes -= share.size
        return taken, taken_bytes


class Line:
    """The shares of one workspace that wait, and how many facts and bytes they have."""

    __slots__ = ("facts", "shares", "size", "workspace")

    def __init__(self, workspace: int) -> None:
        self.workspace = workspace
        self.shares: deque[Share] = deque()
        self.facts = 0
        self.size = 0
