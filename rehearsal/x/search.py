"""The language of X's recent search, as much of it as the product uses.

Words, ``"phrases"``, ``#tag``, ``@name``, ``from:``, ``to:``, ``lang:``, ``conversation_id:``,
``in_reply_to_tweet_id:``, ``quotes_of_tweet_id:``,
``is:reply``, ``is:retweet``, ``is:quote``, ``has:links``, ``has:media``, brackets, ``OR``, and
``-`` before any of them. What stands side by side must all hold, and binds closer than ``OR`` (X
docs, "Build a query", read 2026-08). A query holds at most 512 characters, and at least one thing
that can stand alone (not only ``is:``, ``has:``, ``lang:``, or what is negated). Words are matched
whole and without regard to case; ``#`` and ``@`` part words, as all signs do.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from rehearsal.x import problems, text
from rehearsal.x.model import Post
from rehearsal.x.world import World

LONGEST = 512

Test = Callable[[World, Post], bool]

_TOKEN = re.compile(r'\s*(-?\(|\)|-?"[^"]*"|[^\s()"]+)')
_SPLIT = re.compile(r"[^\w#@]+")


@dataclass(frozen=True, slots=True)
class _Part:
    test: Test
    alone: bool
    """Could be a query of its own."""


def compile_query(query: str) -> Test:
    """From a query to a test of posts. Raises the 400 that X would answer with."""
    if len(query) > LONGEST:
        raise problems.invalid(
            f"There were errors processing your request: Rule length must be at most {LONGEST} "
            f"(got {len(query)})",
            query=query,
        )
    tokens = _TOKEN.findall(query)
    if "".join(tokens).replace(" ", "") != re.sub(r"\s", "", query).replace(" ", ""):
        raise _bad(query, "no viable alternative")
    reader = _Reader(tokens, query)
    part = reader.any_of()
    if reader.left():
        raise _bad(query, "extraneous input")
    if not part.alone:
        raise problems.invalid(
            "There were errors processing your request: Rules must contain at least one "
            "positive, non-stopword clause",
            query=query,
        )
    return part.test


def _bad(query: str, why: str) -> problems.Problem:
    return problems.invalid(f"There were errors processing your request: {why}", query=query)


class _Reader:
    def __init__(self, tokens: list[str], query: str) -> None:
        self._tokens, self._at, self._query = tokens, 0, query

    def left(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def any_of(self) -> _Part:
        parts = [self._all_of()]
        while self.left() == "OR":
            self._at += 1
            parts.append(self._all_of())
        if len(parts) == 1:
            return parts[0]
        return _Part(lambda w, p: any(one.test(w, p) for one in parts), all(p.alone for p in parts))

    def _all_of(self) -> _Part:
        parts: list[_Part] = []
        while (token := self.left()) not in (None, "OR", ")"):
            assert token is not None
            self._at += 1
            if token in ("(", "-("):
                inner = self.any_of()
                if self.left() != ")":
                    raise _bad(self._query, "missing ')'")
                self._at += 1
                parts.append(_negate(inner) if token[0] == "-" else inner)
            elif token.startswith("-") and len(token) > 1:
                parts.append(_negate(self._one(token[1:])))
            else:
                parts.append(self._one(token))
        if not parts:
            raise _bad(self._query, "no viable alternative")
        return _Part(lambda w, p: all(one.test(w, p) for one in parts), any(p.alone for p in parts))

    def _one(self, token: str) -> _Part:
        if token.startswith('"'):
            return _Part(_words(token[1:-1]), True)
        operator, colon, value = token.partition(":")
        if not colon or "//" in value or not operator.isidentifier():
            return _Part(_word(token), True)
        make = _OPERATORS.get(operator.lower())
        test = make(value) if make else None
        if test is None:
            raise _bad(self._query, f"Reference to invalid operator '{operator}'")
        return _Part(test, operator.lower() not in ("is", "has", "lang"))


def _negate(part: _Part) -> _Part:
    return _Part(lambda w, p: not part.test(w, p), False)


def _of(words: str) -> list[str]:
    return [one for one in _SPLIT.split(words.casefold()) if one]


def _words(phrase: str) -> Test:
    wanted = _of(phrase)

    def test(world: World, post: Post) -> bool:
        there = _of(post.text)
        spans = range(len(there) - len(wanted) + 1)
        return any(all(map(_same, there[at : at + len(wanted)], wanted)) for at in spans)

    return test


def _same(there: str, wanted: str) -> bool:
    return there == wanted or there.lstrip("#@") == wanted


def _word(token: str) -> Test:
    if token.startswith("@"):
        handle = token[1:].lower()

        def named(world: World, post: Post) -> bool:
            user = world.named(handle)
            return user is not None and user.id in world.named_by(post)

        return named
    return _words(token)


def _author(handle: str) -> Test:
    return lambda world, post: _is(world, post.author_id, handle)


def _answered(handle: str) -> Test:
    return lambda world, post: _is(world, post.reply_to_user, handle)


def _is(world: World, user_id: str | None, handle: str) -> bool:
    user = world.named(handle)
    return user is not None and user.id == user_id


_IS: dict[str, Test] = {
    "reply": lambda world, post: post.reply_to is not None,
    "quote": lambda world, post: post.quotes is not None,
    "retweet": lambda world, post: post.repost_of is not None,
}
_HAS: dict[str, Test] = {
    "links": lambda world, post: bool(text.links(post.text)),
    "media": lambda world, post: bool(post.media),
    "images": lambda world, post: bool(post.media),
    "mentions": lambda world, post: bool(world.named_by(post)),
}
_OPERATORS: dict[str, Callable[[str], Test | None]] = {
    "from": _author,
    "to": _answered,
    "lang": lambda value: lambda world, post: post.lang == value.lower(),
    "conversation_id": lambda value: lambda world, post: post.conversation_id == value,
    "in_reply_to_tweet_id": lambda value: lambda world, post: post.reply_to == value,
    "quotes_of_tweet_id": lambda value: lambda world, post: post.quotes == value,
    "is": _IS.get,
    "has": _HAS.get,
}
