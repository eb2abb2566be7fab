// The distribution of a chosen feature, large, and the values of the map of correlations.
const distribution = document.getElementById("distribution");
if (distribution) {
  const cohort = document.getElementById("cohort");
  const anchors = cohort.dataset.anchors.split(",");
  const rows = [...cohort.querySelectorAll("tr[data-values]")];
  const svg = (tag, attributes, text) => {
    const element = document.createElementNS(cohort.querySelector("svg").namespaceURI, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const select = make("select", {});
  rows.forEach((row, index) => select.add(new Option(row.cells[0].textContent, index)));
  const figure = make("figure", {className: "chart wide"});
  distribution.append(make("div", {className: "tools"}, make("label", {}, "Feature ", select)), figure);
  const nice = (value) => {
    const scale = Math.pow(10, Math.floor(Math.log10(value)));
    return [1, 2, 5, 10].find((step) => step * scale >= value * (1 - 1e-9)) * scale;
  };
  const quantile = (sorted, q) => {
    const at = q * (sorted.length - 1), below = Math.floor(at);
    return sorted[below] + (at - below) * ((sorted[below + 1] ?? sorted[below]) - sorted[below]);
  };
  const text = (value) => Math.abs(value) >= 1e5 || (value && Math.abs(value) < 1e-3) ? value.toExponential(1) : String(Number(value.toPrecision(4)));
  const draw = () => {
    const row = rows[select.value];
    rows.forEach((other) => other.classList.toggle("chosen", other === row));
    const values = row.dataset.values.split(",").map((value, index) => [value === "" ? NaN : Number(value), index]).filter(([value]) => !isNaN(value));
    const sorted = values.map(([value]) => value).sort((a, b) => a - b);
    const low = sorted[0], high = sorted[sorted.length - 1], span = high - low || 1;
    const [q1, q2, q3] = [0.25, 0.5, 0.75].map((q) => quantile(sorted, q));
    // Freedman and Diaconis, from 8 to 40 bins.
    const wanted = q3 > q1 ? span / (2 * (q3 - q1) / Math.cbrt(sorted.length)) : 10;
    const bins = high > low ? Math.max(8, Math.min(40, Math.ceil(wanted))) : 1;
    const counts = new Array(bins).fill(0);
    for (const value of sorted) counts[Math.min(bins - 1, Math.floor((value - low) / span * bins))]++;
    const W = 1000, H = 250, L = 46, R = 14, T = 10, B = 190, most = Math.max(...counts);
    const x = (value) => L + (high > low ? (value - low) / span : 0.5) * (W - L - R), y = (count) => B - count / most * (B - T);
    const name = row.cells[0].textContent;
    const plot = svg("svg", {class: "plot", viewBox: "0 0 " + W + " " + H, role: "img",
      "aria-label": name + ": histogram of " + sorted.length + " cases, median " + text(q2) + ", quartiles " + text(q1) + " and " + text(q3)});
    const step = nice(most / 4);
    for (let count = 0; count <= most; count += Math.max(1, step)) {
      plot.append(svg("line", {class: "grid", x1: L, x2: W - R, y1: y(count), y2: y(count)}), svg("text", {x: L - 6, y: y(count) + 4, "text-anchor": "end"}, count));
    }
    const size = (W - L - R) / bins;
    counts.forEach((count, index) => count && plot.append(svg("rect", {class: "bin", x: L + index * size + 0.5, y: y(count), width: size - 1, height: B - y(count)})));
    plot.append(svg("line", {class: "axis", x1: L, x2: W - R, y1: B, y2: B}));
    const tick = nice(span / 8);
    if (high > low) for (let value = Math.ceil(low / tick) * tick; value <= high + 1e-9 * span; value += tick) {
      plot.append(svg("line", {class: "axis", x1: x(value), x2: x(value), y1: B, y2: B + 4}), svg("text", {x: x(value), y: B + 17, "text-anchor": "middle"}, text(Math.abs(value) < 1e-9 * span ? 0 : value)));
    }
    // The box: quartiles and median; whiskers to the last value within 1.5 times their distance.
    const within = sorted.filter((value) => value >= q1 - 1.5 * (q3 - q1) && value <= q3 + 1.5 * (q3 - q1)), m = 226;
    plot.append(svg("path", {class: "box", d: "M" + x(within[0]) + "," + m + "H" + x(q1) + "M" + x(q3) + "," + m + "H" + x(within[within.length - 1]) +
      "M" + x(q1) + "," + (m - 9) + "H" + x(q3) + "v18H" + x(q1) + "zM" + x(q2) + "," + (m - 9) + "v18"}));
    for (const [value, index] of values) {
      if (value >= within[0] && value <= within[within.length - 1]) continue;
      const link = svg("a", {href: "#case-" + anchors[index], "aria-label": "Case " + anchors[index] + ", " + text(value)});
      const dot = svg("circle", {class: "dot", cx: x(value), cy: m, r: 4});
      const target = document.getElementById("case-" + anchors[index]);
      const heading = target && target.closest(".case").querySelector("h2");
      dot.append(svg("title", {}, (heading ? heading.textContent : anchors[index]) + ": " + text(value)));
      link.append(dot);
      plot.append(link);
    }
    figure.replaceChildren(plot, make("figcaption", {}, name + " over " + sorted.length + " cases: histogram, and box of the quartiles; dots are cases beyond 1.5 times their distance, and lead to them."));
  };
  select.value = distribution.dataset.first;
  select.addEventListener("change", draw);
  for (const [index, row] of rows.entries()) {
    const button = make("button", {type: "button", className: "choose"}, ...row.cells[0].childNodes);
    row.cells[0].append(button);
    button.addEventListener("click", () => { select.value = index; draw(); distribution.scrollIntoView({block: "nearest"}); });
  }
  draw();
}
const heat = document.querySelector(".heat");
if (heat) {
  const names = heat.dataset.labels.split("\n"), rho = heat.dataset.rho.split(",").map(Number), says = document.getElementById("heat-says");
  const cursor = make("i", {className: "heat-cursor", hidden: true});
  heat.append(cursor);
  let at = [0, 0];
  const tell = (row, column) => {
    at = [Math.max(0, Math.min(names.length - 1, row)), Math.max(0, Math.min(names.length - 1, column))];
    const [i, j] = at[0] >= at[1] ? at : [at[1], at[0]];
    const value = rho[i * (i + 1) / 2 + j];
    cursor.hidden = false;
    const side = 100 / names.length;
    Object.assign(cursor.style, {left: at[1] * side + "%", top: at[0] * side + "%", width: side + "%", height: side + "%"});
    says.textContent = names[at[0]] + " and " + names[at[1]] + ": " + (value > 100 ? "not known" : "ρ = " + (value / 100).toFixed(2).replace("-", "−"));
  };
  heat.tabIndex = 0;
  heat.setAttribute("role", "application");
  heat.setAttribute("aria-label", "Map of correlations; arrow keys move");
  heat.addEventListener("pointermove", (event) => {
    const box = heat.getBoundingClientRect();
    tell(Math.floor((event.clientY - box.top) / box.height * names.length), Math.floor((event.clientX - box.left) / box.width * names.length));
  });
  heat.addEventListener("keydown", (event) => {
    const step = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]}[event.key];
    if (step) { event.preventDefault(); tell(at[0] + step[0], at[1] + step[1]); }
  });
}
