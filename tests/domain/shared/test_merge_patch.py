"""Merge patches do what the examples of RFC 7396 (appendix A) say, where null is read as absent."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from domain.shared.errors import Invalid
from domain.shared.merge_patch import DEEPEST, merged


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    return value


@pytest.mark.req("CAM-1")
@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_the_standard(target: Any, patch: Any, result: Any) -> None:
    before = copy.deepcopy(target)

    assert without_nulls(merged(target, patch)) == result
    assert target == before


def test_a_patch_has_a_bottom() -> None:
    patch: Any = 1
    for _ in range(DEEPEST):
        patch = {"a": patch}

    assert merged({}, patch) == patch
    with pytest.raises(Invalid) as refusal:
        merged({}, {"a": patch})
    assert refusal.value.faults[0].pointer == "/a" * DEEPEST
