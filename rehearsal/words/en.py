"""What customers say in English, as it is typed on phones."""

from rehearsal.words import Door, Tale, Tongue

_NAG = (
    "Hi again, still no answer about order {order}",
    "{shop} did you see my message? Waiting here",
    "15 minutes and nothing. Can someone please look at this?",
    "hello?? anyone home 🙄",
    "Bumping this. I really need an answer today",
)
_RAGE = (
    "Worst support I have ever dealt with. Never ordering from you again.",
    "{shop} I'm reporting this to consumer protection if nobody answers today",
    "You took my money and went silent. Telling everyone I know.",
    "slow clap for the response time 👏 do I need a lawyer to get a reply?",
    "Three messages, zero answers. Disgraceful.",
)
_THANKS = (
    "Thank you, that's sorted 🙏",
    "cheers, appreciate the quick reply",
    "Great, thanks for looking into it",
    "ok thank you, I'll wait for the email",
    "You're a star, thanks!",
    "Fair enough. Thanks for being straight with me.",
)

ENGLISH = Tongue(
    lang="en",
    brand="Noora",
    people=(
        ("Emma Clarke", "emmaclarke"),
        ("Jay", "jay_writes"),
        ("Priya N.", "priya_n"),
        ("Tom Becker", "tombecker"),
        ("Aisha", "aisha_dxb"),
        ("Marcus Lee", "marcuslee"),
        ("Chloe", "chloe_knits"),
        ("Daniel O.", "dan_o"),
        ("Sofia Marin", "sofiamarin"),
        ("Yusuf", "yusuf_eats"),
        ("Hannah", "hannah_hh"),
        ("Omid in Toronto", "omid_yyz"),
    ),
    tales=(
        Tale(
            "payment",
            Door.MENTION,
            (
                "{shop} you charged my card {amount} but there's no order in my account. Ref "
                "{order}",
                "{shop} payment went through, bank confirmed, your site says 'awaiting payment'. "
                "Help?",
                "{shop} I've been charged TWICE for order {order}. Please refund one of them",
                "{shop} paid, got bounced back to the basket, money's gone. What now?",
            ),
            _NAG,
            _RAGE,
            _THANKS,
        ),
        Tale(
            "late",
            Door.MENTION,
            (
                "{shop} order {order} was due yesterday. Where is it?",
                "{shop} tracking has said 'handed to carrier' for nine days now 😐",
                "{shop} it was a birthday present. The birthday has been and gone. {order}",
                "{shop} stayed home all morning for the courier and nobody showed up",
            ),
            _NAG,
            _RAGE,
            _THANKS,
        ),
        Tale(
            "damaged",
            Door.MENTION,
            (
                "{shop} two of the six cups arrived smashed 😞 order {order}",
                "{shop} ordered a size 40, you sent a 38. Can I swap it?",
                "{shop} the scarf I got is nowhere near the colour on the site. How do returns "
                "work?",
            ),
            _NAG,
            _RAGE,
            _THANKS,
        ),
        Tale(
            "change",
            Door.DM,
            (
                "Hi! I picked black for order {order} by mistake, could you make it navy before "
                "it ships?",
                "Hello, wrong address on {order}: it's flat 4, not 14. Hasn't gone out yet, right?",
                "Hey, could you drop one of the shirts from order {order} before you send it?",
                "Hi there, is it too late to change the bag to cream? Order {order}, placed an "
                "hour ago",
            ),
            (
                "Sorry to push, just don't want it to ship in the wrong colour 🙏",
                "It says 'being packed' now! Please hold it",
            ),
            ("Well, it shipped in the wrong colour. Sending it back, and you're paying for it.",),
            ("Perfect, thank you so much 🌸", "That was quick, thanks!"),
        ),
        Tale(
            "login",
            Door.MENTION,
            (
                "{shop} the login code never arrives. Tried three times, two phones",
                "{shop} got an alert that someone signed in to my account from another country!! "
                "Urgent",
                "{shop} changed my password and now it says user not found. Customer for 3 years",
            ),
            _NAG,
            _RAGE,
            _THANKS,
        ),
        Tale(
            "price",
            Door.MENTION,
            (
                "{shop} how much is the six piece ceramic set? Can't find it on the site",
                "{shop} what's shipping to Leeds, and from what amount is it free?",
                "{shop} is the green linen dress coming back in a size L?",
            ),
            (),
            (),
            ("thanks!", "Good to know, thank you"),
        ),
        Tale(
            "praise",
            Door.MENTION,
            (
                "{shop} that packaging 😍 almost didn't want to open it",
                "{shop} arrived a day early and it's gorgeous. Well done",
                "{shop} second order, second time delighted ❤️",
                "{shop} whoever I chatted with today had the patience of a saint. Give them a "
                "raise",
            ),
        ),
        Tale(
            "spam",
            Door.MENTION,
            (
                "{shop} grow your followers 10x, guaranteed 🔥 DM us now",
                "{shop} instant loans no guarantor, link in bio",
            ),
        ),
        Tale(
            "grumble",
            Door.SEARCH,
            (
                "Ordered a vase from Noora three weeks ago, still nothing. Anyone else?",
                "does Noora support ever pick up the phone or is it hold music all the way down",
                "love how Noora doubled the price and then called it 50% off",
                "Noora used to be good. The fabric now is paper thin",
            ),
        ),
        Tale(
            "quote",
            Door.QUOTE,
            (
                "Nice sale, shame the basket charges full price at checkout 🤨",
                "Pretty ad. Still waiting for last month's refund though",
            ),
            _NAG,
            _RAGE,
            _THANKS,
        ),
        Tale(
            "long",
            Door.MENTION,
            (
                "{shop} Writing the whole story once so that nobody asks again: on the 2nd I "
                "placed "
                "order {order} for {amount}. On the 3rd you rang to say one item was out of "
                "stock and "
                "would be refunded. Fine. On the 4th the parcel came, with the 'out of stock' "
                "item in "
                "it and a different one missing. I rang, you asked for photos, I sent them. You "
                "said "
                "48 working hours, I waited. It is now the 11th. No item, no refund, and every "
                "time I "
                "call I have to start from the beginning. Please let one person own this to the "
                "end.",
            ),
            _NAG,
            _RAGE,
            _THANKS,
        ),
    ),
    outage=(
        "{shop} is your checkout down? Keeps throwing an error",
        "{shop} {amount} left my account and there's NO order!!",
        "{shop} tried three times, charged three times, 'transaction failed'. Where's my money?",
        "{shop} checkout says 502 and the sale is about to end",
        "{shop} site loads, payment doesn't. Me or you?",
        "{shop} sale night and the payment page dies. Seriously?",
        "{shop} ref {order}, money taken, no order. Please look at this now",
        "{shop} stuck on 'connecting to your bank' for ten minutes",
        "{shop} anyone else unable to pay?",
        "{shop} Visa and Mastercard both fail. Your gateway is broken",
        "{shop} I want my money back, order {order} never went through",
        "{shop} app gives the same payment error, and yes it's the latest version",
        "{shop} any word on when payments will work again?",
    ),
    outage_dm=(
        "Hi, I just paid {amount} and no order came through. Reference {order}",
        "Hello, are payments down? The money's gone but my orders page is empty",
        "Charged twice just now, please reverse one. {order}",
    ),
    relief=(
        "Thanks for letting me know 🙏",
        "OK. Please make sure the money comes back quickly",
        "Works now, thank you",
        "Alright, waiting. Thanks for the update",
    ),
    posts=("Autumn sale is on 🍂 up to 40% off ceramics and textiles until Friday night",),
)
