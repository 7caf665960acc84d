"""The other side of ``bench_statistics``: GrowthBook's package in a Python of its own, which has nothing of
ours.

Reads one line of JSON after the other, ``{"engine", "experiments": [{"weights", "rows"}]}``, and answers
each with ``{"seconds", "version", "results": [[{"expected", "ci", "pValue"} …] …]}``.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from importlib import import_module
from importlib.metadata import version
from typing import Any

ENGINES: dict[str, dict[str, Any]] = {
    "frequentist": {"stats_engine": "frequentist"},
    "sequential": {
        "stats_engine": "frequentist",
        "sequential_testing_enabled": True,
        "sequential_tuning_parameter": 5000,
    },
    "bayesian": {"stats_engine": "bayesian"},
    "cuped": {"stats_engine": "frequentist"},
}


PIPELINE = import_module("gbstats.gbstats").process_experiment_results


def pipeline(engine: str, experiment: dict[str, Any]) -> list[dict[str, Any]]:
    """One metric of one experiment, as GrowthBook's server calls it; the answers of the arms after the
    first."""
    arms = len(experiment["weights"])
    names = [str(index) for index in range(arms)]
    cuped = engine == "cuped"
    metric = {
        "id": "m",
        "name": "m",
        "statistic_type": "mean_ra" if cuped else "mean",
        "main_metric_type": "count" if cuped else "binomial",
        "covariate_metric_type": "count" if cuped else None,
    }
    analysis = {
        "var_names": names,
        "var_ids": names,
        "weights": experiment["weights"],
        "difference_type": "absolute" if cuped else "relative",
        **ENGINES[engine],
    }
    told = PIPELINE(
        {
            "metrics": {"m": metric},
            "analyses": [analysis],
            "query_results": [{"rows": experiment["rows"], "metrics": ["m"]}],
        }
    )
    variations = told[0]["analyses"][0]["dimensions"][0]["variations"]
    return [{name: one.get(name) for name in ("expected", "ci", "pValue")} for one in variations[1:]]


def main() -> None:
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        asked = json.loads(line)
        begun = time.perf_counter()
        results = [pipeline(asked["engine"], experiment) for experiment in asked["experiments"]]
        seconds = time.perf_counter() - begun
        print(json.dumps({"seconds": seconds, "version": version("gbstats"), "results": results}), flush=True)


if __name__ == "__main__":
    main()
