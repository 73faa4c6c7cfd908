"""Text of customers: cleaned for storing, normalised for search and for the model.

Three forms of one text:

* *as received* is kept beside the cleaned text only when cleaning changed it;
* *cleaned* (:func:`clean`) is what the database can hold and the screen shows;
* *normalised* (:func:`normalise`) folds what readers of Persian and Arabic hold to be the same
  letter. It is versioned: :data:`NORMALISER_VERSION` is stored beside it, so that a better
  normaliser can be run over history.

The folding of letters follows the Unicode Standard, chapter 9.2 (Arabic), and what Persian and
Arabic keyboards really produce: Arabic yeh and kaf typed for the Persian letters, presentation
forms pasted from PDF files, tatweel for ornament, ZWNJ left out or put in.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from shenava.names_in_text import without_names

NORMALISER_VERSION = 1

# Letters that readers take for one another. Persian forms are the targets.
_FOLD = str.maketrans(
    {
        "ي": "ی",  # Arabic yeh
        "ى": "ی",  # alef maksura
        "ئ": "ی",  # yeh with hamza: «مسئول» is also written «مسیول»
        "ے": "ی",  # Urdu yeh barree
        "ك": "ک",  # Arabic kaf
        "ڪ": "ک",
        "أ": "ا",
        "إ": "ا",
        "آ": "ا",
        "ٱ": "ا",
        "ؤ": "و",
        "ة": "ه",
        "ۀ": "ه",
        "ە": "ه",
        "ہ": "ه",
        "ھ": "ه",
        "ـ": None,  # tatweel
        "\u200c": " ",  # ZWNJ: «می‌شود» and «می شود» are the same words
        "\u200d": None,  # ZWJ
        "\u00ad": None,  # soft hyphen
        "\ufeff": None,
        "٫": ".",
        "٬": ",",
        "،": ",",
        "؛": ";",
        "؟": "?",
    }
)

# Controls that turn text around or hide it. They never carry meaning for search or model.
_INVISIBLE = re.compile("[\u200b\u200e\u200f\u061c\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f]")

_BEYOND_EMOJI = 0x20000


class _Table(dict[int, str | int | None]):
    """A table for ``str.translate`` that looks each sign up when it first meets it: to fill it
    beforehand would take as long as a thousand messages. What lies beyond the emoji is rare, and
    not kept."""

    def __init__(self, look_up: Callable[[str], str | int | None]) -> None:
        super().__init__()
        self._look_up = look_up

    def __missing__(self, sign: int) -> str | int | None:
        found = self._look_up(chr(sign))
        if sign < _BEYOND_EMOJI:
            self[sign] = found
        return found


def _folded(sign: str) -> str | int | None:
    return _FOLD.get(ord(sign), ord(sign))


def _digit(sign: str) -> str | int | None:
    value = unicodedata.decimal(sign, None)
    return _folded(sign) if value is None else str(value)


_VISIBLE_FOLDED = _Table(lambda sign: None if _INVISIBLE.match(sign) else _folded(sign))
_UNMARKED = _Table(lambda sign: None if unicodedata.category(sign) == "Mn" else ord(sign))
_DIGITS_FOLDED = _Table(_digit)

_SPACE = re.compile(r"\s+")
_TOKEN = re.compile(r"[^\W_]+")
# A full-text word longer than 2,046 bytes is refused by PostgreSQL.
_TOKEN_LIMIT = 100
# PostgreSQL silently garbles the words of a text beyond 1 MiB; a sign is at most 4 bytes long.
_INDEX_LIMIT = 250_000
# Only from the start of a word: without that a long word costs the square of its length.
_WITH_ZWNJ = re.compile(r"(?<!\w)\w+(?:\u200c\w+)+")
_CANNOT_STORE = re.compile("[\x00\ud800-\udfff]")


def clean(text: str) -> tuple[str, bytes | None]:
    """Make ``text`` storable, keeping what was received when that changes it.

    NUL bytes and lone surrogates cannot be held by a database; they become U+FFFD.

    Returns the cleaned text and, only when it differs, the text as received, encoded as UTF-8
    with lone surrogates passed through (``surrogatepass``).
    """
    cleaned = _CANNOT_STORE.sub("\ufffd", text)
    if cleaned == text:
        return text, None
    return cleaned, text.encode("utf-8", "surrogatepass")


def normalise(text: str) -> str:
    """Fold ``text`` so that spellings a reader holds equal become equal.

    NFKC, case folding, Persian and Arabic letters folded together, diacritics and tatweel
    dropped, all digits to ASCII, white space to single blanks. Pure and idempotent.
    """
    if text.isascii():
        # All that is left to do then, and the case of half of all words: handles, English.
        return _SPACE.sub(" ", text.replace("\x00", " ").lower()).strip()
    text = unicodedata.normalize("NFKC", _CANNOT_STORE.sub(" ", text))
    text = text.translate(_VISIBLE_FOLDED).casefold()
    # Drop combining marks (harakat, accents) after decomposing, then compose what is left.
    text = unicodedata.normalize("NFD", text).translate(_UNMARKED)
    text = unicodedata.normalize("NFC", text).translate(_DIGITS_FOLDED)
    return _SPACE.sub(" ", text).strip()


def search_tokens(text: str) -> list[str]:
    """Split a query into the normalised words to look for, in order."""
    return [token[:_TOKEN_LIMIT] for token in _TOKEN.findall(normalise(text))]


def index_text(*texts: str) -> str:
    """The words under which a message is found: normalised, each once, joined by blanks.

    Both databases are given these words ready made, so that a search means the same on each.
    A word written with ZWNJ («می‌شود») is found in parts and joined up («میشود»). Of an endless
    text the first quarter of a million signs is indexed.
    """
    words: dict[str, None] = {}
    for text in texts:
        words.update(dict.fromkeys(search_tokens(text)))
        for joined in _WITH_ZWNJ.findall(text):
            words.update(dict.fromkeys(search_tokens(joined.replace("\u200c", ""))))
    return _cut(" ".join(words))


def _cut(joined: str) -> str:
    """``joined`` without the words beyond the limit."""
    if len(joined) <= _INDEX_LIMIT:
        return joined
    return joined[: joined.rindex(" ", 0, _INDEX_LIMIT + 1)]


def direction(text: str) -> str:
    """``rtl`` or ``ltr``: the side on which a reader of ``text`` begins; ``auto`` where it has no
    letters.

    The first letter decides, as the bidirectional algorithm has it (Unicode UAX 9, rules P2 and
    P3), but not one of a handle, a tag or a link: "@shop سلام" is Persian, and would begin on the
    wrong side.
    """
    for part in (without_names(text), text):
        for sign in part:
            kind = unicodedata.bidirectional(sign)
            if kind in ("R", "AL"):
                return "rtl"
            if kind == "L":
                return "ltr"
    return "auto"
