"""The reference is true: calls made from it, right and wrong ones, never find a fault of ours.

SEED=n repeats the same calls, EXAMPLES=n makes more of them for each operation.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.core.result import Ok

from tests.journeys.conftest import Whole
from tests.support.campaigns import drafted

SEED = int(os.environ.get("SEED", "3141"))
EXAMPLES = int(os.environ.get("EXAMPLES", "20"))


@pytest.mark.req("EVT-1")
def test_no_call_that_the_reference_allows_or_forbids_meets_a_fault_of_ours(whole: Whole) -> None:
    client = whole.client()
    campaign = drafted(client)
    document = schemathesis.openapi.from_url(f"{client.url}/openapi.json")
    print(f"seed {SEED}, {EXAMPLES} examples for each operation")
    calls = 0

    def try_out(operation: Any) -> None:
        @seed(SEED)
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.generate],
        )
        @given(case=operation.as_strategy())
        def call(case: Any) -> None:
            nonlocal calls
            calls += 1
            if "id" in (case.path_parameters or {}) and calls % 2:
                case.path_parameters["id"] = campaign
            response = case.call(headers={"Authorization": f"Bearer {client.key}"})
            assert response.status_code < 500, (response.status_code, response.content, case.as_curl_command())

        call()

    tried = 0
    for found in document.get_all_operations():
        assert isinstance(found, Ok), found.err()
        try_out(found.ok())
        tried += 1

    print(f"{calls} calls of {tried} operations")
    assert tried > 25
