// The filter of the catalogue while one types; without script the button asks the server.

const field = document.getElementById("filter");
const status = document.querySelector(".status");
const entries = [...document.querySelectorAll(".entry")];
const sections = [...document.querySelectorAll(".groups > section")];

function filter() {
  const wanted = field.value.normalize("NFKC").toLowerCase().split(/\s+/).filter(Boolean);
  let number = 0;
  for (const entry of entries) {
    const found = wanted.every((word) => entry.dataset.words.includes(word));
    entry.hidden = !found;
    number += found;
  }
  for (const section of sections) section.hidden = !section.querySelector(".entry:not([hidden])");
  status.textContent = number === 1 ? status.dataset.one : status.dataset.many.replace("%d", number);
}

if (field && !field.value) {
  field.addEventListener("input", filter);
  field.form.addEventListener("submit", (event) => { event.preventDefault(); filter(); });
}
