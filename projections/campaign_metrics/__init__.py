"""What a campaign has reached: sums by label set and quarter of an hour, and what each contact did."""

from __future__ import annotations

from projections.campaign_metrics import batch, cells, contacts, days, firsts, robots, series, totals, uniques, whole
from projections.projection import FactProjection, Table

# The targets of the voids that had an effect, so that what is read from the log leaves them out too.
TAKEN_BACK = Table("taken_back", "campaign int not null, position bigint not null", key=("campaign", "position"))

# The rules under which these tables were made, as they were then: the words of the bot rule, and where days begin.
RULE = Table(
    "rule", "name text not null, words text[] not null, time_zone text not null default 'UTC'", key=("name",)
)

CAMPAIGN_METRICS = FactProjection(
    name="campaign_metrics",
    version=1,
    tables=(
        totals.TABLE,
        series.TABLE,
        days.TABLE,
        cells.TABLE,
        contacts.TABLE,
        firsts.TABLE,
        uniques.TABLE,
        robots.TABLE,
        TAKEN_BACK,
        RULE,
    ),
    relations=batch.RELATIONS,
    from_log=batch.FROM_LOG,
    from_incoming=batch.FROM_INCOMING,
    from_campaign=batch.FROM_CAMPAIGN,
    before=(batch.TAKE_BACK, batch.REMEMBER, batch.LET_GO, contacts.FORGET, firsts.FORGET),
    fold={
        "totals": totals.FOLD,
        "series": series.FOLD,
        "days": days.FOLD,
        "cells": cells.FOLD,
        "contacts": contacts.FOLD,
        "firsts": firsts.FOLD,
        "uniques": uniques.FOLD,
        "robots": robots.FOLD,
    },
    needs={"uniques": ("contacts",)},
    after=(totals.SWEEP, series.SWEEP, days.SWEEP, cells.SWEEP, uniques.SWEEP, robots.SWEEP),
    whole=whole.WHOLE,
)
