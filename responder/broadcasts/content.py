"""What a broadcast says, and to whom it is to go: as values, and as they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from shenava.messages import Deed, Intent, Language, Platform

LANGUAGES = (Language.FA, Language.AR, Language.EN)
"""Those a notice is written in."""

TEXT_LIMIT = 10_000
"""Characters of one text: more than any platform takes."""

Texts = Mapping[Language, str]
_NONE: Texts = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Content:
    """``texts``: the notice, by language. ``special``: other words for one platform's public post.
    ``personal``: what people are told who are written to one by one; the notice where empty.
    ``link`` is put at the end of public posts, and not of what people are told one by one: some
    platforms take many times the price for it. ``picture``: the notice as a picture goes with
    every public post; where a platform needs one it goes anyway."""

    texts: Texts
    special: Mapping[Platform, Texts] = field(default_factory=dict)
    personal: Texts = field(default_factory=dict)
    link: str = ""
    picture: bool = False

    @property
    def languages(self) -> tuple[Language, ...]:
        """Those that there is a text in, the usual order."""
        return tuple(one for one in LANGUAGES if self.texts.get(one, "").strip())

    def text_for(self, platform: Platform, language: Language, deed: Deed, *, place: bool) -> str:
        """What goes out. ``place``: a public post, or what goes on under one; else to a person."""
        if place:
            text = self.special.get(platform, _NONE).get(language, "").strip()
        else:
            text = self.personal.get(language, "").strip()
        text = text or self.texts.get(language, "").strip()
        if not place or not text or not self.link or self.link in text:
            return text
        return f"{text}\n{self.link}"

    def nearest(self, language: Language | None) -> Language | None:
        """The language to tell someone in: theirs, if there is a text in it, else the first."""
        known = self.languages
        if language in known:
            return language
        return known[0] if known else None

    def as_json(self) -> dict[str, Any]:
        return {
            "texts": _texts_json(self.texts),
            "special": {place.value: _texts_json(said) for place, said in self.special.items()},
            "personal": _texts_json(self.personal),
            "link": self.link,
            "picture": self.picture,
        }

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> Content:
        return cls(
            texts=_texts_of(kept["texts"]),
            special={Platform(place): _texts_of(said) for place, said in kept["special"].items()},
            personal=_texts_of(kept["personal"]),
            link=kept["link"],
            picture=kept["picture"],
        )


def _texts_json(texts: Texts) -> dict[str, str]:
    return {one.value: text for one, text in sorted(texts.items()) if text.strip()}


def _texts_of(kept: Mapping[str, str]) -> Texts:
    return {Language(one): text for one, text in kept.items()}


@dataclass(frozen=True, slots=True)
class Place:
    """A public post: on which account, in which language."""

    account_id: int
    language: Language


@dataclass(frozen=True, slots=True)
class Aim:
    """To whom it is to go.

    ``places``: public posts, one an account. Open cases: of complaints that have one of
    ``intents`` and were written to since ``since``, and ``cases`` beside. ``vips``: loyal
    customers who may be written to. ``open_windows``: everyone who may be written to in private.
    """

    places: tuple[Place, ...] = ()
    intents: frozenset[Intent] = frozenset()
    since: datetime | None = None
    cases: frozenset[int] = frozenset()
    vips: bool = False
    open_windows: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "places": [
                {"account": one.account_id, "language": one.language.value} for one in self.places
            ],
            "intents": sorted(one.value for one in self.intents),
            "since": self.since.isoformat() if self.since else None,
            "cases": sorted(self.cases),
            "vips": self.vips,
            "open_windows": self.open_windows,
        }

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> Aim:
        return cls(
            places=tuple(
                Place(one["account"], Language(one["language"])) for one in kept["places"]
            ),
            intents=frozenset(Intent(one) for one in kept["intents"]),
            since=datetime.fromisoformat(kept["since"]) if kept["since"] else None,
            cases=frozenset(kept["cases"]),
            vips=kept["vips"],
            open_windows=kept["open_windows"],
        )
