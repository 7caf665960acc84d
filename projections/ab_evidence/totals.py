"""How much each arm has: sums over its exposed contacts, and sums of its facts, those without a contact included.

``contact_revenue`` and ``contact_squares`` are sums over the contacts of what one brought and of its square: whole
numbers of any size, so that order and batches cannot change a digit. ``revenue`` is that of all facts, refunds taken
off. ``facts`` counts what the row was made of.
"""

# ruff: noqa: S608 (statements are put together from parts of our own, never from what a user sent)

from __future__ import annotations

from projections.projection import Table

CONTACTS = ("contacts", "clicked", "engaged", "converted", "unsubscribed", "complained", "bounced", "refunded")
FACTS = {
    "impressions": 7,
    "opens": 8,
    "clicks": 9,
    "conversions": 10,
    "unsubscribes": 6,
    "complaints": 5,
    "bounces": 4,
    "refunds": 11,
}

TABLE = Table(
    "totals",
    'campaign int not null, variant text collate "C" not null, facts bigint not null, '
    + ", ".join(f"{name} bigint not null" for name in (*CONTACTS, *FACTS))
    + ", contact_revenue numeric not null, contact_squares numeric not null, revenue numeric not null",
    key=("campaign", "variant"),
    fillfactor=50,
)

_COLUMNS = ("facts", *CONTACTS, *FACTS, "contact_revenue", "contact_squares", "revenue")
REVENUE = "coalesce(sum(case kind when 10 then worth when 11 then -worth end), 0)"
OF_FACTS = ", ".join(
    f"coalesce(sum(quantity) filter (where kind = {kind}), 0) as {name}" for name, kind in FACTS.items()
)

FOLD = f"""
insert into totals as t (campaign, variant, {", ".join(_COLUMNS)})
select campaign, variant, {", ".join(f"sum({name})" for name in _COLUMNS)}
  from (
    select campaign, variant, sum(sign) as facts, {", ".join(f"0::bigint as {name}" for name in CONTACTS)}, {OF_FACTS},
        0::numeric as contact_revenue, 0::numeric as contact_squares, {REVENUE} as revenue
      from batch where sign <> 0 and kind between 1 and 11 group by 1, 2
    union all
    select campaign, variant, 0, {", ".join(CONTACTS)}, {", ".join("0" for _ in FACTS)}, revenue, squares, 0
      from changes
  ) s
 group by 1, 2 order by 1, 2
on conflict (campaign, variant) do update set {", ".join(f"{name} = t.{name} + excluded.{name}" for name in _COLUMNS)}
"""

SWEEP = """
delete from totals t using (select distinct campaign, variant from batch where sign < 0) b
 where t.facts = 0 and t.campaign = b.campaign and t.variant = b.variant
"""
