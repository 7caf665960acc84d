"""Whatever a user does over HTTP, the product answers what a hundred lines of Python foretell.

MODEL_RUNS=500 makes as many runs as an acceptance wants, SEED=n repeats the same ones.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.errors import Flaky
from hypothesis.stateful import run_state_machine_as_test

from tests.journeys.conftest import Whole
from tests.model.machine import Workspace
from tests.support import planted
from tests.support.client import Client

RUNS = int(os.environ.get("MODEL_RUNS", "40"))
STEPS = 30
SEED = int(os.environ.get("SEED", "20261121"))


def compare(new_client: Callable[[], Client], runs: int, *, shrink: bool) -> None:
    """Run the machine against the product that new clients meet."""

    @seed(SEED)
    class Machine(Workspace):
        """The machine with the seed of this run."""

        def __init__(self) -> None:
            super().__init__(new_client)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=runs,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
        ),
    )


@pytest.mark.req("EVT-1", "EVT-2", "EVT-9", "CAM-1", "CAM-3", "ANA-1", "ANA-2")
def test_the_product_answers_what_the_oracle_foretells(whole: Whole) -> None:
    print(f"seed {SEED}, {RUNS} runs of {STEPS} steps")

    compare(whole.client, RUNS, shrink=True)


@pytest.mark.parametrize("bug", planted.BUGS)
def test_a_planted_bug_is_found(whole: Whole, bug: str) -> None:
    api = whole.product.api(program=planted.PROGRAM, BUG=bug)
    print(f"seed {SEED}, at most 200 runs of {STEPS} steps")

    with pytest.raises((AssertionError, Flaky)) as found:  # a stale read may be fresh the second time
        compare(partial(whole.product.client, api), 200, shrink=False)

    print(f"{bug}: {next(iter(str(found.value).splitlines()), '')[:200]}")
    api.stop()
