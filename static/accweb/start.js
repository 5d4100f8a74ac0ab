// The start page: a choice takes effect at once; Escape closes a definition that is open.

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && document.activeElement?.matches(".what")) document.activeElement.blur();
});
document.documentElement.classList.add("scripted");
