import { copyWith } from "./page.js";

// What is wrong with a refused form gets the focus. The attribute alone comes too early: the theme shows the page only
// when its own script has run.
const refused = document.querySelector("[role=alert][autofocus]");
const meet = () => (refused.checkVisibility() ? refused.focus() : requestAnimationFrame(meet));
if (refused) meet();

// The summary is copied as text; where the browser does not copy, it is shown and selected.
for (const button of document.querySelectorAll("[data-copies]")) {
  const source = document.getElementById(button.dataset.copies);
  button.hidden = false;
  button.addEventListener("click", async () => {
    await copyWith(button, source, source.textContent);
    source.hidden = button.dataset.copied === "yes";
    if (!source.hidden) window.getSelection().selectAllChildren(source);
  });
}

// A phone has no room for original records that nobody asked for; a link to one unfolds it.
const unfoldTarget = () => document.querySelector(".raw-event summary:target")?.parentElement.setAttribute("open", "");
if (window.matchMedia("(max-width: 40rem)").matches) {
  for (const record of document.querySelectorAll(".raw-event")) record.open = false;
}
window.addEventListener("hashchange", unfoldTarget);
unfoldTarget();
