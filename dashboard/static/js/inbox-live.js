// What moved since the page was read, put in place. Nothing jumps: rows change where they stand,
// new ones wait on top.

import { ask } from "./asking.js";
import { follow } from "./changes.js";
import { number, plural, word } from "./words.js";

const TOO_MANY = 200;
/** What stands around the composer and the note: renewed while someone writes there. */
export const PARTS = ["case-head", "thread-live", "history", "card"];

let inbox;
let page;
let upto;
let poll;
let fresh = new Set();
let caseWaits = false;
const byId = (id) => document.getElementById(id);
const visible = () => document.visibilityState === "visible";

export function startLive(element, actions) {
  inbox = element;
  page = actions;
  upto = Number(inbox.dataset.upto);
  document.addEventListener("visibilitychange", () => {
    if (visible() && caseWaits) refreshCase();
  });
  poll = follow(inbox.dataset.changes, () => upto, hear);
}

/** The list was read afresh: what waited on top is in it. */
export function listRead() {
  fresh = new Set();
  upto = Math.min(upto, Number(inbox.dataset.upto));
}

function hear(news) {
  trouble(news.trouble);
  if (news.trouble) return;
  counts(news.counts);
  if (news.since > upto) {
    // This tab slept through something the asking tab saw; it asks once for itself.
    poll();
    return;
  }
  if (news.upto <= upto) return;
  upto = news.upto;
  if (!news.complete || news.case_ids.length > TOO_MANY) {
    offer(word("moved"));
    caseMoved();
  } else {
    moved(news.case_ids);
  }
}

function trouble(name) {
  const banner = byId("offline");
  if (!name) {
    banner.hidden = true;
    return;
  }
  if (banner.dataset.name === name && !banner.hidden) return;
  banner.dataset.name = name;
  banner.textContent = `${word(name)} `;
  if (name === "signed_out") {
    const link = document.createElement("a");
    const here = encodeURIComponent(location.pathname + location.search);
    link.href = `${inbox.dataset.signIn}?next=${here}`;
    link.textContent = word("sign_in");
    banner.append(link);
  }
  banner.hidden = false;
}

function counts(told) {
  for (const place of document.querySelectorAll("[data-count]")) {
    const count = told[place.dataset.count];
    // A zero says nothing, and a Persian one looks like a full stop.
    const text = count.number ? number(count.number) + (count.more ? "+" : "") : "";
    if (place.textContent.trim() !== text) place.textContent = text;
    const queue = place.parentElement;
    if (place.dataset.count === "urgent") queue.classList.toggle("some", count.number > 0);
    if (place.dataset.count === "approval") {
      queue.hidden = !count.number && !queue.hasAttribute("aria-current");
    }
  }
  page.setTitle();
}

async function moved(ids) {
  const opened = byId("opened")?.dataset.case;
  if (ids.includes(Number(opened))) caseMoved();
  const rows = byId("rows");
  const shown = ids.filter((id) => byId(`case-${id}`));
  const asked = new URLSearchParams(new URL(inbox.dataset.list, location.href).search);
  asked.set("ids", rows.dataset.after ? "" : ids.join("."));
  asked.set("shown", shown.join("."));
  asked.set("end", rows.dataset.end);
  if (!shown.length && rows.dataset.after) return;
  let told;
  try {
    const answer = await ask(`${inbox.dataset.rows}?${asked}`);
    if (!answer.ok) throw new Error(String(answer.status));
    told = await answer.json();
  } catch {
    offer(word("moved"));
    return;
  }
  for (const [id, markup] of Object.entries(told.rows)) {
    const row = byId(`case-${id}`);
    const made = new DOMParser().parseFromString(markup, "text/html").querySelector(".row");
    if (row && made) page.swapRow(row, made);
  }
  page.markCurrent();
  for (const id of told.fresh) if (!byId(`case-${id}`)) fresh.add(id);
  if (!fresh.size) return;
  const searching = byId("list-pane").querySelector("input:focus");
  if (!rows.children.length && !searching) page.open(inbox.dataset.list, { push: false, keepCase: true });
  else offer(plural("new", fresh.size));
}

function offer(text) {
  const bar = byId("fresh");
  if (!bar) return;
  bar.textContent = text;
  bar.hidden = false;
}

// The opened case. What someone works in is left alone; the rest is put in place.

function caseMoved() {
  if (!byId("opened")) return;
  caseWaits = true;
  if (visible()) refreshCase();
}

async function refreshCase() {
  const opened = byId("opened");
  if (!opened) return;
  caseWaits = false;
  const got = await page.page(location.href);
  const theirs = got?.document.getElementById("opened");
  if (!theirs || theirs.dataset.case !== byId("opened")?.dataset.case) return;
  const live = byId("thread-live");
  const thread = byId("thread");
  const atEnd = thread.scrollHeight - thread.scrollTop - thread.clientHeight < 80;
  for (const id of PARTS) {
    const mine = byId(id);
    if (busy(mine)) {
      if (mine === live) offerCase();
      continue;
    }
    const unfolded = [...mine.querySelectorAll(".unfold:checked")].map((box) => box.id);
    mine.replaceChildren(...got.document.getElementById(id).childNodes);
    for (const box of unfolded) if (byId(box)) byId(box).checked = true;
  }
  if (atEnd) thread.scrollTop = thread.scrollHeight;
  page.markCurrent();
}

function busy(element) {
  const working = element.contains(document.activeElement) && document.activeElement !== element;
  return working || element.querySelector("details.menu[open], details.verdict[open]") !== null;
}

function offerCase() {
  const bar = byId("written");
  bar.textContent = word("written");
  bar.hidden = false;
}
