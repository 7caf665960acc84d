"""How a job is answered, and the 202 that is answered again to a repeat of its request."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request
from starlette.responses import Response

from api.commands import fingerprint
from api.conventions import encoded, idempotency_key, services
from application.ports import Answer, Caller, Idempotency
from application.ports_jobs import Job


def body_of(job: Job) -> dict[str, Any]:
    """A job as api.md §2 writes it."""
    return {
        "id": str(job.id), "state": job.state, "done": job.done, "total": job.total, "error": job.error,
        "result": job.result,
    }  # fmt: skip


def accepted(job: Job) -> Response:
    """202 with its Location."""
    return Response(
        encoded(body_of(job)), 202, headers={"Location": f"/v1/jobs/{job.id}"}, media_type="application/json"
    )


async def kept_or(request: Request, who: Caller, raw: bytes, ask: Callable[[], Awaitable[Response]]) -> Response:
    """What was accepted under the request's Idempotency-Key before, else what ``ask`` answers, which is then kept.

    KeyUsedDifferently.
    """
    key = idempotency_key(request)
    if key is None:
        return await ask()
    keyed = Idempotency(key, fingerprint(request, raw))
    kept = await services(request).kept.answer(who.workspace, keyed)
    if kept is not None:
        location = f"/v1/jobs/{json.loads(kept.answer.body)['id']}"
        headers = {"Idempotent-Replayed": "true", "Location": location}
        return Response(kept.answer.body, kept.answer.status, headers=headers, media_type="application/json")
    answered = await ask()
    answer = Answer(answered.status_code, bytes(answered.body))
    await services(request).kept.keep_refusal(who.workspace, keyed, answer)
    return answered
