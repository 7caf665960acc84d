"""Runs a module that serves HTTP under the profiler, and says at its end where the processor's time went.

    BENCH_PROFILE=1 BENCH_ROUNDS=1 python -m tests.bench commands_http

Shares of the server's one thread, by room or library; what is written in C stands under its own name. The profiler
makes Python's own calls dearer than they are: the order tells, not the last digit.
"""

from __future__ import annotations

import cProfile
import runpy
import signal
import sys
import time
from collections import defaultdict
from contextlib import suppress
from operator import itemgetter
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHOWN = 16
_WAITING = "method 'run_until_complete' of 'uvloop.loop.Loop' objects"


def main(module: str) -> None:
    """Serve until SIGTERM, then print."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # else uvicorn, at its end, ends the process by it
    profile = cProfile.Profile(time.thread_time)
    with suppress(SystemExit):
        profile.runcall(runpy.run_module, module, run_name="__main__", alter_sys=True)
    _tell(module, profile)


def _tell(module: str, profile: cProfile.Profile) -> None:
    shares: dict[str, float] = defaultdict(float)
    profile.create_stats()
    for (file, _, name), (_, _, own, _, _) in profile.stats.items():
        shares[_place(file, name)] += own
    whole = sum(shares.values())
    print(f"{module}: where {whole:.1f} s of its processor went")
    for place, seconds in sorted(shares.items(), key=itemgetter(1), reverse=True)[:SHOWN]:
        print(f"  {seconds / whole:6.1%}  {place}", flush=True)


def _place(file: str, name: str) -> str:
    if file == "~":
        return "the loop itself: sockets, parsing, callbacks" if _WAITING in name else name
    path = Path(file)
    if path.is_relative_to(ROOT) and "site-packages" not in path.parts:
        return "/".join(path.relative_to(ROOT).parts[:2])
    parts = path.parts
    return parts[parts.index("site-packages") + 1] if "site-packages" in parts else f"Python's {path.stem}"


if __name__ == "__main__":
    del sys.argv[0]
    main(sys.argv[0])
