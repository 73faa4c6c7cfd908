"""What the simulated customers say, in three languages. All texts were made up for this.

``{shop}`` is the shop's handle with ``@`` (nothing where it need not be named), ``{brand}`` its
name, ``{order}`` an order number, ``{amount}`` a sum of money, all in the customer's digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Door(StrEnum):
    """Where a story begins."""

    MENTION = "mention"
    DM = "dm"
    SEARCH = "search"
    """In public, without naming the shop: the shop was not summoned."""
    QUOTE = "quote"
    """In public, with the shop's own post quoted."""
    STORY = "story"
    """Privately, by a story of one's own in which the shop is mentioned."""


@dataclass(frozen=True, slots=True)
class Tale:
    """One kind of story in one language. ``ask`` opens it. Where the customer waits: ``nag`` is
    said when no answer comes, ``rage`` when none comes still, ``thanks`` when one does."""

    kind: str
    door: Door
    ask: tuple[str, ...]
    nag: tuple[str, ...] = ()
    rage: tuple[str, ...] = ()
    thanks: tuple[str, ...] = ()

    @property
    def waits(self) -> bool:
        return bool(self.nag or self.thanks)


@dataclass(frozen=True, slots=True)
class Tongue:
    """All that customers of one language say, and who they are (name, stem of the handle)."""

    lang: str
    brand: str
    people: tuple[tuple[str, str], ...]
    tales: tuple[Tale, ...]
    outage: tuple[str, ...]
    outage_dm: tuple[str, ...]
    relief: tuple[str, ...]
    """Said after an outage, when the shop has answered."""
    posts: tuple[str, ...]
    """What the shop itself wrote before the story begins."""

    def all_texts(self) -> list[str]:
        """Every text, once each, for those who count or judge them."""
        texts = [*self.outage, *self.outage_dm, *self.relief, *self.posts]
        for tale in self.tales:
            texts += [*tale.ask, *tale.nag, *tale.rage, *tale.thanks]
        return list(dict.fromkeys(texts))
