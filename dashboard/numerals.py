"""Numbers in the digits and marks of each language."""

from __future__ import annotations

from config.settings import UiLanguage

_DIGITS: dict[UiLanguage, dict[int, int]] = {
    UiLanguage.FA: str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"),
    UiLanguage.AR: str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"),
    UiLanguage.EN: {},
}
# Thousands, decimal, percent. The first two are the Arabic-script marks, not a comma and a dot.
_MARKS = {
    UiLanguage.FA: ("٬", "٫", "٪"),
    UiLanguage.AR: ("٬", "٫", "٪"),
    UiLanguage.EN: (",", ".", "%"),
}


def digits(value: object, language: UiLanguage) -> str:
    """``value`` as text, its ASCII digits replaced by those of ``language``. Nothing is grouped:
    for clocks, years and numbers that are names."""
    return str(value).translate(_DIGITS[language])


def number(value: float, language: UiLanguage, places: int = 0) -> str:
    """``value`` in groups of thousands, with ``places`` decimals (for whole numbers none)."""
    thousands, decimal, _ = _MARKS[language]
    plain = f"{value:,d}" if isinstance(value, int) else f"{value:,.{places}f}"
    return digits(plain.translate(str.maketrans(",.-", f"{thousands}{decimal}\u2212")), language)


def percent(share: float, language: UiLanguage) -> str:
    """``share`` (0 to 1) in whole percent. Never 100 % short of certainty, nor 0 % above none."""
    whole = round(share * 100)
    if 0 < share < 1:
        whole = min(99, max(1, whole))
    return digits(whole, language) + _MARKS[language][2]
