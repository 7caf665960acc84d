"""A small HTTP client for our own commands: one connection, JSON both ways, no proxy in between."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit


class NoAnswer(Exception):
    """Nothing that speaks HTTP answers at that address."""


class Api:
    """The API at ``url`` (http://host:port), asked with ``key`` where it is given."""

    def __init__(self, url: str, *, key: str | None = None, timeout: float = 60.0) -> None:
        address = urlsplit(url)
        if address.scheme != "http" or address.hostname is None:
            raise NoAnswer(f"{url} is no address of the form http://host:port.")
        self._url = url
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._connection = HTTPConnection(address.hostname, address.port, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._connection.close()

    def get(self, path: str) -> tuple[int, Any]:
        """The status and the JSON of an answer. NoAnswer where there is none in time."""
        return self._call("GET", path, None)

    def post(self, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        """The same for a JSON body."""
        return self._call("POST", path, json.dumps(body).encode())

    def _call(self, method: str, path: str, body: bytes | None) -> tuple[int, Any]:
        headers = self._headers | ({"Content-Type": "application/json"} if body is not None else {})
        try:
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, HTTPException) as error:
            self._connection.close()
            raise NoAnswer(f"Nothing answers at {self._url}; is ballyhoo serve running?") from error
        try:
            return answer.status, json.loads(content)
        except ValueError:
            return answer.status, content.decode(errors="replace")
