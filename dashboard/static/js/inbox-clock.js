// Spans of time stay true while a page is open. The words are those of dashboard/dates.py.

import { plural, word } from "./words.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const SOON = 15 * MINUTE;
const EVERY = 15_000;

// The machine in front of the person may have the wrong time; the server's counts.
let ahead = 0;

export function startClock(inbox) {
  ahead = new Date(inbox.dataset.now) - Date.now();
  setInterval(tick, EVERY);
  document.addEventListener("visibilitychange", tick);
}

function tick() {
  if (document.visibilityState !== "visible") return;
  const now = Date.now() + ahead;
  for (const time of document.querySelectorAll("#inbox time")) {
    const at = Date.parse(time.dateTime);
    if (time.classList.contains("when")) say(time, when(now - at));
    else if (time.classList.contains("countdown")) {
      say(time, countdown(at - now));
      const left = at - now;
      time.classList.toggle("urgent", left < 0);
      time.classList.toggle("soon", left >= 0 && left <= SOON);
      time.classList.toggle("calm", left > SOON);
    } else if (time.classList.contains("waits")) {
      const gone = now - at;
      say(time, gone < MINUTE ? word("just_now") : word("waiting", { span: span(gone) }));
    }
  }
}

function say(time, text) {
  if (text !== null && time.textContent !== text) time.textContent = text;
}

function when(gone) {
  const length = Math.abs(gone);
  if (length >= DAY) return null;
  if (length < MINUTE) return word("just_now");
  const minutes = Math.floor(length / MINUTE);
  const hours = Math.floor(length / HOUR);
  if (gone > 0) return hours ? plural("h_ago", hours) : plural("min_ago", minutes);
  return hours ? plural("in_h", hours) : plural("in_min", minutes);
}

function countdown(left) {
  const length = Math.abs(left);
  const [minutes, hours, days] = [MINUTE, HOUR, DAY].map((unit) => Math.floor(length / unit));
  const late = left < 0;
  if (length < MINUTE) return word(late ? "due_now" : "under_minute");
  if (length < HOUR) return plural(late ? "late_min" : "min_left", minutes);
  if (length < 2 * DAY) return plural(late ? "late_h" : "h_left", hours);
  return plural(late ? "late_day" : "day_left", days);
}

function span(length) {
  if (length < HOUR) return plural("span_min", Math.max(0, Math.floor(length / MINUTE)));
  if (length < 2 * DAY) return plural("span_h", Math.floor(length / HOUR));
  return plural("span_day", Math.floor(length / DAY));
}
