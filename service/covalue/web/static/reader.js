/*
 * A reader's own text beside the claims. The text is read in this window and put into the page as text; nothing is sent or stored, and the
 * policy of this page (connect-src 'none') would not let it.
 */

import { beside, decode } from "./source-text.js";

const chinese = document.documentElement.lang === "zh";
const say = (en, zh) => (chinese ? zh : en);
const LARGEST = 20_000_000; // bytes; a book has about one
const TRUSTED = 0.3; // below this share of known names found, it is likely another text

const panel = document.querySelector("[data-reader]");
const source = JSON.parse(document.getElementById("held").textContent);
const file = document.getElementById("file");
const pasted = document.getElementById("pasted");
const status = panel.querySelector("[data-status]");
const forget = panel.querySelector("[data-forget]");

/** Takes all text out of the page again. */
function clear() {
  for (const place of document.querySelectorAll(".own-text, .left-over")) {
    place.replaceChildren();
    place.hidden = true;
  }
  for (const item of document.querySelectorAll("[data-passage]")) item.removeAttribute("data-found");
  document.body.classList.remove("with-text");
  forget.hidden = true;
}

/** Puts a text beside the claims, and says what found no place. */
function show(text, encoding) {
  clear();
  if (!text.trim()) return void (status.textContent = say("There is no text yet: open a file or paste the text.", "尚无文本：请打开文件或粘贴文本。"));
  const result = beside(text, source);
  if (!result.found) {
    return void (status.textContent = say("No heading of this source was found in the text; check that it is this text, with the numbers and titles of its sections on lines of their own.", "文本中未找到此来源的任何标题；请确认是此文，且各节编号与标题各占一行。"));
  }
  for (const item of document.querySelectorAll("[data-passage]")) {
    const sentence = result.texts.get(item.dataset.passage);
    const place = item.querySelector(".own-text");
    place.textContent = sentence ?? say("Not found in your text.", "您的文本中未找到。");
    place.hidden = false;
    item.dataset.found = sentence === undefined ? "no" : "yes";
  }
  for (const section of result.sections) if (section.left.length) leftOver(section);
  document.body.classList.add("with-text");
  forget.hidden = false;
  status.textContent = summary(result, encoding);
}

/** Sentences of the text that have no place here, at the end of their section. */
function leftOver(section) {
  const place = document.querySelector(`[data-section="${CSS.escape(section.id)}"] .left-over`);
  if (!place) return;
  const heading = document.createElement("p");
  heading.textContent = say("In your text, but without a place here:", "您的文本中有、但此处无对应位置：");
  const list = document.createElement("ul");
  for (const sentence of section.left) {
    const item = document.createElement("li");
    item.textContent = sentence;
    list.append(item);
  }
  place.append(heading, list);
  place.hidden = false;
}

function summary({ found, lost, left, trust }, encoding) {
  const all = found + lost;
  const parts = [say(`${found} of ${all} places have their sentence.`, `${all} 个位置中有 ${found} 个找到原句。`)];
  if (lost) parts.push(say(`${lost} were not found in your text; they say so.`, `${lost} 个在您的文本中未找到，已在该处注明。`));
  if (left) parts.push(say(`${left} sentences of your text have no place here; they stand at the end of their sections.`, `您的文本中有 ${left} 句无对应位置，列于所在章节末尾。`));
  if (trust && trust < TRUSTED) parts.push(say("Few of the known names stand where they should: this may be another text or edition.", "应出现的名称大多未出现：这可能是另一文本或版本。"));
  if (encoding && encoding !== "UTF-8") parts.push(say(`The file was read as ${encoding}.`, `文件按 ${encoding} 读取。`));
  return parts.join(" ");
}

async function fromFile() {
  const chosen = file.files[0];
  if (!chosen) return;
  if (chosen.size > LARGEST) return void (status.textContent = say("This file is too large for a text; save the article as plain text (.txt).", "此文件过大，不像文本；请将文章另存为纯文本（.txt）。"));
  const bytes = new Uint8Array(await chosen.arrayBuffer());
  if (String.fromCharCode(...bytes.slice(0, 5)) === "%PDF-" || bytes.slice(0, 4).join() === "80,75,3,4") {
    return void (status.textContent = say("This is a PDF or Word file; save the article as plain text (.txt), or copy its text and paste it.", "这是 PDF 或 Word 文件；请另存为纯文本（.txt），或复制其文字后粘贴。"));
  }
  const { text, encoding } = decode(bytes);
  show(text, encoding);
}

file.addEventListener("change", fromFile);
panel.querySelector("[data-place]").addEventListener("click", () => (pasted.value.trim() || !file.files[0] ? show(pasted.value) : fromFile()));
forget.addEventListener("click", () => {
  file.value = "";
  pasted.value = "";
  clear();
  status.textContent = say("The text is gone from the page.", "文本已从页面移除。");
});
panel.hidden = false;
