"""Answers every question to the read models, each from one snapshot with the position that it reflects."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

from adapters.archive.overlay import over
from adapters.postgres.grouped import Grouped
from adapters.postgres.pool import Pool
from adapters.read_models import fact_pages, reading_log, ruled
from adapters.read_models.as_of import remember
from adapters.read_models.reading_log import Rows
from adapters.read_models.schemas import TEMPORARY
from adapters.read_models.waiting import Waiting
from application.ports_ab_tests import POLICY
from domain.ab_test.evidence import Evidence
from domain.shared.errors import NotFound
from domain.shared.position import Position
from projections import ab_test_list, campaign_query, facts, funnel, roi
from projections.ab_evidence import AB_EVIDENCE
from projections.ab_evidence import question as evidence_question
from projections.ab_evidence.question import EvidenceQuestion
from projections.ab_test_list import AB_TEST_LIST, ABTestItem, ABTestQuery
from projections.campaign_list import CAMPAIGN_LIST
from projections.campaign_metrics import CAMPAIGN_METRICS, standing
from projections.campaign_metrics.answer import Metrics
from projections.campaign_metrics.answering import Head, answered, metrics
from projections.campaign_metrics.comparison import Comparison
from projections.campaign_metrics.question import check, question
from projections.campaign_metrics.standing import Found, Standing
from projections.campaign_query import CampaignItem, CampaignQuery
from projections.catalogue import CATALOGUE
from projections.facts import FactQuery, FactRow
from projections.funnel import Funnel
from projections.ports import Page, Read
from projections.projection import FactProjection, apart, placed
from projections.roi import Roi
from projections.status import ProjectionStatus, Rule

Answer = TypeVar("Answer", Metrics, Funnel, Roi)

MOST_AT_ONCE = 32
"""Questions that are answered together: more would hold up those that come meanwhile."""


@dataclass(frozen=True)
class _Kind(Generic[Answer]):
    """What stands ready, as it is asked and answered."""

    statement: str
    answer: Callable[[Standing, Found], Answer]


_METRICS = _Kind(
    standing.WHOLE,
    lambda asked, found: metrics(
        asked.campaign, found.head, found.total, found.groups, asked.labels, computed=False
    ),
)
_ROI = _Kind(standing.RETURN, lambda asked, found: roi.answered(asked.campaign, found))

_READ_BY = {
    "campaigns": (CAMPAIGN_LIST.name, CAMPAIGN_METRICS.name),
    "metrics": (CAMPAIGN_METRICS.name,),
    "funnel": (CAMPAIGN_METRICS.name,),
    "roi": (CAMPAIGN_METRICS.name,),
    "facts": (CAMPAIGN_METRICS.name,),
    "ab_test": (POLICY,),
    "ab_tests": (AB_TEST_LIST.name,),
    "ab_evidence": (AB_EVIDENCE.name,),
    "projections": tuple(projection.name for projection in CATALOGUE),
}

_CAMPAIGN_THEN = """
select s.stream from ballyhoo.streams s join ballyhoo.events e on e.stream = s.stream and e.version = 1
 where s.workspace = %s and s.id = %s and s.kind = 'campaign' and e.position <= %s
"""

_STATUS = """
select '$name', coalesce(min(c.high), 0), (select position from ballyhoo.log_heads where log = '$log'),
    (select count(*) from ballyhoo.parked where workspace = %(workspace)s and projection = '$name'),
    (select jsonb_agg(p.status -> 'projections' -> '$name' order by p.seen_at)
       from ballyhoo.processes p where p.kind = 'projector' and p.status -> 'projections' ? '$name'
        and p.seen_at > clock_timestamp() - interval '10 seconds')
  from $schema.checkpoints c
