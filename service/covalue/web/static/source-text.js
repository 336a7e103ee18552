/*
 * The text of a source, put beside the places that are known of it: sections by their headings, sentences by their order, and where that
 * does not fit, by the names that each sentence is known to hold. Works on what a reader gives; asks nothing from anywhere.
 *
 * A source as the page knows it:
 *   { titles: [text], sections: [{ id, number, titles: [text], passages: [{ id, paragraph, sentence, hints: [[text]] }] }] }
 * A heading is a passage with paragraph and sentence 0; each hint is all names of one thing that the sentence mentions.
 */

const CJK = /[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\u3000-\u303f]/;
const END_OF_TEXT = /^(参考文献|references|bibliography|acknowledg(e)?ments?|致谢|基金项目|附录|appendix)\s*[:：]?\s*$/i;
const KEYWORDS = /^(关键词|关键字|keywords?|key words)\s*[:：]?/i;
const CAPTION = /^((figure|fig\.|table)\s*\d+\s*[.:]|[图表]\s*\d+\s*[.．:：])/i;
const PAGE = /^[-–—\s]*(page\s*)?\d{1,4}[-–—\s]*(\/\s*\d+)?$|^第\s*\d+\s*页/i;
const TERMINATOR = "。｡．！？!?";
const CLOSERS = "”’」』）)]】》\"'";
const CONTINUED = /^[”’」』）)\]】》，。；、,;.]|^\[\d/;
const NOT_AN_END = /(?:^|[\s(])(?:[A-Z]|al|e\.g|i\.e|etc|vs|cf|fig|no|vol|pp|dr|mr|ms|mrs|prof|inc|ltd|co|corp|st|approx|ca)$/i;

/** The bytes of a file as text: UTF-8, else UTF-16 by its mark, else GB18030, in which older Chinese files are written. */
export function decode(bytes) {
  const mark = bytes[0] * 256 + bytes[1];
  if (mark === 0xfffe) return { text: new TextDecoder("utf-16le").decode(bytes), encoding: "UTF-16" };
  if (mark === 0xfeff) return { text: new TextDecoder("utf-16be").decode(bytes), encoding: "UTF-16" };
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes), encoding: "UTF-8" };
  } catch {
    return { text: new TextDecoder("gb18030").decode(bytes), encoding: "GB18030" };
  }
}

/** A text without what does not tell words apart: width, case, spaces, punctuation. */
export function squeeze(text) {
  return text.normalize("NFKC").toLowerCase().replace(/[\s\p{P}\p{S}]+/gu, "");
}

/** The lines that carry text: without page numbers, captions, running heads, and without the blank ones that only part lines. */
export function cleaned(text, titles = []) {
  const raw = text.replace(/\r\n?|\f|\u2028|\u2029/g, "\n").split("\n");
  const lines = raw.map((line) => ({ text: line.replace(/[\u00a0\u3000\t ]+/g, " ").trim(), indent: /^(\u3000{1,}|[ \t\u00a0]{2,})\S/.test(line) }));
  const seen = new Map();
  for (const line of lines) if (line.text) seen.set(headKey(line.text), (seen.get(headKey(line.text)) ?? 0) + 1);
  const heads = titles.map(squeeze).filter((title) => title.length > 5);
  const running = (line) => {
    if (/[。；！？;]/.test(line.text) || endsSentence(line.text)) return false;
    const key = squeeze(line.text);
    if (key.length > 5 && seen.get(headKey(line.text)) > 1) return true;
    return !/^\d/.test(line.text) && key.length > 7 && heads.some((title) => title.startsWith(key) || similarity(key, title) > 0.8);
  };
  let blank = true; // whether nothing but blank lines came since the last line of text
  const kept = [];
  for (const line of lines) {
    if (!line.text) blank = true;
    else if (!PAGE.test(line.text) && !running(line) && !(CAPTION.test(line.text) && !endsSentence(line.text))) {
      kept.push({ ...line, parted: blank });
      blank = false;
    }
  }
  return kept;
}

