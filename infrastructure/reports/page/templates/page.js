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
      const up = head.getAttribute("aria-sort") === "descending" ||
        (!head.hasAttribute("aria-sort") && head.className === "text");
      table.querySelectorAll("thead th").forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const key = row => row.cells[column].dataset.key;
      const numbers = head.className !== "text";
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
  choice.classList.add("works");
  buttons.forEach((button, at) => button.addEventListener("click", () => {
    buttons.forEach((other, place) => other.setAttribute("aria-pressed", String(place === at)));
    views.forEach((view, place) => view.classList.toggle("other", place !== at));
  }));
}
for (const figure of document.querySelectorAll(".matrix")) {
  const body = figure.querySelector("tbody"), head = figure.querySelector("thead tr");
  const rows = [...body.rows], names = [...head.cells].slice(1);
  const cells = rows.map(row => [...row.cells].slice(1));
  const orders = {
    given: (a, b) => a - b,
    support: (a, b) => rows[b].dataset.support - rows[a].dataset.support || a - b,
    recall: (a, b) => rows[a].dataset.recall - rows[b].dataset.recall || a - b,
    name: (a, b) => rows[a].dataset.name.localeCompare(rows[b].dataset.name),
  };
  const select = figure.querySelector("select");
  const arrange = () => {
    const order = rows.map((_, at) => at).sort(orders[select.value]);
    head.append(...order.map(at => names[at]));
    body.append(...order.map(at => { rows[at].append(...order.map(to => cells[at][to])); return rows[at]; }));
  };
  select.addEventListener("change", arrange);
}
