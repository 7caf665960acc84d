"""How ``/v1/track`` stands in the OpenAPI: it is no FastAPI route, so its description is written here."""

from __future__ import annotations

from typing import Any

OPENAPI_PATHS: dict[str, Any] = {}
OPENAPI_SCHEMAS: dict[str, Any] = {}
