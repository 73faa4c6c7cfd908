"""Fonts that can write Persian, Arabic and English, found on this machine.

No package of Python's registry brings a well-kept font with Arabic script, and a font is better
kept by the system anyway. So one is looked for in the usual places: Vazirmatn, which was drawn for
Persian, else Noto, else DejaVu, which every Debian offers. ``font_file`` of the settings comes
before all of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "fonts-noto-core"
"""The Debian package that brings all that is needed."""

_ENDINGS = (".ttf", ".otf")


class FontsMissing(Exception):
    """No font was found. ``str()`` is a sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Fonts:
    """Files to write with: for each letter the first that has it. Neither is ever empty."""

    regular: tuple[Path, ...]
    bold: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class _Family:
    """What the files of a family are called, without their ending: the first that has letters of
    Arabic script, and those that have what it lacks."""

    regular: tuple[str, ...]
    bold: tuple[str, ...]


_FAMILIES = (
    _Family(("Vazirmatn-Regular",), ("Vazirmatn-Bold",)),
    _Family(
        ("NotoSansArabic-Regular", "NotoSans-Regular"), ("NotoSansArabic-Bold", "NotoSans-Bold")
    ),
    _Family(
        ("NotoNaskhArabic-Regular", "NotoSans-Regular"), ("NotoNaskhArabic-Bold", "NotoSans-Bold")
    ),
    _Family(("DejaVuSans",), ("DejaVuSans-Bold",)),
)
_LAST = _FAMILIES[-1]


def font_folders() -> tuple[Path, ...]:
    """Where fonts usually lie: a person's own before the system's."""
    home = Path.home()
    data = os.environ.get("XDG_DATA_HOME")
    return (
        Path(data) / "fonts" if data else home / ".local" / "share" / "fonts",
        home / ".fonts",
        Path("/usr/local/share/fonts"),
        Path("/usr/share/fonts"),
        home / "Library" / "Fonts",
        Path("/Library/Fonts"),
    )


def find_fonts(font_file: Path | None = None, folders: Sequence[Path] | None = None) -> Fonts:
    """The fonts to write with.

    ``font_file``: what the settings name; its bold sister is taken where one lies beside it
    (``…-Bold`` for ``…-Regular``), and fonts of the system for what it lacks. ``folders``: where to
    look instead of :func:`font_folders`. Raises :class:`FontsMissing`.
    """
    found = _files(font_folders() if folders is None else folders)
    first = next((family for family in _FAMILIES if family.regular[0] in found), None)
    system = _of(first, found) if first else None
    if font_file is None:
        if system is None:
            raise FontsMissing(
                "No font with Arabic script was found on this machine. Install the Debian package "
                f"{PACKAGE}, or name a font file in the setting font_file (SHENAVA_FONT_FILE)."
            )
        return system
    if not font_file.is_file():
        raise FontsMissing(
            f"The setting font_file (SHENAVA_FONT_FILE) names {font_file}, and there is no such "
            "file."
        )
    bold = _sister(font_file) or font_file
    more = system or Fonts((), ())
    return Fonts((font_file, *more.regular), (bold, *more.bold))


def _of(family: _Family, found: dict[str, Path]) -> Fonts:
    regular = tuple(_existing((*family.regular, *_LAST.regular), found))
    bold = tuple(_existing((*family.bold, *_LAST.bold), found))
    return Fonts(regular, bold or regular)


def _existing(names: Iterable[str], found: dict[str, Path]) -> Iterator[Path]:
    return (found[name] for name in dict.fromkeys(names) if name in found)


def _files(folders: Sequence[Path]) -> dict[str, Path]:
    """Font files by name without ending; of two with one name, that of the earlier folder."""
    found: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.suffix.lower() in _ENDINGS:
                found.setdefault(path.stem, path)
    return found


def _sister(font_file: Path) -> Path | None:
    """The bold file that belongs to a regular one, if it lies beside it."""
    stem = font_file.stem.removesuffix("-Regular")
    sister = font_file.with_name(f"{stem}-Bold{font_file.suffix}")
    return sister if sister.is_file() else None
