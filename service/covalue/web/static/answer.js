// The page of an answer: sorts rows on the spot where all are there, keeps empty parameters out of the address.

const table = document.querySelector("table.answer[data-whole]");
const collator = new Intl.Collator(document.documentElement.lang, { numeric: true, sensitivity: "base" });

if (table) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const original = new URLSearchParams(location.search).get("sort") ? null : rows; // a page that came sorted asks the server for the question's own order
  for (const link of table.querySelectorAll("a.sort")) {
    link.addEventListener("click", (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      const head = link.parentElement;
      const next = { ascending: "descending", descending: "none" }[head.getAttribute("aria-sort")] ?? "ascending";
      if (next === "none" && !original) return;
      event.preventDefault();
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      if (next !== "none") head.setAttribute("aria-sort", next);
      body.append(...(next === "none" ? original : sorted(rows, head.cellIndex, next === "descending" ? -1 : 1)));
    });
  }
}

function sorted(rows, column, direction) {
  const text = (row) => row.cells[column].textContent.trim();
  return rows.toSorted((a, b) => (!text(a) - !text(b)) || direction * collator.compare(text(a), text(b)));
}

for (const form of document.querySelectorAll("form[data-tidy]")) {
  form.addEventListener("submit", () => {
    for (const field of form.elements) if (field.name && !field.value) field.disabled = true;
  });
}
// The fields are open again when the reader comes back to the page as it was left.
addEventListener("pageshow", () => {
  for (const field of document.querySelectorAll("form[data-tidy] :disabled")) field.disabled = false;
});
