"""Words in the reader's language.

The English text is the key; ``translations/fa.po`` and ``ar.po`` hold the rest and are read when
first needed, without compiled files. ``python -m dashboard.translate`` keeps them complete.

Text is always a format string with named places, ``_("%(count)s cases", count=3)``; a number that
fills a place is written in the language's own digits. A literal percent sign is ``%%``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask
from markupsafe import Markup

from config.settings import UiLanguage
from dashboard.numerals import number
from dashboard.reader import reader

FOLDER = Path(__file__).parent / "translations"

# One number of each kind that CLDR tells apart, so that a browser can be handed all forms.
_EXAMPLES = {"zero": 0, "one": 1, "two": 2, "few": 3, "many": 11, "other": 100}


class Words:
    """The words of one language. ``find…`` gives text with its places open, ``fill`` fills them."""

    def __init__(self, language: UiLanguage) -> None:
        self.language = language
        self._catalogue = _catalogue(language)

    def find(self, message: str, context: str | None = None) -> str:
        """``message`` in this language, as meant in ``context``."""
        if context is None:
            return self._catalogue.ugettext(message)
        return str(self._catalogue.pgettext(context, message))

    def find_form(self, singular: str, plural: str, count: int) -> str:
        """The form that ``count`` takes."""
        return self._catalogue.ungettext(singular, plural, count)

    def find_forms(self, singular: str, plural: str) -> dict[str, str]:
        """Every form by its CLDR name: for scripts in the browser."""
        return {kind: self.find_form(singular, plural, count) for kind, count in _EXAMPLES.items()}

    def fill(self, text: str, places: Mapping[str, object]) -> str:
        """``text`` with its places filled; markup escapes what it is filled with."""
        return text % {
            name: number(value, self.language)
            if isinstance(value, int | float) and not isinstance(value, bool)
            else value
            for name, value in places.items()
        }

    def gettext(self, message: str, /, **places: object) -> str:
        """``message`` in this language, its places filled."""
        return self.fill(self.find(message), places)

    def ngettext(self, singular: str, plural: str, count: int, /, **places: object) -> str:
        """The form that ``count`` takes; it also fills the place ``num``."""
        return self.fill(self.find_form(singular, plural, count), {"num": count, **places})

    def pgettext(self, context: str, message: str, /, **places: object) -> str:
        """``message`` as meant in ``context``: where one English word has two translations."""
        return self.fill(self.find(message, context), places)


@cache
def words(language: UiLanguage) -> Words:
    """The words of ``language``, read once a process."""
    return Words(language)


def _catalogue(language: UiLanguage) -> NullTranslations:
    if language is UiLanguage.EN:
        return NullTranslations()
    with (FOLDER / f"{language.value}.po").open("rb") as file:
        catalogue = read_po(file, locale=language.value)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


def gettext(message: str, /, **places: object) -> str:
    """``message`` in the language of the present reader."""
    return words(reader().language).gettext(message, **places)


def ngettext(singular: str, plural: str, count: int, /, **places: object) -> str:
    """The form for ``count`` in the language of the present reader."""
    return words(reader().language).ngettext(singular, plural, count, **places)


def pgettext(context: str, message: str, /, **places: object) -> str:
    """``message`` as meant in ``context``, in the language of the present reader."""
    return words(reader().language).pgettext(context, message, **places)


class Lazy:
    """Text that is put into words when it is shown: for what is written down once, at import."""

    def __init__(self, message: str, context: str | None = None) -> None:
        self.message = message
        self.context = context

    def __str__(self) -> str:
        if self.context is None:
            return gettext(self.message)
        return pgettext(self.context, self.message)


def lazy(message: str) -> Lazy:
    """``message``, translated later."""
    return Lazy(message)


def plazy(context: str, message: str) -> Lazy:
    """``message`` as meant in ``context``, translated later."""
    return Lazy(message, context)


def direction() -> str:
    """``rtl`` or ``ltr``: the direction of the present page."""
    return reader().direction


# In templates the translations are ours and may hold markup; what fills them is escaped.


def page_gettext(message: str, /, **places: object) -> Markup:
    """:func:`gettext` as markup, for places that are filled with markup."""
    found = words(reader().language)
    return Markup(found.fill(Markup(found.find(message)), places))  # noqa: S704


def _page_ngettext(singular: str, plural: str, count: int, /, **places: object) -> Markup:
    found = words(reader().language)
    text = Markup(found.find_form(singular, plural, count))  # noqa: S704
    return Markup(found.fill(text, {"num": count, **places}))  # noqa: S704


def _page_pgettext(context: str, message: str, /, **places: object) -> Markup:
    found = words(reader().language)
    return Markup(found.fill(Markup(found.find(message, context)), places))  # noqa: S704


def plural_forms(singular: str, plural: str) -> dict[str, str]:
    """All forms in the present language by CLDR name, for ``script_words``."""
    return words(reader().language).find_forms(singular, plural)


def script_words(entries: Mapping[str, object]) -> Markup:
    """A block that hands words to scripts: ``js/words.js`` reads every such block of a page.

    ``entries``: name to text (``_("…")``), or to ``plural_forms("…", "…")``. Places stay open:
    in a text for scripts write ``_("… %%(name)s")``.
    """
    plain = {
        name: {kind: str(form) for kind, form in entry.items()}
        if isinstance(entry, Mapping)
        else str(entry)
        for name, entry in entries.items()
    }
    # "<" could end the block; JSON may write it as an escape.
    data = json.dumps(plain, ensure_ascii=False).replace("<", "\\u003c")
    return Markup('<script type="application/json" class="words">{}</script>').format(
        Markup(data)  # noqa: S704
    )


def install(app: Flask) -> None:
    """Give the templates of ``app`` their words."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.newstyle_gettext = True  # type: ignore[attr-defined]
    app.jinja_env.globals.update(
        _=page_gettext,
        gettext=page_gettext,
        ngettext=_page_ngettext,
        pgettext=_page_pgettext,
        plural_forms=plural_forms,
        script_words=script_words,
        direction=direction,
    )
