"""Saved replies to begin with, for a shop that has none: written for people, not copied from
anyone. They are put into the database only when somebody asks for them."""

from __future__ import annotations

from typing import NamedTuple

from dashboard.i18n import Lazy, lazy


class Example(NamedTuple):
    name: Lazy
    shortcut: str
    fa: str
    ar: str
    en: str


EXAMPLES = (
    Example(
        lazy("Money taken, no order"),
        "payment",
        "سلام {name} عزیز، حق دارید نگران باشید. همین الان پرداخت‌تان را پیگیری می‌کنم؛ شمارهٔ"
        " سفارش یا چهار رقم آخر کارت را در پیام خصوصی بفرستید تا تا آخرش با شما بمانم. {agent}",
        "أهلًا {name}، معك حق أن تقلق. أتابع عملية الدفع الآن بنفسي؛ أرسل لي في رسالة خاصة رقم"
        " الطلب أو آخر أربعة أرقام من البطاقة، وسأبقى معك حتى تُحل. {agent}",
        "Hi {name}, I'd be worried too. I'm looking into your payment right now. Send me the order"
        " number or the last four digits of the card in a DM and I'll stay on it until it's"
        " sorted. {agent}",
    ),
    Example(
        lazy("Late parcel"),
        "late",
        "{name} جان، ببخشید که چشم‌به‌راه ماندید. سفارش {order} را دیدم؛ تا {date} به دستتان"
        " می‌رسد. اگر نرسید همین‌جا بنویسید تا خودم دنبالش بروم. {agent}",
        "{name}، نعتذر عن هذا الانتظار. راجعت طلبك {order} وسيصلك قبل {date}. إن لم يصل فاكتب لي"
        " هنا وسألاحقه بنفسي. {agent}",
        "{name}, sorry we kept you waiting. I checked order {order}: it will be with you by"
        " {date}. If it isn't, write to me here and I'll chase it myself. {agent}",
    ),
    Example(
        lazy("Wrong or damaged goods"),
        "wrong",
        "وای {name} عزیز، این چیزی نبود که منتظرش بودید. یک عکس از کالا برایمان بفرستید؛ درستش را"
        " بی‌هزینه می‌فرستیم و همان پیک قبلی را پس می‌گیرد. {agent}",
        "{name}، هذا ليس ما انتظرته منا. أرسل لنا صورة للمنتج، وسنرسل الصحيح مجانًا، والمندوب نفسه"
        " يستلم السابق منك. {agent}",
        "Oh no, {name}, that's not what you waited for. Send us a photo and we'll ship the right"
        " one at our cost; the courier takes the other one back. {agent}",
    ),
    Example(
        lazy("Something is down"),
        "outage",
        "سلام {name}، درست می‌گویید: پرداخت الان مشکل دارد و همه داریم رویش کار می‌کنیم. اگر پولی"
        " کم شده، برمی‌گردد. درست که شد همین‌جا خبرتان می‌کنم. {agent}",
        "أهلًا {name}، كلامك صحيح: الدفع متعطل الآن ونعمل عليه جميعًا. إن خُصم منك مبلغ فسيعود"
        " إليك، وسأكتب لك هنا حين يُصلح. {agent}",
        "Hi {name}, you're right: payments are failing just now and all of us are on it. Any money"
        " that was taken comes back. I'll tell you here as soon as it works. {agent}",
    ),
    Example(
        lazy("Refund is on its way"),
        "refund",
        "{name} عزیز، {amount} بابت سفارش {order} برگشت خورد. بانک معمولاً تا ۷۲ ساعت طولش"
        " می‌دهد؛ اگر بیشتر شد به خودم بگویید. {agent}",
        "{name}، أعدنا إليك {amount} عن الطلب {order}. البنك يحتاج عادةً إلى ٧٢ ساعة، وإن تأخر"
        " أكثر فأخبرني. {agent}",
        "{name}, we've sent back {amount} for order {order}. Banks usually take up to 72 hours; if"
        " yours takes longer, tell me. {agent}",
    ),
    Example(
        lazy("Thank you"),
        "thanks",
        "{name} عزیز، همین چند کلمه روزمان را ساخت. به همهٔ بچه‌های {shop} نشانش دادم. ممنون که"
        " برایمان نوشتید 🌱 {agent}",
        "{name}، كلماتك هذه صنعت يومنا. أريتها لكل الزملاء في {shop}. شكرًا لأنك كتبت لنا 🌱"
        " {agent}",
        "{name}, you've made our day. I showed this to everyone at {shop}. Thank you for writing"
        " to us 🌱 {agent}",
    ),
)
