"""Messages to measure with: made up, seeded, as varied as those of a shop's real customers.

Sentences are built from parts in Persian, Arabic and English, with the spelling of people in a
hurry: Arabic letters in Persian words, ZWNJ left out, digits of three kinds, emoji, handles,
links, Persian in Latin letters. Four writers in ten write once; a few write a lot.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

_OPENINGS = {
    "fa": ["سلام", "سلام وقت بخیر", "درود", "ببخشید", "واقعا که", "آقا", "خسته نباشید", ""],
    "ar": ["السلام عليكم", "مرحبا", "لو سمحتم", "يا جماعة", "صباح الخير", ""],
    "en": ["Hi", "hello there", "Hey team,", "Seriously?", "OK so", "@shop", ""],
    "latin": ["salam", "slm", "agha", "bebakhshid", ""],
}

_MATTERS = {
    "fa": [
        "پول از حسابم کم شد ولی سفارش {n} ثبت نشد",
        "سفارش {n} قرار بود {day} برسه هنوز نرسيده",
        "کالای {thing} که فرستادید شکسته بود و کسی جواب نمی‌دهد",
        "چطور می‌توانم سفارش {n} را لغو کنم؟",
        "رمز ورودم عوض شده و نمیتونم وارد حسابم بشم",
        "سایت از صبح باز نمی‌شود",
        "قیمت {thing} چند است؟ موجود میشه؟",
        "ممنون از ارسال سریع {thing}، عالی بود",
        "پولم را هنوز برنگردانده‌اید، {n} روز گذشته",
        "به پشتيباني پیام دادم گفتند {day} تماس می‌گیرند، خبری نشد",
        "اگر تا {day} رسیدگی نشود شکایت می‌کنم",
        "آدرس سفارش {n} اشتباه است، لطفا قبل از ارسال عوض کنید",
    ],
    "ar": [
        "تم خصم المبلغ ولم يتم تسجيل الطلب {n}",
        "طلبي رقم {n} متأخر منذ {day}",
        "وصلني {thing} مكسور ولا أحد يرد",
        "كيف ألغي الطلب {n}؟",
        "لا أستطيع الدخول إلى حسابي",
        "الموقع لا يعمل منذ الصباح",
        "كم سعر {thing}؟",
        "شكراً على التوصيل السريع، {thing} ممتاز",
        "لم يتم إرجاع المبلغ بعد {n} يوم",
        "إذا لم تحل المشكلة قبل {day} سأرفع شكوى",
    ],
    "en": [
        "money was taken but order {n} never showed up in my account",
        "order {n} was due {day} and it is still not here",
        "the {thing} arrived broken and nobody answers the phone",
        "how do I cancel order {n} before it ships?",
        "somebody changed my password and I cannot log in",
        "is your site down? been trying since this morning",
        "how much is the {thing}, and do you ship abroad?",
        "thanks for the quick delivery of the {thing}, love it",
        "still waiting for my refund, it has been {n} days",
        "if this is not solved by {day} you will hear from my lawyer",
        "your app cancelled my {thing} and kept the money. unacceptable",
        "what a lovely surprise with the {thing}, well done",
    ],
    "latin": [
        "pool az hesabam kam shod vali sefaresh {n} sabt nashod",
        "sefaresh {n} hanooz nareside",
        "gheymate {thing} chande?",
        "mamnoon aali bood",
        "chera javab nemidid? {n} bar zang zadam",
    ],
}

_THINGS = {
    "fa": ["گوشی", "یخچال", "کفش", "کتاب", "هدفون", "جاروبرقی", "لباس", "لپ‌تاپ"],
    "ar": ["الهاتف", "الحذاء", "الكتاب", "السماعة", "الثلاجة", "الفستان"],
    "en": ["phone", "fridge", "shoes", "book", "headphones", "jacket", "laptop", "kettle"],
    "latin": ["gooshi", "kafsh", "ketab", "laptop"],
}

_DAYS = {
    "fa": ["دیروز", "شنبه", "فردا", "هفته پیش", "امروز"],
    "ar": ["أمس", "السبت", "غدا", "الأسبوع الماضي"],
    "en": ["yesterday", "on Saturday", "tomorrow", "last week", "today"],
    "latin": ["dirooz", "farda", "shanbe"],
}

_ENDINGS = ["", "", "", "!!", "؟", " 😡", " 🙏🙏", " 🌹", " https://t.co/{n}x", " #شکایت", "…"]
_DIGITS = ["0123456789", "۰۱۲۳۴۵۶۷۸۹", "٠١٢٣٤٥٦٧٨٩"]
_LANGUAGES = ["fa", "fa", "fa", "fa", "en", "en", "en", "ar", "ar", "latin"]

_HEADER = ("id", "created_at", "author", "author_id", "author_name", "followers", "account", "text")


def rows(number: int, *, seed: int = 1, people: int | None = None) -> Iterator[dict[str, Any]]:
    """``number`` rows as ``shenava import`` reads them, over the last thirty days.

    ``people``: how many write; ``None`` for as many as such a file has, about half.
    """
    random = Random(seed)
    writers = people or max(1, number // 2)
    begin = datetime.now(UTC) - timedelta(days=30)
    step = timedelta(days=30) / (number + 1)
    for n in range(number):
        # Squared: low numbers write often, high ones once.
        who = n if people == number else int(writers * random.random() ** 2)
        yield {
            "id": str(1_900_000_000_000_000_000 + seed * 10**12 + n),
            "created_at": (begin + step * n).isoformat(),
            "author": f"customer_{who:06d}",
            "author_id": str(10_000_000 + who),
            "author_name": f"{random.choice(['سارا', 'Ali', 'محمد', 'Reza M.', 'نور'])} {who % 97}",
            "followers": int(10 ** (random.random() * 5)),
            "account": "shop",
            "text": _sentence(random),
        }


def _sentence(random: Random) -> str:
    """One message: one to three matters, some of them told in a hurry."""
    language = random.choice(_LANGUAGES)
    parts = [random.choice(_OPENINGS[language])]
    parts += random.sample(_MATTERS[language], random.choice([1, 1, 1, 2, 2, 3]))
    text = " ".join(parts).strip() + random.choice(_ENDINGS)
    digits = str.maketrans("0123456789", random.choice(_DIGITS))
    text = text.format(
        n=str(random.randint(2, 99_999)).translate(digits),
        thing=random.choice(_THINGS[language]),
        day=random.choice(_DAYS[language]),
    )
    if random.random() < 0.2:
        text = text.replace("\u200c", "").replace("ی", "ي").replace("ک", "ك")
    return text


def write_csv(file: Path, number: int, **how: Any) -> None:
    """Write :func:`rows` to ``file``."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, _HEADER)
        writer.writeheader()
        writer.writerows(rows(number, **how))
