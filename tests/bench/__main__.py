"""Every benchmark, one after the other, each in a process of its own: the table of measured goals.

    make bench                       # all of them
    python -m tests.bench tracking   # some of them, by the end of their names

A benchmark that ends with an error is named at the end, and the run with it.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def names() -> list[str]:
    """The benchmarks there are, without ``bench_``."""
    return sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))


def main(asked: list[str]) -> int:
    """Run what was asked for, or all; the number of those that failed."""
    if unknown := set(asked) - set(names()):
        print(f"There is no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(names())}.", file=sys.stderr)
        return 2
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    failed = [name for name in asked or names() if not _ran(name)]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return len(failed)


def _ran(name: str) -> bool:
    print(f"\n{name}", flush=True)
    return subprocess.run([sys.executable, "-m", f"tests.bench.bench_{name}"], cwd=HERE.parents[1]).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
