// Saves pictures as PNG, and lets a reader explore the value network. A page is whole without this.

const DOTS_PER_PIXEL = 2;
const chinese = document.documentElement.lang.startsWith("zh");
const say = (en, zh) => (chinese ? zh : en);

/** Draws the saved SVG on a canvas and hands the PNG to the browser as a download. */
async function savePng(address, name) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(String(answer.status));
  const blob = await answer.blob();
  const source = URL.createObjectURL(new Blob([blob], { type: "image/svg+xml" }));
  try {
    const picture = new Image();
    picture.src = source;
    await picture.decode();
    const canvas = document.createElement("canvas");
    canvas.width = picture.naturalWidth * DOTS_PER_PIXEL;
    canvas.height = picture.naturalHeight * DOTS_PER_PIXEL;
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    const png = await new Promise((done) => canvas.toBlob(done, "image/png"));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(png);
    link.download = `${name}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  } finally {
    URL.revokeObjectURL(source);
  }
}

for (const figure of document.querySelectorAll("figure[data-save]")) {
  const place = figure.querySelector(".picture-links");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "PNG";
  button.setAttribute("aria-label", say("Save as PNG", "另存为 PNG"));
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await savePng(figure.dataset.save.replace("&download=1", ""), figure.dataset.name);
    } catch {
      button.textContent = say("PNG failed; save the SVG instead", "PNG 未能生成，请另存 SVG");
    }
    button.disabled = false;
  });
  place.append(" · ", button);
}

/** One colour of the page, as the style sheets give it. */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The look of the network, from the colours of the page. */
function look() {
  const ink = colour("--ink");
  return [
    { selector: "node", style: { label: "data(label)", shape: "round-rectangle", width: 190, height: 52, "text-wrap": "wrap", "text-max-width": 174, "font-size": 14, "text-valign": "center", color: ink, "background-color": colour("--surface"), "border-width": 1, "border-color": colour("--control") } },
    { selector: 'node[side = "focal"]', style: { "border-width": 3, "font-weight": 600 } },
    { selector: "edge", style: { width: 1.6, "line-color": ink, "target-arrow-color": ink, "target-arrow-shape": "triangle", "curve-style": "bezier", "control-point-step-size": 46 } },
    { selector: 'edge[modality = "derived"]', style: { "line-style": "dashed" } },
    { selector: 'edge[modality = "cited"]', style: { "line-style": "dotted" } },
    { selector: ":selected", style: { "border-color": colour("--accent"), "border-width": 4, "line-color": colour("--accent"), "target-arrow-color": colour("--accent"), width: 3 } },
    { selector: "node:selected", style: { width: 190 } },
  ];
}

/** A link, or plain text where there is no address; texts of the graph are only ever text nodes. */
function anchor(label, href) {
  if (!href) return document.createTextNode(label);
  const link = document.createElement("a");
  link.href = href;
  link.textContent = label;
  return link;
}

function tell(panel, data) {
  const head = document.createElement("p");
  const list = document.createElement("ul");
  const entry = (...parts) => {
    const item = document.createElement("li");
    item.append(...parts);
    list.append(item);
  };
  if (data.claims) {
    head.append(anchor(data.label, data.href));
    for (const claim of data.claims) entry(anchor(claim.label, claim.href), " – ", ...claim.passages.flatMap((p) => [anchor(p.label, p.href), " "]));
  } else {
    head.append(anchor(data.label, data.href), data.roles.length ? ` (${data.roles.join(say(", ", "、"))})` : "");
    for (const count of data.counts) entry(anchor(`${count.dimension}: ${count.reported + count.other}`, count.href), count.other ? say(` (${count.other} derived or cited)`, `（其中推导或转引 ${count.other}）`) : "");
  }
  panel.replaceChildren(head, list);
}

/** The library would write a style of its own into the page, which the page's policy forbids; case.css has it, and this id tells so. */
function takeOverStyle() {
  const id = "__________cytoscape_stylesheet";
  if (document.getElementById(id)) return;
  const mark = document.createElement("meta");
  mark.id = id;
  document.head.append(mark);
}

async function explore(section, button) {
  button.disabled = true;
  try {
    const [{ default: cytoscape }, elements] = await Promise.all([import(section.dataset.cytoscape), fetch(section.dataset.elements).then((r) => r.json())]);
    const box = document.createElement("div");
    const panel = document.createElement("div");
    box.className = "drawing";
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", section.dataset.label);
    panel.className = "said";
    panel.setAttribute("aria-live", "polite");
    panel.textContent = section.dataset.hint;
    section.replaceChildren(box, panel);
    takeOverStyle();
    const graph = cytoscape({
      container: box,
      elements: {
        nodes: elements.nodes.map(({ x, y, ...data }) => ({ data, position: { x, y } })),
        edges: elements.edges.map((data) => ({ data })),
      },
      style: look(),
      layout: { name: "preset", fit: true, padding: 24 },
    });
    graph.on("tap", "node, edge", (event) => tell(panel, event.target.data()));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => graph.style(look()));
    section.dataset.ready = "yes";
  } catch {
    const note = document.createElement("p");
    note.className = "note";
    note.textContent = section.dataset.failed;
    section.replaceChildren(note);
  }
}

for (const section of document.querySelectorAll(".interactive")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = section.dataset.open;
  button.addEventListener("click", () => explore(section, button));
  section.replaceChildren(button);
  section.hidden = false;
}
