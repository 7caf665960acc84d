"""The reference is true: calls made from it, right and wrong ones, never find a fault of ours."""

from __future__ import annotations

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import seed as seeded
from schemathesis.checks import not_a_server_error

from tests.journeys.conftest import Whole
from tests.support.campaigns import drafted

SEED = int(os.environ.get("SEED", "3141"))
EXAMPLES = int(os.environ.get("EXAMPLES", "15"))


@pytest.fixture(scope="module")
def reference(whole: Whole) -> Any:
    """The document as the product gives it; calls carry the key of a workspace of one campaign."""
    client = whole.client()
    drafted(client)
    document = schemathesis.openapi.from_url(f"{client.url}/openapi.json")
    document.config.update(headers={"Authorization": f"Bearer {client.key}"})
    return document


schema = schemathesis.pytest.from_fixture("reference")


@pytest.mark.req("EVT-1")
@schema.parametrize()
@seeded(SEED)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
def test_no_call_that_the_reference_allows_or_forbids_meets_a_fault_of_ours(case: Any) -> None:
    response = case.call()

    case.validate_response(response, checks=[not_a_server_error])
    assert response.status_code < 500 or response.headers.get("retry-after")
