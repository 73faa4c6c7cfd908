"""Promises of the fonts: one that can write Persian is found, and a missing one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from shenava.fonts import PACKAGE, Fonts, FontsMissing, find_fonts


def _lay(folder: Path, *names: str) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in names]
    for path in paths:
        path.touch()
    return paths


def test_noto_is_taken_with_its_latin_letters_and_dejavu_for_what_it_lacks(tmp_path: Path) -> None:
    noto = _lay(
        tmp_path / "truetype" / "noto",
        "NotoSansArabic-Regular.ttf",
        "NotoSans-Regular.ttf",
        "NotoSansArabic-Bold.ttf",
        "NotoSans-Bold.ttf",
    )
    dejavu = _lay(tmp_path / "truetype" / "dejavu", "DejaVuSans.ttf", "DejaVuSans-Bold.ttf")
    assert find_fonts(folders=[tmp_path]) == Fonts(
        (noto[0], noto[1], dejavu[0]), (noto[2], noto[3], dejavu[1])
    )


def test_a_font_drawn_for_persian_comes_before_the_others(tmp_path: Path) -> None:
    _lay(tmp_path / "system", "NotoSansArabic-Regular.ttf", "NotoSans-Regular.ttf")
    own = _lay(tmp_path / "own", "Vazirmatn-Regular.ttf", "Vazirmatn-Bold.ttf")
    found = find_fonts(folders=[tmp_path / "own", tmp_path / "system"])
    assert (found.regular[0], found.bold[0]) == (own[0], own[1])


def test_the_file_of_the_settings_comes_first_with_its_bold_sister(tmp_path: Path) -> None:
    system = _lay(tmp_path / "system", "DejaVuSans.ttf", "DejaVuSans-Bold.ttf")
    regular, bold = _lay(tmp_path / "brand", "Shop-Regular.otf", "Shop-Bold.otf")
    assert find_fonts(regular, [tmp_path / "system"]) == Fonts(
        (regular, system[0]), (bold, system[1])
    )


def test_a_file_without_a_sister_is_its_own_bold(tmp_path: Path) -> None:
    (alone,) = _lay(tmp_path / "brand", "Shop.ttf")
    assert find_fonts(alone, [tmp_path / "nothing"]) == Fonts((alone,), (alone,))


def test_no_font_at_all_is_told_in_a_sentence_that_names_the_package(tmp_path: Path) -> None:
    with pytest.raises(FontsMissing, match=PACKAGE):
        find_fonts(folders=[tmp_path])


def test_a_file_that_is_not_there_is_told_by_its_setting(tmp_path: Path) -> None:
    with pytest.raises(FontsMissing, match="SHENAVA_FONT_FILE"):
        find_fonts(tmp_path / "gone.ttf")
