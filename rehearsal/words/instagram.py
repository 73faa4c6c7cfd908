"""What customers say on Instagram beside what they say everywhere: short comments under a post,
stories, and much of it in Latin letters. By language."""

from rehearsal.words import Door, Tale

_FA_NAG = ("؟؟؟", "دایرکت دادم جواب بدید لطفا", "ادمین محترم آنلاین هستید؟ جواب نمیدید چرا")
_FA_RAGE = (
    "کامنت‌ها رو هم که جواب نمیدید. آنفالو",
    "فقط بلدید استوری بذارید! جواب مشتری رو هم بدید",
    "az in page kharid nakonid, pool gereftan javab nemidan",
)
_FA_THANKS = (
    "ممنون از جوابتون 🌹",
    "مرسی عزیزم",
    "mamnoon, lotf kardin 🙏",
    "عالی، دستتون درد نکنه",
)

_AR_NAG = ("وين الرد؟", "راسلتكم خاص وما رديتوا", "ya jama3a 7ad yrod 🙏")
_AR_RAGE = (
    "نصابين، بلغوا عن الصفحة",
    "بس شاطرين تنزلوا ستوري، والرد على الزبون ماكو",
    "msh tabi3i el ta5er da, akher marra ashteri menko",
)
_AR_THANKS = ("تسلمون حبايبي 🌹", "مشكورين والله", "shokran 3ala el rad el sari3 🙏")

_EN_NAG = ("hellooo?", "I DMed you guys, please check", "still waiting on a reply here 👀")
_EN_RAGE = (
    "they only answer comments that praise them. unfollowing",
    "maybe post fewer stories and answer your customers?",
)
_EN_THANKS = ("thank you!! 🫶", "aw thanks for the quick reply", "got it, thanks 🙏")

