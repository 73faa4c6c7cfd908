"""Promises of lettering: Persian joins and runs from right to left, numbers and Latin do not."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from shenava.fonts import Fonts, FontsMissing, find_fonts
from shenava.lettering import Typeface
from shenava.notice import SIZE, Notice, NoticeTooLong, draw_notice, left_out_signs


@pytest.fixture(scope="module")
def fonts() -> Fonts:
    try:
        return find_fonts()
    except FontsMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def face(fonts: Fonts) -> Typeface:
    return Typeface(fonts.regular)


def _order(face: Typeface, text: str) -> str:
    """The signs of a line from left to right; any face may have brought its blanks."""
    known = {}
    for sign in text:
        (glyph,) = face.set_line(sign, 40, is_rtl=False).glyphs
        known[glyph.face, glyph.number] = sign
    line = face.set_line(text, 40, is_rtl=True)
    return "".join(known.get((one.face, one.number), " ") for one in line.glyphs)


def test_letters_join_so_that_a_word_is_not_its_letters_side_by_side(face: Typeface) -> None:
    word = face.set_line("سلام", 40, is_rtl=True)
    alone = {
        glyph.number for sign in "سلم" for glyph in face.set_line(sign, 40, is_rtl=True).glyphs
    }
    assert not alone <= {glyph.number for glyph in word.glyphs}
    assert word.width < sum(face.set_line(sign, 40, is_rtl=True).width for sign in "سلام")


def test_numbers_and_latin_words_keep_their_order_within_persian(face: Typeface) -> None:
    assert _order(face, "د 12") == "12 د"
    assert _order(face, "د ab ر") == "ر ab د"
    assert _order(face, "د (ab)") == "(ab) د"
    assert _order(face, "د ۱۲") == "۱۲ د"


def test_the_joiner_parts_letters_without_a_gap(face: Typeface) -> None:
    apart, together = "می\u200cشود", "میشود"
    glyphs = [glyph.number for glyph in face.set_line(apart, 40, is_rtl=True).glyphs]
    assert glyphs != [glyph.number for glyph in face.set_line(together, 40, is_rtl=True).glyphs]
    assert (
        face.set_line(apart, 40, is_rtl=True).width < face.set_line("می شود", 40, is_rtl=True).width
    )


def test_a_text_that_turns_itself_around_does_not(face: Typeface) -> None:
    assert face.wrap("\u202eab\u202c", 40, 500) == face.wrap("ab", 40, 500)


def test_lines_are_no_wider_than_they_may_be_even_with_a_word_that_is(face: Typeface) -> None:
    text = "سلام دوستان " * 20 + "https://shop.example/" + "x" * 200
    lines = face.wrap(text, 40, 500)
    assert len(lines) > 3
    assert all(line.width <= 500 for line in lines)


def test_the_notice_is_a_picture_that_phones_show_whole(fonts: Fonts) -> None:
    drawn = draw_notice(Notice("پرداخت قطع است.", "نورا", "در حال بررسی", "#1c4e80"), fonts)
    picture = Image.open(io.BytesIO(drawn))
    assert (picture.format, picture.size) == ("JPEG", SIZE)
    ink = sum(picture.convert("L").histogram()[:60])
    empty = draw_notice(Notice(".", "نورا", "در حال بررسی", "#1c4e80"), fonts)
    assert ink > sum(Image.open(io.BytesIO(empty)).convert("L").histogram()[:60]) + 1_000


def test_a_text_too_long_to_be_read_on_a_phone_is_refused(fonts: Fonts) -> None:
    with pytest.raises(NoticeTooLong):
        draw_notice(Notice("سلام دوستان " * 300, "نورا", "", "#ffffff"), fonts)


def test_signs_that_no_font_has_are_named(fonts: Fonts) -> None:
    assert left_out_signs("سلام \U0001fae8", fonts) == "\U0001fae8"
    assert left_out_signs("سلام (12) می‌شود", fonts) == ""
