"""A program that uses the JSON API: every answer it gets is held to the OpenAPI document."""

from __future__ import annotations

import copy
import json
import re
from functools import cache
from typing import Any

from flask import Flask
from openapi_schema_validator import OAS31Validator, oas31_format_checker
from werkzeug.test import TestResponse

from dashboard.api.document import document
from dashboard.api.problems import PREFIX
from dashboard.api.tokens import make_token
from shenava.store import Scope, Store

EVERYTHING = tuple(Scope)


@cache
def _told() -> dict[str, Any]:
    """The document, closed: what is answered has no field that the document does not tell."""
    found = copy.deepcopy(document())
    for schema in found["components"]["schemas"].values():
        if schema.get("type") == "object":
            schema.setdefault("additionalProperties", False)
    return found


def _operation(method: str, path: str) -> dict[str, Any] | None:
    for template, operations in _told()["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            found: dict[str, Any] | None = operations.get(method.lower())
            return found
    return None


def faults(schema: dict[str, Any], value: object) -> list[str]:
    """What in ``value`` is not as ``schema`` says, in words."""
    rooted = {**schema, "components": _told()["components"]}
    validator = OAS31Validator(rooted, format_checker=oas31_format_checker)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


_PROBLEM = {"$ref": "#/components/schemas/ProblemBody"}


def hold_to_document(method: str, address: str, answer: TestResponse) -> None:
    """Fail unless ``answer`` is one that the document foresees."""
    path = address.partition("?")[0].removeprefix(PREFIX)
    operation = _operation(method, path)
    kind = answer.mimetype
    where = f"{method} {address} → {answer.status_code} {kind} {answer.text[:300]}"
    assert kind in ("application/json", "application/problem+json"), where
    assert "Set-Cookie" not in answer.headers, where
    if operation is None:
        assert answer.status_code in (404, 405), where
        schema = _PROBLEM
    else:
        told = operation["responses"].get(str(answer.status_code))
        assert told is not None, f"{where}: the document knows no such status"
        assert kind in told["content"], where
        schema = told["content"][kind]["schema"]
    value = json.loads(answer.text)
    wrong = faults(schema, value)
    assert wrong == [], where
    if kind == "application/problem+json":
        assert value["status"] == answer.status_code, where
        assert value["type"].startswith(f"{PREFIX}/problems#"), where


class Api:
    """Asks with ``token``, or without one."""

    def __init__(self, app: Flask, token: str | None) -> None:
        self._client = app.test_client(use_cookies=False)
        self._token = token

    def ask(self, method: str, path: str, **more: Any) -> TestResponse:
        """``path`` without ``/api/v1``."""
        headers = dict(more.pop("headers", {}))
        if self._token is not None:
            headers.setdefault("Authorization", f"Bearer {self._token}")
        address = PREFIX + path
        answer = self._client.open(address, method=method, headers=headers, **more)
        if method != "HEAD":
            hold_to_document(method, address, answer)
        return answer

    def get(self, path: str, /, **query: object) -> Any:
        """What is there, as JSON; fails unless the answer is 200."""
        answer = self.ask("GET", path, query_string=query)
        assert answer.status_code == 200, answer.text
        return answer.json

    def post(self, path: str, body: object = None, *, key: str | None = None) -> TestResponse:
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.ask("POST", path, json={} if body is None else body, headers=headers)

    def pages(self, path: str, /, **query: object) -> list[Any]:
        """All items of a list, page by page."""
        found: list[Any] = []
        page = self.get(path, **query)
        while True:
            found += page["items"]
            if page["next"] is None:
                return found
            page = self.get(path, **query, cursor=page["next"])


def new_token(
    store: Store, by: int, *scopes: Scope, name: str = "robot", days: int | None = None
) -> str:
    """Make a token with ``scopes``, all of them when none is named."""
    with store.write() as session:
        now = store.clock.now()
        return make_token(session, by, name, scopes or EVERYTHING, now, days)[1]
