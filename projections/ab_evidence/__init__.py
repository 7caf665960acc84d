"""What an A/B test has seen: sums of whole numbers for each arm, and a row for each contact of an arm.

Only facts with a variant. It is its own projection, so that it slows no other down.
"""

from __future__ import annotations

from projections.ab_evidence import batch, contacts, crossings, days, totals, whole
from projections.projection import FactProjection, Table

# As in campaign_metrics: the targets of voids that had an effect, and the words of the rule.
TAKEN_BACK = Table("taken_back", "campaign int not null, position bigint not null", key=("campaign", "position"))
RULE = Table("rule", "name text not null, words text[] not null", key=("name",))

AB_EVIDENCE = FactProjection(
    name="ab_evidence",
    version=1,
    tables=(totals.TABLE, days.TABLE, crossings.TABLE, contacts.TABLE, TAKEN_BACK, RULE),
    relations=batch.RELATIONS,
    from_log=batch.FROM_LOG,
    from_incoming=batch.FROM_INCOMING,
    from_campaign=batch.FROM_CAMPAIGN,
    before=(batch.TAKE_BACK, batch.REMEMBER, batch.LET_GO, contacts.FORGET),
    fold={
        "contacts": contacts.FOLD,
        "totals": totals.FOLD,
        "days": days.FOLD,
        "days without": days.SWEEP,
        "crossings": crossings.FOLD,
        "crossings without": crossings.SWEEP,
    },
    needs={"totals": ("contacts",), "days": ("contacts",), "crossings": ("contacts",)},
    after=(totals.SWEEP,),
    whole=whole.WHOLE,
)
