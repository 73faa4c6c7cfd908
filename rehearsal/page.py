"""The one page of a simulated platform: what the world would see of the shop, as it happens.

Public threads on one side, private messages on the other, so that a person in a rehearsal sees the
answer arrive. The address of a post leads here too, to a form for answering by hand as one would in
the platform's own app. Texts from the state are only ever set as text, never as markup. The pages
of the platforms that run in the same rehearsal are linked from each other.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape

from flask import Flask, Response, jsonify, request

from rehearsal.control import is_local
from rehearsal.records import Json
from rehearsal.wire import Platform

THREADS = 60
"""Public threads shown, newest movement first."""
CHATS = 40

COMMON = {
    "en": {
        "dir": "ltr",
        "badge": "Simulation: nothing here leaves this computer",
        "private": "Private messages",
        "none": "Nothing yet. Customers are on their way…",
        "shop": "shop",
        "hidden": "hidden by the shop",
        "edited": "edited",
        "unsent": "taken back",
        "story": "story",
        "seen": "seen",
        "lost": "The simulator does not answer. Trying again…",
        "other_name": "فارسی",
        "money": "spent",
        "accepted": "taken in from the service",
        "picture": "picture",
        "send": "Answer",
        "sent": "Answered. It is in the thread.",
        "failed": "Not answered: it is too long, empty, or the post is gone.",
        "beside_x": "Simulated X",
        "beside_instagram": "Simulated Instagram",
    },
    "fa": {
        "dir": "rtl",
        "badge": "شبیه‌سازی: هیچ چیز از این رایانه بیرون نمی‌رود",
        "private": "پیام‌های خصوصی",
        "none": "هنوز چیزی نیست. مشتری‌ها در راه‌اند…",
        "shop": "فروشگاه",
        "hidden": "فروشگاه پنهانش کرد",
        "edited": "ویرایش‌شده",
        "unsent": "پس گرفت",
        "story": "استوری",
        "seen": "دیده شد",
        "lost": "شبیه‌ساز جواب نمی‌دهد. دوباره می‌پرسیم…",
        "other_name": "English",
        "money": "خرج شد",
        "accepted": "از سرویس پذیرفته شد",
        "picture": "عکس",
        "send": "جواب بده",
        "sent": "جواب داده شد. در رشته هست.",
        "failed": "جواب داده نشد: بلند است، خالی است، یا پست دیگر نیست.",
        "beside_x": "ایکسِ شبیه‌سازی‌شده",
        "beside_instagram": "اینستاگرامِ شبیه‌سازی‌شده",
    },
}


@dataclass(frozen=True, slots=True)
class Focus:
    """What is to be answered by hand: its id, its words, their direction."""

    to: str
    text: str
    way: str


@dataclass(frozen=True, slots=True)
class Page:
    """What a platform's page is made of. ``words``: by language, with those of :data:`COMMON`
    (``title``, ``public`` and ``byhand`` are the platform's own). ``state``: what it shows.
    ``answer``: a person answers by hand; the id of the answer, or ``None`` where that cannot be.
    ``beside``: addresses of the other pages by ``x``, ``instagram``."""

    words: Mapping[str, Mapping[str, str]]
    state: Callable[[], Json]
    answer: Callable[[str, str], str | None]
    beside: Mapping[str, str]


def install(app: Flask, sim: Platform, page: Page) -> Callable[[Focus | None], Response]:
    """Tie the page to ``/``; gives what shows it with a form for an answer."""
    token = secrets.token_urlsafe(16)
    """Shows that a form was sent from our own page: other pages cannot read it."""

    @app.get("/")
    def plain() -> Response:
        return show(None)

    @app.post("/_page/answer")
    def answer() -> tuple[Response, int]:
        """A person answers by hand: ``{"to": id, "text": …}``, with the page's token."""
        given = request.get_json(silent=True) or {}
        shown = request.headers.get("X-Page-Token", "")
        if not is_local() or not secrets.compare_digest(shown, token):
            return jsonify({"error": "not for you"}), 403
        words, to = str(given.get("text", "")).strip(), str(given.get("to", ""))
        with sim.world.lock:
            made = page.answer(to, words) if words else None
        return (jsonify({"id": made}), 201) if made else (jsonify({"error": "cannot be"}), 400)

    def show(focus: Focus | None) -> Response:
        if not is_local():
            return Response("not for you", status=403, mimetype="text/plain")
        wish = request.accept_languages.best_match(page.words) or "en"
        lang = request.args.get("lang", wish) if request.args.get("lang") in page.words else wish
        words, nonce = page.words[lang], secrets.token_urlsafe(16)
        links = "".join(
            f'<a href="{escape(url)}/?lang={lang}">{escape(words["beside_" + name])}</a>'
            for name, url in page.beside.items()
        )
        html = _HTML.replace("{{lang}}", lang).replace("{{nonce}}", nonce)
        html = html.replace("{{other}}", "en" if lang == "fa" else "fa")
        html = html.replace("{{beside}}", links)
        for key, value in words.items():
            html = html.replace("{{" + key + "}}", escape(value))
        html = html.replace("{{token}}", token).replace("{{shown}}", "" if focus else "hidden")
        html = html.replace("{{to}}", focus.to if focus else "")
        html = html.replace("{{way}}", focus.way if focus else "auto")
        html = html.replace("{{asked}}", escape(focus.text) if focus else "")
        answer = Response(html, mimetype="text/html")
        answer.headers["Content-Security-Policy"] = (
            f"default-src 'none'; img-src 'self' data:; connect-src 'self'; "
            f"script-src 'nonce-{nonce}'; "
            f"style-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors "
            "'none'"
        )
        return answer

    @app.get("/_page/state")
    def page_state() -> Response:
        """The state, or 204 when nothing has changed since ``version``."""
        if not is_local():
            return Response("not for you", status=403, mimetype="text/plain")
        if request.args.get("version") == str(sim.world.version):
            return Response(status=204)
        with sim.world.lock:
            return jsonify({"version": sim.world.version, **page.state()})

    return show


_HTML = """<!doctype html>
<html lang="{{lang}}" dir="{{dir}}">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>{{title}}</title><link rel="icon" href="data:,">
<style nonce="{{nonce}}">
:root{color-scheme:light dark;--ground:#f6f5f2;--card:#fff;--ink:#1b1d21;--soft:#5d636d;
--line:#dedbd3;--shop:#e5f1ee;--mark:#0b6b5d;--warn:#fff1c9;--warnink:#5c4400}
@media(prefers-color-scheme:dark){:root{--ground:#15171a;--card:#1e2125;--ink:#eceae5;
--soft:#a3a8b0;--line:#33373d;--shop:#173a35;--mark:#6fd1bf;--warn:#463a12;--warnink:#ffe9ab}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.65 system-ui,"Vazirmatn",
"Segoe UI",Tahoma,sans-serif}
header{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:center;padding:.8rem 1.2rem;
border-bottom:1px solid var(--line);background:var(--card)}
h1{font-size:1.1rem;margin:0}h2{font-size:1rem;margin:.2rem 0 .6rem}
.badge{background:var(--warn);color:var(--warnink);padding:.1rem .7rem;border-radius:1rem;
font-size:.85rem}
.facts{color:var(--soft);font-size:.85rem;margin-inline-start:auto}
header a{color:var(--mark)}
main{display:grid;grid-template-columns:minmax(0,3fr) minmax(0,2fr);gap:1.2rem;
max-width:76rem;margin:0 auto;padding:1rem 1.2rem}
@media(max-width:48rem){main{grid-template-columns:minmax(0,1fr)}}
article{background:var(--card);border:1px solid var(--line);border-radius:.7rem;
margin-bottom:.8rem;overflow:hidden}
.one{padding:.6rem .9rem}.one+.one{border-top:1px solid var(--line)}
.one.shop{background:var(--shop);border-inline-start:.25rem solid var(--mark)}
.who{font-size:.85rem;color:var(--soft);display:flex;gap:.5rem;flex-wrap:wrap}
.who b{color:var(--ink)}.who .tag{color:var(--mark);font-weight:600}
.text{margin:.15rem 0 0;white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate;
text-align:start}
.faded .text,.faded img{opacity:.5}
.level1{padding-inline-start:2rem}.level2{padding-inline-start:3.6rem}
.hearts{margin:.2rem 0 0;inline-size:fit-content;font-size:.9rem;background:var(--ground);
border-radius:1rem;padding:0 .5rem}
img{max-width:100%;max-height:16rem;border-radius:.5rem;margin-top:.4rem;display:block}
.new{animation:in 1.4s ease-out}@keyframes in{from{background:var(--warn)}}
@media(prefers-reduced-motion:reduce){.new{animation:none}}
#byhand{max-width:76rem;margin:1rem auto 0;padding:0 1.2rem}#byhand[hidden]{display:none}
#byhand form{background:var(--card);border:1px solid var(--mark);border-radius:.7rem;padding:.9rem}
textarea{inline-size:100%;font:inherit;color:inherit;background:var(--ground);border:1px solid
var(--soft);border-radius:.4rem;padding:.4rem .6rem;margin-block:.5rem}
button{font:inherit;color:var(--card);background:var(--mark);border:0;border-radius:2rem;
padding:.4rem 1.4rem;cursor:pointer}
#lost{display:none;background:var(--warn);color:var(--warnink);padding:.5rem 1.2rem}
.empty{color:var(--soft)}
</style>
</head>
<body>
<header><h1>{{title}} · <bdi id="handle"></bdi></h1><span class="badge">{{badge}}</span>
{{beside}}<a href="?lang={{other}}" lang="{{other}}">{{other_name}}</a>
<span class="facts"><bdi id="accepted">0</bdi> {{accepted}} <span id="spent"></span></span>
</header>
<div id="lost" role="status">{{lost}}</div>
<section id="byhand" {{shown}} aria-labelledby="h-byhand"><form><h2 id="h-byhand">{{byhand}}</h2>
<p class="text" dir="{{way}}">{{asked}}</p>
<textarea rows="3" dir="auto" aria-labelledby="h-byhand" required></textarea>
<button>{{send}}</button> <span id="outcome" role="status"></span></form></section>
<main><section aria-labelledby="h-public"><h2 id="h-public">{{public}}</h2>
<div id="threads" aria-live="polite"><p class="empty">{{none}}</p></div></section>
<section aria-labelledby="h-private"><h2 id="h-private">{{private}}</h2>
<div id="chats" aria-live="polite"><p class="empty">{{none}}</p></div></section></main>
<script nonce="{{nonce}}">
"use strict";
const words = {none: "{{none}}", shop: "{{shop}}", hidden: "{{hidden}}", edited: "{{edited}}",
  picture: "{{picture}}", unsent: "{{unsent}}", story: "{{story}}", seen: "{{seen}}"};
const seen = new Set();
let version = "", first = true;
const clock = new Intl.DateTimeFormat(document.documentElement.lang,
  {hour: "2-digit", minute: "2-digit", second: "2-digit"});
function make(kind, name, text) {
  const it = document.createElement(kind);
  if (name) it.className = name;
  if (text !== undefined) it.textContent = text;
  return it;
}
function one(post, name, handle) {
  const box = make("div", "one");
  box.dataset.id = post.id;
  if (post.shop) box.classList.add("shop");
  if (post.hidden || post.unsent) box.classList.add("faded");
  if (post.level) box.classList.add("level" + post.level);
  if (!first && !seen.has(post.id)) box.classList.add("new");
  seen.add(post.id);
  const who = make("div", "who");
  const bold = make("b"); bold.append(make("bdi", "", name)); who.append(bold);
  const at = make("bdi", "", "@" + handle); who.append(at);
  if (post.shop) who.append(make("span", "tag", words.shop));
  who.append(make("time", "", clock.format(new Date(post.at))));
  if (post.edited) who.append(make("span", "", words.edited));
  if (post.hidden) who.append(make("span", "", words.hidden));
  if (post.unsent) who.append(make("span", "", words.unsent));
  if (post.story) who.append(make("span", "tag", words.story));
  if (post.seen) who.append(make("span", "", words.seen));
  const text = make("p", "text"); text.dir = post.dir;
  for (const part of post.text.split(/(@\\w+|https?:\\S+)/))
    text.append(/^(@\\w|https?:)/.test(part) ? make("bdi", "", part) : part);
  box.append(who, text);
  for (const url of post.pictures || []) {
    const picture = make("img"); picture.src = url; picture.alt = words.picture;
    box.append(picture);
  }
  if (post.reactions) box.append(make("p", "hearts", post.reactions));
  return box;
}
function fill(id, boxes) {
  const place = document.getElementById(id);
  place.replaceChildren(...(boxes.length ? boxes : [make("p", "empty", words.none)]));
}
function show(state) {
  document.getElementById("handle").textContent = "@" + state.handle;
  document.getElementById("accepted").textContent = state.accepted;
  const spent = document.getElementById("spent");
  spent.replaceChildren();
  if (state.spent) spent.append("· ", make("bdi", "", state.spent), " {{money}}");
  fill("threads", state.threads.map(posts => {
    const card = make("article"); card.append(...posts.map(p => one(p, p.name, p.handle)));
    return card;
  }));
  fill("chats", state.chats.map(chat => {
    const card = make("article");
    card.append(...chat.messages.map(m => one(m, m.shop ? words.shop : chat.name,
      m.shop ? state.handle : chat.handle)));
    return card;
  }));
  first = false;
}
async function poll() {
  const lost = document.getElementById("lost");
  try {
    const answer = await fetch("/_page/state?version=" + version, {cache: "no-store"});
    if (answer.status === 200) { const it = await answer.json(); version = it.version; show(it); }
    lost.style.display = "none";
  } catch { lost.style.display = "block"; }
  setTimeout(poll, document.hidden ? 5000 : 1000);
}
document.querySelector("#byhand form").addEventListener("submit", async event => {
  event.preventDefault();
  const field = document.querySelector("#byhand textarea");
  const outcome = document.getElementById("outcome");
  let done = false;
  try {
    const answer = await fetch("/_page/answer", {method: "POST", body: JSON.stringify(
      {to: "{{to}}", text: field.value}), headers: {"Content-Type": "application/json",
      "X-Page-Token": "{{token}}"}});
    done = answer.ok;
  } catch { done = false; }
  outcome.textContent = done ? "{{sent}}" : "{{failed}}";
  if (done) field.value = "";
});
poll();
</script>
</body>
</html>
"""
