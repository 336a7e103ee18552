// Results in the editor as a table with labels, as a network and as a chart. Everything from the graph is set as text, never as markup.

import { translated } from "./editor-texts.js";

const MOST_ROWS = 1000;
const MOST_NODES = 300;
const MOST_BARS = 60;
const MOST_LEARNT = 2000;
const OURS = "https://w3id.org/covalue/";
const SVG = "http://www.w3.org/2000/svg";
const COLOURS = ["--d-delivery", "--d-creation", "--d-proposition", "--d-capture", "--accent"];
const known = { labels: new Map(), kinds: new Map(), settings: {}, zh: false };

export function setUp({ terms, settings, zh }) {
  Object.assign(known, { settings, zh });
  known.labels = new Map(terms.map((term) => [term.iri, (zh ? term.zh || term.en : term.en || term.zh) || term.curie]));
  known.kinds = new Map(terms.map((term) => [term.iri, term.kind]));
}

function short(iri) {
  const found = Object.entries(known.settings.prefixes).filter(([, start]) => iri.startsWith(start)).sort((a, b) => b[1].length - a[1].length)[0];
  return found ? `${found[0]}:${iri.slice(found[1].length)}` : iri;
}

const label = (iri) => known.labels.get(iri) ?? short(iri);
const shown = (term) => (term.type === "uri" ? label(term.value) : term.value);

// Our own IRIs lead to this service, wherever it runs; others to themselves if they are of the web.
function address(iri) {
  if (iri.startsWith(OURS)) return known.settings.base + iri.slice(OURS.length);
  return /^https?:\/\//.test(iri) ? iri : null;
}

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  Object.assign(made, properties);
  made.append(...children);
  return made;
}

function drawing(name, attributes = {}, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}

function icon(path) {
  const made = drawing("svg", { viewBox: "0 0 16 16", width: 14, height: 14, "aria-hidden": "true" });
  made.append(drawing("path", { d: path, fill: "currentcolor" }));
  return made;
}

function button(text, action) {
  const made = element("button", { type: "button", className: "quiet", textContent: translated(text) });
  made.addEventListener("click", action);
  return made;
}

