// The composer while someone writes in it: what will happen stays true, drafts survive, colleagues
// are seen. All words and figures come from the server; without scripts the same forms work.

import { csrfToken, post } from "./frame.js";
import { startReplies } from "./composer-replies.js";
import { plural, word } from "./words.js";

const BEAT = 10_000;
const REST = 250;
const WRITING_FOR = 20_000;
const byId = (id) => document.getElementById(id);
const visible = () => document.visibilityState === "visible";
const key = (id) => `answer-${id}`;
const area = () => byId("answer-text");
const form = () => byId("answer-form");

let shown = null; // the composer that is set up
let present = null; // where to say that the page was left
let typedAt = 0;
let weighing = 0;
let waiting = 0;

// A composer comes with the page, with another case, or with the answer to a form.

function settle() {
  const composer = byId("composer");
  if (composer !== shown) {
    leaveUnless(composer?.dataset.case);
    shown = composer;
    if (composer) setUp(composer);
  }
  if (composer) {
    forgetWhatWasSent();
    seeWhatIsShown();
  }
  tick();
}

function setUp(composer) {
  typedAt = 0;
  nameTheCase(composer);
  restoreDraft(composer);
  startReplies(composer, () => changed());
  weigh();
  beat();
}

/** A page that a form was answered with is the case's page: that is its address. */
function nameTheCase(composer) {
  if (!/\/(answer|by-hand)$/.test(location.pathname)) return;
  const list = new URL(byId("inbox").dataset.list, location.href);
  const path = location.pathname.replace(/[^/]+$/, "").replace(/\/$/, "");
  if (path.endsWith(`/${composer.dataset.case}`)) history.replaceState(history.state, "", path + list.search);
}

// Drafts: kept in this tab until the thread shows that they were sent. With the words are kept
// the key they would be sent under and what had been seen, so that no second press and no reload
// sends them twice, and nobody is overtaken unawares.

function draft() {
  const kept = shown && sessionStorage.getItem(key(shown.dataset.case));
  return kept ? JSON.parse(kept) : null;
}

function keepDraft() {
  const fields = form()?.elements;
  if (!fields || !shown) return;
  const text = area().value;
  if (!text) return sessionStorage.removeItem(key(shown.dataset.case));
  const kept = {
    text,
    key: fields.key.value,
    seen: fields.seen.value,
    message: fields.message.value,
    deed: fields.deed.value,
  };
  sessionStorage.setItem(key(shown.dataset.case), JSON.stringify(kept));
}

function restoreDraft(composer) {
  const fields = form()?.elements;
  if (!fields) return;
  if ("restored" in composer.dataset) {
    keepDraft();
    // Its words are kept here now; a reload must not bring them back once they are sent.
    const address = new URL(location.href);
    if (address.searchParams.has("draft")) {
      address.searchParams.delete("draft");
      address.hash = "";
      history.replaceState(history.state, "", address);
    }
    composer.scrollIntoView({ block: "nearest" });
    // A long composer may begin above what is seen: what stopped it is read first.
    composer.querySelector(".composer-error")?.scrollIntoView({ block: "nearest" });
    area().focus({ preventScroll: true });
    return;
  }
  const kept = draft();
  if (!kept || area().value) return;
  area().value = kept.text;
  for (const name of ["key", "seen", "message"]) fields[name].value = kept[name];
  const way = byId(`deed-${kept.deed}`);
  if (way) way.checked = true;
}

/** What stands in the thread under the key of this page has left: its words are not a draft. */
function forgetWhatWasSent() {
  const kept = draft();
  const bubble =
    kept && document.querySelector(`.bubble.own[data-key="${CSS.escape(kept.key)}"]`);
  if (!bubble) return;
  const sent = bubble.querySelector(".text")?.textContent ?? "";
  const fields = form()?.elements;
  if (sent.trim() === kept.text.trim() || bubble.dataset.phase === "cancelled") {
    sessionStorage.removeItem(key(shown.dataset.case));
    if (fields && area().value === kept.text) area().value = "";
  }
  // A key is good for one message.
  if (fields && fields.key.value === kept.key) {
    fields.key.value = crypto.getRandomValues(new Uint8Array(16)).reduce(
      (text, byte) => text + byte.toString(16).padStart(2, "0"),
      "",
    );
    keepDraft();
  }
  weigh();
  bubble.scrollIntoView({ block: "nearest" });
}

/** Nothing written yet: what the thread shows now is what is answered. */
function seeWhatIsShown() {
  const shows = byId("shows");
  const fields = form()?.elements;
  if (!shows || !fields || area().value || fields.seen.value === shows.dataset.seen) return;
  fields.seen.value = shows.dataset.seen;
  fields.message.value = shows.dataset.message;
  weigh();
}

// What sending would come to: asked a moment after each change, the newest answer counts.

function changed() {
  typedAt = Date.now();
  keepDraft();
  clearTimeout(waiting);
  waiting = setTimeout(weigh, REST);
}

