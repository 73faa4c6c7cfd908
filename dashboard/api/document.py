"""The OpenAPI 3.1 document of the API, made from its routes and models.

``python -m dashboard.api.document`` prints it; with the path of ``docs/api.md`` it writes that
guide's tables anew. The addresses that describe the API itself stand here too.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

from flask import Response
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from dashboard.api import shapes
from dashboard.api.problems import MEDIA_TYPE, PREFIX, Kind, ProblemBody
from dashboard.api.routes import ROUTES
from dashboard.api.serving import KEY_HEADER, Route
from dashboard.api.words import Parameters
from shenava import __version__
from shenava.store import Scope

_REF = "#/components/schemas/{model}"

_PACE_HEADERS = {
    "RateLimit-Policy": "How many requests a minute the token may make.",
    "RateLimit": "How many are left, and in how many seconds the next minute begins.",
}


def read_document() -> Response:
    """Read this document. OpenAPI 3.1."""
    return Response(document_text(), content_type="application/json")


def list_problems() -> shapes.Problems:
    """List the kinds of problems. Every `type` that an error can have."""
    return shapes.Problems(
        items=[
            shapes.ProblemKind(type=kind.type, title=kind.title, status=kind.status)
            for kind in Kind
        ]
    )


ALL_ROUTES = (
    *ROUTES,
    Route("GET", "/openapi.json", read_document, None, public=True),
    Route("GET", "/problems", list_problems, shapes.Problems, public=True),
)


@cache
def document_text() -> str:
    """The document as JSON text."""
    # Docstrings mark code as reStructuredText does, the document as Markdown does.
    return json.dumps(document(), indent=2, ensure_ascii=False).replace("``", "`")


def document() -> dict[str, Any]:
    """The document."""
    schemas, queries = _schemas()
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    for route in ALL_ROUTES:
        paths[route.path][route.method.lower()] = _operation(route, queries.get(route.query, {}))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Shenava",
            "version": __version__,
            "description": "What customers wrote to the shop, and the work on it.",
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": PREFIX}],
        "paths": dict(paths),
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token that an admin made. Its scopes: "
                    + ", ".join(f"`{scope.value}`" for scope in Scope),
                }
            },
        },
    }


def _schemas() -> tuple[dict[str, Any], dict[type[BaseModel], dict[str, Any]]]:
    """The schemas of bodies and answers by name, and those of parameters by their model."""
    asked: set[type[BaseModel]] = {route.body for route in ALL_ROUTES if route.body is not None}
    told: set[type[BaseModel]] = {route.answer for route in ALL_ROUTES if route.answer is not None}
    queries: set[type[BaseModel]] = {
        route.query for route in ALL_ROUTES if route.query is not Parameters
    }
    by_name = lambda model: model.__name__  # noqa: E731
    references, found = models_json_schema(
        [
            *((model, "validation") for model in sorted(asked | queries, key=by_name)),
            *((model, "serialization") for model in sorted(told | {ProblemBody}, key=by_name)),
        ],
        ref_template=_REF,
    )
    schemas: dict[str, Any] = found["$defs"]
    named = {
        model: schemas.pop(references[model, "validation"]["$ref"].rpartition("/")[2])
        for model in queries
    }
    return schemas, named


def _operation(route: Route, query: dict[str, Any]) -> dict[str, Any]:
    summary, description = said_of(route)
    told: dict[str, Any] = {
        "operationId": route.name,
        "tags": [route.path.split("/")[1].removesuffix(".json")],
        "summary": summary,
        "security": [] if route.public else [{"token": [scope.value for scope in route.scopes]}],
        "responses": _responses(route),
    }
    if description:
        told["description"] = description
    parameters = [*map(_number, route.numbers), *_parameters(query)]
    if route.keyed:
        parameters.append(_KEY)
    if parameters:
        told["parameters"] = parameters
    if route.body is not None:
        told["requestBody"] = {
            "required": any(field.is_required() for field in route.body.model_fields.values()),
            "content": {"application/json": {"schema": _ref(route.body)}},
        }
    return told


def said_of(route: Route) -> tuple[str, str]:
    """What a route does, in one sentence (without its full stop), and the rest of it."""
    text = " ".join(inspect.cleandoc(route.view.__doc__ or "").split())
    summary, _, description = text.partition(". ")
    return summary.rstrip("."), description


_KEY = {
    "name": KEY_HEADER,
    "in": "header",
    "required": True,
    "description": "Of your own making, such as a UUID: asked again with the same one, nothing is"
    " done twice.",
    "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,100}$"},
}


def _number(name: str) -> dict[str, Any]:
    schema = {"type": "string", "pattern": "^[1-9][0-9]{0,17}$"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _parameters(query: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for name, schema in query.get("properties", {}).items():
        plain = _without_null({key: value for key, value in schema.items() if key != "title"})
        told: dict[str, Any] = {"name": name, "in": "query", "required": False}
        if "description" in plain:
            told["description"] = plain.pop("description")
        found.append(told | {"schema": plain})
    return found


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """An address has no null: what is not given is left out."""
    rest = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if not rest:
        return schema
    told = {key: value for key, value in schema.items() if key != "anyOf"}
    if told.get("default", "") is None:
        del told["default"]
    return (rest[0] | told) if len(rest) == 1 else {"anyOf": rest} | told


def _responses(route: Route) -> dict[str, Any]:
    schema = {"type": "object"} if route.answer is None else _ref(route.answer)
    good: dict[str, Any] = {
        "description": "Done.",
        "content": {"application/json": {"schema": schema}},
    }
    if not route.public:
        good["headers"] = {
            name: {"description": text, "schema": {"type": "string"}}
            for name, text in _PACE_HEADERS.items()
        }
    by_status: dict[int, list[Kind]] = defaultdict(list)
    for kind in kinds_of(route):
        by_status[kind.status].append(kind)
    return {str(route.status): good} | {
        str(status): {
            "description": " / ".join(f"{kind.title} (`{kind.type}`)" for kind in kinds),
            "content": {MEDIA_TYPE: {"schema": _ref(ProblemBody)}},
        }
        for status, kinds in sorted(by_status.items())
    }


def kinds_of(route: Route) -> list[Kind]:
    """The problems that a route can answer with."""
    found = [Kind.INVALID, Kind.INTERNAL, *route.kinds]
    if not route.public:
        found += [Kind.UNAUTHORISED, Kind.MISSING_SCOPE, Kind.TOO_MANY]
    if route.numbers:
        found.append(Kind.NOT_FOUND)
    if route.body is not None:
        found += [Kind.UNREADABLE, Kind.TOO_LARGE, Kind.MEDIA]
    if route.keyed:
        found += [Kind.KEY_MISSING, Kind.KEY_REUSED]
    return found


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}


# The tables of docs/api.md.


def endpoints_table() -> str:
    """Every address, what it does and which scopes it needs."""
    lines = ["| Address | What it does | Scopes |", "|---|---|---|"]
    for route in ALL_ROUTES:
        scopes = " ".join(f"`{scope.value}`" for scope in route.scopes) or "none; public"
        lines.append(f"| `{route.method} {route.path}` | {said_of(route)[0]} | {scopes} |")
    return "\n".join(lines)


def problems_table() -> str:
    """Every kind of problem."""
    lines = ["| Status | `type` ends in | Title |", "|---|---|---|"]
    lines += [f"| {kind.status} | `#{kind.value.name}` | {kind.title} |" for kind in Kind]
    return "\n".join(lines)


TABLES = {"endpoints": endpoints_table, "problems": problems_table}


def with_tables(guide: str) -> str:
    """The guide with its tables as they are today."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        head, _, rest = guide.partition(begin)
        guide = f"{head}{begin}{table()}\n{end}{rest.partition(end)[2]}"
    return guide


def main(arguments: list[str]) -> None:
    """Print the document, or write the tables of the guide named."""
    if not arguments:
        sys.stdout.write(document_text() + "\n")
        return
    path = Path(arguments[0])
    path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
