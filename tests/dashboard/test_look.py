"""What look.md asks of every style sheet and template, measured."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

import dashboard

ROOT = Path(dashboard.__file__).parent
STYLES = sorted((ROOT / "static").rglob("*.css"))
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))

_PHYSICAL = re.compile(
    r"(?<![\w-])(?:(?:margin|padding|border|scroll-margin|scroll-padding)-(?:left|right|top|bottom)"
    r"|(?:left|right|top|bottom)\s*:|(?:text-align|float|clear)\s*:\s*(?:left|right)"
    r"|border-(?:top|bottom)-(?:left|right)-radius|(?:min-|max-)?(?:width|height)\s*:(?![^{]*\)\s*\{))"
)


def without_comments(path: Path) -> str:
    return re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.S)


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_styles_know_no_left_and_right(path: Path) -> None:
    plain = re.sub(r"@media[^{]*\{", "{", without_comments(path))
    assert _PHYSICAL.findall(plain) == []


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_colours_have_names(path: Path) -> None:
    if path.name == "tokens.css":
        return
    # In a mask black only says "all of it".
    plain = re.sub(r"mask[\w-]*:[^;]*;", "", without_comments(path))
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[^{}]*;)", plain) == []


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_letters_are_spaced_in_english_only(path: Path) -> None:
    for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", without_comments(path)):
        if "letter-spacing" in body:
            assert ":lang(en)" in selector


def tokens() -> dict[str, dict[str, str]]:
    """The colours of each of the three places that define them."""
    plain = without_comments(ROOT / "static" / "css" / "tokens.css")
    blocks = re.findall(r"(:root[^{]*)\{([^{}]*--surface[^{}]*)\}", plain)
    return {
        selector.strip(): dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", body))
        for selector, body in blocks
    }


def luminance(colour: str) -> float:
    """As WCAG 2 defines it."""
    parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


MEANINGS = ("urgent", "soon", "good", "note")


def test_text_can_be_read_in_both_themes() -> None:
    for theme, colour in tokens().items():
        grounds = ("surface", "raised", "sunken")
        texts = ("text", "muted", "accent", "accent-strong", *MEANINGS)
        pairs = [
            *product(texts, grounds),
            *((name, f"{name}-soft") for name in MEANINGS),
            *product(("text", "muted"), (f"{name}-soft" for name in (*MEANINGS, "accent"))),
            *((f"on-{name}", name) for name in (*MEANINGS, "accent")),
            ("on-accent", "accent-strong"),
            ("accent-strong", "accent-soft"),
        ]
        for front, ground in pairs:
            found = contrast(colour[front], colour[ground])
            assert found >= 4.5, f"{theme}: {front} on {ground} has {found:.2f}"
        for ground in grounds:
            # The edges of fields and buttons, and the focus ring.
            for edge in ("line-strong", "accent"):
                assert contrast(colour[edge], colour[ground]) >= 3, f"{theme}: {edge} on {ground}"


def test_the_dark_theme_is_one_however_it_is_chosen() -> None:
    by_device, by_choice = list(tokens().values())[1:]
    assert by_device == by_choice


def test_every_icon_that_is_asked_for_is_drawn() -> None:
    drawn = set(
        re.findall(r'^  "([\w-]+)":', (ROOT / "templates" / "icons.html").read_text(), flags=re.M)
    )
    asked = {
        name
        for path in TEMPLATES
        for name in re.findall(r'\bicon\("([\w-]+)"', path.read_text(encoding="utf-8"))
    }
    assert asked - drawn == set()


def test_marks_of_channels_are_drawn_on_every_page() -> None:
    # They stand on the accounts' pages too, which do not load the styles of the inbox.
    rule = re.compile(r"^\.channel \{[^}]*stroke: currentColor", re.M)
    assert [path.name for path in STYLES if rule.search(path.read_text("utf-8"))] == ["parts.css"]


def test_the_text_of_others_does_not_begin_where_a_handle_would_have_it() -> None:
    # dir="auto" is for what is being typed: "@shop سلام" would begin on the left.
    templates = (STYLES[0].parents[2] / "templates").rglob("*.html")
    for path in templates:
        page = path.read_text("utf-8")
        shown = re.findall(r'<(?!textarea|input|bdi)\w+[^>]*dir="auto"[^>]*>\s*\{\{', page)
        assert shown == [], path.name


def test_what_a_template_shows_as_an_error_is_styled_on_its_page() -> None:
    # Pages of their own load no style sheet of the composer's.
    everywhere = "".join(
        without_comments(ROOT / "static" / "css" / f"{name}.css")
        for name in ("base", "controls", "parts")
    )
    assert re.search(r"\.composer-error \{[^}]*--urgent-soft", everywhere)
