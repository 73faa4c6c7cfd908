// Broadcasts: previews follow what is typed, progress follows what happens. Without scripts both
// come with the next page.

import { follow } from "./changes.js";
import { post } from "./frame.js";

const REST = 400;
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

// Progress. The feed tells of each broadcast under way a word that is another as soon as anything
// of it moved; one that it names no more has ended, or waits for its release again.

const moving = byId("progress");
let upto = Number(moving?.dataset.upto);
let busy = false;

function hear(news) {
  if (!news.broadcasts) return;
  upto = Math.max(upto, news.upto);
  look(news.broadcasts[moving.dataset.broadcast] ?? "");
}

async function look(mark) {
  if (busy || mark === moving.dataset.mark || moving.contains(document.activeElement)) return;
  busy = true;
  try {
    const answer = await fetch(moving.dataset.live, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    // Another state has other buttons: the page itself tells them.
    if (answer.headers.get("X-State") !== moving.dataset.state) return location.reload();
    moving.innerHTML = await answer.text();
    moving.dataset.mark = mark;
  } catch {
    // The connection broke: the next news looks again.
  } finally {
    busy = false;
  }
}

if (moving?.dataset.live) follow(moving.dataset.changes, () => upto, hear);