"""


class PostgresReads:
    """Implements ``projections.ports.Reads`` on connections of the reading role."""

    def __init__(self, pool: Pool, epoch: Callable[[], UUID]) -> None:
        self._pool = pool
        self._epoch = epoch
        self._waiting = Waiting(pool, CATALOGUE)
        self._waiting_kept: dict[str, Waiting] = {}
        self._together: dict[_Kind[Any], Grouped[Standing, Read[Any]]] = {
            kind: Grouped(partial(self._stood, kind), most_at_once=MOST_AT_ONCE, lanes=2) for kind in (_METRICS, _ROI)
        }

    async def campaigns(self, workspace: int, query: CampaignQuery) -> Read[Page[CampaignItem]]:
        """Campaigns by filter, sort and keyset. Invalid."""
        statement, parameters = campaign_query.statement(query)
        statement = statement.replace("$metrics", CAMPAIGN_METRICS.schema)
        rows = await self._pool.rows(statement, parameters | {"workspace": workspace})
        events, engagement = rows[0][:2]
        items = [campaign_query.item(query, row[2:]) for row in rows if row[2] is not None]
        return Read(
            Page(items[: query.limit], more=len(items) > query.limit), Position(self._epoch(), events, engagement)
        )

    async def metrics(
        self,
        workspace: int,
        campaign: UUID,
        *,
        group_by: tuple[str, ...] = (),
        starts: datetime | None = None,
        ends: datetime | None = None,
        time_zone: str | None = None,
        as_of: Position | None = None,
        rule: str | None = None,
    ) -> Read[Metrics]:
        """Every measure in total and by group. Invalid, NotFound."""
        zone = None if rule is None else (await ruled.schema_of(self._pool, rule))[1]
        check(group_by, starts, ends, time_zone or zone or "UTC")
        if standing.stands(group_by, starts, ends):
            return await self._standing(_METRICS, Standing(workspace, campaign, group_by), as_of, rule)
        statement, parameters = question(group_by, starts, ends, time_zone or zone or "UTC", datetime.now(UTC).year)
        if zone is not None:  # its days begin elsewhere than those of the question
            parameters = parameters | dict.fromkeys(("days_start", "days_end"), parameters["inner_ends"])
        rows = await self._rows(workspace, campaign, statement, parameters, as_of, rule)
        found = answered(campaign, rows.found, group_by)
        if found is None:
            raise _no_campaign(campaign)
        return Read(_to(rows.horizon, rule, found[1]), self._position(found[0], as_of))

    async def funnel(
        self,
        workspace: int,
        campaign: UUID,
        stages: tuple[str, ...],
        *,
        by: str = "contact",
        as_of: Position | None = None,
        rule: str | None = None,
    ) -> Read[Funnel]:
        """How many came through each stage. Invalid, NotFound."""
        funnel.check(stages, by)
        statement, parameters = funnel.statement(stages, by)
        rows = await self._rows(workspace, campaign, statement, parameters, as_of, rule)
        if not rows.found:
            raise _no_campaign(campaign)
        currency, name, events, engagement = rows.found[0][:4]
        head = Head(currency, name, events, engagement)
        return Read(_to(rows.horizon, rule, funnel.answered(stages, rows.found[0])), self._position(head, as_of))

    async def roi(
        self, workspace: int, campaign: UUID, *, as_of: Position | None = None, rule: str | None = None
    ) -> Read[Roi]:
        """What came in for what was spent. NotFound."""
        return await self._standing(_ROI, Standing(workspace, campaign, roi.BY), as_of, rule)

    async def facts(self, workspace: int, query: FactQuery) -> Read[Page[FactRow]]:
        """Raw facts, the latest first. Invalid, NotFound."""
        rows = await fact_pages.page(self._pool, workspace, query)
        found = facts.answered(query, rows.found)
        if query.campaign is not None and not found.campaign:
            raise _no_campaign(query.campaign)
        page = Page(found.rows[: query.limit], more=len(found.rows) > query.limit, horizon=rows.horizon)
        return Read(page, Position(self._epoch(), found.events, found.engagement))

    async def ab_tests(self, workspace: int, query: ABTestQuery) -> Read[Page[ABTestItem]]:
        """A/B tests by filter, the newest first."""
        statement, parameters = ab_test_list.statement(query)
        rows = await self._pool.rows(statement, parameters | {"workspace": workspace})
        events, engagement = rows[0][:2]
        items = [ab_test_list.item(row[2:]) for row in rows if row[2] is not None]
        return Read(
            Page(items[: query.limit], more=len(items) > query.limit), Position(self._epoch(), events, engagement)
        )

    async def evidence(
        self, workspace: int, campaign: UUID, question: EvidenceQuestion, *, as_of: Position | None = None
    ) -> Read[Evidence]:
        """What the arms of a test have. NotFound; Invalid where that took facts that were dropped."""
        statement, parameters = evidence_question.statement(question)
        rows = await self._rows(workspace, campaign, statement, parameters, as_of, None, AB_EVIDENCE)
        if not rows.found:
            raise _no_campaign(campaign)
        if rows.horizon is not None:
            raise reading_log.FactsDropped(rows.horizon)
        position = as_of or Position(self._epoch(), *rows.found[0][:2])
        return Read(evidence_question.answered(question, rows.found[0], position), position)

    async def projections(self, workspace: int) -> Read[list[ProjectionStatus]]:
        """How far each projection is."""
        statement = " union all ".join(
            _STATUS.replace("$name", projection.name)
            .replace("$log", projection.log)
            .replace("$schema", projection.schema)
            for projection in CATALOGUE
        )
        rows = await self._pool.rows(statement, {"workspace": workspace})
        statuses = [_status(*row) for row in rows]
        lowest = {
            log: min(row[1] for row, made in zip(rows, CATALOGUE, strict=True) if made.log == log)
            for log in ("events", "engagement")
        }
        return Read(statuses, Position(self._epoch(), lowest["events"], lowest["engagement"]))

    async def rules(self) -> list[Rule]:
        """The rules, which of them are live, and which have figures of their own."""
        return await ruled.rules(self._pool)

    async def comparison(
        self, workspace: int, rule: str, limit: int, after: int | None
    ) -> tuple[Read[Comparison], int | None]:
        """The workspace's campaigns that differ under a rule, and where the next page begins. NotFound."""
        found, more, events, engagement = await ruled.compare(self._pool, workspace, rule, limit, after)
        return Read(found, Position(self._epoch(), events, engagement)), more

    async def wait_for(self, projection: str, position: Position, seconds: float, *, rule: str | None = None) -> bool:
        """Whether what answers the question ``projection`` reaches ``position`` within ``seconds``. NotFound."""
        names = _READ_BY[projection]
        kept = CAMPAIGN_METRICS.schema if rule is None else (await ruled.schema_of(self._pool, rule))[0]
        if kept == CAMPAIGN_METRICS.schema:
            return await self._waiting.wait_for(names, position, seconds)
        if kept not in self._waiting_kept:
            self._waiting_kept[kept] = Waiting(self._pool, [CAMPAIGN_METRICS], kept)
        both = (
            self._waiting.wait_for(names, position, seconds),
            self._waiting_kept[kept].wait_for((CAMPAIGN_METRICS.name,), position, seconds),
        )
        return all(await asyncio.gather(*both))

    async def _standing(
        self, kind: _Kind[Answer], asked: Standing, as_of: Position | None, rule: str | None
    ) -> Read[Answer]:
        if as_of is None and rule is None:
            read: Read[Answer] | None = await self._together[kind].answer(asked)
            if read is None:
                raise _no_campaign(asked.campaign)
            return read
        parameters = standing.parameters([asked])
        rows = await self._rows(asked.workspace, asked.campaign, kind.statement, parameters, as_of, rule)
        found = standing.found([asked], rows.found).get(asked)
        if found is None:
            raise _no_campaign(asked.campaign)
        return Read(_to(rows.horizon, rule, kind.answer(asked, found)), self._position(found.head, as_of))

    async def _stood(self, kind: _Kind[Any], asked: list[Standing]) -> dict[Standing, Read[Any]]:
        rows = await self._pool.rows(placed(kind.statement, CAMPAIGN_METRICS.schema), standing.parameters(asked))
        found = standing.found(asked, rows)
        return {one: Read(kind.answer(one, sums), self._position(sums.head, None)) for one, sums in found.items()}

    async def _rows(
        self,
        workspace: int,
        campaign: UUID,
        statement: str,
        parameters: Mapping[str, Any],
        as_of: Position | None,
        rule: str | None,
        projection: FactProjection = CAMPAIGN_METRICS,
    ) -> Rows:
        schema = projection.schema
        if rule is not None:
            schema = (await ruled.schema_of(self._pool, rule))[0]
            statement = apart(statement, schema)
        asked = {**parameters, "workspace": workspace, "id": campaign}
        if as_of is None:
            return await reading_log.ask(self._pool, placed(statement, schema), asked)
        found = await self._pool.rows(_CAMPAIGN_THEN, (workspace, campaign, as_of.events))
        if not found:
            raise _no_campaign(campaign)
        await reading_log.insist_on_facts_until(self._pool, as_of)
        async with self._pool.connection() as connection, connection.transaction():
            archived = await remember(connection, projection, schema, found[0][0], as_of, statement)
            text = placed(over(statement) if archived.blocks else statement, TEMPORARY).encode()
            rows = await (await connection.execute(text, asked, prepare=False, binary=True)).fetchall()
            return Rows(rows, reading_log.dropped_before(archived))

    def _position(self, head: Head, as_of: Position | None) -> Position:
        return as_of or Position(self._epoch(), head.events, head.engagement)


def _to(horizon: str | None, rule: str | None, answer: Answer) -> Answer:
    """The answer, naming the horizon where facts that it would need were dropped, and the rule that was asked for."""
    named = {"horizon": horizon, "rule": rule}
    return msgspec.structs.replace(answer, **{name: value for name, value in named.items() if value is not None})


def _no_campaign(id: UUID) -> NotFound:
    return NotFound(f"There is no campaign {id} in this workspace.")


def _told(process: dict[str, Any]) -> str | None:
    """What went wrong, else what is wrong with Kafka just now, else what was last detected in it."""
    return process["error"] or process.get("trouble") or process.get("last_detection")


def _status(
    name: str, position: int, head: int, parked: int, processes: list[dict[str, Any]] | None
) -> ProjectionStatus:
    said = processes or []
    return ProjectionStatus(
        name=name,
        source=said[-1]["source"] if said else "store",
        position=position,
        lag=max(head - position, 0),
        last_error=next((found for found in map(_told, said) if found), None),
        parked=parked,
        differences=sum(process.get("differences", 0) for process in said),
    )
