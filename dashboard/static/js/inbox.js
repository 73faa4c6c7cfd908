// The inbox, without reloading: links and forms are fetched, and what they change is put in place.
// Everything here also works as plain pages; when a fetch fails, nothing is lost but the moment.

import { hold, release, takeEarly } from "./inbox-ahead.js";
import { startClock } from "./inbox-clock.js";
import { keepDrafts, restoreDraft } from "./inbox-drafts.js";
import { startKeys } from "./inbox-keys.js";
import { PARTS, startLive, listRead } from "./inbox-live.js";
import { plural, word } from "./words.js";

const inbox = document.getElementById("inbox");
const byId = (id) => document.getElementById(id);
const TOLD_FOR = 12_000;
let visit = 0;

/** Fetch a page of ours. `null`: it could not be had, and the person has been told. */
export async function page(address, { lost = "not_sent", ...options } = {}) {
  let answer;
  try {
    answer = await fetch(address, { headers: { Accept: "text/html" }, ...options });
  } catch {
    tell(word(lost));
    return null;
  }
  const path = new URL(answer.url).pathname;
  if (path === inbox.dataset.signIn) {
    tell(word("signed_out"), inbox.dataset.signIn);
    return null;
  }
  const type = answer.headers.get("Content-Type") ?? "";
  const found = type.includes("html")
    ? new DOMParser().parseFromString(await answer.text(), "text/html")
    : null;
  if (!found?.getElementById("inbox")) {
    tell(found?.querySelector("main h1, h1")?.textContent ?? word("not_sent"));
    return null;
  }
  return { document: found, address: answer.url, isCase: path.includes("/case/") };
}

/** Say something in the place where the server says what it did. */
export function tell(text, link, label = word("sign_in")) {
  const bar = document.createElement("div");
  bar.className = "told-bar urgent";
  bar.append(Object.assign(document.createElement("span"), { textContent: text }));
  if (link) {
    const way = Object.assign(document.createElement("a"), { href: link, textContent: label });
    way.className = "button small";
    bar.append(way);
  }
  byId("told").replaceChildren(bar);
}

/** Open a list or a case of ours in place. */
export async function open(address, { push = true, keepCase = false } = {}) {
  const mine = ++visit;
  let lost = false;
  hold();
  try {
    const got = await page(address);
    if (mine !== visit) return;
    lost = !got;
    if (lost) return;
    show(got, { keepCase });
    if (push) history.pushState(null, "", got.address);
    await null; // what watches the page for a new composer comes first
  } finally {
    release({ lost });
  }
}

function show(got, { keepCase = false, acted = null, form = null, sent = null } = {}) {
  const theirs = got.document.getElementById("inbox");
  if (got.isCase) {
    const before = byId("opened")?.dataset.case;
    const [thread, pane] = [byId("thread")?.scrollTop, byId("case-pane").scrollTop];
    const held = heldField();
    replaceCase(got.document, form);
    if (byId("opened").dataset.case === before) {
      queueMicrotask(() => giveBack(held, sent));
      byId("thread").scrollTop = thread;
      byId("case-pane").scrollTop = pane;
    } else showNewest();
    refreshRows(got.document, acted);
    markCurrent();
    restoreDraft();
  } else {
    replace("list-pane", got.document);
    if (!keepCase) replace("case-pane", got.document);
    inbox.dataset.list = theirs.dataset.list;
    inbox.dataset.upto = theirs.dataset.upto;
    listRead();
    markCurrent();
  }
  inbox.classList.toggle("has-case", Boolean(byId("opened")));
  replace("told", got.document);
  fadeTold();
  setTitle(got.document.title);
  wake(document);
  const lost = document.activeElement === document.body;
  if (got.isCase && (!acted || lost)) byId("thread").focus({ preventScroll: true });
}

/** A long thread opens at what was written last. */
function showNewest() {
  byId("case-pane").scrollTop = 0;
  const newest = document.querySelector(".bubble.newest");
  const pane = byId("case-pane").getBoundingClientRect();
  if (newest && newest.getBoundingClientRect().bottom > pane.bottom) {
    newest.scrollIntoView({ block: newest.offsetHeight > pane.height / 2 ? "start" : "center" });
  }
}

/** Put the case of a page in place. An answer that someone writes in it is left alone, and only what
 * is around it renewed, unless the page came for that answer. */
function replaceCase(from, form) {
  const [mine, theirs] = [byId("opened"), from.getElementById("opened")];
  const same = mine?.dataset.case === theirs.dataset.case;
  const writes = byId("composer")?.querySelector(".answer-form");
  const fresh = from.querySelector("#composer:not([data-restored]) .answer-form");
  if (!same || !writes || !fresh || form?.closest("#composer") || !inUse(writes)) {
    replace("case-pane", from);
    return;
  }
  for (const id of PARTS) replace(id, from);
  mine.dataset.state = theirs.dataset.state;
  byId("written").hidden = true;
}

function inUse(form) {
  const filled = [...form.querySelectorAll("textarea, input[type='file'], [data-place]")];
  return form.contains(document.activeElement) || filled.some((field) => field.value);
}

/** Where somebody is writing. */
function heldField() {
  const field = document.activeElement;
  if (field?.localName !== "textarea" || !byId("case-pane").contains(field)) return null;
  return { id: field.id, text: field.value, from: field.selectionStart, to: field.selectionEnd };
}

