// What makes the pages quicker to use; without it they work all the same.

import { copyWith, word } from "./page.js";

// A row leads where its link leads, unless one selects text in it or means another link.
document.addEventListener("click", (event) => {
  const row = event.target.closest("tr[data-href]");
  if (!row || event.target.closest("a, button, summary") || String(window.getSelection())) return;
  if (event.ctrlKey || event.metaKey) window.open(row.dataset.href);
  else window.location = row.dataset.href;
});

// What htmx could not load is loaded as a page, which says what is wrong; unless it came unasked beside what one reads.
for (const failure of ["htmx:responseError", "htmx:sendError"]) {
  document.addEventListener(failure, (event) => {
    if (!event.target.closest("[data-quiet]")) window.location.assign(event.detail.pathInfo.requestPath);
  });
}

// An open panel closes with a click elsewhere, and with Escape, which gives the focus back to its opener.
const openPickers = () => document.querySelectorAll("details.picker[open]");
document.addEventListener("click", (event) => {
  for (const picker of openPickers()) if (!picker.contains(event.target)) picker.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const picker of openPickers()) {
    picker.open = false;
    picker.querySelector("summary").focus();
  }
});

// Values that people take to other tools get a button that copies them.
const addCopyButtons = () => {
  for (const place of document.querySelectorAll(".copyable")) {
    const text = place.textContent.trim();
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy material-symbols-outlined";
    button.textContent = "content_copy";
    button.setAttribute("aria-label", word("copy"));
    const value = document.createElement("span");
    value.append(...place.childNodes);
    place.append(value, button);
    button.addEventListener("click", () => copyWith(button, value, text, "check"));
  }
};

// The palette (Ctrl+K) of the theme shows nothing where nothing is found: say so.
document.addEventListener("htmx:afterSwap", ({ target }) => {
  if (target.id !== "command-results" || target.childElementCount) return;
  if (!document.getElementById("search-input-command")?.value.trim()) return;
  const note = document.createElement("p");
  note.className = "no-results";
  note.setAttribute("role", "status");
  note.textContent = word("no-results");
  target.append(note);
});

// A select that applies its choice immediately.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
});

// The theme makes some controls of plain text: give them to the keyboard and to screen readers as buttons.
const makeButtons = () => {
  const names = { dock_to_right: word("sidebar"), close: word("close") };
  for (const control of document.querySelectorAll(":is(span, div, a:not([href]))[x-on\\:click]")) {
    control.tabIndex = 0;
    control.setAttribute("role", "button");
    const name = names[control.textContent.trim()];
    if (name) control.setAttribute("aria-label", name);
  }
};
document.addEventListener("keydown", (event) => {
  if (!event.target.matches?.("[role=button][x-on\\:click]") || !["Enter", " "].includes(event.key)) return;
  event.preventDefault();
  event.target.click();
});

// The keyboard may skip the sidebar.
const addSkipLink = () => {
  const main = document.getElementById("main");
  if (!main) return;
  main.setAttribute("role", "main");
  main.tabIndex = -1;
  const link = document.createElement("a");
  link.href = "#main";
  link.className = "skip-link";
  link.textContent = word("skip");
  document.body.prepend(link);
};

// A table that is wider than its place is scrolled by keyboard too.
const makeScrollable = () => {
  for (const frame of document.querySelectorAll(".table-frame:not([aria-labelledby])")) {
    if (frame.scrollWidth > frame.clientWidth) frame.tabIndex = 0;
    else frame.removeAttribute("tabindex");
  }
};
window.addEventListener("resize", makeScrollable);
document.addEventListener("htmx:afterSettle", makeScrollable);

// Django's hints at filters are pictures with a text, which only an element with a role may have.
const nameHints = () => {
  for (const hint of document.querySelectorAll(".help-tooltip[aria-label]")) hint.setAttribute("role", "img");
};

document.addEventListener("DOMContentLoaded", () => {
  addSkipLink();
  addCopyButtons();
  makeButtons();
  makeScrollable();
});
window.addEventListener("load", () => setTimeout(nameHints)); // they are made then
