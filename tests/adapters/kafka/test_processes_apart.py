"""Every process apart, fed by Kafka, as a user meets them: over HTTP, and by their logs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from infra.kafka.broker import Broker
from infra.kafka.metadata import free_port
from tests.journeys.test_two_projectors import Tracking
from tests.plugins.broker import to_be_had
from tests.support.campaigns import drafted
from tests.support.client import Client, NoReply
from tests.support.server import Api, Product, Running, product, ready
from tests.waiting import wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

AWAY = 5.0
PATIENCE = 120.0


@dataclass(frozen=True)
class Cluster:
    """One process of each kind; ``health`` says where each tells its own."""

    product: Product
    broker: Broker
    api: Api
    others: dict[str, Running]
    health: dict[str, Client]

    def problems(self) -> dict[str, set[str]]:
        """What each process says is wrong, by part."""
        return {kind: _problems(client) for kind, client in self.health.items()}


@pytest.fixture(scope="module")
def cluster(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Everything running, on a broker that tests may kill."""
    to_be_had()
    folder = tmp_path_factory.mktemp("cluster")
    with Broker(folder / "kafka") as broker, product(database_url, folder) as house:
        ports = {kind: str(free_port()) for kind in ("relay", "projector", "worker")}
        kafka = {"BALLYHOO_KAFKA": broker.bootstrap}
        others = {
            "relay": house.relay(**kafka, BALLYHOO_HEALTH_PORT=ports["relay"]),
            "projector": house.projector(**kafka, BALLYHOO_HEALTH_PORT=ports["projector"]),
            "worker": house.worker(**kafka, BALLYHOO_HEALTH_PORT=ports["worker"]),
        }
        api = house.api(**kafka)
        health = {kind: Client(f"http://127.0.0.1:{port}", None) for kind, port in ports.items()}
        wait_until(lambda: ready(api), PATIENCE)
        yield Cluster(house, broker, api, others, health | {"api": Client(api.url, None)})


@pytest.mark.req("OPS-5")
def test_the_id_of_one_request_is_found_in_the_logs_of_api_relay_and_projector(cluster: Cluster) -> None:
    alice = cluster.product.client(cluster.api)
    campaign = drafted(alice)
    request = f"request-{uuid4()}"
    path = f"/v1/campaigns/{campaign}/launch"
    answer = alice.call("POST", path, headers={"X-Request-Id": request}).ok()
    alice.get("/v1/campaigns", after=answer.position, wait=30).ok()

    def speak_of_it(running: Running) -> list[dict[str, Any]]:
        return [line for line in running.lines() if request in (line.get("request_id"), *line.get("correlations", ()))]

    relay, projector = cluster.others["relay"], cluster.others["projector"]
    wait_until(lambda: speak_of_it(relay) and speak_of_it(projector), PATIENCE)
    assert any(line.get("path") == path for line in speak_of_it(cluster.api))
    assert {line["event"] for line in speak_of_it(relay)} == {"events_published"}
    assert {line["event"] for line in speak_of_it(projector)} == {"folded"}


@pytest.mark.req("EVT-3", "OPS-2", "OPS-5")
def test_a_broker_that_is_killed_for_a_while_is_named_and_waited_for(cluster: Cluster) -> None:
    alice = cluster.product.client(cluster.api)
    campaign = drafted(alice)
    tracking = Tracking(alice, campaign)
    tracking.start()
    with sources_seen(alice) as sources:
        wait_until(lambda: tracking.clicks > 1_000, PATIENCE)
        cluster.broker.kill()
        time.sleep(AWAY)
        wait_until(lambda: all("kafka" in problems for problems in cluster.problems().values()), PATIENCE)
        cluster.broker.start()
        wait_until(lambda: not any(cluster.problems().values()), PATIENCE)
        tracking.end()
        answer = alice.get(f"/v1/campaigns/{campaign}/metrics", after=tracking.position, wait=30).ok()

    total = answer.body["total"]
    assert (total["clicks"], total["unique_clicks"]) == (tracking.clicks, tracking.clicks)
    assert sources == {"kafka"}


@pytest.mark.req("OPS-5")
def test_every_process_names_the_database_when_it_is_away(cluster: Cluster) -> None:
    with shut(cluster.product.dsn):
        wait_until(lambda: all(problems == {"database"} for problems in cluster.problems().values()), PATIENCE)

    wait_until(lambda: not any(cluster.problems().values()), PATIENCE)


@contextmanager
def sources_seen(client: Client) -> Iterator[set[str]]:
    """Every source that any projection names while the block runs."""
    seen: set[str] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            seen.update(item["source"] for item in client.get("/v1/projections").ok().body["items"])

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


@contextmanager
def shut(database: str) -> Iterator[None]:
    """Nobody gets into this database while the block runs, and whoever is in it is thrown out."""
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    elsewhere = psycopg.conninfo.make_conninfo(database, dbname="template1")
    allow = sql.SQL("alter database {} allow_connections {}")
    with psycopg.connect(elsewhere, autocommit=True) as connection:
        connection.execute(allow.format(sql.Identifier(str(name)), sql.SQL("false")))
        try:
            connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,))
            yield
        finally:
            connection.execute(allow.format(sql.Identifier(str(name)), sql.SQL("true")))


def _problems(client: Client) -> set[str]:
    try:
        return set(client.get("/health/ready").body["problems"])
    except NoReply:
        return {"no answer"}
