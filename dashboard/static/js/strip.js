// The status strip, kept true. A page that follows what moves asks for all tabs (changes.js); a
// tab that hears nothing for a while asks for itself, seldom, and only while someone looks at it.

import { ask } from "./asking.js";

const QUIET = 20_000;
let heard = Date.now();

function put(markup) {
  heard = Date.now();
  const mine = document.getElementById("strip");
  if (typeof markup !== "string" || !mine) return;
  const theirs = new DOMParser().parseFromString(markup, "text/html").getElementById("strip");
  // Someone who is about to press a link there keeps it until they leave it.
  if (!theirs || theirs.innerHTML === mine.innerHTML || mine.contains(document.activeElement)) return;
  mine.replaceChildren(...theirs.childNodes);
}

new BroadcastChannel("shenava-changes").addEventListener("message", (event) => put(event.data.strip));

// Every page that is signed in has the strip; the inbox's own asking answers through the channel.
const address = document.querySelector("[data-strip]")?.dataset.strip;
if (address) {
  setInterval(async () => {
    if (document.visibilityState !== "visible" || Date.now() - heard < QUIET) return;
    heard = Date.now();
    try {
      const answer = await ask(address);
      if (answer.ok) put((await answer.json()).strip);
    } catch {
      // The next turn tries again; what stands there says how old it is.
    }
  }, 5_000);
}
