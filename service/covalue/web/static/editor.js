// The SPARQL editor: all glue around YASGUI (pinned in service/web/vendor.json) is here and in the files that this one imports.
// What YASGUI would do by itself and does not here: prefixes of prefix.cc, completion from another machine, endpoints of others,
// an old query in place of the one asked for, results with bare IRIs, an interface in English only, Tab as a trap for the keyboard.

import { translated, watch } from "./editor-texts.js";
import { Chart, Network, Table, setUp as setUpViews } from "./editor-views.js";

const box = document.getElementById("editor");
const settings = JSON.parse(box.dataset.settings);
const zh = document.documentElement.lang === "zh";
const field = box.querySelector("textarea");
const { Yasgui } = window;

if (Yasgui && field) start();

async function start() {
  const first = { name: settings.name || translated("Query"), query: field.value };
  const known = fetch(settings.terms).then((answer) => (answer.ok ? answer.json() : { terms: [] })).catch(() => ({ terms: [] }));
  const terms = known.then((found) => found.terms);
  setUpViews({ terms: [], settings, zh });
  complete(terms);
  faults();
  Yasgui.Yasr.defaults.pluginOrder = ["table", "network", "chart", "response"];
  Yasgui.Yasr.registerPlugin("table", Table);
  Yasgui.Yasr.registerPlugin("network", Network);
  Yasgui.Yasr.registerPlugin("chart", Chart);

  box.replaceChildren();
  watch(box, zh);
  const yasgui = new Yasgui(box, {
    requestConfig: { endpoint: settings.endpoint, method: "POST" },
    persistenceId: "covalue",
    populateFromUrl: false,
    autofocus: false,
    copyEndpointOnNewTab: false,
    contextMenuContainer: box,
    tabName: translated("Query"),
    endpointCatalogueOptions: { getData: () => [{ endpoint: settings.endpoint }], keys: [], renderItem: () => {} },
    yasqe: {
      value: "SELECT * WHERE {\n  ?thing a ?class .\n}\nLIMIT 10\n",
      autocompleters: ["covalue", "covalue-prefixes", "variables"],
      extraKeys: { Tab: false, "Shift-Tab": false, "Ctrl-S": false },
      editorHeight: "auto",
      viewportMargin: Infinity,
      resizeable: false,
    },
    yasr: { prefixes: settings.prefixes, maxPersistentResponseSize: 0 },
  });
  window.covalueEditor = yasgui; // for whoever helps a reader, and for the tests
  yasgui.on("tabAdd", () => setTimeout(() => tend(yasgui)));
  yasgui.on("tabSelect", () => setTimeout(() => tend(yasgui)));
  const tab = open(yasgui, first);
  tend(yasgui);
  examples(yasgui);
  const help = document.getElementById("editor-help");
  if (help) help.hidden = false;
  setUpViews({ terms: await terms, settings, zh });
  if (settings.run) tab.query().catch(() => {}); // a fault is shown below the editor
}

// A question has a tab of its own, which shows what was asked for and not what stood there before.
function open(yasgui, { name, query }) {
  const found = Object.values(yasgui._tabs).find((tab) => tab.getName() === name);
  const tab = found ?? yasgui.addTab(true, { ...Yasgui.Tab.getDefaults(yasgui), name, yasqe: { value: query } });
  yasgui.selectTabId(tab.getId());
  if (tab.getYasqe().getValue() !== query) tab.setQuery(query);
  for (const other of Object.values(yasgui._tabs)) {
    if (other.getEndpoint() !== settings.endpoint) other.setEndpoint(settings.endpoint); // kept from another address of the service
  }
  // The tab with which YASGUI begins in an empty browser is nobody's.
  const blank = Object.values(yasgui._tabs).find((other) => other !== tab && other.getPersistedJson().yasqe.value === yasgui.config.yasqe.value);
  blank?.close();
  return tab;
}

function examples(yasgui) {
  const choice = document.getElementById("question");
  choice?.form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!choice.value) return;
    const answer = await fetch(`${settings.questions}/${choice.value}?format=rq`);
    if (!answer.ok) return;
    const query = (await answer.text()).split("\n").filter((line) => !line.startsWith("#+")).join("\n").trim() + "\n";
    open(yasgui, { name: choice.selectedOptions[0].textContent.trim(), query });
    tend(yasgui);
  });
}

// Names for those who hear the page, and keys for those who use no mouse.
function tend(yasgui) {
  const tab = yasgui.getTab();
  const editor = tab?.getYasqe();
  if (!editor) return;
  editor.getInputField().setAttribute("aria-label", `SPARQL: ${tab.getName()}`);
  editor.getInputField().setAttribute("aria-describedby", "editor-help");
  const add = box.querySelector(".addTab"); // among tabs nothing but tabs may stand
  add?.setAttribute("role", "tab");
  add?.setAttribute("aria-selected", "false");
  for (const list of box.querySelectorAll(".tabsList")) list.setAttribute("aria-label", translated("Queries"));
  for (const name of box.querySelectorAll(".tab input")) name.onkeydown = (event) => event.stopPropagation(); // Delete edits the name there, and closes nothing
  for (const scroller of box.querySelectorAll(".CodeMirror-scroll, .CodeMirror-vscrollbar, .CodeMirror-hscrollbar")) scroller.setAttribute("tabindex", "-1");
}

