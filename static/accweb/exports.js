// Columns of an export are put in order with buttons, one step at a time; without them they keep the order they have.

const word = (name) => document.querySelector(`meta[name="word-${name}"]`).content;

const mover = (item, icon, label, move) => {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "mover material-symbols-outlined";
  button.textContent = icon;
  button.setAttribute("aria-label", `${label}: ${item.textContent.trim()}`);
  button.addEventListener("click", () => {
    move();
    button.focus();
  });
  return button;
};

for (const item of document.querySelectorAll(".column-list > li")) {
  const earlier = mover(item, "arrow_upward", word("earlier"), () => item.previousElementSibling?.before(item));
  const later = mover(item, "arrow_downward", word("later"), () => item.nextElementSibling?.after(item));
  item.append(earlier, later);
}
