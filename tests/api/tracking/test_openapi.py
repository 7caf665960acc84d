"""What the reference says about tracking is so."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings

from api.tracking import OPENAPI_PATHS, OPENAPI_SCHEMAS, PATHS
from domain.engagement.diagnosis import FIELDS
from tests.api.tracking.asking import Asking
from tests.api.tracking.test_verdicts import facts, is_right

EXAMPLES = [
    (path, example["value"])
    for path, item in OPENAPI_PATHS.items()
    for example in item["post"]["requestBody"]["content"]["application/json"]["examples"].values()
]


def conforms(schema: str, value: Any) -> bool:
    """Whether a value is what a schema of the reference says."""
    whole = {"$ref": f"#/components/schemas/{schema}", "components": {"schemas": OPENAPI_SCHEMAS}}
    return bool(jsonschema_rs.Draft202012Validator(whole).is_valid(value))


def test_both_paths_are_described() -> None:
    assert set(OPENAPI_PATHS) == PATHS


def test_every_field_is_described_and_no_other() -> None:
    assert set(OPENAPI_SCHEMAS["Fact"]["properties"]) == set(FIELDS)


@pytest.mark.parametrize(("path", "example"), EXAMPLES)
def test_an_example_works_as_printed(path: str, example: Any) -> None:
    asking = Asking()

    answer = asking.track(example) if path == "/v1/track" else asking.batch(example["facts"])

    assert conforms("Fact" if path == "/v1/track" else "FactBatch", example)
    assert answer.status == 200
    assert not answer.body["rejected"]
    assert conforms("FactsRecorded", answer.body)


def test_what_is_rejected_is_told_in_the_described_shape() -> None:
    answer = Asking().batch([5, {"id": "a"}])

    assert conforms("FactsRecorded", answer.body)
    assert conforms("FactsProblem", Asking().track(5).body)


@settings(max_examples=300, deadline=None)
@given(facts())
def test_a_right_fact_conforms(fact: Any) -> None:
    if is_right(fact):
        assert conforms("Fact", fact)
