"""What the clients saw. I7: answers of 500 and more have a cause, a fault that was there, and say when to ask again."""

from __future__ import annotations

from tests.faults.checks.seen import Broken, Seen

WAKE = 20.0
"""Seconds after a fault in which a part may still be away: leases, restarts, back-offs."""


def answers_have_causes(seen: Seen) -> list[Broken]:
    """I7."""
    broken = []
    for unwell in seen.journal.unwell:
        if unwell.status != 503 or unwell.again is None:
            broken.append(Broken("I7", f"{unwell.what} was answered {unwell.status}: {unwell.body}"))
        elif not any(begin - 1 <= unwell.at <= end + WAKE for begin, end in seen.disturbed):
            broken.append(Broken("I7", f"{unwell.what} was answered 503 although nothing was wrong: {unwell.body}"))
    return broken[:5]


def clients_were_content(seen: Seen) -> list[Broken]:
    """What they complained of, under the invariant that it breaks."""
    return [Broken(name, sentence) for name, sentence in seen.journal.wrong[:5]]
