// Comforts of the page; everything essential works without them.
"use strict";

function words(bytes) {
  return bytes < 1048576 ? `${Math.max(1, Math.round(bytes / 1024))} KiB` : `${(bytes / 1048576).toFixed(1)} MiB`;
}

// The file that was chosen, its size, and a drop anywhere on the page.
const ask = document.querySelector("form.ask");
if (ask) {
  const input = ask.querySelector("input[type=file]");
  const drop = ask.querySelector(".drop");
  const chosen = ask.querySelector("[data-chosen]");
  const most = Number(ask.dataset.mostBytes);
  const tell = () => {
    const file = input.files[0];
    const tooLarge = file && file.size > most;
    input.setCustomValidity(tooLarge ? `This file has ${words(file.size)}; at most ${words(most)} are accepted.` : "");
    chosen.hidden = !file;
    chosen.textContent = file ? (tooLarge ? input.validationMessage : `${file.name}, ${words(file.size)}`) : "";
  };
  input.addEventListener("change", tell);
  tell();
  for (const name of ["dragenter", "dragover"]) {
    document.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
  }
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    if (event.dataTransfer.files.length) { input.files = event.dataTransfer.files; tell(); }
  });
  const button = ask.querySelector("button[type=submit]");
  ask.addEventListener("submit", () => { button.disabled = true; button.textContent = "Sending"; });
  window.addEventListener("pageshow", () => { button.disabled = false; button.textContent = "Search"; tell(); });
}

// Ctrl-Enter runs a statement.
for (const box of document.querySelectorAll("textarea[data-submit]")) {
  const hint = box.form.querySelector("[data-hint]");
  if (hint) hint.hidden = false;
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); box.form.requestSubmit(); }
  });
}
