"""What the reference shows of rebuilds, jobs, rules and parked records."""

from __future__ import annotations

from typing import Any

_ID = "01931f7a-7d3c-7c4e-9a51-2f1f5a3b8c10"
_TIME = "2026-11-20T08:00:00.000000Z"

_QUEUED = {"id": _ID, "state": "queued", "done": 0, "total": 0, "error": None, "result": None}
_RESULT = {
    "campaign_metrics": {
        "rows": 5801,
        "checksum_live": "58138733d493a8519bfb9d76926be70a",
        "checksum_rebuilt": "fa800446be87278582f749254bf26f18",
        "first_difference": {
            "table": "totals",
            "key": {"campaign": 1, "labels": 0, "kind": 9, "type": 0},
            "columns": ["n"],
            "live": {"n": 16},
            "rebuilt": {"n": 15},
        },
    }
}
_RULE = {"name": "strict", "kind": "bots", "definition": {"words": ["bot", "crawler", "monitoring"]}}
_SIDE = {
    "impressions": 0, "opens": 20, "clicks": 12, "bot_impressions": 0, "bot_opens": 4, "bot_clicks": 3,
    "reach": 18, "unique_opens": 15, "unique_clicks": 9,
}  # fmt: skip
_AFTER = [
    ("after", "A Ballyhoo-Position: wait until the answer reflects it."),
    ("wait", "Seconds to wait at most, 0 to 30; 5 unless given."),
]
_PAGE = [("limit", "1 to 200, default 50."), ("cursor", "`next` of the page before.")]

OPERATIONS: dict[str, dict[str, Any]] = {
    "rebuild": {
        "summary": "Rebuild read models from history",
        "status": 202,
        "command": True,
        "body": {"projections": ["campaign_metrics"], "workers": 1, "back": False},
        "answer": _QUEUED,
    },
    "job": {
        "summary": "A job",
        "query": _AFTER,
        "answer": {"id": _ID, "state": "succeeded", "done": 90, "total": 90, "error": None, "result": _RESULT},
    },
    "cancel_job": {"summary": "Cancel a job", "command": True, "answer": {**_QUEUED, "state": "cancelled"}},
    "rules": {
        "summary": "The rules of the read models",
        "query": _AFTER,
        "answer": {"items": [{**_RULE, "name": "1", "live": True, "kept": True}]},
    },
    "add_rule": {
        "summary": "Put in a rule",
        "status": 201,
        "command": True,
        "body": _RULE,
        "answer": {**_RULE, "live": False, "kept": False},
    },
    "rule_comparison": {
        "summary": "Which campaigns differ under a rule",
        "query": [("sort", "`created_at` of the campaigns: this list has no other order."), *_PAGE, *_AFTER],
        "answer": {
            "rule": "strict",
            "at_same_position": True,
            "items": [{"campaign_id": _ID, "live": {**_SIDE, "bot_opens": 0, "opens": 24}, "kept": _SIDE}],
            "next": None,
        },
    },
    "parked": {
        "summary": "What read models were made without",
        "query": [("sort", "`parked_at`: this list has no other order."), *_PAGE, *_AFTER],
        "answer": {
            "items": [
                {
                    "id": "7",
                    "projection": "campaign_list",
                    "log": "events",
                    "event": "campaign.changed",
                    "aggregate_id": _ID,
                    "fact_id": None,
                    "reason": "LostEvent: version 3 came where 1 stands",
                    "parked_at": _TIME,
                }
            ],
            "next": None,
        },
    },
    "replay": {
        "summary": "Take a parked record in after a mend",
        "command": True,
        "answer": {"replayed": 2},
    },
}
