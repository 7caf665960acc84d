"""Values of a declared type: any of them for properties, one that never changes for samples."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from hypothesis import strategies as st

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
_INTEGERS = st.integers(-(2**63), 2**63 - 1)
_FLOATS = st.floats(allow_nan=False, allow_infinity=False)
_JSON = st.recursive(
    st.none() | st.booleans() | _INTEGERS | _FLOATS | TEXTS,
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(TEXTS, parts, max_size=3),
    max_leaves=5,
)
_ANY: dict[Any, st.SearchStrategy[Any]] = {
    Any: _JSON,
    object: _JSON,
    NoneType: st.none(),
    bool: st.booleans(),
    int: _INTEGERS,
    float: _FLOATS,
    str: TEXTS,
    UUID: st.uuids(),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False),
    datetime: st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),
}
_ONE: dict[Any, Any] = {
    Any: {"text": "Blätter fallen", "number": 1, "list": [None, True, 0.5]},
    object: 1,
    bool: True,
    int: 7,
    float: 0.25,
    str: 'Blätter "fallen" 🍂',
    UUID: "01935000-0000-7000-8000-00000000abcd",
    Decimal: "12.50",
    datetime: "2026-12-01T08:30:00.123456Z",
}


def any_of(type: Any) -> st.SearchStrategy[Any]:
    """Any value of a type."""
    if type in _ANY:
        return _ANY[type]
    origin, arguments = get_origin(type), get_args(type)
    if origin in (Union, UnionType):
        return st.one_of([any_of(argument) for argument in arguments])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple and arguments[-1] is not Ellipsis:
        return st.tuples(*[any_of(argument) for argument in arguments])
    if origin is tuple:
        return st.lists(any_of(arguments[0]), max_size=3).map(tuple)
    if origin is list:
        return st.lists(any_of(arguments[0]), max_size=3)
    if origin in (dict, Mapping):
        return st.dictionaries(any_of(arguments[0]), any_of(arguments[1]), max_size=3)
    if isinstance(type, type_) and issubclass(type, Enum):
        return st.sampled_from(list(type))
    if dataclasses.is_dataclass(type):
        make: Any = type
        hints = get_type_hints(type)
        return st.deferred(
            lambda: st.builds(make, **{field.name: any_of(hints[field.name]) for field in dataclasses.fields(type)})
        )
    raise TypeError(f"no values of {type} are known here")


def document_of(type: Any, *, short: bool) -> Any:
    """The same value of a type each time, as JSON holds it: with all that may be left out, or ``short`` of it."""
    if type in _ONE:
        return _ONE[type]
    origin, arguments = get_origin(type), get_args(type)
    if origin in (Union, UnionType):
        first = next(argument for argument in arguments if argument is not NoneType)
        return None if short and NoneType in arguments else document_of(first, short=short)
    if origin is Literal:
        return arguments[0]
    if origin is tuple and arguments[-1] is not Ellipsis:
        return [document_of(argument, short=short) for argument in arguments]
    if origin in (tuple, list):
        return [] if short else [document_of(arguments[0], short=short)]
    if origin in (dict, Mapping):
        return {} if short else {document_of(arguments[0], short=short): document_of(arguments[1], short=short)}
    if isinstance(type, type_) and issubclass(type, Enum):
        return next(iter(type)).value
    if dataclasses.is_dataclass(type):
        return fields_of(type, short=short)
    raise TypeError(f"no value of {type} is known here")


def fields_of(type: Any, *, short: bool, without: Collection[str] = ()) -> dict[str, Any]:
    """A document for each field of a dataclass; ``short``: for those that have no default."""
    hints = get_type_hints(type)
    return {
        field.name: document_of(hints[field.name], short=short)
        for field in dataclasses.fields(type)
        if field.name not in without and not (short and has_default(field))
    }


def has_default(field: dataclasses.Field[Any]) -> bool:
    """Whether a field may be left out."""
    return (field.default, field.default_factory) != (dataclasses.MISSING, dataclasses.MISSING)


def same(one: Any, other: Any) -> bool:
    """Equality that tells 1 from 1.0 and True, at any depth."""
    if type_(one) is not type_(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    if dataclasses.is_dataclass(one):
        return all(same(getattr(one, f.name), getattr(other, f.name)) for f in dataclasses.fields(one))
    return bool(one == other)


type_ = type