/** Who goes on writing goes on where they were; what they wrote since `sent` left stays, too. */
function giveBack(held, sent) {
  const field = held && byId(held.id);
  if (!field?.value) return;
  if (sent && field.value === sent && held.text !== sent) {
    field.value = held.text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  field.focus({ preventScroll: true });
  field.setSelectionRange(held.from, held.to);
}

function replace(id, from) {
  const theirs = from.getElementById(id);
  if (theirs) byId(id).replaceChildren(...theirs.childNodes);
}

/** Rows that a page shows differently now are changed where they stand; none moves. */
function refreshRows(from, acted) {
  for (const row of document.querySelectorAll("#rows > .row")) {
    const theirs = from.getElementById(row.id);
    if (theirs) swapRow(row, theirs);
    else if (row.dataset.case === acted) row.classList.add("gone");
  }
  for (const count of document.querySelectorAll("[data-count]")) {
    const theirs = from.querySelector(`[data-count="${count.dataset.count}"]`);
    if (theirs) count.replaceChildren(...theirs.childNodes);
  }
}

/** Put `fresh` in the place of `row`, keeping its tick and the focus. */
export function swapRow(row, fresh) {
  const ticked = row.querySelector(".tick input").checked;
  const held = row.contains(document.activeElement) ? document.activeElement.className : null;
  const put = document.importNode(fresh, true);
  put.querySelector(".tick input").checked = ticked;
  row.replaceWith(put);
  if (held === "row-open") put.querySelector(".row-open").focus({ preventScroll: true });
  else if (held !== null) put.querySelector(".tick input").focus({ preventScroll: true });
}

export function markCurrent() {
  const opened = byId("opened")?.dataset.case;
  for (const row of document.querySelectorAll("#rows > .row")) {
    const current = row.dataset.case === opened;
    row.classList.toggle("current", current);
    const link = row.querySelector(".row-open");
    if (current) {
      link.setAttribute("aria-current", "true");
      if (document.visibilityState === "visible") {
        row.classList.remove("unread");
        row.querySelector(".dot")?.remove();
      }
    } else link.removeAttribute("aria-current");
  }
}

let title = document.title;
export function setTitle(text = title) {
  title = text;
  const urgent = document.querySelector('[data-count="urgent"]')?.textContent.trim();
  document.title = urgent ? `(${urgent}) ${title}` : title;
}

// What went well need not be read for ever; it is in the history too. Under the pointer or the
// focus it stays.
let fade = 0;
function fadeTold() {
  clearTimeout(fade);
  fade = setTimeout(() => {
    const bar = document.querySelector(".told-bar:is(.good, .note)");
    if (!bar) return;
    if (bar.matches(":hover, :focus-within")) fadeTold();
    else bar.remove();
  }, TOLD_FOR);
}

function wake(root) {
  for (const element of root.querySelectorAll(".needs-script[data-key-help], .needs-script[data-pick-page]")) {
    element.hidden = false;
  }
  countPicked();
}

function countPicked() {
  const picked = document.querySelectorAll(".tick input:checked").length;
  const count = byId("bulk-count");
  if (!count) return;
  count.hidden = false;
  count.textContent = plural("selected", picked);
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-pick-page]")) {
    for (const tick of document.querySelectorAll(".tick input")) tick.checked = true;
    countPicked();
    return;
  }
  const link = event.target.closest("#inbox a[href]");
  if (!link || link.target || link.hasAttribute("download") || event.defaultPrevented) return;
  if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  if (link.hash && link.pathname === location.pathname) return;
  const address = new URL(link.href);
  if (address.origin !== location.origin || !address.pathname.startsWith(inbox.dataset.inbox)) return;
  event.preventDefault();
  if (link.id === "written") open(address.href, { push: false });
  else if (link.id === "fresh") open(address.href, { push: false, keepCase: true });
  else open(address.href);
});

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.closest("#inbox") || form.method === "dialog") return;
  // Leads to another page. Where nothing is ticked, the server says so on this one.
  if (event.submitter?.hasAttribute("data-leaves")) return;
  event.preventDefault();
  const data = new FormData(form, event.submitter);
  const fields = form.enctype === "multipart/form-data" ? data : new URLSearchParams(data);
  if (form.method === "get") {
    for (const [name, value] of [...fields]) if (!value) fields.delete(name);
    open(`${form.action}?${fields}`);
    return;
  }
  if (form.dataset.busy) return;
  form.dataset.busy = "1";
  const opened = byId("opened")?.dataset.case;
  const got = await page(form.action, { method: "POST", body: fields, lost: form.dataset.lost });
  delete form.dataset.busy;
  if (!got) return;
  if (form.id === "note-form" && !got.document.querySelector(".told-bar.urgent")) {
    form.reset();
    form.dispatchEvent(new Event("input", { bubbles: true }));
  }
  if (got.isCase && byId("opened")?.dataset.case !== opened) {
    // They have gone on to another case: that one stays, and what became of this is told.
    refreshRows(got.document, opened);
    replace("told", got.document);
    fadeTold();
    const stopped = got.document.querySelector(".stopped p, .composer-error");
    const name = got.document.getElementById("case-name")?.textContent;
    if (stopped) tell(stopped.textContent, new URL("./", form.action).href.slice(0, -1), name);
    return;
  }
  show(got, { acted: got.isCase ? opened : null, form, sent: data.get("text") });
  if (new URL(got.address).href !== location.href) history.pushState(null, "", got.address);
});

document.addEventListener("change", (event) => {
  if (event.target.closest(".tick")) countPicked();
});

window.addEventListener("popstate", () => open(location.href, { push: false }));

takeEarly();
keepDrafts();
restoreDraft();
if (byId("opened")) showNewest();
wake(document);
markCurrent();
setTitle();
fadeTold();
startClock(inbox);
startKeys({ open });
startLive(inbox, { open, page, markCurrent, setTitle, swapRow });
