"""What a client wants to see: the ``fields`` of the Graph API, with all they may hold.

``id,text,replies.limit(5){id,text},mentioned_comment.comment_id(17){text}`` is a list of fields;
each may have arguments (``.limit(5)``) and fields of its own (Graph API, "Field Expansion").
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from rehearsal.instagram import problems

_WORD = re.compile(r"\w+")
_ARGUMENT = re.compile(r"\.(\w+)\(([^(){}]*)\)")


@dataclass(frozen=True, slots=True)
class Field:
    """One thing asked for. ``inner`` is ``None`` where nothing was said of what is in it."""

    name: str
    arguments: dict[str, str] = field(default_factory=dict)
    inner: tuple[Field, ...] | None = None


def parse(text: str) -> tuple[Field, ...]:
    """The fields that a text asks for. Raises the 2500 for what is none."""
    fields, end = _fields(text.replace(" ", ""), 0)
    if end != len(text.replace(" ", "")):
        raise problems.syntax(f"Unexpected character at {end}: {text[end : end + 10]}")
    return fields


def _fields(text: str, at: int) -> tuple[tuple[Field, ...], int]:
    found: list[Field] = []
    while True:
        one, at = _field(text, at)
        found.append(one)
        if at < len(text) and text[at] == ",":
            at += 1
            continue
        return tuple(found), at


def _field(text: str, at: int) -> tuple[Field, int]:
    name = _WORD.match(text, at)
    if name is None:
        raise problems.syntax(f"Expected name at {at}: {text[at : at + 10] or 'end of string'}")
    at = name.end()
    arguments: dict[str, str] = {}
    while argument := _ARGUMENT.match(text, at):
        arguments[argument[1]] = argument[2]
        at = argument.end()
    inner: tuple[Field, ...] | None = None
    if at < len(text) and text[at] == "{":
        inner, at = _fields(text, at + 1)
        if at >= len(text) or text[at] != "}":
            raise problems.syntax(f"Expected }} at {at}")
        at += 1
    return Field(name[0], arguments, inner), at
