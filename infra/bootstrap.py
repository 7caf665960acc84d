"""The fuse box: the only file that names every adapter."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import fields
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import uuid4

import structlog
from pydantic import SecretStr

from adapters.clock import SystemClock, UuidSevenIds
from adapters.engagement_log.log import PostgresFactLog
from adapters.event_store.appender import Appender
from adapters.event_store.codec import Codec
from adapters.event_store.due_work import PostgresDueWork
from adapters.event_store.epochs import PostgresEpochs
from adapters.event_store.follower import PostgresFollower
from adapters.event_store.live_tests import PostgresLiveTests
from adapters.event_store.moments import PostgresMoments
from adapters.event_store.store import PostgresEventStore
from adapters.event_store.workspaces import PostgresKeys
from adapters.kafka.relay import Relay
from adapters.kafka.settings import KafkaSettings
from adapters.postgres.health import PostgresHealth
from adapters.postgres.jobs import JobQueue, PostgresJobs
from adapters.postgres.pool import Pool
from adapters.postgres.rules import PostgresRules
from adapters.read_models.evidence import PostgresEvidences
from adapters.read_models.figures import PostgresFigures
from adapters.read_models.from_kafka import KafkaSource
from adapters.read_models.parked import PostgresParked
from adapters.read_models.reader import PostgresReads
from adapters.read_models.runner import Runner
from adapters.seal import AesSeal
from adapters.statistics.scipy_significance import ScipySignificance
from api.main import create_app
from api.probe import create_probe
from api.services import Services
from api.tracking import make_tracking
from application.ab_test.ab_test_views import ABTestViews
from application.ab_test.looking import Looking
from application.application import Application, assemble
from application.campaign.campaign_views import CampaignViews
from application.due_work import run_due_work
from application.policies.campaigns_and_tests import follow_campaigns
from application.ports import Unavailable, VersionConflict
from application.rebuilding import Rebuilding
from application.ruling import Ruling
from domain.catalogue import EVENTS
from infra.jobs import run_jobs
from infra.settings import Settings
from projections.catalogue import CATALOGUE, UNDER_RULES

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

DUE_EVERY = 0.1
PARTITIONS_EVERY = 60.0

log = structlog.get_logger("bootstrap")


class WriteSide:
    """The application on Postgres: opened by ``open``, let go by ``close``."""

    def __init__(self, dsn: str, name: str) -> None:
        self.reader = Pool(dsn, role="ballyhoo_reader", name=f"{name}-reader")
        self.engine = Pool(dsn, role="ballyhoo_engine", size=4, name=f"{name}-engine")
        self.epochs = PostgresEpochs(self.engine)
        self.appender = Appender(dsn, under=self.epochs.hear)

    async def open(self) -> Application:
        """Connect; waits for a database that is still starting."""
        await self.reader.open()
        await self.engine.open()
        await _patiently(self.epochs.load)
        self.seal = AesSeal(
            bytes((await self.engine.rows("select value from ballyhoo.secrets where name = 'seal'"))[0][0])
        )
        self.store = PostgresEventStore(self.engine, self.appender, Codec(EVENTS), self.epochs.now)
        self.reads = PostgresReads(self.reader, self.epochs.now)
        self.figures = PostgresFigures(self.reader, self.reads)
        self.moments = PostgresMoments(self.reader, self.epochs.now)
        self.live = PostgresLiveTests(self.engine)
        self.looking = Looking(PostgresEvidences(self.reads), ScipySignificance())
        return assemble(self.store, UuidSevenIds(), self.figures, self.live, self.looking)

    async def close(self) -> None:
        """Finish what waits, and disconnect."""
        if hasattr(self, "store"):
            await self.store.close()
        await self.appender.close()
        await self.reader.close()
        await self.engine.close()


def build_api(settings: Settings, dsn: str) -> ASGIApp:
    """The ASGI application of one api process."""
    write = WriteSide(dsn, "api")
    facts = PostgresFactLog(dsn)
    answering: ASGIApp | None = None

    async def start() -> None:
        nonlocal answering
        application = await write.open()
        await facts.open()
        keys, rules = PostgresKeys(write.engine), PostgresRules(write.engine)
        services = Services(
            application=application, campaigns=CampaignViews(write.store, write.store, write.figures, write.seal),
            ab_tests=ABTestViews(write.store, write.store, write.looking, write.seal),
            kept=write.store, reads=write.reads, keys=keys, seal=write.seal, moments=write.moments, epochs=write.epochs,
            clock=SystemClock(), health=PostgresHealth(write.engine, needed=kinds(settings)),
            rebuilding=Rebuilding(
                PostgresJobs(write.engine), UuidSevenIds(), rules, [one.name for one in CATALOGUE], UNDER_RULES
            ),
            ruling=Ruling(rules), parked=PostgresParked(dsn, write.engine),
        )  # fmt: skip
        tracking = make_tracking(keys, facts, write.seal, SystemClock())
        answering = create_app(services, tracking, _assets())
        collect_seldom()

    async def stop() -> None:
        await facts.close()
        await write.close()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send, start, stop)
        else:
            assert answering is not None
            await answering(scope, receive, send)

    return app


def build_projector(settings: Settings, dsn: str) -> Runner:
    """What a projector process runs: fed by Kafka where one is configured, else by the store itself."""
    kafka = kafka_settings(settings)
    return Runner(
        dsn,
        source=(lambda: KafkaSource(kafka, Codec(EVENTS))) if kafka else None,
        check_every=settings.check_every,
    )


def collect_seldom() -> None:
    """What is there at the start stays, and requests leave few cycles behind: looking through all of it again and again
    only makes somebody wait."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def build_relay(settings: Settings, dsn: str) -> Relay:
    """What a relay process runs; a broker must be configured."""
    kafka = kafka_settings(settings)
    assert kafka is not None
    return Relay(dsn, kafka)


