// What makes the list of calls quicker to use; without it every link and form works all the same.

import { copyText, moveItem, word } from "./page.js";

const list = () => document.getElementById("calls");
const words = () => JSON.parse(document.getElementById("cell-words").textContent);
const rows = () => [...document.querySelectorAll(".call-table tbody tr[data-call]")];
const cells = (row) => [...row.children].filter((cell) => !cell.classList.contains("col-more"));
const single = new Set(["since", "until", "period", "min_duration", "max_duration", "settled"]);

const go = (address) => htmx.ajax("GET", address, { source: list(), target: list(), swap: "outerHTML show:window:top" });
const address = (change) => {
  const changed = new URL(list().dataset.address, location.href);
  change(changed.searchParams);
  return changed.pathname + changed.search;
};

// A focus without a mark: rows and cells can be reached by the keyboard, one of them at a time by Tab.
const reachable = () => {
  const table = document.querySelector(".call-table");
  if (!table) return;
  table.classList.add("ready");
  rows().forEach((row, at) => {
    row.tabIndex = at === 0 ? 0 : -1;
    for (const cell of cells(row)) cell.tabIndex = -1;
  });
};
const focusOn = (place) => {
  if (!place) return;
  const row = place.closest("tr[data-call]");
  for (const one of rows()) one.tabIndex = one === row ? 0 : -1;
  place.focus();
  place.scrollIntoView({ block: "nearest" });
};

// The menu of a cell.
let menu = null;
let opener = null;

const closeMenu = (giveBack = false) => {
  menu?.remove();
  menu = null;
  if (giveBack) opener?.focus();
};

const item = (text, act) => {
  const made = document.createElement(typeof act === "string" ? "a" : "button");
  made.setAttribute("role", "menuitem");
  made.tabIndex = -1;
  made.textContent = text;
  if (typeof act === "string") made.href = act;
  else {
    made.type = "button";
    made.addEventListener("click", act);
  }
  return made;
};

const plainText = (name, value) =>
  value.startsWith("=") && !single.has(name) ? value.slice(1) : (words().values[name]?.[value] ?? value);

// (Not every browser takes the value as the second argument of delete.)
const without = (asked, name, value) => {
  const others = asked.getAll(name).filter((one) => one !== value);
  asked.delete(name);
  for (const one of others) asked.append(name, one);
};

const choices = (name, value) => {
  const { actions } = words();
  const only = address((asked) => {
    without(asked, `not_${name}`, value);
    asked.set(name, value);
    if (name === "since" || name === "until") asked.delete("period");
  });
  if (single.has(name)) return [item(actions[name], only)];
  const others = address((asked) => {
    without(asked, name, value);
    without(asked, `not_${name}`, value);
    asked.append(`not_${name}`, value);
  });
  return [item(actions.only, only), item(actions.not, others)];
};

const copy = (text) => [
  item(words().actions.copy, async () => {
    if (!(await copyText(text))) window.prompt(word("copy-by-hand"), text);
    closeMenu(true);
  }),
];

const group = (label, value, items) => {
  const made = document.createElement("div");
  made.setAttribute("role", "group");
  if (label) {
    const about = document.createElement("div");
    about.className = "about-value";
    about.append(label, " ", Object.assign(document.createElement("b"), { textContent: value.slice(0, 80), dir: "auto" }));
    about.setAttribute("aria-hidden", "true");
    made.setAttribute("aria-label", `${label} ${value.slice(0, 80)}`);
    made.append(about);
  }
  made.append(...items);
  return made;
};

// One group for each value of the cell, one for the bounds that it makes; at least what it shows can be copied.
const groups = (cell) => {
  const picks = [...new URLSearchParams(cell.dataset.picks ?? "")];
  const values = picks.filter(([name]) => !single.has(name));
  const bounds = picks.filter(([name]) => single.has(name)).flatMap(([name, value]) => choices(name, value));
  const made = values.map(([name, value]) => {
    const shown = plainText(name, value);
    const label = words().conditions[name] ?? name.replace(/^extra\./, "");
    return group(label, shown, [...choices(name, value), ...copy(shown)]);
  });
  if (bounds.length || !made.length) made.unshift(group("", "", [...bounds, ...copy(cell.innerText.trim())]));
  return made;
};