async function weigh() {
  const composer = shown;
  const fields = form()?.elements;
  if (!composer || !fields || !composer.querySelector("[data-facts]")) return;
  const mine = ++weighing;
  let told;
  try {
    const answer = await post(composer.dataset.weigh, {
      text: area().value,
      message: fields.message.value,
      picture_id: fields.picture_id?.value ?? "",
      picture_alt: fields.picture_alt?.value ?? "",
    });
    if (!answer.ok) return;
    told = await answer.json();
  } catch {
    return; // No connection: the page says so itself, and what stands here is the last known.
  }
  if (mine !== weighing || composer !== shown) return;
  for (const line of composer.querySelectorAll("[data-facts]")) {
    put(line, told.facts[line.dataset.facts]);
  }
  const gaps = byId("composer-gaps");
  const made = parsed(told.gaps);
  const names = (root) => [...root.querySelectorAll("[data-place]")].map((one) => one.dataset.place);
  if (names(gaps).join() === names(made).join()) return;
  const held = gaps.contains(document.activeElement) ? document.activeElement.id : null;
  for (const field of made.querySelectorAll("[data-place]")) {
    field.value = byId(field.id)?.value ?? field.value;
  }
  gaps.replaceChildren(...made.childNodes);
  if (held) byId(held)?.focus({ preventScroll: true });
}

/** Write what was typed for an open place into the answer. */
function fillGap(field) {
  const value = field.value.trim();
  if (!value) return;
  area().value = area().value.replaceAll(`{${field.dataset.place}}`, () => value);
  changed();
}

// Being here: told every few seconds, and at once when it changes; what comes back is put in place.

async function beat() {
  const composer = shown;
  if (!composer || !visible()) return;
  present = composer.dataset.gone;
  const watched = [...document.querySelectorAll("[data-watch]")].map((one) => one.dataset.watch);
  const writing = Date.now() - typedAt < WRITING_FOR;
  let told;
  try {
    const answer = await post(composer.dataset.here, {
      kind: writing ? "writing" : "viewing",
      seen: area()?.value ? (form().elements.seen.value ?? "") : "",
      watch: watched.join("."),
    });
    if (!answer.ok) return;
    told = await answer.json();
  } catch {
    return;
  }
  if (composer !== shown) return;
  put(byId("composer-others"), told.others);
  put(byId("composer-news"), told.news);
  for (const [id, markup] of Object.entries(told.own)) renew(id, markup);
}

function renew(id, markup) {
  const mine = byId(id);
  const theirs = parsed(markup).querySelector(".bubble");
  if (!mine || !theirs || mine.dataset.phase === theirs.dataset.phase) return;
  const held = mine.contains(document.activeElement);
  const put = document.importNode(theirs, true);
  mine.replaceWith(put);
  if (held) put.focus({ preventScroll: true });
  tick();
}

function leaveUnless(id) {
  if (!present || shown?.dataset.case === id) return;
  const fields = new FormData();
  fields.set("csrf_token", csrfToken);
  navigator.sendBeacon(present, fields);
  present = null;
}

// The seconds in which something can be taken back.

function tick() {
  const ahead = new Date(byId("inbox").dataset.now) - opened;
  for (const place of document.querySelectorAll("[data-leaves]")) {
    const left = Math.ceil((Date.parse(place.dataset.leaves) - Date.now() - ahead) / 1000);
    const text = left > 0 ? plural("leaves_in", left) : word("leaving");
    if (place.textContent !== text) place.textContent = text;
    if (left <= 0) place.closest(".bubble").classList.add("leaving");
  }
}

function put(place, markup) {
  if (place && place.innerHTML.trim() !== markup.trim()) {
    place.replaceChildren(...parsed(markup).childNodes);
  }
}

function parsed(markup) {
  return new DOMParser().parseFromString(markup, "text/html").body;
}

document.addEventListener("input", (event) => {
  if (event.target === area() && shown?.contains(event.target)) {
    const began = Date.now() - typedAt >= WRITING_FOR;
    changed();
    if (!area().value) seeWhatIsShown();
    if (began) beat();
  }
});

document.addEventListener("change", (event) => {
  if (event.target.dataset.place) fillGap(event.target);
  else if (event.target.name === "deed" && shown?.contains(event.target)) keepDraft();
});

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.key !== "Enter") return;
  if (event.target.dataset?.place) {
    event.preventDefault();
    fillGap(event.target);
    area().focus();
  } else if (event.target === area() && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    form().requestSubmit(byId("send") ?? undefined);
  }
});

document.addEventListener("visibilitychange", () => {
  if (visible()) beat();
});
window.addEventListener("pagehide", () => leaveUnless(null));

// The feed says that this case moved, or that others came to it or left, in this tab or in the one
// that asks for all.
let others = "";
function hear(news) {
  if (!shown || !news.case_ids) return;
  const now = news.together[shown.dataset.case] ?? "";
  if (news.case_ids.includes(Number(shown.dataset.case)) || now !== others) beat();
  others = now;
}
new BroadcastChannel("shenava-changes").addEventListener("message", (event) => hear(event.data));
window.addEventListener("shenava-changes", (event) => hear(event.detail));

const opened = Date.now();
new MutationObserver(settle).observe(byId("case-pane"), { childList: true, subtree: true });
setInterval(beat, BEAT);
setInterval(tick, 250);
settle();
