"""Words to begin from: one template for each kind of outage, in three languages and four stages.

At two in the morning nobody should have to find words. Each says what is wrong, what it means for
the reader, what they need not do, and when they hear again; none promises what the shop may not
keep. A line in [brackets] is for the writer to fill in, and the page does not send it as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from shenava.messages import Intent, Language
from shenava.store import Stage

FA, AR, EN = Language.FA, Language.AR, Language.EN
_BRACKETS = re.compile(r"\[[^\]\n]+\]")

STAGE_WORDS: Mapping[Stage, Mapping[Language, str]] = MappingProxyType(
    {
        Stage.INVESTIGATING: {FA: "در حال بررسی", AR: "قيد التحقق", EN: "Investigating"},
        Stage.IDENTIFIED: {FA: "علت پیدا شد", AR: "عُرف السبب", EN: "Cause found"},
        Stage.MONITORING: {FA: "زیر نظر", AR: "قيد المتابعة", EN: "Monitoring"},
        Stage.RESOLVED: {FA: "برطرف شد", AR: "تم الحل", EN: "Resolved"},
    }
)
"""What a picture says of the stage, in the language of its text."""


@dataclass(frozen=True, slots=True)
class Template:
    """``texts``: the public notice, ``personal``: what those who complained are told. ``intents``:
    the complaints it answers."""

    kind: str
    stage: Stage
    texts: Mapping[Language, str]
    personal: Mapping[Language, str]
    intents: frozenset[Intent]


_INTENTS: Mapping[str, frozenset[Intent]] = {
    "payment": frozenset({Intent.PAYMENT, Intent.ORDER_NOT_REGISTERED, Intent.OUTAGE}),
    "site": frozenset({Intent.OUTAGE, Intent.ACCOUNT_LOGIN, Intent.ORDER_NOT_REGISTERED}),
    "delivery": frozenset({Intent.DELIVERY_LATE}),
    "support": frozenset({Intent.OUTAGE, Intent.QUESTION}),
    "other": frozenset(),
}

KINDS = tuple(_INTENTS)

_FIRST: Mapping[str, tuple[Mapping[Language, str], Mapping[Language, str]]] = {
    "payment": (
        {
            FA: "پرداخت آنلاین ما الان مشکل دارد و بعضی سفارش‌ها ثبت نمی‌شوند. لطفاً دوباره پرداخت "
            "نکنید: پولی که بدون سفارش کم شده، به حساب شما برمی‌گردد. در حال رفع مشکل هستیم و همین‌جا "
            "خبر می‌دهیم.",
            AR: "هناك عطل الآن في الدفع الإلكتروني لدينا، وبعض الطلبات لا تُسجَّل. نرجو عدم الدفع مرة "
            "أخرى: المبلغ الذي خُصم دون طلب سيعود إلى حسابكم. نعمل على الإصلاح وسنخبركم هنا.",
            EN: "Online payment is failing right now and some orders are not going through. Please do "
            "not pay again: money taken without an order goes back to your account. We are fixing it "
            "and will tell you here.",
        },
        {
            FA: "سلام، حق با شماست و ببخشید. پرداخت آنلاین ما الان مشکل دارد. لطفاً دوباره پرداخت "
            "نکنید؛ پولی که بدون سفارش کم شده برمی‌گردد. درست که شد، به خودتان خبر می‌دهیم.",
            AR: "مرحبًا، معكم حق ونعتذر. هناك عطل الآن في الدفع الإلكتروني. نرجو عدم الدفع مرة أخرى؛ "
            "المبلغ الذي خُصم دون طلب سيعود إليكم. سنخبركم بأنفسنا حين يُحل العطل.",
            EN: "Hello, you are right, and we are sorry. Online payment is failing right now. Please do "
            "not pay again; money taken without an order goes back to you. We will write to you when "
            "it works.",
        },
    ),
    "site": (
        {
            FA: "سایت و اپ ما الان برای بعضی‌ها باز نمی‌شود. سفارش‌هایی که ثبت شده‌اند سر جایشان هستند. "
            "در حال رفع مشکل هستیم و همین‌جا خبر می‌دهیم.",
            AR: "موقعنا وتطبيقنا لا يفتحان الآن لدى بعضكم. الطلبات المسجَّلة محفوظة كما هي. نعمل على "
            "الإصلاح وسنخبركم هنا.",
            EN: "Our site and app are not opening for some of you right now. Orders already placed are "
            "safe. We are fixing it and will tell you here.",
        },
        {
            FA: "سلام، ببخشید که سایت باز نمی‌شود. سفارش‌های ثبت‌شدهٔ شما سر جایشان هستند. در حال رفع "
            "مشکل هستیم و درست که شد، به خودتان خبر می‌دهیم.",
            AR: "مرحبًا، نعتذر لأن الموقع لا يفتح. طلباتكم المسجَّلة محفوظة. نعمل على الإصلاح وسنخبركم "
            "بأنفسنا حين يعود.",
            EN: "Hello, we are sorry the site does not open. Your orders are safe. We are fixing it and "
            "will write to you when it is back.",
        },
    ),
    "delivery": (
        {
            FA: "ارسال سفارش‌ها این روزها دیرتر از قول ما انجام می‌شود و از این بابت متأسفیم. هیچ "
            "سفارشی گم نشده؛ لازم نیست دوباره سفارش بدهید. زمان تازه را همین‌جا می‌گوییم.",
            AR: "توصيل الطلبات يتأخر هذه الأيام عن الموعد الذي وعدنا به، ونعتذر عن ذلك. لم يضع أي طلب، "
            "ولا حاجة إلى الطلب مرة أخرى. سنعلن الموعد الجديد هنا.",
            EN: "Deliveries are running later than we promised, and we are sorry. No order is lost, and "
            "there is no need to order again. We will post the new times here.",
        },
        {
            FA: "سلام، ببخشید که سفارشتان دیر شده. گم نشده و در راه است؛ این روزها همهٔ ارسال‌ها دیرتر "
            "انجام می‌شوند. زمان تازه که معلوم شد، به خودتان خبر می‌دهیم.",
            AR: "مرحبًا، نعتذر عن تأخر طلبكم. لم يضع وهو في الطريق؛ كل التوصيلات متأخرة هذه الأيام. "
            "سنخبركم بأنفسنا حين يتضح الموعد الجديد.",
            EN: "Hello, we are sorry your order is late. It is not lost; all deliveries are running late "
            "these days. We will write to you when we know the new time.",
        },
    ),
    "support": (
        {
            FA: "خط تلفن پشتیبانی ما الان قطع است. همین‌جا برایمان بنویسید؛ پیام‌ها را به نوبت جواب "
            "می‌دهیم. وصل که شد، خبر می‌دهیم.",
            AR: "خط هاتف الدعم لدينا مقطوع الآن. اكتبوا لنا هنا، ونجيب الرسائل بالدور. سنخبركم حين "
            "يعود الخط.",
            EN: "Our support phone line is down right now. Write to us here instead; we answer in turn. "
            "We will say when the line is back.",
        },
        {
            FA: "سلام، ببخشید که تلفن ما جواب نمی‌دهد: خط قطع است. همین‌جا بنویسید چه شده تا پیگیری "
            "کنیم.",
            AR: "مرحبًا، نعتذر لأن هاتفنا لا يجيب: الخط مقطوع. اكتبوا لنا هنا ما حدث لنتابع الأمر.",
            EN: "Hello, we are sorry nobody picks up: the line is down. Write here what happened and we "
            "will look after it.",
        },
    ),
    "other": (
        {
            FA: "[چه چیزی کار نمی‌کند] الان مشکل دارد. در حال رفع آن هستیم و همین‌جا خبر می‌دهیم.",
            AR: "هناك مشكلة الآن في [ما الذي لا يعمل]. نعمل على حلها وسنخبركم هنا.",
            EN: "[What does not work] is not working right now. We are fixing it and will tell you here.",
        },
        {
            FA: "سلام، ببخشید بابت این مشکل. در حال رفع آن هستیم و به خودتان خبر می‌دهیم.",
            AR: "مرحبًا، نعتذر عن هذه المشكلة. نعمل على حلها وسنخبركم بأنفسنا.",
            EN: "Hello, we are sorry about this. We are fixing it and will write to you.",
        },
    ),
}

_WHAT: Mapping[str, Mapping[Language, str]] = {
    "payment": {FA: "پرداخت آنلاین", AR: "الدفع الإلكتروني", EN: "Online payment"},
    "site": {FA: "سایت و اپ ما", AR: "موقعنا وتطبيقنا", EN: "Our site and app"},
    "delivery": {FA: "ارسال سفارش‌ها", AR: "توصيل الطلبات", EN: "Delivery"},
    "support": {FA: "خط تلفن پشتیبانی", AR: "خط هاتف الدعم", EN: "Our support line"},
    "other": {FA: "[چه چیزی]", AR: "[ما الأمر]", EN: "[What]"},
}

_LATER: Mapping[Stage, Mapping[Language, str]] = {
    Stage.IDENTIFIED: {
        FA: "{0}: علت مشکل پیدا شد و داریم درستش می‌کنیم. درست که شد، همین‌جا خبر می‌دهیم. ممنون از "
        "صبرتان.",
        AR: "{0}: عرفنا سبب العطل ونعمل على إصلاحه. سنخبركم هنا حين يُحل. شكرًا لصبركم.",
        EN: "{0}: we have found the cause and are fixing it. We will say here when it works. Thank you "
        "for your patience.",
    },
    Stage.MONITORING: {
        FA: "{0}: مشکل رفع شده و حواسمان هست که برنگردد. اگر هنوز درست کار نمی‌کند، همین‌جا بنویسید.",
        AR: "{0}: أُصلح العطل ونتابع كي لا يعود. إن لم يعمل لديكم بعد، اكتبوا لنا هنا.",
        EN: "{0}: it is fixed, and we are watching that it stays so. If it still fails for you, tell us "
        "here.",
    },
    Stage.RESOLVED: {
        FA: "{0} دوباره مثل همیشه کار می‌کند. بابت دردسر ببخشید و ممنون که صبر کردید. اگر چیزی هنوز "
        "درست نیست، همین‌جا بنویسید.",
        AR: "{0}: عاد كل شيء إلى العمل كالمعتاد. نعتذر عن الإزعاج ونشكركم على صبركم. إن بقي شيء غير "
        "سليم، اكتبوا لنا هنا.",
        EN: "{0} works again as it should. We are sorry for the trouble, and thank you for waiting. If "
        "something is still wrong, tell us here.",
    },
}


def template(kind: str, stage: Stage = Stage.INVESTIGATING) -> Template:
    """The words for a kind of outage at a stage. Raises ``KeyError`` for a kind there is not."""
    intents = _INTENTS[kind]
    if stage is Stage.INVESTIGATING:
        texts, personal = _FIRST[kind]
        return Template(kind, stage, texts, personal, intents)
    words = {one: said.format(_WHAT[kind][one]) for one, said in _LATER[stage].items()}
    return Template(kind, stage, words, {}, intents)


def still_to_fill(text: str) -> list[str]:
    """What of a template the writer has not filled in."""
    return _BRACKETS.findall(text)
