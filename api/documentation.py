"""The reference: /openapi.json with every route, and /docs from an installed package, without internet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from api.tracking.openapi import OPENAPI_PATHS, OPENAPI_SCHEMAS

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Ballyhoo API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
</head><body><div id="reference"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script>
SwaggerUIBundle({url: "/openapi.json", dom_id: "#reference", deepLinking: true, persistAuthorization: true})
</script>
</body></html>"""

_DESCRIPTION = """Campaigns, the facts that are sent in for them, and what can be known from both.

Commands answer with the new state, an `ETag` (the version) and a `Ballyhoo-Position`; give that token as `?after=`
to any read and it waits until it reflects the command. Send `Idempotency-Key` with a command and it can be repeated
without harm. Errors are problems (RFC 9457); bad input names every field at once.
"""


def mount(app: FastAPI, assets: Path) -> None:
    """Serve the reference; ``assets`` is the folder that holds Swagger UI's script and style."""
    app.mount("/docs/assets", StaticFiles(directory=assets))

    async def page() -> HTMLResponse:
        return HTMLResponse(_PAGE)

    app.add_api_route("/docs", page, include_in_schema=False)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(title="Ballyhoo", version="1", description=_DESCRIPTION, routes=app.routes)
        schema["paths"].update(OPENAPI_PATHS)
        components = schema.setdefault("components", {})
        components.setdefault("schemas", {}).update(OPENAPI_SCHEMAS)
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "description": "An API key."}}
        schema["security"] = [{"key": []}]
        app.openapi_schema = schema
    return app.openapi_schema