// --- completion: by names in both languages, out of our own terms; prefixes that the dataset uses

function complete(terms) {
  const prefixes = settings.prefixes;
  const wanted = (text) => text.replace(/^[<]/, "").replace(/^[a-z0-9-]*:/i, "").toLowerCase();

  Yasgui.Yasqe.registerAutocompleter({
    name: "covalue",
    bulk: false,
    autoShow: false,
    isValidCompletionPosition: (editor) => {
      const token = editor.getCompleteToken();
      return !/^[?$"']/.test(token.string) && editor.getPreviousNonWsToken(editor.getDoc().getCursor().line, token).string.toUpperCase() !== "PREFIX";
    },
    get: async (editor, token) => {
      const text = wanted((token?.string ?? "").trim());
      const all = await terms;
      const hit = (term) => [term.en, term.zh, term.curie.split(":").pop(), ...(term.names ?? [])].filter(Boolean).map((name) => name.toLowerCase());
      const ranked = all.map((term) => [rank(hit(term), text), term]).filter(([place]) => place < 9);
      ranked.sort((a, b) => a[0] - b[0] || a[1].curie.localeCompare(b[1].curie));
      return ranked.slice(0, 60).map(([, term]) => term.iri);
    },
    postProcessSuggestion: (editor, token, iri) => written(iri, prefixes),
    postprocessHints: (editor, hints) => described(editor, hints, terms, prefixes),
  }, true);

  const list = Object.entries(prefixes).map(([prefix, iri]) => `${prefix}: <${iri}>`);
  Yasgui.Yasqe.forkAutocompleter("prefixes", { name: "covalue-prefixes", persistenceId: null, get: () => list }, true);
  Yasgui.Yasqe.defaults.autocompleters = ["covalue", "covalue-prefixes", "variables"];
}

function rank(names, text) {
  if (!text) return 5;
  if (names.includes(text)) return 0;
  if (names.some((name) => name.startsWith(text))) return 1;
  return names.some((name) => name.includes(text)) ? 2 : 9;
}

// A local name with a slash is no SPARQL: such IRIs are written in full.
function written(iri, prefixes) {
  const found = Object.entries(prefixes).filter(([, start]) => iri.startsWith(start)).sort((a, b) => b[1].length - a[1].length)[0];
  const local = found && iri.slice(found[1].length);
  return found && /^[\w-]+$/.test(local) ? `${found[0]}:${local}` : `<${iri}>`;
}

async function described(editor, hints, terms, prefixes) {
  const byText = new Map((await terms).map((term) => [written(term.iri, prefixes), term]));
  for (const hint of hints) {
    const term = byText.get(hint.text);
    if (!term) continue;
    hint.render = (element) => {
      const name = document.createElement("span");
      name.textContent = (zh ? [term.zh, term.en] : [term.en, term.zh]).filter(Boolean).join(" · ");
      const code = document.createElement("code");
      code.textContent = term.curie;
      element.append(name, code);
    };
    hint.hint = (cm, data, chosen) => {
      cm.getDoc().replaceRange(chosen.text, chosen.from ?? data.from, chosen.to ?? data.to, "complete");
      const prefix = chosen.text.match(/^([\w-]+):/)?.[1];
      if (prefix && !(prefix in editor.getPrefixesFromQuery())) editor.addPrefixes({ [prefix]: prefixes[prefix] });
    };
  }
  return hints;
}

// --- faults: the sentence of the service, with line and column, and a way there

function faults() {
  Yasgui.Yasr.defaults.errorRenderers = [async (error) => {
    let problem;
    try {
      problem = JSON.parse(error.text);
    } catch {
      problem = { detail: error.text || translated("The service gives no answer; is it still running?") };
    }
    const said = document.createElement("div");
    said.className = "cut";
    said.setAttribute("role", "alert");
    const sentence = document.createElement("p");
    const text = zh && problem.detail_zh ? problem.detail_zh : problem.detail.replace(/^line \d+, column \d+: /, "");
    sentence.textContent = problem.line ? (zh ? `第 ${problem.line} 行，第 ${problem.column} 列：${text}` : `Line ${problem.line}, column ${problem.column}: ${text}`) : text;
    said.append(sentence);
    if (problem.line) said.append(way(problem));
    return said;
  }, ...(Yasgui.Yasr.defaults.errorRenderers ?? [])];
}

function way({ line, column }) {
  const editor = window.covalueEditor.getTab().getYasqe();
  const at = { line: line - 1, ch: column - 1 };
  const mark = editor.getDoc().markText(at, { line: at.line, ch: at.ch + 1 }, { className: "fault", clearOnEnter: true });
  editor.on("change", () => mark.clear());
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.textContent = translated("Go there");
  button.addEventListener("click", () => {
    editor.focus();
    editor.getDoc().setCursor(at);
    editor.scrollIntoView(at, 80);
  });
  return button;
}
