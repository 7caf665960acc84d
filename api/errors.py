"""From a refusal to a problem (RFC 9457): one table of kinds, one body."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.authentication import Unauthenticated
from application.ports import Overloaded, PreconditionFailed, Unavailable
from domain.campaign.errors import CampaignFieldLocked, CampaignNotReady
from domain.shared.errors import (
    AlreadyExists,
    Conflict,
    DomainError,
    Fault,
    Forbidden,
    Invalid,
    MoveNotAllowed,
    NotFound,
)

PROBLEM_JSON = "application/problem+json"

TITLES = {
    400: "Not understood", 401: "Not signed in", 403: "Not allowed", 404: "Not found", 405: "Method not allowed",
    409: "Conflict", 412: "Another version stands", 413: "Too large", 415: "Media type not supported",
    422: "Not valid", 429: "Too many requests", 500: "A fault of ours", 503: "Not available",
}  # fmt: skip


class Refused(Exception):
    """A refusal that the API itself makes, with its status and the last part of its type."""

    def __init__(self, status: int, slug: str, detail: str, **extra: Any) -> None:
        self.status = status
        self.slug = slug
        self.detail = detail
        self.extra = extra
        super().__init__(detail)


def problem(status: int, slug: str, detail: str, *, headers: Mapping[str, str] | None = None, **extra: Any) -> Response:
    """A problem as a response; ``extra`` are further members (``errors``, ``allowed``, ``problems`` …)."""
    return Response(
        json.dumps(problem_body(status, slug, detail, **extra), ensure_ascii=False).encode("utf-8", "replace"),
        status,
        headers=dict(headers or {}),
        media_type=PROBLEM_JSON,
    )


def problem_body(status: int, slug: str, detail: str, **extra: Any) -> dict[str, Any]:
    """The members of a problem."""
    return {
        "type": f"/problems/{slug}",
        "title": TITLES.get(status, "Problem"),
        "status": status,
        "detail": detail,
        **extra,
    }


def faults(found: list[Fault]) -> list[dict[str, str]]:
    """Faults as the ``errors`` member."""
    return [{"pointer": fault.pointer, "code": fault.code, "detail": fault.detail} for fault in found]


def of(error: Exception) -> Response:
    """The problem of a refusal. Raises what is no refusal: it is a bug, let it be seen."""
    match error:
        case Refused():
            return problem(error.status, error.slug, error.detail, **error.extra)
        case Invalid():
            return problem(422, "invalid", error.detail, errors=faults(error.faults))
        case NotFound():
            return problem(404, "not-found", error.detail)
        case MoveNotAllowed():
            return problem(409, error.slug, error.detail, allowed=error.allowed)
        case CampaignFieldLocked():
            return problem(409, error.slug, error.detail, errors=faults(error.faults), allowed=error.allowed)
        case CampaignNotReady():
            return problem(409, error.slug, error.detail, **error.report)
        case AlreadyExists():
            where = f"/v1/{error.kind.replace(' ', '-')}s/{error.id}"
            return problem(409, error.slug, error.detail, headers={"Location": where}, instance=where)
        case Conflict():
            return problem(409, error.slug, error.detail)
        case Unauthenticated():
            return problem(401, "unauthenticated", error.detail, headers={"WWW-Authenticate": "Bearer"})
        case Forbidden():
            return problem(403, error.slug, error.detail)
        case DomainError():
            return problem(422, error.slug, error.detail)
        case PreconditionFailed():
            return problem(412, "version-mismatch", str(error), version=error.stands)
        case Overloaded():
            return problem(
                503,
                "overloaded",
                "Too much is waiting; come again.",
                headers={"Retry-After": str(error.retry_after)},
            )
        case Unavailable():
            return problem(503, "unavailable", f"Not available just now: {error}.", headers={"Retry-After": "1"})
        case _:
            raise error


async def refusal(request: Request, error: Exception) -> Response:
    """FastAPI's handler for refusals."""
    return of(error)


async def http_exception(request: Request, error: Exception) -> Response:
    """FastAPI's handler for what routing refuses: no such path, no such method."""
    assert isinstance(error, HTTPException)
    slug = {404: "no-such-route", 405: "method-not-allowed"}.get(error.status_code, "refused")
    return problem(error.status_code, slug, str(error.detail), headers=error.headers)


async def fault_of_ours(request: Request, error: Exception) -> Response:
    """FastAPI's handler for bugs: the caller learns nothing but the id to ask about."""
    return problem(500, "fault", "Something went wrong on our side; the request's id tells us what.")


async def gone(request: Request, error: Exception) -> Response:
    """FastAPI's handler for a client that left before its body was read."""
    return problem(400, "body-cut", "The body ended before its announced length.")