def kinds(settings: Settings) -> tuple[str, ...]:
    """The kinds of processes without which an api is not of much use."""
    return ("projector", "worker", "relay") if settings.kafka else ("projector", "worker")


def build_probe(dsn: str) -> ASGIApp:
    """What a process that has no other HTTP answers about its health: what an api would, but for missing processes."""
    pool = Pool(dsn, role="ballyhoo_engine", size=1, name="health")
    return create_probe(PostgresHealth(pool, needed=()), pool.open, pool.close)


def kafka_settings(settings: Settings) -> KafkaSettings | None:
    """Where Kafka is; None where none is configured."""
    if settings.kafka is None:
        return None
    return KafkaSettings(
        servers=settings.kafka,
        **{
            field.name: _plain(getattr(settings, f"kafka_{field.name}"))
            for field in fields(KafkaSettings)
            if field.name != "servers"
        },
    )


def _plain(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


async def run_worker(settings: Settings, dsn: str, stop: asyncio.Event) -> None:
    """Do what is due, and what follows from what happened, until ``stop``; a database that is away is waited for."""
    write = WriteSide(dsn, "worker")
    application = await write.open()
    owner = uuid4()
    queue = PostgresDueWork(write.engine, owner)
    follower = PostgresFollower(write.engine, Codec(EVENTS), owner)
    try:
        await asyncio.gather(
            _round_after_round(stop, lambda: run_due_work(queue, application)),
            _round_after_round(stop, lambda: follow_campaigns(follower, write.live, application)),
            run_jobs(JobQueue(write.engine, owner), dsn, stop),
            _partitions_ahead(write.engine, stop),
        )
    finally:
        await write.close()


async def _round_after_round(stop: asyncio.Event, work: Callable[[], Awaitable[int]]) -> None:
    """Do ``work`` until ``stop``, at once again where there was something to do."""
    while not stop.is_set():
        try:
            more = await work()
        except (Unavailable, VersionConflict) as error:
            log.warning("worker_waits", reason=str(error))
            more = 0
        if not more:
            await _until(stop, DUE_EVERY)


async def _partitions_ahead(pool: Pool, stop: asyncio.Event) -> None:
    """Keep the log's next partition made, so that no append has to make it."""
    while not stop.is_set():
        try:
            await pool.rows("select ballyhoo.make_next_partition()")
        except Unavailable as error:
            log.warning("partitions_wait", reason=str(error))
        await _until(stop, PARTITIONS_EVERY)


async def _until(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


async def _patiently(ask: Callable[[], Awaitable[Any]]) -> Any:
    while True:
        try:
            return await ask()
        except Unavailable as error:
            log.warning("waiting_for_the_database", reason=str(error))
            await asyncio.sleep(0.5)


async def _lifespan(
    receive: Receive, send: Send, start: Callable[[], Awaitable[None]], stop: Callable[[], Awaitable[None]]
) -> None:
    """The ASGI lifespan protocol; a start that fails is said in one line and ends the process."""
    await receive()
    try:
        await start()
    except Exception as error:
        await send({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})
        raise
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await stop()
    await send({"type": "lifespan.shutdown.complete"})


def _assets() -> Path:
    return Path(str(files("fastapi_swagger"))) / "resources"
