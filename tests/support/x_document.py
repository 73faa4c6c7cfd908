"""X's own OpenAPI document as a judge: of what the simulated X answers, and what is sent to it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from openapi_schema_validator import OAS30Validator, oas30_format_checker

from rehearsal.wire import Asked


class Document:
    """The document, and what it says about one request or answer. Each method gives the list of
    faults found, in words; empty is good."""

    def __init__(self, path: Path) -> None:
        self._all: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        self._components = self._all["components"]

    def knows(self, endpoint: str) -> bool:
        return self._operation(endpoint) is not None

    def _operation(self, endpoint: str) -> dict[str, Any] | None:
        method, _, path = endpoint.partition(" ")
        wanted = re.sub(r":\w+", "{}", path)
        for template, operations in self._all["paths"].items():
            if re.sub(r"\{\w+\}", "{}", template) == wanted and method.lower() in operations:
                found: dict[str, Any] = operations[method.lower()]
                return found
        return None

    def _faults(self, schema: dict[str, Any], value: object) -> list[str]:
        rooted = {**schema, "components": self._components}
        validator = OAS30Validator(rooted, format_checker=oas30_format_checker)
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]

    def answer(self, endpoint: str, status: int, content_type: str, body: Any) -> list[str]:
        """Judge an answer: by its status where the document has it, else by ``default``."""
        operation = self._operation(endpoint)
        assert operation is not None, endpoint
        responses = operation["responses"]
        kind = content_type.partition(";")[0]
        # 201 and 200 are used for one another (seen in recorded answers).
        success = next((r for code, r in responses.items() if code[0] == "2"), None)
        response = success if 200 <= status < 300 else responses["default"]
        assert response is not None
        if kind not in response["content"]:
            return [f"{kind} is not among {sorted(response['content'])}"]
        faults = self._faults(response["content"][kind]["schema"], body)
        problems = [body] if status >= 400 else body.get("errors", [])
        for problem in problems:
            faults += self._problem(problem)
        if 200 <= status < 300:
            faults += self._strangers(body)
        return faults

    def _problem(self, problem: dict[str, Any]) -> list[str]:
        """A problem must fit the schema that its ``type`` stands for."""
        mapping = self._components["schemas"]["Problem"]["discriminator"]["mapping"]
        reference = mapping.get(problem.get("type"), "#/components/schemas/Problem")
        return self._faults({"$ref": reference}, problem)

    def _strangers(self, body: dict[str, Any]) -> list[str]:
        """Posts, people and messages must have no field that the document does not know."""
        schemas = self._components["schemas"]
        known = {
            name: set(schemas[name]["properties"]) for name in ("Tweet", "User", "DmEvent", "Media")
        }
        known["Media"] |= {"url", "alt_text"}
        includes = body.get("includes", {})
        groups = [
            ("Tweet", includes.get("tweets", [])),
            ("User", includes.get("users", [])),
            ("Media", includes.get("media", [])),
        ]
        data = body.get("data", [])
        for one in data if isinstance(data, list) else [data]:
            if "event_type" in one:
                groups.append(("DmEvent", [one]))
            elif "username" in one:
                groups.append(("User", [one]))
            elif "text" in one:
                groups.append(("Tweet", [one]))
        return [
            f"{name} has the unknown {sorted(set(one) - known[name])}"
            for name, ones in groups
            for one in ones
            if set(one) - known[name]
        ]

    def request(self, asked: Asked) -> list[str]:
        """Judge a request as the simulator kept it: its parameters and its JSON body."""
        operation = self._operation(asked.endpoint)
        if operation is None:
            return [f"{asked.endpoint} is not in the document"]
        faults: list[str] = []
        known: dict[str, dict[str, Any]] = {}
        for one in operation.get("parameters", []):
            if "$ref" in one:
                one = self._components["parameters"][one["$ref"].rpartition("/")[2]]
            known[one["name"]] = one
        given = dict(parse_qsl(asked.query, keep_blank_values=True))
        for name, text in given.items():
            if name not in known:
                faults.append(f"parameter {name} is not known")
                continue
            faults += self._faults(known[name]["schema"], self._value(known[name]["schema"], text))
        faults += [
            f"parameter {name} is missing"
            for name, one in known.items()
            if one["in"] == "query" and one.get("required") and name not in given
        ]
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if body is not None and asked.body.startswith("{"):
            faults += self._faults(body["schema"], json.loads(asked.body))
        return faults

    def _value(self, schema: dict[str, Any], text: str) -> object:
        kind = schema.get("type")
        if kind == "array":
            return text.split(",")
        return int(text) if kind == "integer" and text.lstrip("-").isdigit() else text