const openMenu = (cell) => {
  closeMenu();
  opener = cell;
  const { actions } = words();
  menu = document.createElement("div");
  menu.className = "cell-menu";
  menu.setAttribute("role", "menu");
  menu.setAttribute("aria-label", cell.innerText.trim().slice(0, 80));
  const open = item(actions.open, cell.closest("tr").dataset.call);
  open.setAttribute("hx-boost", "false");
  menu.append(...groups(cell), group("", "", [open]));
  list().append(menu);
  htmx.process(menu);
  place(cell);
  focusOn(cell);
  menu.querySelector("[role=menuitem]").focus({ preventScroll: true });
};

const place = (cell) => {
  const at = cell.getBoundingClientRect();
  const frame = (menu.offsetParent ?? document.body).getBoundingClientRect();
  const below = at.bottom + menu.offsetHeight <= window.innerHeight;
  const left = Math.max(8, Math.min(at.left, window.innerWidth - menu.offsetWidth - 8));
  menu.style.left = `${left - frame.left}px`;
  menu.style.top = `${(below ? at.bottom : Math.max(8, at.top - menu.offsetHeight)) - frame.top}px`;
};
window.addEventListener("resize", () => menu && place(opener));

document.addEventListener("click", (event) => {
  if (menu && !menu.contains(event.target)) closeMenu();
  const cell = event.target.closest(".call-table tr[data-call] > td:not(.col-more)");
  if (!cell || event.target.closest("a, button, summary") || String(window.getSelection())) return;
  if (event.ctrlKey || event.metaKey) window.open(cell.parentElement.dataset.call);
  else openMenu(cell);
});
document.addEventListener("dblclick", (event) => {
  const row = event.target.closest(".call-table tr[data-call]");
  if (row && !event.target.closest("a, button")) window.location = row.dataset.call;
});

const inMenu = (event) => {
  const items = [...menu.querySelectorAll("[role=menuitem]")];
  const at = items.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (event.key === "Escape" || event.key === "Tab") closeMenu(true);
  else if (to === undefined) return;
  else items[(to + items.length) % items.length].focus();
  event.preventDefault();
};

// Rows that open in place: what is inside is loaded when it is wanted, and forgotten when it is closed.
const toggle = (button) => {
  const row = button.closest("tr");
  const open = button.getAttribute("aria-expanded") === "true";
  button.setAttribute("aria-expanded", String(!open));
  if (!open) htmx.trigger(button, "expand");
  else if (row.nextElementSibling?.classList.contains("inside")) row.nextElementSibling.remove();
};
document.addEventListener("click", (event) => {
  const button = event.target.closest(".expander");
  if (button) toggle(button);
});

// The keyboard: / searches, j and k and the arrows move, Enter opens, e opens in place.
const typing = (target) => target.closest("input, textarea, select, [contenteditable]");

const moveTo = (row, by) => {
  const all = rows();
  const next = all[row ? all.indexOf(row) + by : 0];
  if (!next) return;
  const at = row ? cells(row).indexOf(document.activeElement) : -1;
  focusOn(at < 0 ? next : cells(next)[at]);
};
const moveWithin = (row, by) => {
  const inRow = cells(row);
  const at = inRow.indexOf(document.activeElement) + by;
  focusOn(at < 0 ? row : inRow[Math.min(at, inRow.length - 1)]);
};

