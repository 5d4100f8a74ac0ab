// The overview: Escape closes a definition that is open.

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && document.activeElement?.matches(".what")) document.activeElement.blur();
});
document.documentElement.classList.add("scripted");
