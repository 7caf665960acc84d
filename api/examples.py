"""What the reference shows: for every operation its parameters, a request and an answer that work as printed."""

from __future__ import annotations

from typing import Any

from api import examples_ab_tests, examples_rebuilds

ID = "01931f7a-7d3c-7c4e-9a51-2f1f5a3b8c10"
TIME = "2026-11-20T08:00:00.000000Z"

DRAFT = {
    "name": "Autumn e-mail",
    "description": "Boots and coats",
    "type": "promotion",
    "delivery": "broadcast",
    "platforms": ["email", "instagram"],
    "content": {
        "default": {
            "subject": "New boots",
            "body": "They are here.",
            "cta": {"label": "Shop", "url": "https://shop.example/boots"},
            "media": [],
        },
        "instagram": {"body": "They are here."},
    },
    "audience": {"kind": "all"},
    "currency": "USD",
    "budget": {"amount": 500000, "currency": "USD"},
    "goals": {"conversions": 100, "revenue": {"amount": 2000000, "currency": "USD"}, "engagement": 5000},
    "tags": ["autumn"],
}

CAMPAIGN = {
    "id": ID,
    **DRAFT,
    "schedule": {"starts_at": None, "ends_at": None, "time_zone": "UTC"},
    "status": "draft",
    "version": 1,
    "created_by": f"key:{ID}",
    "created_at": TIME,
    "updated_at": TIME,
    "started_at": None,
    "completed_at": None,
    "deleted_at": None,
    "progress": {"conversions": {"reached": 0, "share": 0.0}},
    "spent": {"amount": 0, "currency": "USD"},
}

MEASURES = {
    "exposures": 2,
    "sent": 2,
    "delivered": 2,
    "bounced": 0,
    "complained": 0,
    "unsubscribed": 0,
    "impressions": 0,
    "opens": 2,
    "clicks": 1,
    "conversions": 1,
    "custom": {"search": 1},
    "reach": 2,
    "unique_opens": 2,
    "unique_clicks": 1,
    "unique_conversions": 1,
    "revenue": 1999,
    "refunds": 0,
    "spend": 20,
    "conversions_by_type": {"purchase": 1},
    "bots": {"rule": "1", "impressions": 0, "opens": 0, "clicks": 0},
    "rates": {
        "delivery": 1.0,
        "bounce": 0.0,
        "open": 1.0,
        "click": 0.5,
        "click_to_open": 0.5,
        "ctr": None,
        "conversion": 1.0,
        "conversion_per_impression": None,
        "unsubscribe": 0.0,
        "complaint": 0.0,
    },
    "cpm": None,
    "cpc": 20.0,
    "cpa": 20.0,
    "roas": 99.95,
    "roi": 98.95,
    "average_order": 1999.0,
}

FACT = {
    "id": "01931f7a-9b11-7a2e-8d40-6c0e0b7f2a01",
    "kind": "click",
    "campaign_id": ID,
    "occurred_at": TIME,
    "recorded_at": TIME,
    "contact_id": "customer-17",
    "variant": "mens",
    "platform": "email",
    "quantity": 1,
}

_AFTER = [
    ("after", "A Ballyhoo-Position: wait until the answer reflects it."),
    ("wait", "Seconds to wait at most, 0 to 30; 5 unless given."),
]
_PAGE = [("limit", "1 to 200; 50 unless given."), ("cursor", "`next` of the page before.")]
_AS_OF = [("as_of", "A time or a token: the answer as it was known then.")]
_RULE = [("rule", "The name of a rule whose tables are kept beside the live ones; the answer names it too.")]

_PROBLEM = {
    "type": "/problems/invalid",
    "title": "Not valid",
    "status": 422,
    "detail": "/name: A name is required.",
    "errors": [{"pointer": "/name", "code": "required", "detail": "A name is required."}],
}

