"""What the server that forks the processes imports, and nothing else does: the product, and an end with the harness."""

from __future__ import annotations

from infra import processes
from tests.faults import run
from tests.faults.mortality import die_with_the_parent

__all__ = ["processes", "run"]

die_with_the_parent()
