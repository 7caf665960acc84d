"""Which facts the rule calls automatic: what is read from the log leaves them out without asking the rule again."""

from __future__ import annotations

from projections.projection import Table

TABLE = Table("robots", "campaign int not null, position bigint not null", key=("campaign", "position"))

FOLD = """
insert into robots select campaign, position from batch where sign = 1 and kind < 0 order by 1, 2
"""

SWEEP = """
delete from robots r using batch b
 where b.sign < 0 and b.kind < 0 and r.campaign = b.campaign and r.position = b.position
"""
