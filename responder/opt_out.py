"""Does a person say that they want to hear nothing more, or that they want to again?

Pure, and strict: who is not understood is heard by staff anyway, but who is misunderstood misses
the notice they needed. A message says so in one of two ways:

* it is nothing but the word ("STOP", «لغو», «إلغاء»), said politely or often or to somebody;
* one of its sentences is nothing but an unmistakable wish ("stop sending me messages",
  «دیگه پیام ندید», «لا ترسلوا لي رسائل»).

So "stop delaying my order", «لغو سفارش» and «إلغاء الطلب» are about an order and say nothing of
the kind. "Cancel" and "end" alone are left out, though mobile carriers count them: to a shop they
answer "shall we cancel it?". A question is no wish. The words of carriers are those of the CTIA's
Messaging Principles and Best Practices (2023); «لغو۱۱» is that of Iran's bulk messages.
"""

from __future__ import annotations

import re

from shenava.text import normalise


def is_opt_out(text: str) -> bool:
    """Whether ``text`` says that its writer wants no more messages."""
    sentences = _sentences(text)
    if len(sentences) == 1 and _whole(sentences[0]) in _STOP:
        return True
    return any(
        pattern.fullmatch(f"{_bare(sentence)} ") for sentence in sentences for pattern in _WISHES
    )


def is_opt_in(text: str) -> bool:
    """Whether ``text`` is the word that takes an opt-out back, and nothing else."""
    sentences = _sentences(text)
    if len(sentences) != 1:
        return False
    # «ابدأ» (begin) and «أبدا» (never) are one word once their hamza is folded away.
    if _BEGIN.search(text):
        return _whole(sentences[0]) == _ARABIC_BEGIN
    return _whole(sentences[0]) in _START


# A question ends in a sign of its own, so that it never equals a wish.
_ENDS = re.compile(r"[.!;:,،؛۔\n…]+|(?<=[?؟])")
_ADDRESSED = re.compile(r"(?<!\w)@[\w.]+")
_POLITE_PHRASES = re.compile("من فضل(?:ك|کم|كم)|thank you|لو سمحتم?", re.IGNORECASE)
_APOSTROPHE = re.compile("['\u2019`]")
_NOT_SAID = re.compile(r"[^\w\s?]+|_+")
# «لغو۱۱» is one word to who writes it.
_WORD_AND_NUMBER = re.compile(r"(?<=[^\W\d_])11\b")
_LIMIT = 500
"""Characters looked at: who wants out says so at once."""


def _sentences(text: str) -> list[str]:
    """The sentences of ``text``, normalised, without signs; those that say nothing left out."""
    plain = _POLITE_PHRASES.sub(" ", _ADDRESSED.sub(" ", text[:_LIMIT]))
    plain = _APOSTROPHE.sub("", plain)
    found = []
    for part in _ENDS.split(plain):
        said = _NOT_SAID.sub(" ", normalise(part))
        said = " ".join(_WORD_AND_NUMBER.sub(" 11", said).split())
        if _bare(said):
            found.append(said)
    return found


def _bare(sentence: str) -> str:
    """``sentence`` without what is only polite at its ends."""
    words = sentence.split()
    while words and words[0] in _POLITE:
        words.pop(0)
    while words and words[-1] in _POLITE:
        words.pop()
    return " ".join(words)


def _whole(sentence: str) -> str:
    """The same, with a word that is said several times said once."""
    words = _bare(sentence).split()
    return words[0] if words and len(set(words)) == 1 else " ".join(words)


def _words(*said: str) -> frozenset[str]:
    return frozenset(normalise(one) for one in said)


def _any(said: str) -> str:
    """Any of these words (or phrases, with a dot for the blank), as a pattern."""
    found = sorted((normalise(one.replace(".", " ")) for one in said.split()), key=len)
    return "(?:" + "|".join(re.escape(one) for one in reversed(found)) + ")"


def _wish(*parts: str) -> re.Pattern[str]:
    """A sentence of these parts; one that ends in ``?`` may be missing. Each takes the blank after
    it along, so that sentences are given one more at their end."""
    return re.compile(
        "".join(f"(?:{part[:-1]} )?" if part.endswith("?") else f"{part} " for part in parts)
    )


_POLITE = frozenset(
    normalise(
        "please pls plz thanks thankyou thx ok okay hi hello now just"
        " لطفا مرسی ممنون متشکرم سلام خواهشا خواهش میکنم می کنم رجاء شكرا السلام عليكم مرحبا"
        " lotfan mersi mamnoon mamnun salam shokran law samaht min fadlak"
    ).split()
)

