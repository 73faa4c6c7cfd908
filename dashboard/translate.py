"""Keeping the translations complete: ``python -m dashboard.translate [--check]``.

Collects every string from templates and code and brings ``translations/fa.po`` and ``ar.po`` up to
date: new strings are added empty, gone ones removed. ``--check`` changes nothing and fails with a
list of what is missing. The files have no line numbers and no dates, so that they change only when
words do.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po, write_po
from jinja2 import Environment

from dashboard.i18n import FOLDER

ROOT = Path(__file__).parent
LANGUAGES = ("fa", "ar")

_METHODS = [("**/templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
_OPTIONS = {"**/templates/**.html": {"newstyle_gettext": "true", "silent": "false"}}
_KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "lazy": None,
    "plazy": ((1, "c"), 2),
    "plural_forms": (1, 2),
}
# Two signs where the place is left open for a script.
_PLACE = re.compile(r"%{1,2}\(\w+\)s")
_NOT_KEPT = re.compile(
    rb'"(?:POT-Creation-Date|PO-Revision-Date|Last-Translator|Language-Team|Generated-By'
    rb"|Project-Id-Version|Report-Msgid-Bugs-To)[^\n]*\n"
)
_HEADER = "# What the dashboard says. Kept in order by `python -m dashboard.translate`."
# One instant for a header that Babel insists on, and that is taken out again.
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

Key = tuple[str, str | None]


def extract() -> Catalog:
    """All strings of templates and code, untranslated."""
    catalogue = Catalog(fuzzy=False)
    found = extract_from_dir(
        ROOT.parent, method_map=_METHODS, options_map=_OPTIONS, keywords=_KEYWORDS,
        directory_filter=_is_ours,
    )  # fmt: skip
    for _file, _line, message, _comments, context in found:
        catalogue.add(message, context=context)
    return catalogue


def _is_ours(folder: str | Path) -> bool:
    path = Path(folder).resolve()
    return path == ROOT.parent or path == ROOT or ROOT in path.parents


def read(language: str, folder: Path = FOLDER) -> Catalog:
    """The translations as they stand in the file."""
    with (folder / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


def updated(language: str, strings: Catalog, old: Catalog) -> Catalog:
    """``strings`` with what is known of them already; what is gone is left out."""
    new = Catalog(
        locale=language, fuzzy=False, creation_date=_LONG_AGO, revision_date=_LONG_AGO,
        header_comment=_HEADER,
    )  # fmt: skip
    for message in strings:
        if not message.id:
            continue
        known = old.get(_first(message), context=message.context)
        text = known.string if known and _is_plural(known) == _is_plural(message) else None
        new.add(message.id, text, context=message.context, flags=known.flags if known else ())
    return new


def written(catalogue: Catalog) -> bytes:
    """The file: sorted, unwrapped, without dates."""
    file = BytesIO()
    write_po(file, catalogue, no_location=True, sort_output=True, ignore_obsolete=True, width=0)
    lines = file.getvalue().splitlines(keepends=True)
    return b"".join(line for line in lines if not _NOT_KEPT.match(line))


def problems(language: str, strings: Catalog, known: Catalog) -> Iterator[str]:
    """What keeps ``known`` from being a complete translation of ``strings``, a sentence each."""
    wanted = {_key(message): message for message in strings if message.id}
    for message in known:
        if message.id and _key(message) not in wanted:
            yield f"{language}: stale: {_first(message)!r}"
    for key, message in sorted(wanted.items(), key=lambda item: (item[0][0], item[0][1] or "")):
        translated = known.get(key[0], context=key[1])
        if translated is None or _is_plural(translated) != _is_plural(message):
            yield f"{language}: missing: {key[0]!r}"
            continue
        if translated.fuzzy:
            yield f"{language}: fuzzy: {key[0]!r}"
        forms = _forms(translated)
        expected = known.num_plurals if _is_plural(message) else 1
        if len(forms) != expected or not all(forms):
            yield f"{language}: not translated: {key[0]!r}"
            continue
        yield from (f"{language}: {trouble}: {key[0]!r}" for trouble in _misplaced(message, forms))


def _misplaced(message: Message, forms: Iterable[str]) -> Iterator[str]:
    ids = message.id if isinstance(message.id, (tuple, list)) else (message.id,)
    places = {place for text in ids for place in _PLACE.findall(text)}
    # Where a language has a form for "one" or "two", the number itself may go unsaid.
    may_miss = {"%(num)s"} if _is_plural(message) else set()
    for form in forms:
        has = set(_PLACE.findall(form))
        if has - places or places - has - may_miss:
            yield f"places differ in {form!r}"
        if "%" in _PLACE.sub("", form).replace("%%", ""):
            yield f"a stray percent sign in {form!r}"


# What is written in a template outside of any call: letters between tags, or in these attributes.
_SPOKEN = re.compile(r"""\b(?:title|placeholder|aria-label|alt)\s*=\s*(["'])(.*?)\1""", re.S)
_TAG = re.compile(r"<(script|style|svg|code|kbd)\b.*?</\1>|<!--.*?-->|<[^>]*>|&\w+;", re.S)
# Blocks that fill a class attribute hold names, not words.
_CLASSES = re.compile(r"\{% block \w*class %\}.*?\{% endblock %\}", re.S)


def unmarked(folder: Path = ROOT / "templates") -> Iterator[str]:
    """Words in templates that no translator will see, a sentence each."""
    environment = Environment(autoescape=True, extensions=["jinja2.ext.i18n"])
    for path in sorted(folder.rglob("*.html")):
        source = _CLASSES.sub("", path.read_text(encoding="utf-8"))
        # Each expression and statement leaves a mark, so that tags around them stay whole.
        plain = "".join(
            value if kind == "data" else "\x00" if kind.endswith("_end") else ""
            for _line, kind, value in environment.lex(source)
        )
        spoken = [found[1] for found in _SPOKEN.findall(plain)] + _TAG.split(plain)[::2]
        for text in spoken:
            if any(letter.isalpha() for letter in text or ""):
                words = " ".join(text.replace("\x00", " … ").split())
                yield f"{path.relative_to(folder)}: not marked for translation: {words!r}"


def _first(message: Message) -> str:
    return str(message.id[0] if isinstance(message.id, tuple) else message.id)


def _key(message: Message) -> Key:
    return _first(message), message.context


def _is_plural(message: Message) -> bool:
    return isinstance(message.id, tuple)


def _forms(message: Message) -> tuple[str, ...]:
    text = message.string
    return tuple(text) if isinstance(text, (tuple, list)) else (str(text or ""),)


def main(arguments: list[str] | None = None) -> int:
    """Bring the files up to date, or check them; 1 when something is missing."""
    parser = argparse.ArgumentParser(prog="python -m dashboard.translate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail if incomplete")
    asked = parser.parse_args(arguments)
    strings = extract()
    found = list(unmarked())
    for language in LANGUAGES:
        known = read(language)
        if not asked.check:
            known = updated(language, strings, known)
            (FOLDER / f"{language}.po").write_bytes(written(known))
        found.extend(problems(language, strings, known))
    for problem in found:
        sys.stderr.write(f"{problem}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
