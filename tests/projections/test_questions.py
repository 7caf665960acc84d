"""Which questions make sense, which of them are computed, and what their windows cut."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.shared.errors import Invalid
from projections import funnel
from projections.campaign_metrics import standing
from projections.campaign_metrics.question import check, question

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))


@pytest.mark.req("ANA-2")
@pytest.mark.parametrize(
    ("group_by", "starts", "computed"),
    [
        ((), None, False),
        (("variant",), None, False),
        (("link",), None, False),
        (("variant", "link"), None, True),
        (("day",), None, True),
        ((), NOON, True),
    ],
)
def test_what_stands_ready_is_not_computed(
    group_by: tuple[str, ...], starts: datetime | None, computed: bool
) -> None:
    assert standing.stands(group_by, starts, None) is not computed


@pytest.mark.req("ANA-2")
def test_every_fault_of_a_question_is_named_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        check(("variant", "variant", "week"), NOON, NOON, "Mars/Olympus")

    assert [fault.pointer for fault in refused.value.faults] == ["/group_by", "/group_by", "/to", "/time_zone"]


@pytest.mark.parametrize("ends", [None, datetime.max.replace(tzinfo=UTC)])
@pytest.mark.parametrize("starts", ["9999-12-31T00:00:01+00:00", "9999-12-31T23:50:00+00:00"])
def test_a_window_may_begin_on_the_last_day_of_all(starts: str, ends: datetime | None) -> None:
    asked = question((), datetime.fromisoformat(starts), ends, "UTC", 2026).parameters

    assert starts <= asked["inner_starts"] <= asked["days_start"]


@given(starts=moments, seconds=st.integers(1, 10**7))
def test_a_window_is_whole_days_whole_quarters_and_what_it_cuts(starts: datetime, seconds: int) -> None:
    ends = starts + timedelta(seconds=seconds)
    asked = question((), starts, ends, "UTC", 2026).parameters
    edges = [starts, *(datetime.fromisoformat(asked[name]) for name in ("inner_starts", "days_start"))]
    edges += [*(datetime.fromisoformat(asked[name]) for name in ("days_end", "inner_ends")), ends]

    if edges[1] < edges[4]:
        assert edges == sorted(edges)
        assert edges[1] - starts < timedelta(minutes=15)
        assert ends - edges[4] < timedelta(minutes=15)
    else:
        assert edges[1] == edges[4] == ends
    for edge in edges[2:4]:
        assert edge == edges[4] or edge.time() == datetime.min.time()


@pytest.mark.req("ANA-4")
def test_every_fault_of_a_funnel_is_named_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        funnel.check(("open", "void", "open", "custom"), "person")

    assert [fault.pointer for fault in refused.value.faults] == ["/by", "/stages", "/stages/1", "/stages/3"]


@pytest.mark.req("ANA-4")
def test_a_stage_that_nobody_ever_named_is_refused_by_its_place() -> None:
    row = ("USD", "1", 1, 1, [7, None], 3, 0, None)

    with pytest.raises(Invalid) as refused:
        funnel.answered(("impression", "imprssion"), row)

    assert [fault.pointer for fault in refused.value.faults] == ["/stages/1"]
