"""The second look at a fact that was not taken at once: read into plain values, and every fault named."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from api.tracking.refusals import not_json
from api.tracking.wire import is_json
from application.ports_facts import CampaignRef
from domain.engagement import rules
from domain.engagement.diagnosis import faults_of
from domain.shared.errors import Fault

LONGEST: Final = 64 << 10
"""Bytes of a fact that is still read to say what is wrong with it. A right one is never longer."""

TOO_LONG: Final = object()
"""Stands for a fact that is not read."""

_LONGEST_WHOLE = 400


def document(raw: bytes) -> Any:
    """A fact as plain values. BodyRefused where it is no JSON."""
    if len(raw) > LONGEST:
        if not is_json(raw):
            raise not_json("a fact cannot be read")
        return TOO_LONG
    try:
        # What only lone surrogates keep from being UTF-8 is one bad fact, not a body that cannot be read.
        return json.loads(raw.decode("utf-8", "surrogatepass"), parse_constant=_no_constant, parse_int=_whole)
    except (ValueError, RecursionError) as error:
        raise not_json(error) from error


def faults(document: Any, pointer: str, now: datetime, campaign: CampaignRef | None) -> list[Fault]:
    """Everything that is wrong with a fact; ``campaign`` is None where the workspace has no such campaign."""
    if document is TOO_LONG:
        return [Fault(pointer, "too_long", f"A fact has at most {LONGEST} bytes.")]
    return faults_of(document, pointer, now, campaign.currency if campaign else None, campaign is not None)


def campaign_id(document: Any) -> str | None:
    """The campaign that a fact names, where it may be asked for."""
    id = document.get("campaign_id") if isinstance(document, dict) else None
    return id if isinstance(id, str) and rules.UUID_TEXT.fullmatch(id) else None


def id_of(document: Any) -> str | None:
    """The id of a fact for the answer, cut and made encodable; None where it has none."""
    id = document.get("id") if isinstance(document, dict) else None
    return id[: rules.LONGEST_ID].encode("utf-8", "replace").decode() if isinstance(id, str) else None


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) < _LONGEST_WHOLE else float("inf")


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
