// What moved, followed: one tab asks for all tabs of this browser, and tells them. Who follows has
// a number it has seen up to; what comes is { since, upto, … } as the feed says it, or { trouble }.

import { ask } from "./asking.js";

const SHOWN = 2_000;
const HIDDEN = 15_000;
const channel = new BroadcastChannel("shenava-changes");
const visible = () => document.visibilityState === "visible";
const pause = (time) =>
  new Promise((resolve) => {
    const timer = setTimeout(done, time);
    function done() {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", done);
      window.removeEventListener("online", done);
      resolve();
    }
    document.addEventListener("visibilitychange", done);
    window.addEventListener("online", done);
  });

/** Hears what moved, whichever tab asks; gives what asks once, now. */
export function follow(address, seenUpto, hear) {
  let failed = 0;
  channel.addEventListener("message", (event) => hear(event.data));
  lead();
  return poll;

  // Who asks. A tab that is put away makes room for one that is looked at. Without locks (plain
  // HTTP from another machine) every tab asks for itself.
  async function lead() {
    for (;;) {
      const began = visible();
      const turn = async () => {
        let failures = 0;
        do {
          failures = (await poll()) ? 0 : failures + 1;
          const rest = Math.min(SHOWN * 2 ** failures, HIDDEN);
          await pause(visible() ? rest : HIDDEN);
        } while (visible() || !began);
      };
      if (navigator.locks) await navigator.locks.request("shenava-changes", turn);
      else await turn();
    }
  }

  async function poll() {
    const since = seenUpto();
    try {
      const answer = await ask(`${address}?since=${since}`);
      if (answer.status === 401) {
        both({ trouble: "signed_out" });
        return false;
      }
      if (!answer.ok) throw new Error(String(answer.status));
      const moved = await answer.json();
      failed = 0;
      both({ since, ...moved });
      return true;
    } catch {
      // A single miss is no news; two in a row are.
      failed += 1;
      if (failed > 1) both({ trouble: "offline" });
      return false;
    }
  }

  function both(news) {
    channel.postMessage(news);
    // Who posts to a channel does not hear it there.
    window.dispatchEvent(new CustomEvent("shenava-changes", { detail: news }));
    hear(news);
  }
}
