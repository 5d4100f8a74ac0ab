// The form of a profile: rows that are added, moved and removed; the preview that follows it; copying of files.

import { copyWith, moveItem, word } from "./page.js";

const form = document.getElementById("profile-form");
const preview = document.getElementById("preview");

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy-code]");
  if (!button) return;
  const code = button.parentElement.querySelector("code");
  copyWith(button, code, `${code.innerText}\n`);
});

document.addEventListener("submit", (event) => {
  const asks = event.submitter?.dataset.confirm;
  if (asks && !window.confirm(asks)) event.preventDefault();
});

// The theme looks for its own field beside every file input, and fails where there is none.
const files = document.getElementById("file");
files?.form?.addEventListener("change", (event) => event.target === files && event.stopPropagation(), true);

if (form) {
  let unsaved = form.dataset.unsaved === "yes";
  form.addEventListener("input", () => (unsaved = true));
  form.addEventListener("submit", () => (unsaved = false));
  window.addEventListener("beforeunload", (event) => {
    if (unsaved) event.preventDefault();
  });

  // --- rows

  const rowsIn = (list) => [...list.children].filter((row) => !row.hidden);

  const renumber = (box) => {
    const rows = rowsIn(box.querySelector("[data-list]"));
    rows.forEach((row, at) => (row.querySelector("[name$=-ORDER]").value = at + 1));
    rows.forEach((row, at) => {
      row.querySelector("[data-up]").disabled = at === 0;
      row.querySelector("[data-down]").disabled = at === rows.length - 1;
    });
    box.classList.toggle("is-empty", rows.length === 0);
  };

  const changed = (box, said = "") => {
    renumber(box);
    unsaved = true;
    box.querySelector("[data-said]").textContent = said;
    form.dispatchEvent(new Event("rows"));
  };

  const add = (box) => {
    const total = box.querySelector("[name$=-TOTAL_FORMS]");
    const holder = document.createElement("div");
    holder.innerHTML = box.querySelector("template").innerHTML.replaceAll("__prefix__", total.value);
    const row = holder.querySelector("[data-row]");
    total.value = Number(total.value) + 1;
    box.querySelector("[data-list]").append(row);
    prepare(row);
    changed(box, word("row-added"));
    row.querySelector("[name$=-variable]").focus();
  };

  const remove = (box, row) => {
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.querySelector("[name$=-DELETE]").checked = true;
    row.hidden = true;
    changed(box, word("row-removed"));
    (next && !next.hidden ? next.querySelector("[data-remove]") : box.querySelector("[data-add]")).focus();
  };

  const move = (box, row, step, button) => {
    if (!moveItem(row, step)) return;
    changed(box, word("row-moved").replace("{number}", rowsIn(row.parentElement).indexOf(row) + 1));
    const still = button.disabled ? row.querySelector(step < 0 ? "[data-down]" : "[data-up]") : button;
    still.focus();
  };

  form.addEventListener("click", (event) => {
    const button = event.target.closest("button[type=button]");
    const box = button?.closest("[data-rows]");
    if (!box) return;
    const row = button.closest("[data-row]");
    if ("add" in button.dataset) add(box);
    else if ("remove" in button.dataset) remove(box, row);
    else if ("up" in button.dataset) move(box, row, -1, button);
    else if ("down" in button.dataset) move(box, row, 1, button);
  });

  // Alt and an arrow moves the row in which one types.
  form.addEventListener("keydown", (event) => {
    const row = event.target.closest("[data-row]");
    if (!row || !event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    const focused = document.activeElement;
    move(row.closest("[data-rows]"), row, event.key === "ArrowUp" ? -1 : 1, focused);
    focused.focus();
  });

  // Dragging by the handle: the row follows the pointer through the list.
  form.addEventListener("pointerdown", (event) => {
    const handle = event.target.closest("[data-handle]");
    if (!handle || event.button !== 0) return;
    event.preventDefault();
    const row = handle.closest("[data-row]");
    const list = row.parentElement;
    const before = rowsIn(list).indexOf(row);
    row.classList.add("dragged");
    const follow = (moved) => {
      const below = rowsIn(list).find((one) => {
        const place = one.getBoundingClientRect();
        return one !== row && moved.clientY < place.top + place.height / 2;
      });
      if (below) below.before(row);
      else list.append(row);
    };
    const drop = () => {
      row.classList.remove("dragged");
      document.removeEventListener("pointermove", follow);
      document.removeEventListener("pointerup", drop);
      document.removeEventListener("pointercancel", drop);
      if (rowsIn(list).indexOf(row) !== before) changed(row.closest("[data-rows]"));
    };
    document.addEventListener("pointermove", follow);
    document.addEventListener("pointerup", drop);
    document.addEventListener("pointercancel", drop);
  });

  // A new field's name is offered as its label wherever the profile writes to, until one types another there.
  const attribute = (name) => name.replace(/(^|[_-])([a-z])/g, (_all, gap, letter) => (gap ? "-" : "") + letter.toUpperCase());
  const labelFor = (input, name) => {
    if (input.name.endsWith("-label_radius")) return attribute(name);
    return input.name.endsWith("-label_diameter") ? "" : name;
  };
  // A variable that is chosen for a new field fills its name, with it the labels, and its role.
  const offered = new Map([...document.querySelectorAll("#variables option")].map((one) => [one.value, one.dataset]));
  const ownName = (variable) => /^\$\(?\w+\((?:[a-z]:)?([\w-]+)\)/.exec(variable)?.[1].toLowerCase().replaceAll("-", "_");
  const describe = (row, name) => {
    const variable = row.querySelector("[name$=-variable]");
    const role = row.querySelector("[name$=-role]");
    const sqlType = row.querySelector("[name$=-sql_type]");
    let suggested = "";
    variable.addEventListener("input", () => {
      const known = offered.get(variable.value);
      if (name.value !== suggested) return;
      suggested = known?.name || ownName(variable.value) || "";
      name.value = suggested;
      name.dispatchEvent(new Event("input", { bubbles: true }));
      if (known?.role && role.value === "" && [...role.options].some((one) => one.value === known.role)) role.value = known.role;
      if (sqlType && known?.sqlType) sqlType.value = known.sqlType;
    });
  };
  const prepare = (row) => {
    const name = row.querySelector("[name$=-name]");
    describe(row, name);
    const labels = [...row.querySelectorAll("[name*=-label_]")];
    let last = name.value;
    name.addEventListener("input", () => {
      for (const input of labels) {
        if (input.value === "" ? last === "" : input.value === labelFor(input, last)) input.value = labelFor(input, name.value);
      }
      last = name.value;
    });
  };

  for (const row of form.querySelectorAll("[data-row]")) prepare(row);
  for (const box of form.querySelectorAll("[data-rows]")) renumber(box);

  // An output that is selected gets flags that nothing else has, and the labels that the other outputs have.
  const flags = () => [...form.querySelectorAll("[data-flag]")];
  const numberOf = (flag) => /[0-9]+$/.exec(flag.value.trim())?.[0];
  const giveFlag = (flag) => {
    if (flag.value.trim() !== "") return;
    const used = new Set(flags().map(numberOf));
    flag.value = flag.dataset.flag || form.dataset.freeFlags.split(" ").find((number) => !used.has(number)) || "";
  };
  const setUp = (backend) => {
    for (const kind of ["flag", "missed"]) {
      const flag = form.querySelector(`[name=${kind}_${backend}]`);
      if (flag) giveFlag(flag);
    }
    const missed = [...form.querySelectorAll("[name=ask_missed]")];
    if (missed.some((one) => one.checked)) for (const one of missed) one.checked ||= one.value === backend;
    for (const input of form.querySelectorAll(`[data-row]:not([hidden]) [name$=-label_${backend}]`)) {
      const row = input.closest("[data-row]");
      const others = ["syslog", "sql"].map((one) => row.querySelector(`[name$=-label_${one}]`)?.value);
      const isLogged = [...row.querySelectorAll("[name*=-label_]")].some((one) => one.value !== "");
      const called = others.find(Boolean) || row.querySelector("[name$=-name]").value;
      if (input.value === "" && isLogged) input.value = labelFor(input, called);
    }
  };
  form.addEventListener("change", (event) => {
    if (event.target.name === "backends" && event.target.checked) setUp(event.target.value);
  });

  // --- the preview

  const markFields = () => {
    for (const one of form.querySelectorAll(".found-error, .found-warning")) {
      one.classList.remove("found-error", "found-warning");
    }
    for (const finding of preview.querySelectorAll("[data-field]")) {
      const control = document.getElementById(finding.dataset.field);
      if (!control?.matches("input, select")) continue;
      if (finding.classList.contains("finding-error")) control.classList.add("found-error");
      else if (finding.classList.contains("finding-warning")) control.classList.add("found-warning");
    }
  };
  const linesOf = () => [...preview.querySelectorAll(".code .line")];
  let before = { file: "", lines: new Set(), top: 0 };
  const chosen = () => preview.querySelector("[name=file]:checked")?.value;

  preview.addEventListener("htmx:beforeSwap", () => {
    const top = preview.querySelector(".code")?.scrollTop ?? 0;
    const notes = preview.querySelector("#finding-notes")?.open ?? false;
    before = { file: chosen(), notes, lines: new Set(linesOf().map((line) => line.textContent)), top };
  });
  preview.addEventListener("htmx:afterSettle", () => {
    markFields();
    const notes = preview.querySelector("#finding-notes");
    if (notes) notes.open = before.notes;
    if (chosen() !== before.file) return;
    preview.querySelector(".code").scrollTop = before.top;
    const fresh = linesOf().filter((line) => !before.lines.has(line.textContent));
    for (const line of fresh) line.classList.add("fresh");
    if (fresh.length) bringIntoView(preview.querySelector(".code"), fresh[0]);
  });
  const bringIntoView = (box, line) => {
    const top = line.offsetTop - box.offsetTop;
    if (top < box.scrollTop || top > box.scrollTop + box.clientHeight - 20) box.scrollTop = top - box.clientHeight / 3;
  };
  markFields();

  // A finding leads to its field, also where that stands in a closed part.
  preview.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    const control = link && document.getElementById(link.hash.slice(1));
    if (!control) return;
    event.preventDefault();
    for (let part = control.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
    control.scrollIntoView({ block: "center", behavior: "smooth" });
    (control.matches("input, select") ? control : control.querySelector("input, button"))?.focus({ preventScroll: true });
  });
}