_STOP = _words(
    "stop", "stopall", "stop all", "unsubscribe", "unsub", "opt out", "optout", "opt me out",
    "unsubscribe me", "remove me", "stop messages", "stop messaging", "no more messages",
    "لغو", "لغو 11", "لغو عضویت", "لغو اشتراک", "لغو پیامک", "لغو پیام", "لغو پیام ها", "توقف",
    "لغو تبلیغات", "استاپ", "پیام نفرستید", "پیام نفرست", "پیام ندهید", "دیگه پیام نده",
    "إلغاء", "الغاء", "إلغاء الاشتراك", "الغاء اشتراك", "الغي الاشتراك", "ألغ الاشتراك",
    "أوقف", "إيقاف", "توقفوا", "أوقفوا", "إيقاف الرسائل", "إلغاء الرسائل", "ستوب", "قف",
    "laghv", "laghve", "lagv", "lagho", "laghv 11", "laghve 11", "laghve ozviat", "estop",
    "laghve eshterak", "laghv ozviat", "elgha", "elgha2", "ilgha2", "ilgha", "el8a2", "il8a2",
    "el8a", "elgha2 el eshterak", "elgha2 eshterak", "el8a2 el eshterak", "wa2af", "wa2fo",
)  # fmt: skip

_START = _words(
    "start", "unstop", "subscribe", "resume", "opt in", "optin",
    "شروع", "آغاز", "شروع پیام ها",
    "اشتراك", "اشترك", "استئناف",
    "shoro", "shoroo", "shuru", "shoru", "ebda2", "ibda2", "ebda", "eshterak",
)  # fmt: skip
_ARABIC_BEGIN = normalise("ابدأ")
_BEGIN = re.compile("[اإ]بد(?:أ|ء|ؤوا)")

_ME = _any("me us")
_MESSAGES = _any(
    "message messages msg msgs dm dms text texts ad ads spam sms email emails promotion promotions"
    " promo promos offer offers notification notifications marketing newsletter newsletters these"
    " them this.spam your.messages your.ads your.spam these.messages these.ads this.stuff"
    " advertisements advertising stuff.like.this"
)
_ANY = _any("any any.more more all your all.your all.these these those such the")
_EVER = _any("any.more anymore again ever ever.again any.longer at.all already immediately")
_NO = _any("do.not dont don.t never please.dont you.must.not")

# --- Persian, in its own letters and in Latin ones
_PAYAM = _any(
    "پیام پیامی پیامک پیامکی پیغام مسیج تبلیغ تبلیغی تبلیغات اس.ام.اس دایرکت اسپم خبرنامه پیشنهاد"
    " پیام.ها پیامها پیامک.ها پیامکها پیام.تبلیغاتی پیامک.تبلیغاتی پیام.های.تبلیغاتی"
    " پیامک.های.تبلیغاتی این.پیام.ها این.پیامها این.پیام این.تبلیغات این.پیامک.ها هیچ.پیامی"
)
_DIGE = _any("دیگه دیگر لطفا.دیگه لطفا.دیگر")
_BARAM = _any("برام برای.من برایم به.من بهم واسم برامون برای.ما به.ما")
_NADE = _any("نده ندین ندهید ندید نفرست نفرستید نفرستین نفرستیم ارسال.نکن ارسال.نکنید ارسال.نکنین")
# «ندید» is also "did not see": it needs another sign of the wish.
_NADE_SURE = _any("نفرست نفرستید نفرستین ارسال.نکن ارسال.نکنید ارسال.نکنین ندهید ندین")
_RO = _any("را رو")
_GHAT = _any("قطع لغو متوقف تموم تمام غیرفعال غیر.فعال")
_KONID = _any("کن کنید کنین بکنید")
_NEMIKHAM = _any("نمیخوام نمی.خوام نمیخواهم نمی.خواهم")
_F_PAYAM = _any("payam payami payamak sms message msg tabligh tablighat massage")
_F_NADE = _any(
    "nade nadid nadin nadahid nafrest nafrestid nafrestin nafresti ersal.nakon ersal.nakonid"
)
_F_DIGE = _any("dige digeh digar")
_F_BARAM = _any("baram barayam be.man behem vasam baraye.man")

