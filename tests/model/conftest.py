"""The product that the model is compared with: the same fixture that the journeys have."""

from __future__ import annotations

import pytest

from tests.journeys.conftest import whole

pytest.register_assert_rewrite("tests.model.machine")

__all__ = ["whole"]
