"""What a worker does with jobs: each in a child process, whose end it waits for while it keeps the lease.

A child that is killed leaves its job to the next start, which goes on where it was; one that dies again and again has
failed. The kernel kills the child when the worker ends.
"""

from __future__ import annotations

import asyncio
import os
import sys

import structlog

from adapters.postgres.jobs import MOST_ATTEMPTS, ClaimedJob, JobQueue
from application.ports import Unavailable
from infra.children import set_priv
from infra.settings import PREFIX

EVERY = 0.25
RENEW_EVERY = 2.0

log = structlog.get_logger("worker")


async def run_jobs(queue: JobQueue, dsn: str, stop: asyncio.Event) -> None:
    """Claim and do jobs until ``stop``; a database that is away is waited for."""
    while not stop.is_set():
        try:
            job = await queue.claim()
            if job is not None:
                await _run(queue, job, dsn, stop)
                continue
        except Unavailable as error:
            log.warning("jobs_wait", reason=str(error))
        await _until(stop, EVERY)


async def _run(queue: JobQueue, job: ClaimedJob, dsn: str, stop: asyncio.Event) -> None:
    if job.attempts > MOST_ATTEMPTS:
        await queue.fail(job, f"Its process died {MOST_ATTEMPTS} times; the worker's log says why.")
        return
    log.info("job_begins", job=str(job.id), attempt=job.attempts)
    child = await asyncio.create_subprocess_exec(
        set_priv(), "--pdeathsig", "KILL", sys.executable, "-P", "-m", "infra.cli", "job", str(job.id),
        env=os.environ | {f"{PREFIX}DATABASE_URL": dsn}, stdin=asyncio.subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        await _keep(queue, job, child, stop)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    log.info("job_ended", job=str(job.id), status=child.returncode)
    await queue.let_go(job, died=not stop.is_set())


async def _keep(queue: JobQueue, job: ClaimedJob, child: asyncio.subprocess.Process, stop: asyncio.Event) -> None:
    """Renew the lease until the child has ended, or it is time to stop."""
    ended = asyncio.create_task(child.wait())
    stopped = asyncio.create_task(stop.wait())
    try:
        while not ended.done() and not stopped.done():
            await asyncio.wait({ended, stopped}, timeout=RENEW_EVERY, return_when=asyncio.FIRST_COMPLETED)
            try:
                if not ended.done() and not await queue.renew(job):
                    return
            except Unavailable:
                continue
    finally:
        stopped.cancel()
        ended.cancel()


async def _until(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
