"""How ``/v1/track`` stands in the OpenAPI: it is no FastAPI route, so its description is written here, from the
same limits that the rules are made of."""

from __future__ import annotations

from typing import Any, Final

from api.tracking.refusals import MOST_BYTES, MOST_DEPTH, MOST_FACTS
from domain.engagement import rules
from domain.engagement.kinds import CONVERSION_TYPES, KINDS

_CAMPAIGN: Final = "01931f7a-7d3c-7c4e-9a51-2f1f5a3b8c10"
_TOKEN: Final = "8HGuNRHS04hnxGtbuPVIh4aTHI-lhSJWWsOg_varOj4iL4O1G7Ry6YvN3LNwe6VVREYxdwzKlgmYdmTU"

_SALE: Final = {
    "id": "01931f7a-9b11-7a2e-8d40-6c0e0b7f2a01",
    "kind": "conversion",
    "campaign_id": _CAMPAIGN,
    "occurred_at": "2026-11-20T09:15:30.123456+01:00",
    "contact_id": "customer-17",
    "variant": "mens",
    "platform": "email",
    "value": {"amount": 1999, "currency": "USD"},
    "type": "purchase",
    "order_id": "A-1001",
}
_CLICK: Final = {
    "id": "01931f7a-9b12-7c11-a3d2-5b7c9e1f4d02",
    "kind": "click",
    "campaign_id": _CAMPAIGN,
    "contact_id": "customer-18",
    "link": "https://shop.example/boots?utm_source=mail",
    "properties": {"user_agent": "Mozilla/5.0"},
}
_COST: Final = {
    "id": "ads-2026-11-20-17",
    "kind": "spend",
    "campaign_id": _CAMPAIGN,
    "platform": "instagram",
    "value": {"amount_micros": 1234567, "currency": "USD"},
}


def _text(longest: int, description: str, **more: Any) -> dict[str, Any]:
    return {"type": ["string", "null"], "minLength": 1, "maxLength": longest, "description": description, **more}


def _label(description: str) -> dict[str, Any]:
    return _text(rules.LONGEST_LABEL, description)


_FACT: Final[dict[str, Any]] = {
    "type": "object",
    "description": "One fact. Fields that are null count as absent; where a name stands twice, the last one counts. "
    "E-mail addresses are refused in id, order_id, labels, link and properties.",
    "additionalProperties": False,
    "required": ["id", "kind", "campaign_id"],
    "properties": {
        "id": {
            "type": "string",
            "minLength": 1,
            "maxLength": rules.LONGEST_ID,
            "description": "Your own; the same id twice in a workspace counts once, for ever. Best a UUIDv7 in lower "
            "case: ordered ids are kept fastest.",
        },
        "kind": {
            "type": "string",
            "enum": list(KINDS),
            "description": "`exposure`: assigned to a variant, counts in no rate. `void`: takes back the fact named in "
            "`voids`, whichever comes first.",
        },
        "name": _text(
            rules.LONGEST_NAME, "Of a custom fact, and required there; not a kind's name.", pattern="^[a-z0-9_.-]+$"
        ),
        "campaign_id": {"type": "string", "format": "uuid"},
        "occurred_at": {
            "type": ["string", "null"],
            "format": "date-time",
            "description": "With an offset; not before 2000, at most 24 hours ahead. Default: the time of receipt.",
        },
        "contact_id": _text(
            rules.LONGEST_ID,
            "Your own opaque id of the person. One with `@`, or with `+` and 8 to 15 digits, is refused.",
        ),
        "variant": _label("Which arm of a test."),
        "platform": _label("Where it happened: email, instagram …"),
        "segment": _label("A group of people."),
        "device": _label("Phone, tablet …"),
        "country": _label("A country."),
        "link": _text(
            rules.LONGEST_LINK, "What was clicked. Its fragment, and its query but for `utm_*`, are dropped."
        ),
        "quantity": {
            "type": ["integer", "null"],
            "minimum": 1,
            "maximum": rules.LARGEST_QUANTITY,
            "default": 1,
            "description": "Ad platforms report sums. A fact with a contact_id has quantity 1.",
        },
        "value": {"anyOf": [{"$ref": "#/components/schemas/FactValue"}, {"type": "null"}]},
        "type": {
            "type": ["string", "null"],
            "enum": [name for name in CONVERSION_TYPES if name] + [None],
            "description": "Of a conversion.",
        },
        "order_id": _text(
            rules.LONGEST_ID,
            "Of a conversion or a refund. A second conversion with one order_id in a workspace is a duplicate.",
        ),
        "properties": {
            "type": ["object", "null"],
            "maxProperties": rules.MOST_PROPERTIES,
            "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
            "description": f"Flat, at most {rules.MOST_PROPERTY_BYTES} bytes of JSON. `user_agent` tells bots.",
        },
        "voids": _text(rules.LONGEST_ID, "Of a void, and required there: the id of the fact taken back."),
    },
    "example": _SALE,
}

