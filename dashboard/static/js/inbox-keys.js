// Keys, by the place they lie in (event.code), so that they work on every keyboard layout. Each
// presses a button or follows a link that is on the page; none does anything of its own.

import { keeps, writing } from "./inbox-ahead.js";

const byId = (id) => document.getElementById(id);
const inbox = byId("inbox");
let go = 0;

export function startKeys({ open }) {
  document.addEventListener("keydown", (event) => press(event, open));
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-key-help]")) byId("keys").showModal();
    const way = event.target.closest('[data-key="KeyN"]');
    if (way) {
      event.preventDefault();
      way.closest("details").open = false;
      byId("note-text").focus();
    }
  });
  startPalette(open);
}

function press(event, open) {
  if ((event.ctrlKey || event.metaKey) && event.code === "KeyK") {
    event.preventDefault();
    if (!document.querySelector("dialog[open]")) showPalette();
    return;
  }
  if (keeps(event) || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.code === "Escape") {
    const verdict = document.querySelector("details.verdict[open]");
    if (verdict && !document.querySelector("dialog[open]")) {
      verdict.open = false;
      verdict.querySelector("summary").focus();
    } else if (writing(event.target)) event.target.blur();
    return;
  }
  if (writing(event.target) || document.querySelector("dialog[open]")) return;
  const second = Date.now() - go < 1500;
  go = 0;
  if (second && event.code === "KeyI") return follow(event, inbox.dataset.inbox, open);
  if (second && event.code === "KeyS") return (location.href = inbox.dataset.settings);
  const deed = {
    KeyJ: () => step(1, open),
    KeyK: () => step(-1, open),
    KeyN: () => byId("note-text")?.focus(),
    KeyG: () => (go = Date.now()),
    Slash: () => (event.shiftKey ? byId("keys").showModal() : search()),
  }[event.code];
  if (deed) {
    event.preventDefault();
    deed();
  } else if (!event.shiftKey) button(event);
}

function follow(event, address, open) {
  event.preventDefault();
  open(address);
}

function search() {
  const field = byId("search");
  if (field.offsetParent) field.select();
  else showPalette();
}

/** Press what carries the key: a button, or the head of something that folds open. */
function button(event) {
  const found = document.querySelector(`#case-pane [data-key="${event.code}"]`);
  if (!found) return;
  event.preventDefault();
  found.click();
  if (found.localName !== "summary") return;
  const details = found.parentElement;
  if (!details.open) return;
  details.scrollIntoView({ block: "nearest" });
  details.querySelector("input:checked, :not(summary) button, button")?.focus();
}

/** To the next or previous row; where the list is hidden, straight to its case. */
function step(by, open) {
  const links = [...document.querySelectorAll("#rows .row-open")];
  if (!links.length) return;
  const focused = links.indexOf(document.activeElement);
  const current = links.findIndex((link) => link.hasAttribute("aria-current"));
  const from = focused >= 0 ? focused : current;
  const to = from < 0 ? (by > 0 ? 0 : links.length - 1) : from + by;
  const link = links[Math.min(Math.max(to, 0), links.length - 1)];
  if (link.offsetParent) {
    link.focus();
    link.scrollIntoView({ block: "nearest" });
  } else if (to !== current) open(link.href);
}

// The palette: type to narrow it down, or to search.

function options() {
  return [...byId("palette-list").children].filter((option) => !option.hidden);
}

function choose(option) {
  for (const one of byId("palette-list").children) {
    one.setAttribute("aria-selected", String(one === option));
  }
  const field = byId("palette").querySelector("input");
  if (option) field.setAttribute("aria-activedescendant", option.id);
  else field.removeAttribute("aria-activedescendant");
}

function showPalette() {
  const palette = byId("palette");
  const field = palette.querySelector("input");
  field.value = "";
  narrow("");
  palette.showModal();
  field.focus();
}

function narrow(text) {
  const typed = text.trim().toLocaleLowerCase();
  for (const option of byId("palette-list").children) {
    option.hidden =
      !("search" in option.dataset) && !option.textContent.toLocaleLowerCase().includes(typed);
  }
  choose(options()[0]);
}

function startPalette(open) {
  const palette = byId("palette");
  const form = palette.querySelector("form");
  const field = form.querySelector("input");
  const take = (option) => {
    palette.close();
    if (option && "search" in option.dataset) {
      const asked = field.value.trim();
      if (asked) open(`${form.action}?${new URLSearchParams({ q: asked })}`);
      else byId("search").focus();
    } else if (option?.dataset.href.startsWith(inbox.dataset.inbox)) open(option.dataset.href);
    else if (option) location.href = option.dataset.href;
  };
  field.addEventListener("input", () => narrow(field.value));
  field.addEventListener("keydown", (event) => {
    if (event.code !== "ArrowDown" && event.code !== "ArrowUp") return;
    event.preventDefault();
    const all = options();
    const at = all.findIndex((option) => option.getAttribute("aria-selected") === "true");
    const by = event.code === "ArrowDown" ? 1 : -1;
    choose(all[(at + by + all.length) % all.length]);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    take(options().find((option) => option.getAttribute("aria-selected") === "true"));
  });
  byId("palette-list").addEventListener("click", (event) => take(event.target.closest("li")));
  palette.addEventListener("click", (event) => {
    if (event.target === palette) palette.close();
  });
}