OPERATIONS: dict[str, dict[str, Any]] = {
    "draft": {"summary": "Draft a campaign", "body": DRAFT, "answer": CAMPAIGN, "status": 201, "command": True},
    "list": {
        "summary": "List campaigns",
        "answer": {"items": [CAMPAIGN], "next": None},
        "query": [
            ("status", "One or more, by repeating it; archived ones only when asked for."),
            ("type", ""),
            ("platform", ""),
            ("tag", ""),
            ("text", "Words in name, description or tags."),
            ("created_from", ""),
            ("created_to", ""),
            ("deleted", "`true`: deleted ones too."),
            ("sort", "`-created_at` (default), `created_at`, `name`, `-name`, `updated_at`, `-updated_at`."),
            *_PAGE,
            *_AFTER,
        ],
    },
    "get": {
        "summary": "One campaign",
        "answer": CAMPAIGN,
        "query": [("as_of", "A version, a time or a token."), *_AFTER],
    },
    "patch": {
        "summary": "Change a campaign",
        "body": {"name": "Autumn e-mail II", "budget": None},
        "answer": CAMPAIGN,
        "command": True,
        "merge": True,
    },
    "delete": {"summary": "Delete a campaign", "answer": CAMPAIGN, "command": True},
    "schedule": {
        "summary": "Schedule",
        "body": {"starts_at": "2030-12-01T09:00:00+01:00", "time_zone": "Europe/Paris"},
        "answer": CAMPAIGN,
        "command": True,
    },
    "duplicate": {
        "summary": "Duplicate",
        "body": {"name": "Autumn e-mail, again"},
        "answer": CAMPAIGN,
        "status": 201,
        "command": True,
    },
    "bulk": {
        "summary": "One move for many",
        "body": {"move": "pause", "ids": [ID]},
        "command": True,
        "answer": {"results": [{"status": 200, "id": ID, "version": 4, "campaign": CAMPAIGN}]},
    },
    "readiness": {
        "summary": "Readiness",
        "query": _AFTER,
        "answer": {
            "ready": False,
            "problems": [
                {
                    "pointer": "/platforms",
                    "code": "required",
                    "detail": "There is no platform.",
                    "mend": "Name at least one platform.",
                    "severity": "error",
                }
            ],
        },
    },
    "history": {
        "summary": "History",
        "query": [("sort", "`-version`: this list has no other order."), *_PAGE, *_AFTER],
        "answer": {
            "items": [
                {
                    "version": 1,
                    "event": "campaign.drafted",
                    "text": "Drafted “Autumn e-mail”.",
                    "by": f"key:{ID}",
                    "recorded_at": TIME,
                    "correlation": "b1c2",
                    "causation": None,
                    "event_id": ID,
                    "changes": [{"pointer": "/name", "from": None, "to": "Autumn e-mail"}],
                }
            ],
            "next": None,
        },
    },
    "metrics": {
        "summary": "Metrics",
        "query": [
            ("group_by", "Commas between: variant, platform, segment, device, country, link, hour, day."),
            ("from", ""),
            ("to", ""),
            ("time_zone", "An IANA name; that of the rule, or UTC, unless given."),
            ("compare", "as_first_reported: the window as known at its end beside what is known now; needs `to`."),
            *_AS_OF,
            *_RULE,
            *_AFTER,
        ],
        "answer": {
            "campaign_id": ID,
            "currency": "USD",
            "total": MEASURES,
            "groups": [{"key": {"variant": "mens"}, **MEASURES}],
            "computed": False,
        },
    },
    "funnel": {
        "summary": "Funnel",
        "query": [
            ("stages", "Kinds or custom names, commas between."),
            ("by", "`contact` or `count`."),
            *_AS_OF,
            *_RULE,
            *_AFTER,
        ],
        "answer": {
            "stages": [
                {
                    "stage": "click",
                    "count": 1,
                    "from_previous": None,
                    "from_first": 1.0,
                    "drop_off": None,
                    "seconds_from_previous": None,
                }
            ]
        },
    },
    "roi": {
        "summary": "Return on investment",
        "query": [*_AS_OF, *_RULE, *_AFTER],
        "answer": {
            "revenue": 1999,
            "refunds": 0,
            "cost": 20,
            "profit": 1979,
            "roi": 98.95,
            "roas": 99.95,
            "cpa": 20.0,
            "cpc": 20.0,
            "by": {"platform": [], "variant": []},
        },
    },
    "facts": {
        "summary": "Raw facts",
        "query": [
            ("campaign_id", ""),
            ("contact_id", ""),
            ("kind", ""),
            ("from", ""),
            ("to", ""),
            ("sort", "`-occurred_at` of a campaign's facts, `-recorded_at` of others: there is no other order."),
            *_PAGE,
            *_AFTER,
        ],
        "answer": {"items": [FACT], "next": None},
    },
    "projections": {
        "summary": "How far the read models are",
        "query": _AFTER,
        "answer": {
            "items": [
                {
                    "name": "campaign_metrics",
                    "source": "store",
                    "position": 12,
                    "lag": 0,
                    "last_error": None,
                    "parked": 0,
                    "differences": 0,
                }
            ]
        },
    },
    "live": {"summary": "Alive?", "query": [], "answer": {"status": "ok"}},
    "numbers": {
        "summary": "Numbers for Prometheus",
        "answer": "# HELP ballyhoo_database_up 1 where the database answers.\n# TYPE ballyhoo_database_up gauge\n"
        "ballyhoo_database_up 1.0\n",
        "media": "text/plain",
    },
    "ready": {"summary": "Ready?", "query": [], "answer": {"status": "ok", "problems": {}}},
    **examples_ab_tests.OPERATIONS,
    **examples_rebuilds.OPERATIONS,
}


