"""Analyses a second for 1,000 tests, against the pipeline of gbstats, GrowthBook's package.

    GBSTATS_PYTHON=/path/to/a/venv/bin/python python -m tests.bench.bench_statistics

gbstats lives in an environment of its own (``pip install gbstats``), named by ``GBSTATS_PYTHON``; without
it only the product's own rate is printed. The goal is five times as fast. Relative differences, absolute
ones with CUPED, where versions of gbstats differ on the relative standard error. An analysis compares every
arm with the control, gives each arm its interval and judges the sample ratio; gbstats leaves the last two
out. Its bayesian answers are normal approximations, ours are exact.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from adapters.statistics.scipy_significance import ScipySignificance
from domain.ab_test.analysis import Analysis, AnalysisRequest, Arm, Difference, Method, RatioPhase
from domain.ab_test.plan import Correction
from domain.ab_test.samples import Covariate, Mean, Proportion, Sample
from tests.bench.harness import Result, interleaved
from tests.bench.harness import Sample as Measured

TESTS = {2: 1000, 10: 200}
THEIRS = {2: 60, 10: 15}
CONTACTS = 5000
SEED = 6
ENGINES = {
    "frequentist": Method.WELCH,
    "sequential": Method.SEQUENTIAL,
    "bayesian": Method.BAYESIAN,
    "cuped": Method.WELCH,
}
STATISTICS = ScipySignificance()
Rows = list[dict[str, Any]]


def results() -> Iterator[Result]:
    """A row for each engine, with two variants and with ten."""
    other = os.environ.get("GBSTATS_PYTHON")
    for engine in ENGINES:
        for arms, count in TESTS.items():
            tests = [_rows(engine, arms, np.random.default_rng((SEED, test))) for test in range(count)]
            requests = [_request(engine, rows) for rows in tests]
            if other is None:
                rate = _ours(requests).rate
                print(f"{engine}, {arms} variants: {rate:,.0f} analyses/s (no GBSTATS_PYTHON to compare with)")
            else:
                yield _compared(engine, arms, tests, requests, other)


def _compared(engine: str, arms: int, tests: list[Rows], requests: list[AnalysisRequest], python: str) -> Result:
    script = Path(__file__).with_name("gbstats_side.py")
    line = json.dumps(
        {
            "engine": engine,
            "experiments": [{"weights": [1 / arms] * arms, "rows": rows} for rows in tests[: THEIRS[arms]]],
        }
    )
    told: dict[str, Any] = {}
    with subprocess.Popen([python, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as side:
        assert side.stdin
        assert side.stdout

        def theirs() -> Measured:
            assert side.stdin
            assert side.stdout
            side.stdin.write(line + "\n")
            side.stdin.flush()
            told.update(json.loads(side.stdout.readline()))
            return Measured(THEIRS[arms] / told["seconds"])

        theirs()
        samples, others = interleaved(lambda: _ours(requests), theirs)
        side.stdin.close()
    alike, total = _alike(engine, requests, told["results"])
    return Result(
        f"statistics, {engine}, {arms} variants",
        f"gbstats {told['version']}",
        samples,
        others,
        "analyses/s",
        f"{alike == total}, {alike} of {total} answers alike",
        floor=5,
        goal=5,
    )


def _ours(requests: list[AnalysisRequest]) -> Measured:
    begun = time.perf_counter()
    for request in requests:
        STATISTICS.analyse(request)
    return Measured(len(requests) / (time.perf_counter() - begun))


def _rows(engine: str, arms: int, chance: np.random.Generator) -> Rows:
    """One experiment as gbstats' query would bring it."""
    rows = []
    for arm in range(arms):
        row: dict[str, Any] = {"dimension": "", "variation": str(arm)}
        n = CONTACTS + int(chance.integers(-50, 50))
        row |= {"m0_id": "m", "users": n, "count": n, "m0_count": n}
        if engine == "cuped":
            before = chance.gamma(2, 10, n).round(2)
            after = (0.5 * before + chance.gamma(2, 8 + 0.1 * arm, n)).round(2)
            row |= {
                "m0_main_sum": float(after.sum()),
                "m0_main_sum_squares": float((after * after).sum()),
                "m0_covariate_sum": float(before.sum()),
                "m0_covariate_sum_squares": float((before * before).sum()),
                "m0_main_covariate_sum_product": float((after * before).sum()),
            }
        else:
            converted = int(chance.binomial(n, 0.1 + 0.002 * arm))
            row |= {"m0_main_sum": converted, "m0_main_sum_squares": converted}
        rows.append(row)
    return rows


def _request(engine: str, rows: Rows) -> AnalysisRequest:
    sizes = tuple(row["users"] for row in rows)
    return AnalysisRequest(
        arms=tuple(Arm(row["variation"], _sample(engine, row)) for row in rows),
        control="0",
        method=ENGINES[engine],
        phases=(RatioPhase(sizes, tuple(1.0 for _ in sizes)),),
        difference=Difference.ABSOLUTE if engine == "cuped" else Difference.RELATIVE,
        correction=Correction.NONE,
    )


def _sample(engine: str, row: dict[str, Any]) -> Sample:
    if engine != "cuped":
        return Proportion(row["users"], row["m0_main_sum"])
    covariate = Covariate(
        row["m0_covariate_sum"], row["m0_covariate_sum_squares"], row["m0_main_covariate_sum_product"]
    )
    return Mean(row["users"], row["m0_main_sum"], row["m0_main_sum_squares"], covariate)


def _alike(engine: str, requests: list[AnalysisRequest], theirs: list[list[dict[str, Any]]]) -> tuple[int, int]:
    """How many of the intervals agree: to 1e-6, exact and normal posteriors to a tenth of their width."""
    alike = total = 0
    for request, answers in zip(requests, theirs, strict=False):
        analysis: Analysis = STATISTICS.analyse(request)
        for ours, other in zip(analysis.comparisons, answers, strict=True):
            total += 1
            low, high = ours.interval or (None, None)
            assert low is not None
            assert high is not None
            allowed = (high - low) / 10 if engine == "bayesian" else 1e-6
            alike += all(
                math.isclose(one, bound, abs_tol=allowed) for one, bound in zip((low, high), other["ci"], strict=True)
            )
    return alike, total


if __name__ == "__main__":
    for result in results():
        print(result)