/** A running head is known by standing there again, but for the number of its page. */
const headKey = (text) => squeeze(text.replace(/^\s*\d+\s|\s\d+\s*$/g, ""));

const endsSentence = (text) => TERMINATOR.includes(bare(text).slice(-1)) || /[a-z)\]”"]\.$/.test(text);

/** A text without closing quotes, brackets and citation marks at its end. */
function bare(text) {
  let at = text.replace(/(\s*\[\d+(?:\s*[-–,，]\s*\d+)*\])+\s*$/, "");
  while (at && CLOSERS.includes(at.slice(-1))) at = at.slice(0, -1);
  return at;
}

/**
 * The lines of each section: a heading is looked for behind the one before it, by number and title.
 * Gives one entry per section: { section, heading (null where it was not found), lines }.
 */
export function located(lines, sections) {
  const found = [];
  let from = 0;
  for (const section of sections) {
    const at = headingAt(lines, section, from);
    found.push({ section, at });
    if (at) from = at.behind;
  }
  const starts = found.filter((one) => one.at).map((one) => one.at.first);
  return found.map(({ section, at }) => {
    if (!at) return { section, heading: null, lines: [] };
    const until = starts.find((start) => start >= at.behind) ?? lines.length;
    const stop = lines.findIndex((line, i) => i >= at.behind && i < until && (END_OF_TEXT.test(line.text) || KEYWORDS.test(line.text)));
    const own = lines.slice(at.behind, stop < 0 ? until : stop);
    return { section, heading: at.text, lines: at.rest ? [{ text: at.rest, indent: false, parted: true }, ...own] : own };
  });
}

/** Where a heading stands: on one line or broken over two, or in front of text on the same line (“Abstract: This …”). */
function headingAt(lines, section, from) {
  const titles = section.titles.map((title) => squeeze(title.replace(/[（(].*?[）)]\s*$/, ""))).filter(Boolean);
  for (let i = from; i < lines.length; i += 1) {
    const rest = afterNumber(lines[i].text, section.number);
    if (rest === null) continue;
    const key = squeeze(rest);
    const two = i + 1 < lines.length ? squeeze(rest + lines[i + 1].text) : "";
    for (const title of titles) {
      if (key === title || (key.length > 3 && similarity(key, title) > 0.75)) return { first: i, behind: i + 1, text: lines[i].text, rest: "" };
      if (two === title) return { first: i, behind: i + 2, text: `${lines[i].text}${lines[i + 1].text}`, rest: "" };
      const opening = rest.match(/^([^:：]{2,30})[:：]\s*(.+)$/);
      if (!section.number && opening && squeeze(opening[1]) === title) return { first: i, behind: i + 1, text: opening[1], rest: opening[2] };
    }
    if (section.number && section.number.includes(".") && key && key.length < 60 && !endsSentence(rest)) return { first: i, behind: i + 1, text: lines[i].text, rest: "" };
  }
  return null;
}

/** What stands behind the number of a section at the start of a line; null where another or no number stands there. */
function afterNumber(text, number) {
  const line = text.normalize("NFKC");
  if (!number) return /^\d/.test(line) ? null : line;
  const found = line.match(/^(\d+(?:\s*\.\s*\d+)*)\s*[.、]?\s*(.*)$/);
  return found && found[1].replace(/\s/g, "") === number ? found[2] : null;
}

/** The lines of a section as sentences: [{ text, paragraph }], paragraphs counted from 1. */
export function sentences(lines) {
  const widest = Math.max(0, ...lines.map((line) => width(line.text)));
  const paragraphs = [];
  let before = null;
  for (const line of lines) {
    const begins = !before || (!CONTINUED.test(line.text) && (line.indent || (endsSentence(before.text) && (width(before.text) < widest * 0.85 || /^\d{1,2}\s*[)）]/.test(line.text)))));
    if (begins) paragraphs.push(line.text);
    else paragraphs[paragraphs.length - 1] = joined(paragraphs[paragraphs.length - 1], line.text);
    before = line;
  }
  return paragraphs.flatMap((text, i) => split(text).map((sentence) => ({ text: sentence, paragraph: i + 1 })));
}

