// Urgent cases and spikes that call this person: a notification of the browser, and a bar on the page.
//
// One tab asks, for all tabs of this browser. On the inbox the feed of changes says when; elsewhere
// a timer does. What was told is remembered, so that no other tab tells it again.

import { ask } from "./asking.js";
import { plural, word } from "./words.js";

const SHOWN = 10_000;
const HIDDEN = 30_000;

const bar = document.getElementById("alert-bar");
const told = `shenava-alert-${bar.dataset.me}`;
const SOUND = "shenava-alert-sound";
const news = new BroadcastChannel("shenava-changes");
const tabs = new BroadcastChannel(told);
const visible = () => document.visibilityState === "visible";

function kept(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function keep(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // A browser that keeps nothing tells again after a reload; better that than never.
  }
}

// Asking.

let since = 0;
let wake = () => {};
let moved = 0;
news.addEventListener("message", ({ data }) => {
  if (isHere(bar.querySelector("a").href)) bar.hidden = true;
  if (!data.upto || data.upto === moved) return;
  moved = data.upto;
  wake();
});
document.addEventListener("visibilitychange", () => wake());
window.addEventListener("online", () => wake());

function rest(time) {
  return new Promise((resolve) => {
    const timer = setTimeout(done, time);
    function done() {
      clearTimeout(timer);
      wake = () => {};
      resolve();
    }
    wake = done;
  });
}

async function listen() {
  // Another tab may have told more since.
  since = Math.max(since, Number(kept(told)) || 0);
  try {
    const answer = await ask(`${bar.dataset.alerts}?since=${since}`);
    if (!answer.ok) return;
    const { upto, count, alerts } = await answer.json();
    since = upto;
    keep(told, String(upto));
    if (count) {
      const said = summed(count, alerts);
      tabs.postMessage(said);
      show(said);
      notify(said);
    }
  } catch {
    // Without a connection there is nothing to tell; the page itself says so.
  }
}

function summed(count, alerts) {
  const newest = alerts.at(-1);
  if (count === 1) return newest;
  // Many who complain at once come before the cases of which they are made.
  const spikes = alerts.filter((one) => one.spike_id);
  if (spikes.length) {
    const cases = count - spikes.length;
    const body = cases ? plural("alerts_many", cases) : "";
    return { ...spikes.sort((one, other) => one.people - other.people).at(-1), body };
  }
  return { id: newest.id, title: plural("alerts_many", count), body: "", url: bar.dataset.urgent };
}

// A tab that is put away makes room for one that is looked at, as for the changes.
async function lead() {
  for (;;) {
    const began = visible();
    const turn = async () => {
      do {
        await listen();
        await rest(visible() ? SHOWN : HIDDEN);
      } while (visible() || !began);
    };
    if (navigator.locks) await navigator.locks.request(told, turn);
    else await turn();
  }
}

// Telling.

tabs.addEventListener("message", ({ data }) => show(data));

function show(said) {
  // A case does not take the place of a spike that nobody has looked at or put away.
  if (!bar.hidden && bar.dataset.spike && !said.spike_id) return;
  bar.dataset.spike = said.spike_id || "";
  const link = bar.querySelector("a");
  link.href = said.url;
  bar.querySelector("[data-title]").textContent = said.title;
  bar.querySelector("[data-body]").textContent = said.body;
  // Whoever looks at the case already need not be sent to it.
  bar.hidden = isHere(link.href);
}

function isHere(address) {
  const { pathname, search } = new URL(address, location.href);
  return pathname === location.pathname && (!search || search === location.search);
}

bar.querySelector("[data-dismiss]").addEventListener("click", () => {
  bar.hidden = true;
});

function notify(said) {
  if (!("Notification" in window) || Notification.permission !== "granted") return;
  try {
    const shown = new Notification(said.title, {
      body: said.body,
      lang: document.documentElement.lang,
      dir: document.documentElement.dir,
      tag: `shenava-${said.id}`,
      silent: true,
      requireInteraction: true,
    });
    shown.addEventListener("click", () => {
      shown.close();
      window.focus();
      go(said.url);
    });
  } catch {
    // Some browsers of phones allow them to installed pages only; the bar tells it.
    return;
  }
  if (kept(SOUND) === "on") sound();
}

function go(url) {
  const writing = [...document.querySelectorAll("textarea")].some((field) => field.value.trim());
  // What someone is writing is not thrown away.
  if (writing) window.open(url, "_blank");
  else location.assign(url);
}

async function sound() {
  const context = new AudioContext();
  await context.resume();
  for (const [at, pitch] of [[0, 660], [0.18, 880]]) {
    const tone = context.createOscillator();
    const level = context.createGain();
    tone.frequency.value = pitch;
    level.gain.setValueAtTime(0.15, context.currentTime + at);
    level.gain.exponentialRampToValueAtTime(0.001, context.currentTime + at + 0.4);
    tone.connect(level).connect(context.destination);
    tone.start(context.currentTime + at);
    tone.stop(context.currentTime + at + 0.4);
  }
  setTimeout(() => context.close(), 1000);
}

// The choices on the page of duty.

function choices() {
  const state = document.querySelector("[data-notify-state]");
  if (!state) return;
  const button = document.querySelector("[data-notify-ask]");
  const loud = document.querySelector("[data-notify-sound]");
  const box = loud.querySelector("input");
  const draw = () => {
    const known = "Notification" in window;
    const name = !isSecureContext ? "insecure" : known ? Notification.permission : "unsupported";
    state.textContent = word(`notify_${name}`);
    button.hidden = name !== "default";
    loud.hidden = name !== "granted";
  };
  button.addEventListener("click", async () => {
    await Notification.requestPermission();
    draw();
  });
  box.checked = kept(SOUND) === "on";
  box.addEventListener("change", () => {
    keep(SOUND, box.checked ? "on" : "off");
    if (box.checked) sound();
  });
  draw();
}

choices();
lead();
