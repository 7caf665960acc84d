"""Do what has fallen due: claimed in batches, each piece once, however many workers run."""

from __future__ import annotations

import asyncio

import structlog

from application.application import Application
from application.campaign.run_due_work import DueWork, RunDueWork
from application.ports import Caller, Claimed, Context, DueQueue, Fenced
from domain.ab_test.ab_test import ABTest
from domain.campaign.errors import NothingDue
from domain.shared.errors import NotFound

WORKER = "system:worker"

log = structlog.get_logger("due_work")


async def run_due_work(queue: DueQueue, application: Application, most: int = 500) -> int:
    """One round: claim up to ``most`` pieces and do them; answers how many were claimed."""
    claimed = await queue.claim(most)
    await asyncio.gather(*(_run(queue, application, piece) for piece in claimed))
    return len(claimed)


async def _run(queue: DueQueue, application: Application, piece: Claimed) -> None:
    correlation = f"due-{piece.claim.id}-{piece.claim.fence}"
    caller = Caller(piece.workspace, piece.workspace_id, WORKER, "system")
    context = Context(caller, piece.at, correlation, due=piece.claim)
    try:
        if piece.stream_kind == ABTest.KIND:
            await application.judge_ab_tests(queue, piece, caller, correlation)
            return
        await application.run_due_work(RunDueWork(piece.stream, DueWork(piece.kind)), context)
    except (NothingDue, NotFound):
        # It was moved meanwhile, and its due work with it.
        await queue.drop(piece.claim)
    except Fenced:
        log.warning("due_work_lost", kind=piece.kind, id=str(piece.stream), correlation=correlation)
    except Exception as error:
        log.error(
            "due_work_failed",
            kind=piece.kind,
            id=str(piece.stream),
            correlation=correlation,
            error=repr(error),
        )
        await queue.failed(piece.claim, repr(error))
