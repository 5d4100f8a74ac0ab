// Columns of an export are chosen all at once, and put in order with buttons or by dragging; without this script they
// are chosen one by one and keep the order they have.

import { moveItem, word } from "./page.js";

const list = document.querySelector(".column-list");
const items = [...list.children];

const button = (className, text, act) => {
  const made = document.createElement("button");
  made.type = "button";
  made.className = className;
  made.textContent = text;
  made.addEventListener("click", act);
  return made;
};

const mover = (item, icon, label, move) => {
  const made = button("mover material-symbols-outlined", icon, () => {
    move();
    made.focus();
  });
  made.setAttribute("aria-label", `${label}: ${item.textContent.trim()}`);
  return made;
};

let dragged = null;
for (const item of items) {
  const earlier = mover(item, "arrow_upward", word("earlier"), () => moveItem(item, -1));
  const later = mover(item, "arrow_downward", word("later"), () => moveItem(item, 1));
  item.append(earlier, later);
  item.draggable = true;
  item.addEventListener("dragstart", () => (dragged = item));
  item.addEventListener("dragend", () => (dragged = null));
  item.addEventListener("dragover", (event) => {
    if (!dragged) return;
    event.preventDefault();
    const comesAfter = item.compareDocumentPosition(dragged) & Node.DOCUMENT_POSITION_FOLLOWING;
    if (dragged !== item) comesAfter ? item.before(dragged) : item.after(dragged);
  });
}

const choose = (chosen) => items.forEach((item) => (item.querySelector("input").checked = chosen));
const both = document.createElement("p");
both.className = "choose-all";
both.append(
  button("button", word("all"), () => choose(true)),
  button("button", word("none"), () => choose(false)),
);
list.before(both);
