// Buttons that copy a text of the page: <button data-copy="ID" data-done="Copied" hidden>. They show only where they work.

for (const button of document.querySelectorAll("button[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  if (!source) continue;
  button.hidden = false;
  const label = button.textContent;
  button.addEventListener("click", async () => {
    const text = "value" in source ? source.value : source.textContent.trim();
    if (await copied(text, source)) {
      button.textContent = button.dataset.done;
      setTimeout(() => { button.textContent = label; }, 2000);
    }
  });
}

// Without a secure context there is no clipboard to write to: the text is selected, so that the reader's own keys copy it.
async function copied(text, source) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    if ("select" in source) source.select();
    else getSelection().selectAllChildren(source);
    return document.execCommand("copy");
  }
}
