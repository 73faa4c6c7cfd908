// Words in the reader's language, handed over by the page (dashboard/i18n.py, script_words).

const entries = new Map();
for (const block of document.querySelectorAll("script.words")) {
  for (const [name, entry] of Object.entries(JSON.parse(block.textContent))) {
    entries.set(name, entry);
  }
}

export const language = document.documentElement.lang;
const digits = { fa: "arabext", ar: "arab" }[language] ?? "latn";
const numbers = new Intl.NumberFormat(language, { numberingSystem: digits });
const kinds = new Intl.PluralRules(language);

/** A number in the digits of the page. */
export function number(value) {
  return numbers.format(value);
}

/** The word `name`, its places (%(place)s) filled; numbers in the digits of the page. */
export function word(name, places = {}) {
  return fill(entries.get(name), places);
}

/** The form of `name` that `count` takes; it also fills the place `num`. */
export function plural(name, count, places = {}) {
  const forms = entries.get(name);
  return fill(forms[kinds.select(count)] ?? forms.other, { num: count, ...places });
}

function fill(text, places) {
  return text.replace(/%\((\w+)\)s|%%/g, (found, place) => {
    if (!place) return "%";
    const value = places[place];
    return typeof value === "number" ? number(value) : String(value);
  });
}
