// What a page asks by itself, again and again. Someone who signs out ends it: a question that is
// still on its way would come back refused, and the page would say "signed out" to who knows it.

let leaving = new AbortController();

document.querySelector("form[data-signs-out]")?.addEventListener("submit", () => leaving.abort());
// Back on the same page by the browser's "back": it asks again, and is told what is true.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) leaving = new AbortController();
});

/** GET `address` for JSON; fails, as without a connection, once someone is signing out. */
export function ask(address) {
  return fetch(address, { headers: { Accept: "application/json" }, signal: leaving.signal });
}
