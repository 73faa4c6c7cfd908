// Saved replies: "/" at the beginning of a word opens a list that typing narrows down. The texts
// stand in the page, in the customer's language and filled as far as they can be.

import { word } from "./words.js";

const OPENS = /(?:^|\s)\/([^\s/]*)$/u;

export function startReplies(composer, changed) {
  const area = composer.querySelector("#answer-form textarea");
  const list = composer.querySelector("#reply-list");
  const choice = composer.querySelector("#reply-choice");
  if (!area || !list || !choice) return;
  const all = [...choice.options].filter((option) => option.value);
  area.setAttribute("aria-controls", list.id);
  area.setAttribute("aria-autocomplete", "list");

  const typed = () => {
    if (area.selectionStart !== area.selectionEnd) return null;
    return OPENS.exec(area.value.slice(0, area.selectionStart))?.[1] ?? null;
  };

  function narrow() {
    const asked = typed()?.toLocaleLowerCase();
    if (asked === undefined) return close();
    const fits = (option) =>
      option.dataset.shortcut.startsWith(asked) ||
      option.textContent.toLocaleLowerCase().includes(asked);
    const found = all.filter(fits);
    // What is called just so comes first.
    found.sort((one, other) => starts(other, asked) - starts(one, asked));
    if (!found.length && asked) return close();
    list.replaceChildren(...found.map(row));
    if (!found.length) list.append(Object.assign(document.createElement("li"), { textContent: word("no_reply") }));
    list.hidden = false;
    mark(list.querySelector("[data-value]"));
  }

  function starts(option, asked) {
    return Number(option.dataset.shortcut.startsWith(asked));
  }

  function row(option) {
    const item = document.createElement("li");
    item.id = `reply-${option.value}`;
    item.dataset.value = option.value;
    item.setAttribute("role", "option");
    const head = document.createElement("span");
    const name = Object.assign(document.createElement("bdi"), { textContent: option.textContent });
    const shortcut = Object.assign(document.createElement("bdi"), {
      className: "muted small",
      textContent: `/${option.dataset.shortcut}`,
    });
    head.append(name, " ", shortcut);
    const preview = Object.assign(document.createElement("span"), {
      className: "preview",
      dir: option.dataset.language === "en" ? "ltr" : "rtl",
      lang: option.dataset.language,
      textContent: option.dataset.shown,
    });
    item.append(head, preview);
    return item;
  }

  function mark(item) {
    for (const one of list.children) one.setAttribute("aria-selected", String(one === item));
    if (item) {
      area.setAttribute("aria-activedescendant", item.id);
      item.scrollIntoView({ block: "nearest" });
    } else area.removeAttribute("aria-activedescendant");
  }

  function close() {
    list.hidden = true;
    list.replaceChildren();
    area.removeAttribute("aria-activedescendant");
  }

  function insert(value, from) {
    const option = all.find((one) => one.value === value);
    if (!option) return;
    close();
    area.focus();
    // As if it were typed, so that the browser's own undo takes it back.
    area.setSelectionRange(from, area.selectionEnd);
    if (!document.execCommand("insertText", false, option.dataset.text)) {
      area.setRangeText(option.dataset.text, from, area.selectionEnd, "end");
    }
    changed();
  }

  area.addEventListener("input", narrow);
  area.addEventListener("blur", () => setTimeout(close, 150));
  area.addEventListener("keydown", (event) => {
    if (list.hidden || event.isComposing) return;
    const items = [...list.querySelectorAll("[data-value]")];
    const at = items.findIndex((item) => item.getAttribute("aria-selected") === "true");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const by = event.key === "ArrowDown" ? 1 : -1;
      if (items.length) mark(items[(at + by + items.length) % items.length]);
    } else if ((event.key === "Enter" && !event.ctrlKey && !event.metaKey) || event.key === "Tab") {
      if (at < 0) return;
      insert(items[at].dataset.value, area.selectionStart - typed().length - 1);
    } else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  list.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    const item = event.target.closest("[data-value]");
    if (item) insert(item.dataset.value, area.selectionStart - (typed()?.length ?? -1) - 1);
  });
  composer.querySelector("#reply-insert").addEventListener("click", (event) => {
    event.preventDefault();
    if (!choice.value) return choice.focus();
    const value = choice.value;
    choice.value = "";
    area.setSelectionRange(area.value.length, area.value.length);
    if (area.value && !/\s$/u.test(area.value)) area.setRangeText("\n", area.value.length, area.value.length, "end");
    insert(value, area.value.length);
  });
}
