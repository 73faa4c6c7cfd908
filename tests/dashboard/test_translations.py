"""Every string of every page has its Persian and its Arabic."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from flask import Flask

from config.settings import UiLanguage
from dashboard import translate
from dashboard.i18n import words
from dashboard.translate import LANGUAGES, extract, problems, read, unmarked, updated, written


@pytest.fixture(scope="module")
def strings() -> Catalog:
    return extract()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_string_is_translated(strings: Catalog, language: str) -> None:
    assert list(problems(language, strings, read(language))) == []


def test_every_word_of_the_templates_is_marked() -> None:
    assert list(unmarked()) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_files_stand_as_the_tool_writes_them(strings: Catalog, language: str) -> None:
    path = translate.FOLDER / f"{language}.po"
    assert written(updated(language, strings, read(language))) == path.read_bytes()


def catalogue(locale: str | None = None) -> Catalog:
    return Catalog(locale=locale, fuzzy=False)


@pytest.mark.parametrize(
    ("translated", "flags", "trouble"),
    [
        (None, (), "not translated"),
        ("", (), "not translated"),
        ("سلام", (), "places differ"),
        ("سلام %(nam)s", (), "places differ"),
        ("٪ %(name)s % سلام", (), "stray percent"),
        ("سلام %(name)s", ("fuzzy",), "fuzzy"),
    ],
)
def test_the_check_finds(translated: str | None, flags: tuple[str, ...], trouble: str) -> None:
    wanted, known = catalogue(), catalogue("fa")
    wanted.add("Hello %(name)s")
    known.add("Hello %(name)s", translated, flags=flags)
    found = list(problems("fa", wanted, known))
    assert len(found) == 1
    assert trouble in found[0]


def test_the_check_finds_missing_and_stale_strings() -> None:
    wanted, known = catalogue(), catalogue("fa")
    wanted.add("New")
    known.add("Old", "کهنه")
    assert list(problems("fa", wanted, known)) == ["fa: stale: 'Old'", "fa: missing: 'New'"]


def test_arabic_needs_all_six_forms() -> None:
    wanted, known = catalogue(), catalogue("ar")
    wanted.add(("%(num)s case", "%(num)s cases"))
    known.add(
        ("%(num)s case", "%(num)s cases"), ("حالة", "حالة", "حالتان", "%(num)s حالات", "", "")
    )
    assert list(problems("ar", wanted, known)) == ["ar: not translated: '%(num)s case'"]


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("<p>Hello</p>", True),
        ('<p title="Hello"></p>', True),
        ('<p aria-label="{{ x }} more"></p>', True),
        ('<p class="hello">{{ _("Hello") }} · 3 &middot; <b>{{ name }}</b></p>', False),
        ("{% block body_class %}fills{% endblock %}{# a remark #}", False),
        ("<kbd>J</kbd><code>make run</code>", False),
    ],
)
def test_the_check_finds_words_that_nobody_marked(
    tmp_path: Path, template: str, found: bool
) -> None:
    (tmp_path / "page.html").write_text(template, encoding="utf-8")
    assert bool(list(unmarked(tmp_path))) is found


def test_numbers_in_text_are_in_the_digits_of_the_language() -> None:
    assert words(UiLanguage.FA).ngettext("%(num)s person", "%(num)s people", 1200) == "۱٬۲۰۰ نفر"
    assert words(UiLanguage.EN).ngettext("%(num)s person", "%(num)s people", 1) == "1 person"


def test_what_fills_a_translation_is_escaped(app: Flask, client, admin) -> None:
    with app.test_request_context():
        page = app.jinja_env.from_string('{{ _("For %(email)s", email="<b>") }}').render()
    assert page == "For &lt;b&gt;"