# --- Arabic, in its own letters and in Latin ones
_LA = _any("لا بلاش مش.عايز ما.بدي لا.أريد لا.اريد ما.أبي ما.ابي ما.ابغى")
_TURSIL = _any(
    "ترسلوا ترسل ترسلون ترسلو ترسلي تبعثوا تبعث تبعثون تبعثو تبعتوا تبعت تبعتو تبعتولي ترسلولي"
    " ترسلوا.لي تبعتلي تبعثولي"
)
_LI = _any("لي الي إلي ليا لنا الينا لنا")
_RASAIL = _any(
    "رسائل رسالة رسايل الرسائل الرسايل اعلانات الاعلانات إعلانات اعلان عروض العروض إعلان"
    " اي.رسائل أي.رسائل اي.رسالة هذه.الرسائل رسائلكم اعلاناتكم مسجات المزيد.من.الرسائل"
    " رسائل.دعائية رسائل.اعلانية رسائل.تسويقية"
)
_ABADAN = _any(
    "بعد.الآن بعد.الان مرة.أخرى مرة.اخرى مجددا تاني أبدا بعد.اليوم مرة.ثانية نهائيا خلص منكم"
)
_KUFF = _any(
    "توقف توقفوا أوقف أوقفوا وقفوا وقف بطلوا بطل كفوا كفاية كفى أرجو.إيقاف أرجو.وقف ايقاف"
    " أريد.إيقاف اريد.إلغاء"
)
_AN = _any("عن")
_IRSAL = _any("إرسال ارسال بعث بعت ارسال.هذه إرسال.هذه")
_MURASALA = _any("مراسلتي مراسلتنا إزعاجي ازعاجي")
_DONT_WRITE_ME = _any("تراسلوني تراسلني تراسلونا تزعجوني تزعجني")
_Z_LA = _any("la bala balash batlo batalo batlou ma")
_Z_TURSIL = _any(
    "trslo terslo terselo tersilo tersel teb3ato tab3ato teb3at tb3ato tib3ato teb3atou"
)
_Z_LI = _any("li leya lia")
_Z_RASAIL = _any("rasayel rasa2el rasael rasa2il messages e3lanat msgat")

_WISHES = (
    # stop sending me messages · quit texting us
    _wish(
        _any("stop quit"),
        _any("sending texting messaging spamming contacting emailing writing dming bothering"),
        _any("to")+"?", _ME, _ANY+"?", _MESSAGES+"?", _EVER+"?",
    ),
    # stop sending messages
    _wish(_any("stop quit"), "sending", _ANY+"?", _MESSAGES, _any("to.me to.us")+"?", _EVER+"?"),
    # stop these messages
    _wish("stop", _any("these those the your all.these"), _MESSAGES, _EVER+"?"),
    # don't message me again
    _wish(
        _NO, _any("message text contact spam email dm"), _ME, _EVER,
    ),
    # don't send me any more messages
    _wish(_NO, "send", _ME, _ANY+"?", _MESSAGES, _EVER+"?"),
    # I don't want your messages · I want to unsubscribe
    _wish(
        "i", _any("dont do.not no.longer"), "want", _any("to.receive to.get to.hear.from")+"?",
        _ANY+"?", _MESSAGES, _any("from.you")+"?", _EVER+"?",
    ),
    _wish(_any("i.want i.would.like id.like i.wish want"), "to", _any("unsubscribe opt.out")),
    _wish(
        _any("unsubscribe remove opt take"), _any("me us"),
        _any("out off from"), _any("your the this")+"?", _any("of")+"?",
        _any("list mailing.list newsletter messages all.messages these.messages")+"?",
    ),
    # دیگه برام پیام نفرستید
    _wish(_DIGE, _BARAM+"?", _PAYAM, _BARAM+"?", _NADE),
    _wish(_BARAM, _DIGE+"?", _PAYAM, _NADE),
    _wish(_PAYAM, _DIGE, _BARAM+"?", _NADE),
    _wish(_PAYAM, _BARAM, _DIGE+"?", _NADE, _DIGE+"?"),
    _wish(_PAYAM, _NADE_SURE, _DIGE+"?"),
    _wish(_PAYAM, _NADE, _DIGE),
    # ارسال پیام‌ها را متوقف کنید
    _wish(_any("ارسال")+"?", _PAYAM, _BARAM+"?", _RO+"?", _GHAT, _KONID),
    _wish(_NEMIKHAM, _DIGE+"?", _PAYAM, _any("بفرستید بدید بدین")),
    _wish(_DIGE, _PAYAM, _NEMIKHAM),
    _wish(_F_DIGE, _F_BARAM+"?", _F_PAYAM, _F_BARAM+"?", _F_NADE),
    _wish(_F_PAYAM, _F_DIGE, _F_BARAM+"?", _F_NADE),
    _wish(_F_PAYAM, _F_BARAM+"?", _F_NADE, _F_DIGE),
    _wish(_F_BARAM, _F_PAYAM, _F_NADE, _F_DIGE+"?"),
    # لا ترسلوا لي رسائل بعد الآن
    _wish(_LA, _TURSIL, _LI+"?", _RASAIL, _ABADAN+"?"),
    _wish(_LA, _DONT_WRITE_ME, _ABADAN+"?"),
    _wish(_any("لا.أريد لا.اريد ما.بدي مش.عايز ما.أبي ما.ابي ما.ابغى"), _RASAIL, _ABADAN+"?"),
    # توقفوا عن إرسال الرسائل
    _wish(_KUFF, _AN+"?", _IRSAL+"?", _RASAIL, _LI+"?", _ABADAN+"?"),
    _wish(_KUFF, _AN+"?", _MURASALA, _ABADAN+"?"),
    _wish(_Z_LA, _Z_TURSIL, _Z_LI+"?", _Z_RASAIL),
)  # fmt: skip
