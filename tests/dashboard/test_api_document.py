"""The document tells every address; errors have one shape; nothing that is asked breaks it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from openapi_schema_validator import OAS31Validator
from support.api import Api, new_token
from support.factories import many
from werkzeug.test import TestResponse

from collectors.intake import take_in
from dashboard.api import document as documents
from dashboard.api.document import ALL_ROUTES, document, with_tables
from dashboard.api.problems import PREFIX, Kind
from dashboard.app import MAX_BODY
from dashboard.context import Desk
from shenava.store import Role, Scope, User

GUIDE = Path(__file__).parents[2] / "docs" / "api.md"


@pytest.fixture
def api(app: Flask, desk: Desk, make_user: Callable[..., User]) -> Api:
    take_in(desk.store, many(12))
    mina = make_user("mina@shop.example", name="Mina", role=Role.ADMIN)
    return Api(app, new_token(desk.store, mina.id))


def problem(answer: TestResponse) -> dict[str, Any]:
    assert answer.mimetype == "application/problem+json"
    assert answer.json is not None
    found: dict[str, Any] = answer.json
    assert {"type", "title", "status", "detail"} <= found.keys()
    return found


# The document.


def test_every_route_is_in_the_document_and_the_other_way_round(app: Flask) -> None:
    served = {
        (method, rule.rule.removeprefix(PREFIX).replace("<", "{").replace(">", "}"))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(PREFIX)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    told = {
        (method.upper(), path)
        for path, operations in document()["paths"].items()
        for method in operations
    }
    assert served == told
    assert len({route.name for route in ALL_ROUTES}) == len(ALL_ROUTES)


def test_the_document_is_public_and_the_same_that_is_printed(app: Flask) -> None:
    served = Api(app, None).ask("GET", "/openapi.json")
    printed = subprocess.run(
        [sys.executable, "-m", "dashboard.api.document"],
        capture_output=True,
        text=True,
        check=True,
        cwd=GUIDE.parents[1],
    )
    assert json.loads(printed.stdout) == served.json
    assert served.json is not None
    assert served.json["paths"].keys() == document()["paths"].keys()
    assert served.json["openapi"] == "3.1.0"


def test_every_reference_leads_somewhere_and_every_schema_is_one() -> None:
    told = document()
    names = set(told["components"]["schemas"])

    def references(value: object) -> set[str]:
        if isinstance(value, dict):
            here = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
            return here.union(*map(references, value.values()))
        return set().union(*map(references, value)) if isinstance(value, list) else set()

    assert references(told) == {f"#/components/schemas/{name}" for name in names}
    for name, schema in told["components"]["schemas"].items():
        OAS31Validator.check_schema(schema)
        assert schema.get("description") or "enum" in schema, name


def test_every_operation_says_what_it_does_and_what_it_needs() -> None:
    for path, operations in document()["paths"].items():
        for operation in operations.values():
            assert operation["summary"], path
            assert operation["responses"]["500"], path
            for parameter in operation.get("parameters", ()):
                assert parameter["in"] in ("path", "query", "header")
                assert "null" not in str(parameter["schema"]), parameter
    scopes = {scope for route in ALL_ROUTES for scope in route.scopes}
    assert scopes == set(Scope)


def test_the_guide_has_the_tables_of_today_and_every_scope() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    for name in documents.TABLES:
        assert f"<!-- {name} -->" in guide
    assert with_tables(guide) == guide, f"run python -m dashboard.api.document {GUIDE.name}"
    for scope in Scope:
        assert f"`{scope.value}`" in guide


def test_every_kind_of_problem_is_listed(app: Flask) -> None:
    listed = Api(app, None).get("/problems")["items"]
    assert [item["type"] for item in listed] == [kind.type for kind in Kind]


# Errors.


def test_nothing_under_the_api_is_ever_a_page(api: Api) -> None:
    for address in ("", "/", "/nothing", "/cases/", "/cases/1/nothing", "//cases", "/cases//1"):
        answer = api.ask("GET", address, headers={"Accept": "text/html"})
        assert answer.status_code == 404, address
        assert problem(answer)["status"] == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/cases", {"GET", "HEAD"}),
        ("GET", "/cases/1/close", {"POST"}),
        ("DELETE", "/cases/1", {"GET", "HEAD"}),
        ("OPTIONS", "/cases", {"GET", "HEAD"}),
        ("PROPFIND", "/messages", {"GET", "HEAD"}),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(
    api: Api, method: str, path: str, allowed: set[str]
) -> None:
    answer = api.ask(method, path)
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == allowed
    assert problem(answer)["type"].endswith("#method-not-allowed")


@pytest.mark.parametrize(
    ("data", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b'{"text": "\\ud800"}', "application/json", 400),
        (b"[" * 5_000, "application/json", 400),
        (b"[]", "application/json", 422),
        (b'"x"', "application/json", 422),
        (b"null", "application/json", 422),
        (b"", "application/json", 422),
        (b"", "text/plain", 422),
        (b'{"text": "x"}', "text/plain", 415),
        (b"text=x", "application/x-www-form-urlencoded", 415),
        (b'{"text": "x"}', "application/json; charset=utf-8", 201),
        (b'{"text": "' + b"x" * MAX_BODY + b'"}', "application/json", 413),
    ],
)
def test_a_body_is_json_or_it_is_refused(api: Api, data: bytes, kind: str, status: int) -> None:
    answer = api.ask(
        "POST",
        "/cases/1/notes",
        data=data,
        content_type=kind,
        headers={"Idempotency-Key": "k"},
    )
    assert answer.status_code == status
    if status >= 400:
        assert problem(answer)["detail"]


def test_an_unexpected_error_is_a_problem_too_and_tells_nothing(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr("dashboard.api.reading.whole", broken)
    answer = api.ask("GET", "/cases/1")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert problem(answer)["type"].endswith("#internal")


def test_an_answer_to_head_has_no_body(api: Api) -> None:
    answer = api.ask("HEAD", "/cases")
    assert (answer.status_code, answer.data) == (200, b"")
