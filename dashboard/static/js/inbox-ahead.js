// Typing ahead: keys that come while the page, or the case that was asked for, is not there yet wait
// and are pressed in their order once it is. So nobody's words go to the case before, or nowhere.

const TOO_OLD = 10_000;
const FIELDS = "textarea, select, input:not([type='checkbox'], [type='radio'])";
let waits = 0;
let kept = [];

export const writing = (element) => Boolean(element?.closest?.(FIELDS));

/** Something is on its way that the next keys are meant for. */
export function hold() {
  waits += 1;
}

/** It has come; or, with `lost`, it never will, and the keys go with it. */
export function release({ lost = false } = {}) {
  waits -= 1;
  if (lost) kept = [];
  const due = kept.filter((one) => Date.now() - one.at < TOO_OLD);
  kept = [];
  for (const [place, one] of due.entries()) {
    if (waits) {
      kept = due.slice(place);
      return;
    }
    press(one);
  }
}

/** Whether `event` waits. */
export function keeps(event) {
  if (!waits || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return false;
  if (writing(event.target)) return false;
  // These are for the browser, unless they follow a key that waits here.
  const follows = [" ", "Enter", "Backspace"].includes(event.key);
  if (follows ? !kept.length : event.key.length !== 1) return false;
  event.preventDefault();
  kept.push({ code: event.code, key: event.key, shiftKey: event.shiftKey, at: Date.now() });
  return true;
}

/** What was typed before there was anything to type to. Fields that were typed in say so now. */
export function takeEarly() {
  hold();
  const early = window.shenavaEarly?.take();
  kept.push(...(early?.keys ?? []));
  const begin = () => {
    for (const field of early?.typed ?? []) {
      if (field.isConnected) field.dispatchEvent(new Event("input", { bubbles: true }));
    }
    release();
  };
  // By then every script of the page is there.
  document.addEventListener("DOMContentLoaded", begin, { once: true });
}

function press({ code, key, shiftKey }) {
  const at = document.activeElement ?? document.body;
  if (!writing(at)) {
    const event = new KeyboardEvent("keydown", { code, key, shiftKey, bubbles: true, cancelable: true });
    if (at.dispatchEvent(event) && key === "Enter") at.click();
  } else if (key === "Backspace") document.execCommand("delete");
  else if (key === "Enter" && at.localName !== "textarea") at.form?.requestSubmit();
  else document.execCommand("insertText", false, key === "Enter" ? "\n" : key);
}