function save(data, name) {
  const link = element("a", { href: URL.createObjectURL(data), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// Labels of things that are no terms (claims, passages) are asked for as they appear.
async function learn(iris) {
  const missing = [...new Set(iris)].filter((iri) => iri.startsWith(OURS) && !known.labels.has(iri)).slice(0, MOST_LEARNT);
  if (!missing.length) return;
  const query = `SELECT ?x ?label { VALUES ?x { ${missing.map((iri) => `<${iri}>`).join(" ")} } ?x <http://www.w3.org/2000/01/rdf-schema#label> ?label }`;
  try {
    const answer = await fetch(known.settings.endpoint, { method: "POST", headers: { Accept: "application/sparql-results+json" }, body: new URLSearchParams({ query }) });
    if (!answer.ok) return;
    const wanted = known.zh ? "zh" : "en";
    for (const { x, label: said } of (await answer.json()).results.bindings) {
      if (said["xml:lang"] === wanted || !known.labels.has(x.value)) known.labels.set(x.value, said.value);
    }
  } catch {
    // without labels the short forms of the IRIs stand
  }
}

class View {
  constructor(yasr) {
    this.yasr = yasr;
  }

  things() {
    return this.rows.flatMap((row) => Object.values(row).filter((term) => term.type === "uri").map((term) => term.value));
  }

  get rows() {
    return this.yasr.results?.getBindings() ?? [];
  }

  get columns() {
    return this.yasr.results?.getVariables() ?? [];
  }

  show(...parts) {
    this.yasr.resultsEl.replaceChildren(...parts);
  }
}

export class Table extends View {
  priority = 11;
  label = translated("Table");

  getIcon() {
    return icon("M1 2h14v3H1zM1 7h6v3H1zM9 7h6v3H9zM1 12h6v3H1zM9 12h6v3H9z");
  }

  canHandleResults() {
    return Boolean(this.yasr.results) && (this.columns.length > 0 || this.yasr.results.getBoolean() !== undefined);
  }

  async draw() {
    const truth = this.yasr.results.getBoolean();
    if (truth !== undefined) {
      this.show(element("p", { className: "lede", textContent: translated(truth ? "True" : "False") }));
      return;
    }
    const rows = this.rows;
    await learn(this.things());
    const body = element("tbody", {}, ...rows.slice(0, MOST_ROWS).map((row) => element("tr", {}, ...this.columns.map((column) => this.cell(row[column])))));
    const head = element("tr", {}, ...this.columns.map((column, place) => this.head(column, place, body)));
    const wrap = element("div", { className: "table-wrap", tabIndex: 0, role: "region", ariaLabel: translated("Table") }, element("table", {}, element("thead", {}, head), body));
    const parts = [wrap];
    if (rows.length > MOST_ROWS) {
      const text = known.zh ? `仅显示前 ${MOST_ROWS} 行；下载文件为完整结果。` : `Only the first ${MOST_ROWS} rows are shown; the download is whole.`;
      parts.unshift(element("p", { className: "cut", textContent: text }));
    }
    this.show(...parts);
  }

  cell(term) {
    if (!term) return element("td");
    const href = term.type === "uri" ? address(term.value) : null;
    const text = element(href ? "a" : "span", { textContent: shown(term), title: term.type === "uri" ? term.value : term.datatype ?? "" });
    if (href) Object.assign(text, { href, rel: "noopener noreferrer" });
    if (term["xml:lang"]) text.lang = term["xml:lang"];
    return element("td", {}, text);
  }

  head(column, place, body) {
    const name = element("button", { type: "button", className: "quiet", textContent: column, title: translated("Sorted by this column") });
    const made = element("th", { scope: "col" }, name);
    const collator = new Intl.Collator(document.documentElement.lang, { numeric: true });
    name.addEventListener("click", () => {
      const down = made.getAttribute("aria-sort") === "ascending";
      for (const other of made.parentElement.children) other.removeAttribute("aria-sort");
      made.setAttribute("aria-sort", down ? "descending" : "ascending");
      const text = (row) => row.cells[place].textContent;
      body.append(...[...body.rows].sort((a, b) => (down ? -1 : 1) * collator.compare(text(a), text(b))));
    });
    return made;
  }

  download(name) {
    return { getData: () => `\ufeff${this.yasr.results?.asCsv() ?? ""}`, contentType: "text/csv;charset=utf-8", title: translated("Download result"), filename: `${name || "covalue"}.csv` };
  }
}

// A graph as it is; of a table the first two columns of things, or of three the first and the last, with the one between them as name.
function edges(view) {
  const statements = view.yasr.results?.getStatements?.();
  if (statements?.length) return statements.filter((s) => s.object.termType === "NamedNode").map((s) => [s.subject.value, s.object.value, label(s.predicate.value)]);
  const things = view.columns.filter((column) => view.rows.some((row) => row[column]?.type === "uri"));
  if (things.length < 2) return [];
  const [from, second, third] = things;
  const [by, to] = things.length === 3 ? [second, third] : [null, second];
  return view.rows.filter((row) => row[from]?.type === "uri" && row[to]?.type === "uri").map((row) => [row[from].value, row[to].value, by && row[by] ? shown(row[by]) : ""]);
}

export class Network extends View {
  priority = 5;
  label = translated("Network");

  getIcon() {
    return icon("M3 1a2 2 0 1 1 0 4 2 2 0 0 1 0-4zm10 3a2 2 0 1 1 0 4 2 2 0 0 1 0-4zM6 11a2 2 0 1 1 0 4 2 2 0 0 1 0-4zM4 4l7 2v1L4 5zM12 8l-5 4-.6-.8L11 7.500z");
  }

  canHandleResults() {
    return edges(this).length > 0;
  }

  async draw() {
    await learn([...this.things(), ...edges(this).flatMap(([from, to]) => [from, to])]);
    const found = edges(this);
    const names = [...new Set(found.flatMap(([from, to]) => [from, to]))];
    const kept = new Set(names.slice(0, MOST_NODES));
    const style = getComputedStyle(document.documentElement);
    const kinds = [...new Set(names.map((name) => known.kinds.get(name) ?? ""))];
    const box = element("div", { className: "view-network", role: "img", ariaLabel: known.zh ? `网络图：${names.length} 个节点，${found.length} 条边` : `Network of ${names.length} nodes and ${found.length} edges` });
    const tools = element("div", { className: "view-tools" });
    const parts = [tools, box];
    if (names.length > MOST_NODES) parts.unshift(element("p", { className: "cut", textContent: known.zh ? `仅绘出前 ${MOST_NODES} 个节点。` : `Only the first ${MOST_NODES} nodes are drawn.` }));
    this.show(...parts);
    marker();
    const { default: cytoscape } = await import(known.settings.cytoscape);
    this.drawn?.destroy();
    this.drawn = cytoscape({
      container: box,
      elements: [
        ...[...kept].map((id) => ({ data: { id, label: label(id), colour: style.getPropertyValue(COLOURS[kinds.indexOf(known.kinds.get(id) ?? "") % COLOURS.length]) } })),
        ...found.filter(([from, to]) => kept.has(from) && kept.has(to)).map(([source, target, name], place) => ({ data: { id: `e${place}`, source, target, label: name } })),
      ],
      style: [
        { selector: "node", style: { "background-color": "data(colour)", color: style.getPropertyValue("--ink"), "font-size": 12, height: 14, label: "data(label)", "text-max-width": 120, "text-valign": "bottom", "text-wrap": "wrap", width: 14 } },
        { selector: "edge", style: { color: style.getPropertyValue("--muted"), "curve-style": "bezier", "font-size": 9, label: "data(label)", "line-color": style.getPropertyValue("--control"), "target-arrow-color": style.getPropertyValue("--control"), "target-arrow-shape": "triangle", "text-rotation": "autorotate", width: 1 } },
      ],
      layout: { name: kept.size > 150 ? "concentric" : "cose", animate: false, nodeDimensionsIncludeLabels: true, randomize: false },
      maxZoom: 3,
      minZoom: .1,
    });
    this.drawn.on("tap", "node", (event) => {
      const href = address(event.target.id());
      if (href) location.assign(href);
    });
    tools.append(
      button("Fit", () => this.drawn.fit(undefined, 20)),
      button("Save as PNG", async () => save(await this.drawn.png({ output: "blob-promise", full: true, scale: 2, bg: style.getPropertyValue("--paper") }), "covalue-network.png")),
    );
  }

  destroy() {
    this.drawn?.destroy();
    this.drawn = undefined;
  }
}

// cytoscape would add a style element, which the policy of the page refuses; it looks for this name first, and yasgui.css holds the one rule.
function marker() {
  const id = "__________cytoscape_stylesheet";
  if (!document.getElementById(id)) document.head.append(element("meta", { id }));
}

// Bars: one column of numbers, named by the other columns.
function bars(view) {
  const number = (term) => (term?.type !== "uri" && term?.value !== "" && Number.isFinite(Number(term?.value)) ? Number(term.value) : null);
  const column = view.columns.findLast((name) => view.rows.length && view.rows.every((row) => !row[name] || number(row[name]) !== null) && view.rows.some((row) => row[name]));
  if (!column || view.columns.length < 2) return null;
  const names = view.columns.filter((name) => name !== column);
  const values = view.rows.filter((row) => row[column]).map((row) => ({ value: number(row[column]), name: names.map((n) => (row[n] ? shown(row[n]) : "")).filter(Boolean).slice(0, 2).join(" · ") }));
  return values.length ? { column, values } : null;
}

export class Chart extends View {
  priority = 4;
  label = translated("Chart");

  getIcon() {
    return icon("M1 14h14v1H1zM2 8h3v5H2zM7 3h3v10H7zM12 6h3v7h-3z");
  }

  canHandleResults() {
    return bars(this) !== null;
  }

  async draw() {
    await learn(this.things());
    const { column, values } = bars(this);
    const drawn = values.slice(0, MOST_BARS);
    const left = 300;
    const room = 420;
    const step = 28;
    const low = Math.min(0, ...drawn.map((bar) => bar.value));
    const high = Math.max(0, ...drawn.map((bar) => bar.value)) || 1;
    const at = (value) => left + (room * (value - low)) / (high - low);
    const height = drawn.length * step + 34;
    const picture = drawing("svg", { class: "view-chart", viewBox: `0 0 860 ${height}`, width: 860, height, role: "img", "aria-label": `${translated("Chart")}: ${column}` });
    picture.append(drawing("text", { x: at(0), y: 16 }, column), drawing("line", { x1: at(0), x2: at(0), y1: 24, y2: height - 4 }));
    drawn.forEach((bar, place) => {
      const y = 28 + place * step;
      const name = bar.name.length > 38 ? `${bar.name.slice(0, 37)}…` : bar.name;
      const wide = Math.abs(at(bar.value) - at(0));
      const text = drawing("text", { x: left - 10, y: y + 16, "text-anchor": "end" }, name);
      text.append(drawing("title", {}, bar.name));
      picture.append(text, drawing("rect", { x: Math.min(at(0), at(bar.value)), y: y + 3, width: Math.max(wide, 1), height: 18 }), drawing("text", { x: Math.max(at(bar.value), at(0)) + 8, y: y + 16 }, bar.value.toLocaleString(document.documentElement.lang)));
    });
    const tools = element("div", { className: "view-tools" }, button("Save as SVG", () => save(alone(picture), "covalue-chart.svg")));
    const parts = [tools, element("div", { className: "table-wrap", tabIndex: 0, role: "region", ariaLabel: translated("Chart") }, picture)];
    if (values.length > MOST_BARS) parts.unshift(element("p", { className: "cut", textContent: known.zh ? `仅绘出前 ${MOST_BARS} 行。` : `Only the first ${MOST_BARS} rows are drawn.` }));
    this.show(...parts);
  }
}

// A picture that stands by itself: colours and fonts go along as attributes.
function alone(picture) {
  const copy = picture.cloneNode(true);
  const style = getComputedStyle(document.documentElement);
  copy.setAttribute("xmlns", SVG);
  for (const text of copy.querySelectorAll("text")) {
    text.setAttribute("fill", style.getPropertyValue("--ink"));
    text.setAttribute("font-family", "sans-serif");
    text.setAttribute("font-size", "14");
  }
  for (const bar of copy.querySelectorAll("rect")) bar.setAttribute("fill", style.getPropertyValue("--accent"));
  for (const line of copy.querySelectorAll("line")) line.setAttribute("stroke", style.getPropertyValue("--rule"));
  return new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" });
}
