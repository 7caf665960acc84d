"""What the reference shows of A/B tests."""

from __future__ import annotations

from typing import Any

ID = "01931f7a-8c11-7c4e-9a51-2f1f5a3b8c20"
CAMPAIGN = "01931f7a-7d3c-7c4e-9a51-2f1f5a3b8c10"
TIME = "2026-11-20T08:00:00.000000Z"

PLAN: dict[str, Any] = {
    "name": "Subject line",
    "metric": "conversion",
    "variants": [
        {"name": "control", "control": True, "share": 1, "content": {}},
        {"name": "mens", "share": 1, "content": {"subject": "For him"}},
        {"name": "womens", "share": 1, "content": {"subject": "For her"}},
    ],
    "analysis": "sequential",
    "confidence": 0.95,
    "minimum_effect": 0.1,
    "correction": "holm",
    "minimum_sample": {"impressions": 1000, "clicks": 100, "conversions": 30},
    "guardrails": [{"metric": "unsubscribe", "at_most": 0.02}],
    "holdout": 0.0,
    "auto_apply": False,
}

TEST: dict[str, Any] = {
    "id": ID,
    "campaign_id": CAMPAIGN,
    **PLAN,
    "power": 0.8,
    "baseline": None,
    "tuning": 5000,
    "winsorise_at": None,
    "bandit": None,
    "status": "running",
    "version": 2,
    "created_by": f"key:{CAMPAIGN}",
    "created_at": TIME,
    "updated_at": TIME,
    "started_at": TIME,
    "ended_at": None,
    "salt": ID,
    "shares": {"control": 0.5, "mens": 0.25, "womens": 0.25},
    "layout": [
        {"upto": 2147483648, "variant": "control"},
        {"upto": 3221225472, "variant": "mens"},
        {"upto": 4294967296, "variant": "womens"},
    ],
    "winner": None,
    "applied": None,
    "alert": None,
    "changes": [],
}

_COMPARISON = {
    "variant": "b",
    "control": "a",
    "difference": 0.03,
    "relative": 0.25,
    "interval": [0.0026, 0.0574],
    "statistic": 2.14,
    "p_value": 0.0323,
    "p_adjusted": 0.0323,
    "chance_to_beat": None,
    "expected_loss": None,
    "significant": True,
}
_ARM = {"name": "a", "n": 1200, "impressions": None, "clicks": None, "conversions": 144, "revenue": None,
    "rate": 0.12, "interval": [0.1028, 0.1396], "mean": None, "variance": None}  # fmt: skip
ANALYSIS: dict[str, Any] = {
    "test_id": None,
    "status": None,
    "metric": "conversion",
    "denominator": "contacts",
    "analysis": "z_pooled",
    "confidence": 0.95,
    "verdict": "winner",
    "winner": "b",
    "reasons": ["b is above a: +0.03, +25 %, interval +0.0026 to +0.0574, adjusted p = 0.032."],
    "variants": [_ARM, {**_ARM, "name": "b", "conversions": 180, "rate": 0.15, "interval": [0.1309, 0.1713]}],
    "comparisons": [_COMPARISON],
    "overall": None,
    "sample_ratio": {"statistic": 0.0, "p_value": 1.0, "ok": True},
    "remaining": {"contacts": None, "days": None},
    "looks": [],
}
RESULTS = ANALYSIS | {
    "test_id": ID,
    "campaign_id": CAMPAIGN,
    "status": "running",
    "analysis": "sequential",
    "variants": [{**arm, "impressions": 1310, "clicks": 260, "revenue": 1390833} for arm in ANALYSIS["variants"]],
    "position": "8Zk3…",
}

_AFTER = [
    ("after", "A Ballyhoo-Position: wait until the answer reflects it."),
    ("wait", "Seconds to wait at most, 0 to 30; 5 unless given."),
]
_PAGE = [("limit", "1 to 200; 50 unless given."), ("cursor", "`next` of the page before.")]
_AS_OF = [("as_of", "A version, a time or a token: the answer as it was known then.")]

OPERATIONS: dict[str, dict[str, Any]] = {
    "ab_test.create": {"summary": "Plan an A/B test", "body": PLAN, "answer": TEST, "status": 201, "command": True},
    "ab_test.list": {
        "summary": "List A/B tests",
        "query": [
            ("campaign_id", ""),
            ("status", "One or more of draft, running, completed, cancelled, by repeating it."),
            ("sort", "`-created_at`: this list has no other order."),
            *_PAGE,
            *_AFTER,
        ],
        "answer": {"items": [TEST], "next": None},
    },
    "ab_test.get": {"summary": "One A/B test", "query": [*_AS_OF, *_AFTER], "answer": TEST},
    "ab_test.patch": {
        "summary": "Change the plan of an A/B test",
        "body": {"minimum_effect": 0.2},
        "answer": TEST,
        "command": True,
        "merge": True,
    },
    "ab_test.results": {"summary": "Results of an A/B test", "query": [*_AS_OF, *_AFTER], "answer": RESULTS},
    "ab_test.assignment": {
        "summary": "Which arm a contact gets",
        "query": [("contact_id", "Your own opaque id of the contact."), *_AFTER],
        "answer": {"contact_id": "customer-17", "variant": "mens"},
    },
    "ab_test.history": {
        "summary": "History of an A/B test",
        "query": [("sort", "`-version`: this list has no other order."), *_PAGE, *_AFTER],
        "answer": {
            "items": [
                {
                    "version": 2,
                    "event": "ab-test.started",
                    "text": "Started: control 50 %, mens 25 %, womens 25 %.",
                    "by": "system:policy",
                    "recorded_at": TIME,
                    "correlation": "b1c2",
                    "causation": ID,
                    "event_id": ID,
                    "changes": [{"pointer": "/status", "from": "draft", "to": "running"}],
                }
            ],
            "next": None,
        },
    },
    "ab_test.analyse": {
        "summary": "Analyse summaries",
        "body": {
            "variants": [{"name": "a", "n": 1200, "conversions": 144}, {"name": "b", "n": 1200, "conversions": 180}],
            "control": "a",
            "shares": [0.5, 0.5],
            "method": "z_pooled",
            "difference": "absolute",
            "alternative": "two_sided",
            "confidence": 0.95,
            "correction": "holm",
        },
        "answer": ANALYSIS,
    },
    "ab_test.plan": {
        "summary": "Plan a size",
        "body": {
            "baseline": 0.2,
            "minimum_effect": 0.05,
            "relative": False,
            "confidence": 0.95,
            "power": 0.8,
            "variants": 2,
            "contacts_per_day": 1000,
        },
        "answer": {"n_per_variant": 1094, "power": 0.8, "days": 3, "formula": "two-sided z, pooled under the null"},
    },
    "ab_test.start": {"summary": "Start an A/B test", "answer": TEST, "command": True},
    "ab_test.looks": {"summary": "Record a look", "answer": TEST, "command": True},
    "ab_test.complete": {"summary": "Complete an A/B test", "answer": TEST, "command": True},
    "ab_test.cancel": {"summary": "Cancel an A/B test", "answer": TEST, "command": True},
    "ab_test.apply-winner": {
        "summary": "Apply the winner",
        "body": {"variant": "mens"},
        "answer": TEST,
        "command": True,
    },
}
