// The start page: a choice of the proxy shows at once; Escape closes a definition that is open.

document.addEventListener("change", (event) => {
  if (event.target.matches(".proxy-choice select")) event.target.form.requestSubmit();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && document.activeElement?.matches(".what")) document.activeElement.blur();
});
document.documentElement.classList.add("scripted");
