"use strict";
// Sorting: the headings of a sortable table become buttons. Without scripts they stay plain headings.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    if ("nosort" in head.dataset) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      // A table that came sorted turns around at the first click; others start with the smallest.
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => row.cells[column].dataset.v ?? row.cells[column].textContent.trim();
      const empty = (value) => value === "" || value === "–";
      const compare = (a, b) => {
        const x = key(a), y = key(b);
        if (empty(x) || empty(y)) return empty(x) - empty(y); // what is missing stays at the end
        const order = isNaN(x) || isNaN(y) ? x.localeCompare(y, undefined, {numeric: true}) : x - y;
        return down ? -order : order;
      };
      body.append(...[...body.rows].sort(compare));
    });
  });
}
// Filtering: a choice of verdicts and, for long tables, a field for words.
for (const table of document.querySelectorAll("table[data-filter]")) {
  const rows = [...table.tBodies[0].rows];
  if (rows.length < 6) continue;
  const bar = document.createElement("div");
  bar.className = "tools";
  const select = document.createElement("select");
  select.setAttribute("aria-label", "Show rows");
  for (const choice of ["all", ...new Set(rows.flatMap((row) => (row.dataset.state || "").split(" ")).filter(Boolean))]) {
    select.add(new Option("Show " + choice, choice));
  }
  const field = document.createElement("input");
  field.type = "search";
  field.placeholder = "Filter rows";
  field.setAttribute("aria-label", "Filter rows by text");
  const count = document.createElement("span");
  count.setAttribute("role", "status");
  const apply = () => {
    const words = field.value.toLowerCase().split(/\s+/);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = (select.value !== "all" && !row.dataset.state.split(" ").includes(select.value)) || !words.every((w) => text.includes(w));
      shown += !row.hidden;
    }
    count.textContent = shown === rows.length ? "" : shown + " of " + rows.length + " rows";
  };
  select.addEventListener("change", apply);
  field.addEventListener("input", apply);
  if (select.options.length > 2) bar.append(select);
  bar.append(field, count);
  table.closest(".scroll").before(bar);
}
// A picture opens in full size over the page; without scripts its link opens the file.
const viewer = document.createElement("dialog");
if (viewer.showModal) {
  const image = document.createElement("img");
  const close = document.createElement("button");
  close.type = "button";
  close.textContent = "Close";
  viewer.append(image, close);
  document.body.append(viewer);
  viewer.addEventListener("click", () => viewer.close());
  for (const link of document.querySelectorAll("a.picture")) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      const small = link.querySelector("img");
      image.src = small.src;
      image.alt = small.alt;
      viewer.setAttribute("aria-label", small.alt);
      viewer.showModal();
    });
  }
}
// Folded cases open when a link leads into them, and all of them for printing.
const reveal = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  const fold = target && target.closest("details");
  if (fold && !fold.open) { fold.open = true; target.scrollIntoView(); }
};
addEventListener("hashchange", reveal);
reveal();
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  folded.forEach((fold) => { fold.open = true; });
});
addEventListener("afterprint", () => folded.forEach((fold) => { fold.open = false; }));