INSTAGRAM: dict[str, tuple[Tale, ...]] = {
    "fa": (
        Tale(
            "ask",
            Door.MENTION,
            (
                "قیمت لطفا؟ 🙏",
                "قیمتش چنده؟ چرا قیمت نمی‌زنید",
                "gheymatesh chande? ersal be Esfahan darid?",
                "رنگ آبی هم دارید؟ سایز ۳۸ موجوده؟",
                "ارسال به کابل دارید؟",
                "تعدادش محدوده یا بازم میارید؟",
            ),
            _FA_NAG,
            (),
            _FA_THANKS,
        ),
        Tale(
            "late",
            Door.MENTION,
            (
                "سفارش {order} رو یک هفته پیش ثبت کردم هنوز ارسال نشده 😐",
                "do hafte ast sefaresham {order} nareside, kasi javabgoo nist",
                "من هنوز بسته‌م نرسیده، دایرکت هم جواب نمیدید",
                "کی ارسال می‌کنید سفارش‌ها رو؟ {order}",
            ),
            _FA_NAG,
            _FA_RAGE,
            _FA_THANKS,
        ),
        Tale(
            "change",
            Door.DM,
            (
                "سلام عزیزم، سفارش {order} رو میشه به جای سبز طوسی بفرستید؟",
                "salam, mikhastam adrese sefareshe {order} ro avaz konam, hanooz ersal nashode?",
                "سلام وقت بخیر، میشه قبل ارسال کادو هم بپیچید؟ سفارش {order}، تولد مامانمه 🥺",
            ),
            _FA_NAG,
            _FA_RAGE,
            _FA_THANKS,
        ),
        Tale(
            "broken",
            Door.DM,
            (
                "سلام، بسته‌م رسید ولی لیوان شکسته بود. عکسش رو فرستادم، سفارش {order}",
                "salam, in che vazeshe? kif ro baz kardam zipesh kharab bood. {order}",
            ),
            _FA_NAG,
            _FA_RAGE,
            _FA_THANKS,
        ),
        Tale("praise", Door.MENTION, ("چه خوشگله 😍😍", "kheyli ghashange 😍", "عاشق کاراتونم ❤️")),
        Tale(
            "story",
            Door.STORY,
            ("", "رسید و عالی بود 😍", "بالاخره رسید، ولی جعبه‌ش له بود 🥲"),
            (),
            (),
            ("قربون شما ❤️",),
        ),
    ),
    "ar": (
        Tale(
            "ask",
            Door.MENTION,
            (
                "بكم؟",
                "السعر خاص لو سمحتوا",
                "bkam da? w fi tawseel le eskenderia?",
                "شكد سعرها وتوصلون للبصرة؟",
                "فيه مقاس XL؟ واللون الأسود متوفر؟",
                "ch7al taman? kayn livraison l Casa?",
            ),
            _AR_NAG,
            (),
            _AR_THANKS,
        ),
        Tale(
            "late",
            Door.MENTION,
            (
                "طلبي {order} صارله أسبوعين وما وصل 😐",
                "el order {order} lesa mawaslsh w ma7adesh beyrod!",
                "وينه الطلب؟ كل يوم تقولون بكرة",
                "طلبت من اسبوع وهسه ماكو أي خبر عن الطلب {order}",
            ),
            _AR_NAG,
            _AR_RAGE,
            _AR_THANKS,
        ),
        Tale(
            "change",
            Door.DM,
            (
                "هلا، ممكن أغير اللون من الأحمر للبيج قبل لا تشحنون؟ طلب {order}",
                "salam, momken a8ayar el 3enwan? order {order} 😅",
                "مرحبا، فيكن تلغولي الطلب {order}؟ نزل مرتين بالغلط",
            ),
            _AR_NAG,
            _AR_RAGE,
            _AR_THANKS,
        ),
        Tale(
            "broken",
            Door.DM,
            (
                "السلام عليكم، وصلني الصحن مكسور، هذي الصورة. رقم الطلب {order}",
                "هاي الصورة، القماش ممزوع من الطرف! طلب {order}",
            ),
            _AR_NAG,
            _AR_RAGE,
            _AR_THANKS,
        ),
        Tale("praise", Door.MENTION, ("يجننن 😍", "ma sha2 allah t7fa 😍", "أحلى ذوق ❤️")),
        Tale("story", Door.STORY, ("", "وصل وطلع أحلى من الصورة 😍"), (), (), ("حبايبي ❤️",)),
    ),
    "en": (
        Tale(
            "ask",
            Door.MENTION,
            (
                "price?",
                "do you ship to Berlin? 👀",
                "is the blue one coming back in stock?",
                "link please 🙏",
            ),
            _EN_NAG,
            (),
            _EN_THANKS,
        ),
        Tale(
            "late",
            Door.MENTION,
            (
                "ordered two weeks ago ({order}) and still nothing 😕",
                "cute post but where is my parcel? {order}",
                "is anyone else's order stuck on 'preparing'?",
            ),
            _EN_NAG,
            _EN_RAGE,
            _EN_THANKS,
        ),
        Tale(
            "change",
            Door.DM,
            (
                "hey! can I still switch order {order} to the grey one?",
                "Hi, I put in my old address for {order} 🤦 can you change it?",
            ),
            _EN_NAG,
            _EN_RAGE,
            _EN_THANKS,
        ),
        Tale(
            "broken",
            Door.DM,
            (
                "Hi, this is how the bowl arrived 💔 order {order}",
                "the zip broke on day one, see the photo. {order}",
            ),
            _EN_NAG,
            _EN_RAGE,
            _EN_THANKS,
        ),
        Tale("praise", Door.MENTION, ("obsessed 😍", "need this in my life", "so pretty ❤️")),
        Tale("story", Door.STORY, ("", "look what came today 😍"), (), (), ("❤️❤️",)),
    ),
}

TYPOS = {
    "fa": "ببخشید، اشتباه فرستادم 🙈",
    "ar": "سوري، انرسلت بالغلط 🙈",
    "en": "oops, wrong chat 🙈",
}
"""Written by mistake, and taken back soon after."""

EDITED = {"fa": "{text} (شماره درست: {order})", "ar": "{text} (الرقم الصح: {order})"}
"""How some correct what they wrote; in English too they write it so."""

STRANGERS = {
    "fa": ("از @noora_shop خریدم، نتیجه رو ببینید 👀 #نورا", "چیدمان جدید خونه 🪴 #نورا #سفال"),
    "ar": ("طلبيتي من @noora_shop وصلت اليوم #نورا", "زاويتي المفضلة بالبيت #نورا"),
    "en": ("My haul from @noora_shop #noora", "Sunday table #noora #ceramics"),
}
"""Captions of posts of their own."""

CAPTIONS = (
    "ست چای‌خوری فیروزه‌ای، دست‌ساز 🫖 از امشب در سایت. #نورا #سفال\nطقم شاي فيروزي، صناعة يدوية",
    "حراج پاییزه تا جمعه شب، تا ۴۰٪ تخفیف 🍂 تخفيضات الخريف حتى الجمعة · Autumn sale until Friday",
    "گلدان‌های تازه رسیدند 🪴 New vases are in",
)
"""What the shop has posted before the stories begin, the newest last."""
