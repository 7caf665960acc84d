"""``make demo``: a real e-mail test of 64,000 customers, from draft to ROI, beside independent answers.

It starts ``ballyhoo serve`` on a folder of its own and then is a client like any other. FILE=x.csv takes
another file of the same shape (the independent figures are then counted here), KEEP=1 leaves the folder,
DEMO_DATA names it. Ends with 1 where a figure differs.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from infra.ask import Api, NoAnswer
from infra.demo import ab_test, campaign, tables
from infra.demo.comparing import Line, lines_of_arms, lines_of_funnel, lines_of_roi
from infra.demo.customers import SHIPPED, Customer, WrongFile, customers_of
from infra.demo.facts import how_many, with_every_cent
from infra.demo.figures import Arm, counted_by_hand, packed_answers
from infra.demo.sending import NotTaken
from infra.demo.serving import DoesNotServe, Served, serving

DIFFERS = 1
FAILED = 2
TERMINATED = 143
INTERRUPTED = 130


def main() -> int:
    """Run the demo. The exit status: 0 where every figure is equal."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))  # by way of every clean end
    given = os.environ.get("FILE")
    console = tables.console()
    place = Path(tempfile.mkdtemp(prefix="ballyhoo-demo-"))
    data = Path(os.environ.get("DEMO_DATA") or place / "data").absolute()
    keep = os.environ.get("KEEP", "") not in ("", "0") or bool(os.environ.get("DEMO_DATA"))
    try:
        customers = customers_of(Path(given) if given else SHIPPED)
        independent = counted_by_hand(customers) if given else packed_answers()
        _say(console, f"{len(customers)} customers of {given or SHIPPED.name}")
        _say(console, f"ballyhoo serve starts in {data}")
        with serving(data, place / "log") as served:
            lines = _run(console, served, customers, independent, "counted by hand" if given else "pandas")
    except (DoesNotServe, NoAnswer, NotTaken, WrongFile, campaign.Unexpected) as error:
        print(f"demo: {error}", file=sys.stderr)
        return FAILED
    finally:
        if not keep:
            shutil.rmtree(place, ignore_errors=True)
    wrong = [line for line in lines if not line.equal]
    _say(console, f"{len(lines) - len(wrong)} of {len(lines)} figures are equal.")
    _say_where(console, data, keep)
    return DIFFERS if wrong else 0


def _run(
    console: Console, served: Served, customers: Sequence[Customer], independent: dict[str, Arm], source: str
) -> list[Line]:
    """The whole campaign and its tables. Gives every figure that was compared."""
    with Api(served.url, key=served.key) as api:
        campaign_id = campaign.drafted(api)
        test_id = ab_test.planned(api, campaign_id)
        campaign.launch(api, campaign_id)
        _say(console, f"campaign {campaign_id} is launched")
        position = _track(console, api, served, campaign_id, customers)
        began = time.monotonic()
        arms = campaign.arms(api, campaign_id, position)
        _say(
            console,
            f"metrics show the last fact {time.monotonic() - began:.2f} s after its acknowledgement\n",
        )
        stages = campaign.funnel(api, campaign_id, position)
        roi = campaign.roi(api, campaign_id, position)
        verdict = ab_test.found(api, test_id, position)
    lines = [
        *lines_of_arms(arms, independent),
        *lines_of_funnel(stages, customers),
        *lines_of_roi(roi, independent),
        *ab_test.lines_of_test(verdict, independent),
    ]
    tables.show(tables.arms({variant: arms[variant] for variant in independent if variant in arms}))
    tables.show(tables.funnel(stages))
    tables.show(tables.comparison(lines, source))
    for sentence in ab_test.in_words(verdict):
        _say(console, sentence)
    _say(console, "")
    return lines


def _track(console: Console, api: Api, served: Served, campaign_id: str, customers: Sequence[Customer]) -> str:
    """Send every fact, with a bar where somebody watches. Gives the position behind them."""
    whole, moved = with_every_cent(customers)
    if moved:
        _say(
            console,
            f"rows without a conversion hold {tables.money(moved)}: sent with conversions of their arms",
        )
    began = time.monotonic()
    sent = 0
    columns = (TextColumn("tracking"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("tracking", total=how_many(whole))

        def acknowledged(count: int) -> None:
            nonlocal sent
            sent += count
            progress.update(task, completed=sent)

        position = campaign.tracked(api, served.url, served.key, campaign_id, whole, acknowledged)
    seconds = time.monotonic() - began
    _say(console, f"{sent} facts acknowledged in {seconds:.1f} s, {sent / seconds:.0f} a second")
    return position


def _say_where(console: Console, data: Path, keep: bool) -> None:
    if not keep:
        _say(console, "Its folder is removed again; make demo KEEP=1 leaves it. Then, to look around:")
    else:
        _say(console, "To look around:")
    _say(console, f"  .venv/bin/ballyhoo serve --data {data}")
    _say(console, f"  and open http://127.0.0.1:8000/docs with the key in {data}/owner.key")


def _say(console: Console, line: str) -> None:
    console.print(line, soft_wrap=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
