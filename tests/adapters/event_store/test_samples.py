"""What was ever written loads for ever; and each way to break that is seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_type_hints

import pytest

from domain.campaign.events import CampaignLaunched, CampaignPaused
from domain.catalogue import EVENTS
from domain.shared.event import Event
from tests.samples.shapes import faults, recorded

pytestmark = pytest.mark.req("EVT-9")

LAUNCHED = ("campaign.launched", 1)
ONLY_LAUNCHED = {LAUNCHED: recorded()[LAUNCHED]}

_planted = 0


def planted(cls: type[Event], **changes: Any) -> type[Event]:
    """A class as somebody might change it: a type for each changed field, (type, default), or None to drop it."""
    global _planted
    _planted += 1
    own = {name: get_type_hints(cls)[name] for name in vars(cls)["__annotations__"]}
    defaults = {name: vars(cls)[name] for name in own if name in vars(cls)}
    for name, change in changes.items():
        own.pop(name, None)
        defaults.pop(name, None)
        if isinstance(change, tuple):
            own[name], defaults[name] = change
        elif change is not None:
            own[name] = change
    ordered = {name: own[name] for name in sorted(own, key=lambda name: name in defaults)}
    words = {"__annotations__": ordered, "__module__": __name__, "TOPIC": f"planted.{_planted}", **defaults}
    meta: Any = type(cls)
    made: Any = meta(cls.__name__, cls.__bases__, words)
    made.TOPIC = cls.TOPIC  # the library knows it by another, so that the real one stays known
    return made  # type: ignore[no-any-return]


def test_every_shape_has_a_sample_and_every_sample_reads_as_it_did() -> None:
    assert faults(recorded(), EVENTS) == []


def test_a_class_as_it_is_has_no_faults() -> None:
    assert faults(ONLY_LAUNCHED, [planted(CampaignLaunched)]) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda: planted(CampaignLaunched, report=None, check=dict), "Object missing required field `check`"),
        (lambda: planted(CampaignLaunched, due_at=None, was_due_at=(str | None, None)), "/due_at is lost"),
        (lambda: planted(CampaignLaunched, due_at=(str | None, "now")), "/due_at reads 'now', not None"),
        (lambda: planted(CampaignLaunched, mood=str), "Object missing required field `mood`"),
        (lambda: planted(CampaignLaunched, schedule=int), "Expected `int`, got `object`"),
        (lambda: planted(CampaignLaunched, due_at=(Any, 0)), "/due_at reads 0, not None"),
    ],
    ids=["renamed", "optional renamed", "default changed", "required added", "type changed", "null no more"],
)
def test_a_changed_class_is_seen(change: Callable[[], type[Event]], said: str) -> None:
    found = faults(ONLY_LAUNCHED, [change()])

    assert any(said in fault for fault in found), found


def test_a_field_may_be_added_with_a_default() -> None:
    assert faults(ONLY_LAUNCHED, [planted(CampaignLaunched, mood=(str, "calm"))]) == []


def test_a_removed_sample_is_seen() -> None:
    samples = recorded()
    del samples[LAUNCHED]

    assert faults(samples, EVENTS) == ["campaign.launched.1 has no sample"]


def test_a_removed_class_is_seen() -> None:
    remaining = [cls for cls in EVENTS if cls is not CampaignPaused]

    assert faults(recorded(), remaining) == ["campaign.paused.1 is in somebody's log, and no class reads it"]


def test_a_new_version_needs_a_sample_and_reads_the_old_one_by_its_upcast() -> None:
    second: Any = planted(CampaignLaunched, due_at=None, was_due_at=(str | None, None))
    second.class_version = 2
    second.upcast_v1_v2 = staticmethod(lambda state: state.update(was_due_at=state.pop("due_at", None)))
    old, new = {}, {}
    for form, sample in ONLY_LAUNCHED[LAUNCHED].items():
        reads = {"was_due_at" if name == "due_at" else name: part for name, part in sample["reads"].items()}
        old[form] = {"written": sample["written"], "reads": reads}
        new[form] = {"written": {**reads, "class_version": 2}, "reads": reads}
    both = {LAUNCHED: old, ("campaign.launched", 2): new}

    assert faults({LAUNCHED: old}, [second]) == ["campaign.launched.2 has no sample"]
    assert faults(both, [second]) == []
    second.upcast_v1_v2 = staticmethod(lambda state: None)
    assert any("campaign.launched.1 whole: /was_due_at reads None" in fault for fault in faults(both, [second]))
