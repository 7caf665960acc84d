"""``make faults SEED=n MINUTES=m BUG=name``: kills, stops, cuts and lies by a seed, then the invariants."""

from __future__ import annotations

import os
import sys

from infra.kafka.jars import HOW_TO_GET_ONE, are_here
from tests.faults.bugs import BUGS
from tests.faults.house import NotWell
from tests.faults.run import run


def main() -> int:
    """0 where every invariant holds, 1 where one does not, 2 where the run can't be as it was asked for."""
    seed, minutes = int(os.environ.get("SEED") or "1"), float(os.environ.get("MINUTES") or "3")
    bug = os.environ.get("BUG") or ""
    kafka = are_here() and os.environ.get("KAFKA") != "off"
    if not kafka:
        print(f"Without Kafka: {HOW_TO_GET_ONE}." if not are_here() else "Without Kafka.")
    if bug and bug not in BUGS:
        print(f"There is no bug {bug}; there are: {', '.join(BUGS)}.", file=sys.stderr)
        return 2
    if bug and BUGS[bug].needs_kafka and not kafka:
        print(f"The bug {bug} needs Kafka.", file=sys.stderr)
        return 2
    try:
        report = run(seed, minutes * 60, kafka=kafka, bug=bug)
    except NotWell as error:
        print(f"It does not begin: {error}", file=sys.stderr)
        return 2
    return 1 if report.broken else 0


if __name__ == "__main__":
    sys.exit(main())