def of(name: str) -> dict[str, Any]:
    """The documentation of a route: keyword arguments of FastAPI's decorators."""
    found = OPERATIONS.get(name) or {"summary": name.capitalize(), "answer": CAMPAIGN, "command": True}
    status = found.get("status", 200)
    extra: dict[str, Any] = {"parameters": [_query(*parameter) for parameter in found.get("query", [])]}
    if found.get("command"):
        extra["parameters"] += _COMMAND_HEADERS
    if "body" in found:
        content = {"schema": _schema(found["body"]), "example": found["body"]}
        types = ["application/json", *(["application/merge-patch+json"] if found.get("merge") else [])]
        extra["requestBody"] = {"required": True, "content": dict.fromkeys(types, content)}
    problems = {"401": "Not signed in", "404": "Not found", "422": "Not valid", "503": "Not available"}
    if found.get("command"):
        problems |= {"400": "Not JSON", "409": "Conflict", "412": "If-Match failed", "413": "Too large"}
    responses: dict[int | str, dict[str, Any]] = {
        status: {
            "description": "Done",
            "content": {found.get("media", "application/json"): {"example": found["answer"]}},
        },
        **{
            code: {"description": words, "content": {"application/problem+json": {"example": _PROBLEM}}}
            for code, words in problems.items()
        },
    }
    return {
        "summary": found["summary"],
        "status_code": status,
        "responses": responses,
        "openapi_extra": extra,
    }


def _query(name: str, words: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": words,
        "schema": {"type": "string"},
    }


def _header(name: str, words: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": words,
        "schema": {"type": "string"},
    }


_COMMAND_HEADERS = [
    _header("Idempotency-Key", "1 to 255 printable characters: a repeat answers as the first did."),
    _header("If-Match", 'The ETag of an answer: `"<version>"`.'),
]


def _schema(example: Any) -> dict[str, Any]:
    """A schema that the example satisfies; the rules beyond it are in words, and every fault is named by the answer."""
    match example:
        case bool():
            return {"type": "boolean"}
        case int():
            return {"type": "integer"}
        case float():
            return {"type": "number"}
        case str():
            return {"type": "string"}
        case list():
            return {"type": "array", "items": _schema(example[0]) if example else {}}
        case dict():
            return {"type": "object", "properties": {name: _schema(value) for name, value in example.items()}}
        case _:
            return {}
