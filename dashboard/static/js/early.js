// Runs before anything of the page is shown: what is typed before the page's scripts are there is
// kept, and taken over by inbox-ahead.js. A classic script, for modules come too late.
(() => {
  const early = { keys: [], typed: new Set() };
  const fields = "textarea, select, input:not([type='checkbox'], [type='radio'])";

  function keep(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest?.(fields)) return;
    // These are for the browser, unless they follow a key that waits here.
    const follows = [" ", "Enter", "Backspace"].includes(event.key);
    if (follows ? !early.keys.length : event.key.length !== 1) return;
    event.preventDefault();
    early.keys.push({ code: event.code, key: event.key, shiftKey: event.shiftKey, at: Date.now() });
  }

  function note(event) {
    early.typed.add(event.target);
  }

  /** What was kept; nothing more is. */
  early.take = () => {
    removeEventListener("keydown", keep, true);
    removeEventListener("input", note, true);
    return early;
  };
  addEventListener("keydown", keep, true);
  addEventListener("input", note, true);
  window.shenavaEarly = early;
})();
