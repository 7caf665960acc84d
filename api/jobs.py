"""How a job is answered."""

from __future__ import annotations

from typing import Any

from application.ports_jobs import Job

HOME = "/v1/jobs"


def body_of(job: Job) -> dict[str, Any]:
    """A job as api.md §2 writes it."""
    return {
        "id": str(job.id), "state": job.state, "done": job.done, "total": job.total, "error": job.error,
        "result": job.result,
    }  # fmt: skip
