"""Bodies that are refused whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from domain.shared.errors import Fault
from domain.shared.reading import step

MOST_BYTES: Final = 8 << 20
MOST_DEPTH: Final = 16
MOST_FACTS: Final = 1_000


class BodyRefused(Exception):
    """A body that is refused whole, with the status and the last part of the problem's type."""

    def __init__(self, status: int, slug: str, detail: str, faults: Sequence[Fault] = ()) -> None:
        self.status = status
        self.slug = slug
        self.detail = detail
        self.faults = list(faults)
        super().__init__(detail)


def too_large() -> BodyRefused:
    """Past the limit, unpacked."""
    return BodyRefused(413, "too-large", f"A body has at most {MOST_BYTES} bytes, unpacked; send several.")


def too_deep() -> BodyRefused:
    """Nested past the limit."""
    return BodyRefused(400, "too-deep", f"JSON may be nested at most {MOST_DEPTH} levels.")


def not_json(why: object) -> BodyRefused:
    """No JSON."""
    return BodyRefused(400, "not-json", f"The body is not JSON: {why}.")


def not_a_batch(strangers: Sequence[str] = ()) -> BodyRefused:
    """JSON that holds no list of facts, or ``strangers`` beside it."""
    faults = [Fault(step("", name), "unknown_field", "This field is not known; leave it out.") for name in strangers]
    said = f'Send {{"facts": [ … ]}} with 1 to {MOST_FACTS} facts and nothing else.'
    return BodyRefused(422, "not-a-batch", said, faults or [Fault("/facts", "length", said)])
