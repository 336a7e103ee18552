// The words of YASGUI and of our glue in the language of the page. YASGUI has none but English, so what it writes is replaced as it appears.

const ZH = {
  "Query": "查询",
  "Queries": "查询列表",
  "Table": "表格",
  "Response": "原始结果",
  "Network": "网络图",
  "Chart": "图表",
  "Boolean": "是或否",
  "True": "是",
  "False": "否",
  "Run query": "运行查询",
  "Share query": "分享查询",
  "Add tab": "新建标签页",
  "Add a new tab": "新建标签页",
  "Close tab": "关闭标签页",
  "Close Tab": "关闭标签页",
  "Close other tabs": "关闭其他标签页",
  "Undo close Tab": "恢复关闭的标签页",
  "Copy Tab": "复制标签页",
  "Rename Tab": "重命名标签页",
  "New Tab": "新标签页",
  "Download result": "下载结果",
  "Download Results": "下载结果",
  "Download not supported": "不支持下载",
  "Show all": "全部显示",
  "Nothing to autocomplete yet!": "暂无可补全的内容",
  "Press CTRL - <spacebar> to autocomplete": "按 Ctrl-空格 补全",
  "Go there": "转到该处",
  "The service gives no answer; is it still running?": "服务没有应答，是否仍在运行？",
  "Save as PNG": "保存为 PNG",
  "Save as SVG": "保存为 SVG",
  "Fit": "适合窗口",
  "cannot render result": "无法显示结果",
  "Sorted by this column": "按此列排序",
};
const PATTERNS = [
  [/^(\d+) results? in ([\d.]+) seconds?$/, "$1 条结果，用时 $2 秒"],
  [/^(\d+) results?$/, "$1 条结果"],
  [/^Response in ([\d.]+) seconds?$/, "用时 $1 秒"],
  [/^Shows (.+) view$/, "显示为$1"],
  [/^View documentation of (.+)$/, "$1的说明"],
  [/^Could not render results with the (.+) plugin, the results currently are rendered with the (.+) plugin\.\s*$/, "此结果不能显示为$1，现显示为$2。"],
  [/^This line is invalid\. Expected: (.*)$/, "此行有误，应为：$1"],
  [/^Query (\d+)$/, "查询 $1"],
];
const ATTRIBUTES = ["title", "aria-label", "placeholder"];

export function translated(text) {
  return document.documentElement.lang === "zh" ? inChinese(text) ?? text : text;
}

function inChinese(text) {
  const plain = text.trim();
  if (plain in ZH) return ZH[plain];
  for (const [pattern, replacement] of PATTERNS) {
    const found = plain.match(pattern);
    if (found) return replacement.replace(/\$(\d)/g, (_, place) => inChinese(found[place]) ?? found[place]);
  }
  return undefined;
}

// Replaces what appears under an element from now on; not in the editor's text itself, nor in results.
export function watch(root, zh) {
  if (!zh) return;
  const visit = (node) => {
    if (node.nodeType === Node.TEXT_NODE) {
      if (node.parentElement?.closest(".CodeMirror-code, .yasr_results")) return;
      const text = inChinese(node.data);
      if (text && text !== node.data) node.data = text;
    } else if (node.nodeType === Node.ELEMENT_NODE) {
      for (const name of ATTRIBUTES) {
        const value = node.getAttribute(name);
        const text = value && inChinese(value);
        if (text && text !== value) node.setAttribute(name, text);
      }
      node.childNodes.forEach(visit);
    }
  };
  new MutationObserver((changes) => {
    for (const change of changes) {
      if (change.type === "childList") change.addedNodes.forEach(visit);
      else visit(change.target);
    }
  }).observe(root, { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ATTRIBUTES });
}
