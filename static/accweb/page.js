// What the scripts of several pages share: their words, copying, and moving an item of a list.

export const word = (name) => document.querySelector(`meta[name="word-${name}"]`).content;

// navigator.clipboard exists in secure contexts only; inside a network these pages are often served over plain HTTP.
const copyBySelection = (text) => {
  const focused = document.activeElement;
  const holder = document.createElement("textarea");
  holder.value = text;
  holder.className = "sr-only";
  document.body.append(holder);
  holder.select();
  const copied = document.execCommand("copy");
  holder.remove();
  focused?.focus({ preventScroll: true });
  return copied;
};

// Copy the text; return whether the browser did it.
export const copyText = async (text) => {
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
      return true;
    }
  } catch {
    // The browser refused, for example because the page has no focus: select the text instead.
  }
  return copyBySelection(text);
};

// Copy the text and show the result in the button for a moment; where copying fails, select the source for Ctrl+C.
export const copyWith = async (button, source, text, copied = word("copied")) => {
  if (button.hasAttribute("data-copied")) return;
  const { className } = button;
  const label = button.getAttribute("aria-label");
  const before = [...button.childNodes];
  const done = await copyText(text);
  button.setAttribute("data-copied", done ? "yes" : "no");
  button.replaceChildren(done ? copied : word("copy-by-hand"));
  if (label) button.setAttribute("aria-label", word(done ? "copied" : "copy-by-hand"));
  if (!done) {
    button.classList.remove("material-symbols-outlined"); // words, not an icon
    window.getSelection().selectAllChildren(source);
  }
  setTimeout(() => {
    button.replaceChildren(...before);
    button.className = className;
    button.removeAttribute("data-copied");
    if (label) button.setAttribute("aria-label", label);
  }, done ? 1500 : 5000);
};

// Move an item before or after its nearest visible neighbour; return whether it had one.
export const moveItem = (item, step) => {
  const next = (place) => (step < 0 ? place.previousElementSibling : place.nextElementSibling);
  let neighbour = next(item);
  while (neighbour?.hidden) neighbour = next(neighbour);
  if (!neighbour) return false;
  if (step < 0) neighbour.before(item);
  else neighbour.after(item);
  return true;
};