_VALUE: Final[dict[str, Any]] = {
    "type": "object",
    "description": "Money in the campaign's currency; required for conversion, refund and spend. A spend may say "
    "`amount_micros` instead of `amount`.",
    "additionalProperties": False,
    "required": ["currency"],
    "properties": {
        "amount": {
            "type": ["integer", "null"],
            "minimum": 0,
            "maximum": rules.LARGEST_AMOUNT,
            "description": "In minor units: 1999 USD is 19.99 dollars.",
        },
        "amount_micros": {
            "type": ["integer", "null"],
            "minimum": 0,
            "description": "10⁻⁶ of the major unit, as ad platforms report cost; at most as much money as `amount`.",
        },
        "currency": {"type": "string", "minLength": 3, "maxLength": 3, "description": "ISO 4217."},
    },
    "example": {"amount": 1999, "currency": "USD"},
}

_ERROR: Final = {
    "type": "object",
    "required": ["pointer", "code", "detail"],
    "properties": {name: {"type": "string"} for name in ("pointer", "code", "detail")},
}
_RECORDED: Final[dict[str, Any]] = {
    "type": "object",
    "description": "Answered after the commit.",
    "required": ["accepted", "duplicates", "rejected", "position"],
    "properties": {
        "accepted": {"type": "integer", "minimum": 0},
        "duplicates": {"type": "integer", "minimum": 0, "description": "Known by their id or their order_id."},
        "rejected": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["index", "id", "errors"],
                "properties": {
                    "index": {"type": "integer", "minimum": 0},
                    "id": {"type": ["string", "null"]},
                    "errors": {"type": "array", "items": _ERROR},
                },
            },
        },
        "position": {
            "type": "string",
            "description": "Give it as `?after=` to a read: it then reflects every fact of this request.",
        },
    },
}
_PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {"type": "array", "items": _ERROR},
    },
}

OPENAPI_SCHEMAS: Final[dict[str, Any]] = {
    "Fact": _FACT,
    "FactValue": _VALUE,
    "FactBatch": {
        "type": "object",
        "additionalProperties": False,
        "required": ["facts"],
        "properties": {
            "facts": {
                "type": "array",
                "minItems": 1,
                "maxItems": MOST_FACTS,
                "items": {"$ref": "#/components/schemas/Fact"},
            }
        },
    },
    "FactsRecorded": _RECORDED,
    "FactsProblem": _PROBLEM,
}

_POSITION: Final = {
    "Ballyhoo-Position": {"schema": {"type": "string"}, "description": "The same as `position` in the body."}
}
_RETRY: Final = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}


def _refused(description: str, headers: dict[str, Any] | None = None) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/FactsProblem"}}}
    return {"description": description, "content": problem, **({"headers": headers} if headers else {})}


_REFUSALS: Final = {
    "400": _refused(f"Not JSON, broken gzip, or nested deeper than {MOST_DEPTH} levels."),
    "401": _refused("No valid API key."),
    "408": _refused("The body did not come for ten seconds."),
    "413": _refused(f"Larger than {MOST_BYTES} bytes, unpacked."),
    "415": _refused("Packed otherwise than with gzip."),
    "503": _refused(
        "Too much is waiting, or the database is away. What was sent may be sent again: it counts once.", _RETRY
    ),
}


def _operation(
    id: str, summary: str, description: str, schema: str, examples: dict[str, Any], more: dict[str, Any]
) -> dict[str, Any]:
    answer = {"accepted": 1, "duplicates": 0, "rejected": [], "position": _TOKEN}
    return {
        "post": {
            "operationId": id,
            "tags": ["facts"],
            "summary": summary,
            "description": description,
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {"$ref": f"#/components/schemas/{schema}"},
                        "examples": {name: {"value": value} for name, value in examples.items()},
                    }
                },
            },
            "responses": {
                "200": {
                    "description": "Recorded, or known already.",
                    "headers": _POSITION,
                    "content": {
                        "application/json": {
                            "schema": {"$ref": "#/components/schemas/FactsRecorded"},
                            "example": answer,
                        }
                    },
                },
                **_REFUSALS,
                **more,
            },
        }
    }


OPENAPI_PATHS: Final[dict[str, Any]] = {
    "/v1/track": _operation(
        "track",
        "Send one fact",
        "Recorded durably before it is answered. Send it again with the same id whenever the answer was lost.",
        "Fact",
        {"sale": _SALE, "click": _CLICK, "cost": _COST},
        {"422": _refused("The fact breaks a rule; `errors` names every field at once.")},
    ),
    "/v1/track/batch": _operation(
        "track_batch",
        "Send up to a thousand facts",
        "A bad fact is refused alone, with its index and pointers; the others are recorded.",
        "FactBatch",
        {"two": {"facts": [_SALE, _CLICK]}},
        {"422": _refused(f"Not an object with a list of 1 to {MOST_FACTS} facts; `errors` says where.")},
    ),
}
