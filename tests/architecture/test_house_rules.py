"""The table of rooms is kept, and the reading that says so is seen to find what breaks it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.house_rules import ROOMS, violations

REPOSITORY = Path(__file__).parents[2]


def test_the_house_keeps_its_rules() -> None:
    assert violations(REPOSITORY) == []


def test_every_room_of_the_table_stands() -> None:
    assert {name for name in ROOMS if not (REPOSITORY / name).is_dir()} == set()


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A small house that keeps the rules."""
    write(tmp_path, "domain/shared/aggregate.py", "class Aggregate: ...")
    write(
        tmp_path,
        "domain/campaign/campaign.py",
        "from domain.shared.aggregate import Aggregate\nclass C(Aggregate): ...",
    )
    write(tmp_path, "domain/campaign/events.py", "from datetime import datetime")
    write(tmp_path, "domain/catalogue.py", "from domain.campaign.events import datetime")
    write(tmp_path, "application/ports.py", "from domain.campaign.campaign import C")
    write(tmp_path, "application/ports_facts.py", "")
    write(tmp_path, "application/execution.py", "import structlog")
    write(tmp_path, "projections/funnel.py", "import msgspec\nfrom domain import catalogue")
    write(tmp_path, "adapters/postgres/pool.py", "import psycopg\nfrom application import ports, ports_facts")
    write(tmp_path, "api/tracking.py", "import msgspec\nfrom application.execution import structlog")
    write(tmp_path, "infra/bootstrap.py", "import psycopg\nfrom adapters.postgres import pool")
    assert violations(tmp_path) == []
    return tmp_path


@pytest.mark.parametrize(
    ("file", "planted"),
    [
        ("domain/campaign/campaign.py", "import psycopg"),
        ("domain/campaign/campaign.py", "from application.ports import Clock"),
        ("domain/campaign/campaign.py", "import random"),
        ("domain/campaign/campaign.py", "from uuid import uuid4\nid = uuid4()"),
        ("domain/campaign/campaign.py", "from datetime import datetime\nat = datetime.now()"),
        ("domain/segment/segment.py", "from domain.campaign.campaign import C"),
        ("domain/segment/segment.py", "from domain import campaign"),
        ("domain/segment/segment.py", "from ..campaign import events"),
        ("application/execution.py", "from projections import funnel"),
        ("application/execution.py", "import adapters.postgres.pool"),
        ("application/execution.py", "def late():\n    import scipy.stats"),
        ("projections/funnel.py", "from domain.campaign.campaign import C"),
        ("projections/funnel.py", "from domain.campaign import campaign"),
        ("projections/funnel.py", "from application.ports import Clock"),
        ("projections/funnel.py", "import psycopg"),
        ("adapters/postgres/pool.py", "from api import tracking"),
        ("adapters/postgres/pool.py", "from application.execution import structlog"),
        ("adapters/postgres/pool.py", "from application import execution"),
        ("adapters/postgres/pool.py", "import fastapi"),
        ("adapters/statistics/rates.py", "import psycopg"),
        ("adapters/postgres/pool.py", "import scipy"),
        ("adapters/event_store/store.py", "from kafka import KafkaProducer"),
        ("api/routes/campaigns.py", "import msgspec"),
        ("api/routes/campaigns.py", "from adapters.postgres import pool"),
        ("api/routes/campaigns.py", "import psycopg"),
        ("api/routes/campaigns.py", "import jinja2"),
        ("api/routes/campaigns.py", "from domain.campaign.campaign import C"),
        ("api/routes/campaigns.py", "import infra.bootstrap"),
    ],
)
def test_a_planted_import_is_found(house: Path, file: str, planted: str) -> None:
    write(house, file, planted)

    found = violations(house)

    assert [line for line in found if line.startswith(file.removesuffix(".py").replace("/", "."))], found


def test_a_package_without_a_row_is_found(house: Path) -> None:
    write(house, "helpers/dates.py", "")

    assert violations(house) == ["helpers: this top-level package has no row in the table of rooms"]


def write(root: Path, file: str, content: str) -> None:
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
