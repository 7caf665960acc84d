"""Facts in over HTTP: the function that answers ``PATHS``, and how it stands in the OpenAPI."""

from __future__ import annotations

from api.tracking.endpoint import PATHS, make_tracking
from api.tracking.openapi import OPENAPI_PATHS, OPENAPI_SCHEMAS

__all__ = ["OPENAPI_PATHS", "OPENAPI_SCHEMAS", "PATHS", "make_tracking"]
