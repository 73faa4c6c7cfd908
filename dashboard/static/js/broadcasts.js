// Broadcasts: previews follow what is typed, progress follows what happens. Without scripts both
// come with the next page.

import { post } from "./frame.js";

const REST = 400;
const BEAT = 2_000;
const byId = (id) => document.getElementById(id);

// Previews.

const form = byId("write");
let waiting = 0;
let asked = 0;

function weigh() {
  clearTimeout(waiting);
  waiting = setTimeout(async () => {
    const number = ++asked;
    try {
      const answer = await post(form.dataset.weigh, new FormData(form));
      // An answer that comes late shows what was typed before.
      if (answer.ok && number === asked) byId("previews").innerHTML = await answer.text();
    } catch {
      // The connection broke: what is shown stays, and the server looks again before the plan.
    }
  }, REST);
}

form?.addEventListener("input", weigh);

// Progress.

const moving = byId("progress");

async function look() {
  if (!moving?.dataset.live) return;
  if (document.visibilityState === "visible") {
    try {
      const answer = await fetch(moving.dataset.live, { headers: { Accept: "text/html" } });
      if (answer.ok) {
        // Another state has other buttons: the page itself tells them.
        if (answer.headers.get("X-State") !== moving.dataset.state) return location.reload();
        const page = await answer.text();
        if (page !== moving.dataset.shown && !moving.contains(document.activeElement)) {
          moving.innerHTML = page;
          moving.dataset.shown = page;
        }
      }
    } catch {
      // Asked again at the next beat.
    }
  }
  setTimeout(look, BEAT);
}

if (moving?.dataset.live) setTimeout(look, BEAT);
