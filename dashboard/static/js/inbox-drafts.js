// A note that was begun is kept in this tab until it is sent, whatever happens to the page.

const key = (id) => `note-${id}`;

export function keepDrafts() {
  document.addEventListener("input", (event) => {
    const area = event.target.closest("#note-form")?.querySelector("textarea");
    const id = document.getElementById("opened")?.dataset.case;
    if (!area || !id) return;
    if (area.value) sessionStorage.setItem(key(id), area.value);
    else sessionStorage.removeItem(key(id));
  });
}

export function restoreDraft() {
  const id = document.getElementById("opened")?.dataset.case;
  const area = document.getElementById("note-text");
  const kept = id && sessionStorage.getItem(key(id));
  if (area && kept && !area.value) area.value = kept;
}
