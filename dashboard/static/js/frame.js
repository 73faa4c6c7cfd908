// What every page does a little better with scripts. Without them each form and link still works.

import { word } from "./words.js";

export const csrfToken = document.querySelector('meta[name="csrf-token"]').content;

/** POST `fields` as a form would; gives the answer. */
export function post(address, fields) {
  return fetch(address, {
    method: "POST",
    headers: { "X-CSRFToken": csrfToken, Accept: "application/json" },
    body: new URLSearchParams(fields),
  });
}

// Theme: at once, then kept.
for (const form of document.querySelectorAll("[data-theme-switch]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const theme = event.submitter.value;
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    for (const button of form.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button === event.submitter));
    }
    // The profile page has the same choice in its form.
    const choice = document.querySelector(`input[name="theme"][value="${theme}"]`);
    if (choice) choice.checked = true;
    post(form.action, { theme });
  });
}

// <button data-copy="id of an input" hidden>: shown only where copying works.
for (const button of document.querySelectorAll("[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  const label = button.querySelector("span");
  button.hidden = false;
  button.addEventListener("click", async () => {
    source.select();
    try {
      await navigator.clipboard.writeText(source.value);
    } catch {
      // Plain http from another machine has no clipboard; the selection can be copied by hand.
      return;
    }
    label.textContent = word("copied");
    setTimeout(() => (label.textContent = word("copy")), 2000);
  });
}

// <a data-dialog="id of a dialog" href="a page that does the same">
for (const opener of document.querySelectorAll("[data-dialog]")) {
  opener.addEventListener("click", (event) => {
    event.preventDefault();
    document.getElementById(opener.dataset.dialog).showModal();
  });
}
for (const closer of document.querySelectorAll("[data-close]")) {
  closer.addEventListener("click", (event) => {
    event.preventDefault();
    closer.closest("dialog").close();
  });
}

// Menus: one open at a time; Escape and a click elsewhere close it.
function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu !== except) menu.open = false;
  }
}
document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = document.querySelector("details.menu[open]");
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
});