document.addEventListener("keydown", (event) => {
  if (menu) return inMenu(event);
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (event.key === "/") {
    document.getElementById("search")?.focus();
    return event.preventDefault();
  }
  const row = document.activeElement.closest?.(".call-table tr[data-call]");
  const onRow = document.activeElement === row;
  const onCell = row && document.activeElement.parentElement === row;
  const acts = {
    j: () => moveTo(row, 1),
    k: () => moveTo(row, -1),
    ...((onRow || onCell) && {
      ArrowDown: () => moveTo(row, 1),
      ArrowUp: () => moveTo(row, -1),
      ArrowRight: () => moveWithin(row, 1),
      ArrowLeft: () => moveWithin(row, -1),
      e: () => toggle(row.querySelector(".expander")),
      x: () => row.querySelector(".col-more input").click(),
    }),
    ...(onRow && { Enter: () => (window.location = row.dataset.call) }),
    ...(onCell && { Enter: () => openMenu(document.activeElement), " ": () => openMenu(document.activeElement) }),
  }[event.key];
  if (!acts) return;
  event.preventDefault();
  acts();
});

// What is done with selected calls: two can be compared.
const showSelection = () => {
  const count = document.querySelectorAll(".col-more input:checked").length;
  const form = document.getElementById("selection");
  if (!form) return;
  form.querySelector(".selected-count b").textContent = count;
  for (const button of form.querySelectorAll("[data-needs]")) button.disabled = count !== Number(button.dataset.needs);
};
document.addEventListener("change", (event) => event.target.matches(".col-more input") && showSelection());
document.addEventListener("reset", () => setTimeout(showSelection));
window.addEventListener("pageshow", showSelection); // a page that one comes back to has its ticks still

// A range of the histogram is zoomed into by dragging over it.
let from = null;

const dragged = (to) => {
  const bars = [...to.closest("svg").querySelectorAll(".bar")];
  const ends = [bars.indexOf(from), bars.indexOf(to)].sort((one, other) => one - other);
  return bars.slice(ends[0], ends[1] + 1);
};
const marked = (bars) => {
  for (const bar of document.querySelectorAll(".over-time .in-range")) bar.classList.remove("in-range");
  for (const bar of bars) bar.classList.add("in-range");
};
const barAt = (event) => document.elementFromPoint(event.clientX, event.clientY)?.closest(".over-time .bar");

document.addEventListener("pointerdown", (event) => {
  from = event.button === 0 ? event.target.closest?.(".over-time .bar") : null;
});
document.addEventListener("dragstart", (event) => {
  if (from) event.preventDefault(); // else the browser would carry the link away
});
document.addEventListener("pointermove", (event) => {
  const to = from && barAt(event);
  if (to && to !== from) marked(dragged(to));
});
document.addEventListener("pointerup", (event) => {
  const to = from && barAt(event);
  if (to && to !== from) {
    const bars = dragged(to);
    const { since } = bars[0].dataset;
    const { until } = bars.at(-1).dataset;
    go(address((asked) => {
      asked.delete("period");
      asked.set("since", since);
      asked.set("until", until);
    }));
  }
  from = null;
});

// Columns are ordered here, and stored when the form is sent.
document.addEventListener("click", (event) => {
  const mover = event.target.closest(".mover");
  if (!mover) return;
  event.preventDefault();
  moveItem(mover.closest("li"), mover.name === "up" ? -1 : 1);
  mover.focus();
});

// The heads of the columns stay below the bar, however high its conditions make it.
const bars = new ResizeObserver(([{ target }]) => {
  const height = getComputedStyle(target).position === "sticky" ? target.offsetHeight : 0;
  document.documentElement.style.setProperty("--bar-height", `${height}px`);
});
const measureBar = () => {
  bars.disconnect();
  const bar = document.querySelector(".sticky-bar");
  if (bar) bars.observe(bar);
};

measureBar();
document.addEventListener("htmx:afterSwap", measureBar);
reachable();
document.addEventListener("htmx:afterSwap", reachable);
document.addEventListener("htmx:beforeSwap", (event) => event.detail.target === list() && closeMenu());
