"use strict";
// Without this script all is there to be read: tables whole, every view of a choice below the other.
for (const table of document.querySelectorAll("table[data-shown]")) {
  const body = table.tBodies[0], shown = Number(table.dataset.shown);
  let all = body.rows.length <= shown;
  const fold = () => [...body.rows].forEach((row, at) => row.classList.toggle("more", !all && at >= shown));
  if (!all) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "show-all";
    button.textContent = `Show all ${body.rows.length.toLocaleString("en")} rows`;
    button.addEventListener("click", () => { all = true; button.remove(); fold(); });
    table.parentElement.after(button);
  }
  fold();
  table.querySelectorAll("thead th").forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const numbers = !["text", "prose"].includes(head.className);
      const up = head.getAttribute("aria-sort") === "descending" ||
        (!head.hasAttribute("aria-sort") && !numbers);
      table.querySelectorAll("thead th").forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const key = row => row.cells[column].dataset.key ?? row.cells[column].textContent;
      const order = (one, other) => {
        const a = key(one), b = key(other);
        if (a === "" || b === "") return (a === "") - (b === "");  // what is not known comes last either way
        const sign = numbers ? Number(a) - Number(b) : a.localeCompare(b);
        return up ? sign : -sign;
      };
      body.append(...[...body.rows].sort(order));
      fold();
    });
  });
}
for (const choice of document.querySelectorAll(".choice")) {
  const buttons = [...choice.querySelectorAll(":scope > .tabs button")];
  const views = [...choice.querySelectorAll(":scope > .view")];
  const see = at => views.forEach((view, place) => view.classList.toggle("other", place !== at));
  choice.classList.add("works");
  buttons.forEach((button, at) => button.addEventListener("click", () => {
    buttons.forEach((other, place) => other.setAttribute("aria-pressed", String(place === at)));
    see(at);
  }));
  const select = choice.querySelector(":scope > .tabs select");  // where there are many
  if (select) {
    select.value = "0";  // a browser that comes back remembers another
    select.addEventListener("change", () => see(Number(select.value)));
  }
}
for (const figure of document.querySelectorAll(".matrix")) {
  const table = figure.querySelector("table"), body = table.tBodies[0], head = table.tHead.rows[0];
  const rows = [...body.rows], names = [...head.cells].slice(1);
  const cells = rows.map(row => [...row.cells].slice(1));
  const orders = {
    given: (a, b) => a - b,
    support: (a, b) => rows[b].dataset.support - rows[a].dataset.support || a - b,
    recall: (a, b) => rows[a].dataset.recall - rows[b].dataset.recall || a - b,
    name: (a, b) => names[a].title.localeCompare(names[b].title),
  };
  const select = figure.querySelector("select");
  select.addEventListener("change", () => {
    const order = rows.map((_, at) => at).sort(orders[select.value]);
    head.append(...order.map(at => names[at]));
    body.append(...order.map(at => { rows[at].append(...order.map(to => cells[at][to])); return rows[at]; }));
  });
  // A cell in words, with its row and its column lit: by the mouse, a finger, or the arrow keys.
  const told = figure.querySelector(".told"), number = value => value.toLocaleString("en");
  const hint = "Point at a cell, or walk with the arrow keys, to read it here.";
  let lit = [], here = cells[0]?.[0];
  told.textContent = hint;
  const tell = cell => {
    lit.forEach(other => other.classList.remove("lit"));
    const row = cell.parentElement, answer = head.cells[cell.cellIndex];
    lit = [cell, row.cells[0], answer];
    lit.forEach(other => other.classList.add("lit"));
    const count = Number(cell.textContent.replaceAll(",", "")), all = Number(row.dataset.support);
    const share = all ? ` (${(100 * count / all).toFixed(1)} %)` : "";
    const short = name => name.length > 60 ? name.slice(0, 60) + "..." : name;
    const [name, other] = [row.cells[0].title, answer.title].map(short);
    told.textContent = `${number(count)} of ${number(all)} ${figure.dataset.counted} of \u2068${name}\u2069${share} ` +
      (row.cells[0].title === answer.title ? "answered right" : `answered \u2068${other}\u2069`);
  };
  const cellOf = event => event.target.closest("td");
  const walk = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]};
  table.setAttribute("role", "grid");
  if (here) here.tabIndex = 0;
  figure.querySelector(".table").removeAttribute("tabindex");
  table.addEventListener("pointerover", event => { if (cellOf(event)) tell(cellOf(event)); });
  table.addEventListener("focusin", event => { if (cellOf(event)) tell(cellOf(event)); });
  table.addEventListener("click", event => {
    if (!cellOf(event)) return;
    here.tabIndex = -1; here = cellOf(event); here.tabIndex = 0; here.focus();
  });
  table.addEventListener("keydown", event => {
    const cell = cellOf(event);
    if (!cell) return;
    const row = cell.parentElement, ends = {Home: row.cells[1], End: row.cells[row.cells.length - 1]};
    const [down, along] = walk[event.key] ?? [0, 0];
    const next = ends[event.key] ?? (walk[event.key] && body.rows[row.sectionRowIndex + down]?.cells[cell.cellIndex + along]);
    if (!next || next.tagName !== "TD") return;
    event.preventDefault();
    here.tabIndex = -1; here = next; here.tabIndex = 0; here.focus();
  });
}
// What is folded is printed open, but for the long texts of a table.
const folded = () => [...document.querySelectorAll("details")].filter(fold => !fold.closest("table"));
let opened = [];
addEventListener("beforeprint", () => {
  opened = folded().filter(fold => !fold.open);
  opened.forEach(fold => { fold.open = true; });
});
addEventListener("afterprint", () => opened.forEach(fold => { fold.open = false; }));
