"""How long a text is as X counts it, and which parts of it X makes into links.

The rules are those of X's page on counting characters and of version 3 of the configuration it
publishes with twitter-text (both read 2026-11): NFC first; a code point weighs 1 in four ranges
and 2 elsewhere; an emoji weighs 2 however many code points it is made of; a link weighs 23
however long it is. What follows for our languages: Arabic and Persian letters, their digits and
marks weigh 1, ZWNJ weighs 1, but the marks of direction (RLM, LRM) and the presentation forms
(``ﷺ``, ``﷼``) weigh 2, and so does ``…``.
"""

from __future__ import annotations

import re
import unicodedata

from shenava.channels.rules import Length
from shenava.messages import Deed

POST_LIMIT = 280
"""Weighted characters of a post of an account without Premium."""
LONG_POST_LIMIT = 25_000
"""Of an account with Premium (X changelog, 20 August 2024)."""
DM_LIMIT = 10_000
"""Plain characters of a private message (X developer docs, Direct Messages)."""
LINK_WEIGHT = 23

_LIGHT = ((0x0000, 0x10FF), (0x2000, 0x200D), (0x2010, 0x201F), (0x2032, 0x2037))

# One emoji in the sense of Unicode TS #51: a flag, a keycap, or a pictograph with its variation
# selector, skin tone or tag sequence, and others joined to it by ZWJ. `re` knows no \p{Emoji};
# the blocks below are those in which X's own drawings lie.
_PICTOGRAPH = (
    "[\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u25fe"
    "\u2600-\u27bf\u2934\u2935\u2b05-\u2b55\u3030\u303d\u3297\u3299"
    "\U0001f004\U0001f0cf\U0001f170-\U0001f19a\U0001f201-\U0001f251\U0001f300-\U0001faff]"
)
_PART = f"{_PICTOGRAPH}\ufe0f?[\U0001f3fb-\U0001f3ff]?(?:[\U000e0020-\U000e007e]+\U000e007f)?"
_EMOJI = re.compile(
    f"[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3|[\u00a9\u00ae]\ufe0f|{_PART}(?:\u200d{_PART})*"
)

# Domains that X links without a scheme before them. Country codes are all two Latin letters that
# ISO has given out; of the long ones those that shops and their customers use. A rarer one is
# counted as plain text: too short by a few characters, and X itself then refuses the post.
_COUNTRIES = (
    "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs "
    "bt bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee "
    "eg er es et eu fi fj fk fm fo fr ga gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm "
    "hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb "
    "lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz "
    "na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs "
    "ru rw sa sb sc sd se sg sh si sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl "
    "tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw"
)
_LONG_ONES = (
    "com net org info biz edu gov mil int pro name mobi shop store online site website app dev "
    "page blog cloud link live news club xyz top tech digital market sale deals delivery express "
    "support help chat email group team agency media company center today world life fun space "
    "style fashion jewelry shoes beauty health care clinic food cafe restaurant pizza travel tours "
    "gift gifts toys games game movie music photo photos pics video tv bank money finance fund pay "
    "cards credit loans insurance cash exchange trade business services solutions systems software "
    "network hosting host codes ai vip plus one bio art design studio works academy school "
    "education events tickets social community foundation city house homes rent auto cars parts "
    "africa arab dubai doha abudhabi museum travel aero coop jobs tel asia cat post xxx"
)
_TOP = f"(?:{'|'.join(sorted({*_COUNTRIES.split(), *_LONG_ONES.split()}, key=len, reverse=True))})"
_LABEL = r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_UNICODE_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
# A path goes on over what may stand in one and does not end in punctuation; brackets belong to
# it in pairs. Letters neither Latin nor Cyrillic end it: «https://shop.ir/aسلام» is a link and
# a word.
_PATH_SIGN = r"[a-z\u00c0-\u024f\u0400-\u04ff0-9!*';:=+,.$/%#\[\]\-\u2013_~@|&?]"
_PATH_END = r"[a-z\u00c0-\u024f\u0400-\u04ff0-9=_#/+\-&]"
_PAIR = rf"\({_PATH_SIGN}+\)"
_TAIL = rf"(?::[0-9]{{1,5}})?(?:[/?](?:(?:{_PATH_SIGN}|{_PAIR})*(?:{_PATH_END}|{_PAIR}))?)?"
_LINK = re.compile(
    # with a scheme: any host name that has a dot
    rf"(?<![@＠$#＃a-z0-9\ufffe\ufeff\uffff])https?://"
    rf"(?:(?:{_LABEL}\.)+[a-z]{{2,24}}(?![a-z0-9@＠_-])|(?:{_UNICODE_LABEL}\.)+[^\W\d_]{{2,24}})"
    rf"{_TAIL}"
    # without one: a host name under a domain that exists, not glued to a sign before it
    rf"|(?<![-_./@＠$#＃a-z0-9\ufffe\ufeff\uffff])(?:{_LABEL}\.)+{_TOP}"
    rf"(?![a-z0-9@＠_+-]|\.[a-z0-9]){_TAIL}",
    re.IGNORECASE,
)


def links_in(text: str) -> list[tuple[int, int]]:
    """Where in ``text`` X would put a link: start and end of each, in order.

    X bills a post with one of these thirteen times a post without.
    """
    return [match.span() for match in _LINK.finditer(text)]


def length_of(text: str, deed: Deed = Deed.ANSWER, *, long_posts: bool = False) -> Length:
    """How long ``text`` is as X counts it, and how long it may be as ``deed``.

    ``long_posts``: the account has Premium and may write long ones; never assumed.
    """
    if deed is Deed.DM:
        return Length(len(text), DM_LIMIT)
    limit = LONG_POST_LIMIT if long_posts else POST_LIMIT
    text = unicodedata.normalize("NFC", text)
    used = 0
    at = 0
    for start, end in links_in(text):
        used += _weight(text[at:start]) + LINK_WEIGHT
        at = end
    return Length(used + _weight(text[at:]), limit)


def _weight(text: str) -> int:
    """The weight of a text without links."""
    used = 0
    at = 0
    for match in _EMOJI.finditer(text):
        used += sum(_weight_of_sign(sign) for sign in text[at : match.start()]) + 2
        at = match.end()
    return used + sum(_weight_of_sign(sign) for sign in text[at:])


def _weight_of_sign(sign: str) -> int:
    return 1 if any(first <= ord(sign) <= last for first, last in _LIGHT) else 2