const width = (text) => [...text].reduce((sum, c) => sum + (CJK.test(c) ? 2 : 1), 0);

/** Two lines of one paragraph: no space between Chinese characters, none where a word was broken. */
function joined(one, two) {
  if (CJK.test(one.slice(-1)) || CJK.test(two[0])) return one + two;
  if (/\d[.．]$/.test(one) && /^\d/.test(two)) return one + two;
  if (/[a-z]-$/.test(one) && /^[a-z]/.test(two)) return one.slice(0, -1) + two;
  return `${one} ${two}`;
}

/** A paragraph as sentences. */
export function split(text) {
  const out = [];
  let start = 0;
  for (let i = 0; i < text.length; i += 1) {
    if (!isEnd(text, i)) continue;
    let end = i + 1;
    while (end < text.length && (TERMINATOR.includes(text[end]) || CLOSERS.includes(text[end]))) end += 1;
    const marks = text.slice(end).match(/^(\s*\[\d+(?:\s*[-–,，]\s*\d+)*\])+/);
    if (marks) end += marks[0].length;
    out.push(text.slice(start, end).trim());
    start = end;
    i = end - 1;
  }
  out.push(text.slice(start).trim());
  return out.filter((sentence) => squeeze(sentence));
}

function isEnd(text, i) {
  const c = text[i];
  if (c === "。" || c === "｡" || c === "！" || c === "？") return true;
  if (c === "．") return !/[\d０-９]/.test(text[i + 1] ?? "");
  if (c !== "." && c !== "!" && c !== "?") return false;
  const behind = text.slice(i + 1).match(/^[”’"')\]]*(?:\s*\[[\d,\s–-]+\])*(\s*)(\S?)/);
  if (!behind[2]) return true;
  if (!behind[1] || !/[\p{Lu}\d“"'(\p{Script=Han}]/u.test(behind[2])) return false;
  return c !== "." || !NOT_AN_END.test(text.slice(Math.max(0, i - 12), i));
}

/**
 * Sentences beside passages of one section. Equal numbers go one by one; otherwise paragraphs of equal length do, and what then is left
 * goes by the names that it holds, in order.
 * Gives { pairs: [[id, text]], lost: [id], left: [text], by: "count" | "names" }.
 */
export function aligned(passages, found) {
  const wanted = passages.filter((p) => p.sentence > 0);
  if (wanted.length === found.length) return { pairs: wanted.map((p, i) => [p.id, found[i].text]), lost: [], left: [], by: "count" };
  return byNames(wanted, found);
}

/** How much of what a passage is known to hold stands in a text: from 0 to 1; null where nothing is known. */
export function fit(passage, text) {
  const key = squeeze(text);
  const hints = passage.hints.map((names) => names.map(squeeze).filter((name) => name.length > 1)).filter((names) => names.length);
  if (!hints.length) return null;
  return hints.filter((names) => names.some((name) => key.includes(name))).length / hints.length;
}

const MERGED = 0.12; // what it costs to take two sentences for one passage, or one for two
const SHARED = 0.75; // and what a sentence must show beyond that to stand for two passages
const APART = 0.35; // what it costs to stand far from where the passage would be by its order

/** The best order-keeping assignment, by dynamic programming over fits. */
function byNames(wanted, found) {
  const n = wanted.length;
  const m = found.length;
  const paragraphs = new Set(wanted.map((p) => p.paragraph)).size;
  const same = paragraphs === new Set(found.map((s) => s.paragraph)).size;
  const score = (i, text, j) => {
    const known = fit(wanted[i], text);
    const drift = Math.abs((i + 0.5) / n - (j + 0.5) / m);
    return (known ?? 0.25) + (same && wanted[i].paragraph === found[j].paragraph ? 0.25 : 0) + 0.2 - APART * drift;
  };
  const best = Array.from({ length: n + 1 }, () => new Array(m + 1).fill(null));
  best[0][0] = { value: 0, move: null };
  const offer = (i, j, value, move) => {
    if (!best[i][j] || value > best[i][j].value + 1e-9) best[i][j] = { value, move };
  };
  for (let i = 0; i <= n; i += 1) {
    for (let j = 0; j <= m; j += 1) {
      const here = best[i][j].value;
      if (i < n && j < m) offer(i + 1, j + 1, here + score(i, found[j].text, j), [1, 1]);
      if (i < n && j + 1 < m) offer(i + 1, j + 2, here + score(i, joined(found[j].text, found[j + 1].text), j) - MERGED, [1, 2]);
      if (i + 1 < n && j < m) offer(i + 2, j + 1, here + score(i, found[j].text, j) + score(i + 1, found[j].text, j) - MERGED - SHARED, [2, 1]);
      if (i < n) offer(i + 1, j, here, [1, 0]);
      if (j < m) offer(i, j + 1, here, [0, 1]);
    }
  }
  const pairs = [];
  const lost = [];
  const left = [];
  for (let i = n, j = m; i || j; ) {
    const [di, dj] = best[i][j].move;
    if (di && dj) {
      const text = found.slice(j - dj, j).map((s) => s.text).reduce(joined);
      for (let k = i - di; k < i; k += 1) pairs.push([wanted[k].id, text]);
    } else if (di) lost.push(wanted[i - 1].id);
    else left.push(found[j - 1].text);
    i -= di;
    j -= dj;
  }
  return { pairs: pairs.reverse(), lost: lost.reverse(), left: left.reverse(), by: "names" };
}

/**
 * Sections that are put beside the text together: one whose heading was not found goes with the one before it, if that has more sentences
 * than it should.
 */
function blocks(all) {
  const out = [];
  for (const one of all) {
    const last = out.at(-1);
    const known = { ...one, sentences: sentences(one.lines) };
    const wanted = last?.flatMap((other) => other.section.passages).filter((p) => p.sentence > 0).length ?? 0;
    if (one.heading === null && last && last[0].heading !== null && last[0].sentences.length > wanted) last.push(known);
    else out.push([known]);
  }
  return out;
}

/** How alike two squeezed texts are, by the pairs of characters that they share: from 0 to 1. */
export function similarity(one, two) {
  const pairs = (text) => new Set(Array.from({ length: Math.max(0, text.length - 1) }, (_, i) => text.slice(i, i + 2)));
  const a = pairs(one);
  const b = pairs(two);
  if (!a.size || !b.size) return one === two ? 1 : 0;
  return (2 * [...a].filter((pair) => b.has(pair)).length) / (a.size + b.size);
}

/**
 * A whole text beside a whole source.
 * Gives { texts: Map of passage id to text, sections: [{ id, heading, left: [text], lost: [id], by }], found, lost, left, trust }:
 * `trust` is the share of what the placed passages are known to hold that stands in their texts; low means another text.
 */
export function beside(text, source) {
  const texts = new Map();
  const sections = [];
  let held = 0;
  let known = 0;
  for (const block of blocks(located(cleaned(text, source.titles), source.sections))) {
    const passages = block.flatMap((one) => one.section.passages);
    const result = block[0].heading === null ? { pairs: [], lost: passages.map((p) => p.id), left: [], by: "none" } : aligned(passages, block[0].sentences);
    for (const [id, sentence] of result.pairs) {
      texts.set(id, sentence);
      const share = fit(passages.find((p) => p.id === id), sentence);
      if (share !== null) {
        held += share;
        known += 1;
      }
    }
    for (const { section, heading } of block) {
      for (const p of section.passages) if (p.sentence === 0 && heading !== null) texts.set(p.id, heading);
      const lost = section.passages.filter((p) => !texts.has(p.id)).map((p) => p.id);
      sections.push({ id: section.id, heading, left: section === block[0].section ? result.left : [], lost, by: result.by });
    }
  }
  const count = (name) => sections.reduce((sum, section) => sum + section[name].length, 0);
  return { texts, sections, found: texts.size, lost: count("lost"), left: count("left"), trust: known ? held / known : 0 };
}
