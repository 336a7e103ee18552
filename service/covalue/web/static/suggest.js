/*
 * Names that fit, while one types: an ARIA combobox over every <input data-suggest="address">. Without script the field is a plain form.
 *
 * The list is asked from the service that gave the page, a moment after the last key; answers that come late are dropped. Nothing is
 * chosen unless the reader goes to it: Enter without a choice sends the form as ever.
 */

const WAIT = 120; // milliseconds after the last key
const KINDS = {
  en: { concept: "concept", class: "class", property: "property", case: "case", thing: "thing", scheme: "scheme", question: "question", source: "source", claim: "claim", other: "" },
  zh: { concept: "概念", class: "类", property: "属性", case: "案例", thing: "案例事物", scheme: "概念方案", question: "现成问题", source: "来源", claim: "陈述", other: "" },
};
const lang = document.documentElement.lang === "zh" ? "zh" : "en";
const WORDS = {
  en: { list: "Suggestions", count: (n) => (n ? `${n} suggestions; arrow keys move among them` : "no suggestion") },
  zh: { list: "建议", count: (n) => (n ? `${n} 条建议；用上下方向键选择` : "没有建议") },
}[lang];

let number = 0;

/** Makes a field suggest names. */
function suggestFor(input) {
  const id = `suggestions-${(number += 1)}`;
  const place = document.createElement("span");
  place.className = "suggestions-place";
  input.replaceWith(place);
  const list = document.createElement("ul");
  Object.assign(list, { id, className: "suggestions", hidden: true });
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", WORDS.list);
  const status = document.createElement("span");
  status.className = "visually-hidden";
  status.setAttribute("role", "status");
  place.append(input, list, status);
  for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-expanded", "false"], ["aria-controls", id]]) input.setAttribute(name, value);

  let timer = 0;
  let asked = null;
  let results = [];
  let at = -1;

  const close = () => {
    list.hidden = true;
    at = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };

  const mark = (next) => {
    at = next;
    [...list.children].forEach((item, i) => item.setAttribute("aria-selected", String(i === at)));
    if (at < 0) input.removeAttribute("aria-activedescendant");
    else {
      input.setAttribute("aria-activedescendant", list.children[at].id);
      list.children[at].scrollIntoView({ block: "nearest" });
    }
  };

  const go = (i) => {
    const { href } = results[i];
    if (href) window.location.assign(href);
  };

  const show = (found) => {
    results = found;
    list.replaceChildren(...found.map((one, i) => item(one, `${id}-${i}`)));
    status.textContent = WORDS.count(found.length);
    if (!found.length) return close();
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    mark(-1);
  };

  const ask = async () => {
    asked?.abort();
    const query = input.value.trim();
    if (!query) return show([]);
    asked = new AbortController();
    const { signal } = asked;
    const address = new URL(input.dataset.suggest, window.location.href);
    address.searchParams.set("q", query);
    address.searchParams.set("lang", lang);
    try {
      const answer = await fetch(address, { signal, headers: { Accept: "application/json" } });
      if (answer.ok && !signal.aborted) show((await answer.json()).results);
    } catch (error) {
      if (error.name !== "AbortError") close(); // the plain form is still there
    }
  };

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, WAIT);
  });
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return; // an input method for Chinese uses the same keys
    if (event.key === "Escape" && !list.hidden) {
      close();
      event.preventDefault();
    } else if (event.key === "Enter" && at >= 0) {
      event.preventDefault();
      go(at);
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && results.length) {
      event.preventDefault();
      if (list.hidden) show(results);
      const step = event.key === "ArrowDown" ? 1 : -1;
      mark(((at + 1 + step + results.length + 1) % (results.length + 1)) - 1);
    }
  });
  input.addEventListener("blur", () => setTimeout(close, 150));
  list.addEventListener("mousedown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const chosen = event.target.closest("li");
    if (chosen) go([...list.children].indexOf(chosen));
  });
}

/** One suggestion; names become text, never markup. */
function item(one, id) {
  const line = document.createElement("li");
  line.id = id;
  line.setAttribute("role", "option");
  line.setAttribute("aria-selected", "false");
  const other = lang === "zh" ? "en" : "zh";
  const parts = [["label", one.label, lang]];
  if (one[other] !== one.label) parts.push(["second", one[other], other]);
  parts.push(["kind", KINDS[lang][one.kind] ?? "", lang]);
  for (const [name, text, language] of parts) {
    const part = document.createElement("span");
    part.className = name;
    part.lang = language;
    part.textContent = text;
    line.append(part, " ");
  }
  return line;
}

for (const input of document.querySelectorAll("input[data-suggest]")) suggestFor(input);
