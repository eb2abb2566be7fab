// The viewer: planes of a case, whose grey codes are looked up in 256 values, with a window and an overlay.
const colours = [[76, 201, 240], [255, 159, 28], [144, 220, 90], [247, 110, 160], [178, 140, 255], [250, 220, 80]];
const make = (tag, properties, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element && name !== "list") element[name] = value; else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
};
const shown = (value) => Math.abs(value) >= 100 || value === Math.round(value) ? String(Math.round(value)) : value.toPrecision(3);

function makeViewer() {
  const title = make("h2", {});
  const planes = make("div", {className: "viewer-planes"});
  const legend = make("p", {className: "viewer-legend"});
  const slider = (name) => make("input", {type: "range", min: 0, max: 1000, step: 1, "aria-label": name});
  const field = (name) => make("input", {type: "number", step: "any", "aria-label": name});
  const centre = slider("Window centre"), width = slider("Window width"), opacity = slider("Overlay opacity");
  const centreField = field("Window centre, value"), widthField = field("Window width, value");
  opacity.max = 100;
  const opacityText = make("output", {});
  const presets = make("span", {className: "viewer-presets"});
  const row = (text, ...inputs) => make("div", {className: "viewer-row"}, make("span", {}, text), ...inputs);
  const controls = make("div", {className: "viewer-controls"},
    row("Centre", centre, centreField), row("Width", width, widthField), row("Overlay", opacity, opacityText), presets);
  const root = make("div", {className: "viewer"}, title, planes, legend, controls);
  let facts = null, parts = [], range = [0, 1], view = {center: 0, width: 1}, serial = 0;

  // A width from 1/1000 of the range to twice the range, evenly in its logarithm.
  const toWidth = (position) => (range[1] - range[0]) * Math.pow(10, -3 + 3.301 * position / 1000);
  const fromWidth = (value) => 1000 * (3 + Math.log10(value / (range[1] - range[0]))) / 3.301;
  const draw = () => {
    const low = view.center - view.width / 2, table = new Uint8Array(256);
    facts.levels.forEach((level, code) => { table[code] = Math.max(0, Math.min(255, 255 * (level - low) / view.width)); });
    const alpha = Math.round(2.55 * opacity.value);
    for (const {canvas, frame: part} of parts) {
      const pixels = part.pixels.data, over = part.over.data;
      for (let i = 0; i < part.codes.length; i++) {
        const grey = table[part.codes[i]], label = part.labels[i];
        pixels[4 * i] = pixels[4 * i + 1] = pixels[4 * i + 2] = grey;
        pixels[4 * i + 3] = 255;
        if (label) {
          const colour = colours[(label - 1) % colours.length];
          over[4 * i] = colour[0]; over[4 * i + 1] = colour[1]; over[4 * i + 2] = colour[2]; over[4 * i + 3] = alpha;
        }
      }
      part.grey.getContext("2d").putImageData(part.pixels, 0, 0);
      part.overlay.getContext("2d").putImageData(part.over, 0, 0);
      const context = canvas.getContext("2d");
      context.imageSmoothingQuality = "high";
      context.drawImage(part.grey, 0, 0, canvas.width, canvas.height);
      context.drawImage(part.overlay, 0, 0, canvas.width, canvas.height);
    }
    centreField.value = shown(view.center);
    widthField.value = shown(view.width);
    opacityText.textContent = opacity.value + " %";
  };
  const set = (center, size) => {
    view = {center, width: Math.max(size, (range[1] - range[0]) / 1000)};
    centre.value = 1000 * (view.center - range[0]) / (range[1] - range[0]);
    width.value = fromWidth(view.width);
    draw();
  };
  centre.addEventListener("input", () => { view.center = range[0] + centre.value / 1000 * (range[1] - range[0]); draw(); });
  width.addEventListener("input", () => { view.width = toWidth(width.value); draw(); });
  centreField.addEventListener("change", () => { if (isFinite(centreField.valueAsNumber)) set(centreField.valueAsNumber, view.width); });
  widthField.addEventListener("change", () => { if (widthField.valueAsNumber > 0) set(view.center, widthField.valueAsNumber); });
  opacity.addEventListener("input", draw);

  // What one canvas shows: codes and label numbers of a part of a sheet, whose lower half has the numbers.
  const load = (image) => {
    const sheet = make("canvas", {width: image.width, height: image.height});
    const context = sheet.getContext("2d", {willReadFrequently: true});
    context.drawImage(image, 0, 0);
    return (left, top, columns, rows) => {
      const bytes = (y) => context.getImageData(left, y, columns, rows).data.filter((_, index) => index % 4 === 0);
      const small = () => make("canvas", {width: columns, height: rows});
      return {grey: small(), overlay: small(), codes: bytes(top), labels: bytes(top + image.height / 2),
        pixels: new ImageData(columns, rows), over: new ImageData(columns, rows)};
    };
  };
  // A slider through coarse slices; where it starts stands the slice in full.
  const addSlices = (part, figure, holder, mine) => {
    const slices = facts.slices, shownAt = Number((facts.views[0].caption.match(/slice (\d+)/) || [0, 1])[1]) - 1;
    const nearest = slices.at.reduce((best, n, index) => Math.abs(n - shownAt) < Math.abs(slices.at[best] - shownAt) ? index : best, 0);
    const whole = part.frame, caption = figure.querySelector("figcaption").lastChild;
    const image = new Image();
    image.onload = () => {
      if (mine !== serial) return;
      const frame = load(image), [columns, rows] = slices.size;
      const input = make("input", {type: "range", min: 0, max: slices.at.length - 1, step: 1, className: "slices", "aria-label": "Axial slice"});
      input.value = nearest;
      input.addEventListener("input", () => {
        const n = Number(input.value);
        part.frame = n === nearest ? whole : frame(n % slices.in_row * columns, Math.floor(n / slices.in_row) * rows, columns, rows);
        const text = "slice " + ((n === nearest ? shownAt : slices.at[n]) + 1) + " of " + slices.count + " from the feet";
        caption.textContent = " " + text + (n === nearest ? "" : ", coarse");
        input.setAttribute("aria-valuetext", text);
        part.canvas.setAttribute("aria-label", "axial plane, " + text);
        draw();
      });
      figure.append(input);
    };
    image.src = "data:image/png;base64," + holder.dataset.slices;
  };

  const show = (holder) => {
    const mine = ++serial;
    facts = JSON.parse(holder.dataset.facts);
    const levels = facts.levels;
    range = [levels[0], levels[levels.length - 1]];
    if (!(range[1] > range[0])) range = [range[0] - 0.5, range[0] + 0.5];
    title.textContent = holder.dataset.name;
    legend.replaceChildren(...facts.labels.map((name, index) => {
      const mark = make("i", {});
      mark.style.background = "rgb(" + colours[index % colours.length].join() + ")";
      return make("span", {}, mark, name);
    }));
    const hounsfield = facts.units === "HU" ? [["Lung", -600, 1500], ["Soft tissue", 40, 400], ["Bone", 400, 1800]] : [];
    const whole = ["Whole range", (range[0] + range[1]) / 2, range[1] - range[0]];
    presets.replaceChildren(...[["Reset", facts.window.center, facts.window.width], ...hounsfield, whole].map(([name, c, w]) => {
      const button = make("button", {type: "button"}, name);
      button.addEventListener("click", () => set(c, w));
      return button;
    }));
    opacity.parentElement.hidden = !facts.labels.length;
    opacity.value = 40;
    const image = new Image();
    image.onload = () => {
      if (mine !== serial) return; // another case was asked for meanwhile
      const frame = load(image);
      const largest = Math.max(...facts.views.map((item) => Math.max(...item.size_mm)));
      planes.replaceChildren();
      parts = facts.views.map((item) => {
        const [left, top, columns, rows] = item.box;
        // Twice the pixels of the sheet, and the shape of the body: the browser does the rest.
        const unit = Math.max(columns / item.size_mm[1], rows / item.size_mm[0]);
        const scale = Math.max(1, Math.min(6, 720 / Math.max(item.size_mm[0] * unit, item.size_mm[1] * unit))) * unit;
        const canvas = make("canvas", {width: Math.round(item.size_mm[1] * scale), height: Math.round(item.size_mm[0] * scale),
          role: "img", "aria-label": item.plane + " plane, " + item.caption});
        const letters = [...item.letters].map((letter, index) => make("span", {className: "letter at" + index, "aria-hidden": "true"}, letter));
        const figure = make("figure", {}, make("div", {className: "stage"}, canvas, ...letters),
          make("figcaption", {}, make("b", {}, item.plane[0].toUpperCase() + item.plane.slice(1)), " " + item.caption));
        // Equal millimetres look equal.
        figure.style.flexGrow = figure.style.flexShrink = item.size_mm[1] / largest;
        planes.append(figure);
        return {canvas, frame: frame(left, top, columns, rows)};
      });
      if (holder.dataset.slices && facts.slices) addSlices(parts[0], planes.firstChild, holder, mine);
      set(facts.window.center, facts.window.width);
      root.dataset.ready = holder.dataset.name;
    };
    image.src = "data:image/png;base64," + holder.dataset.sheet;
  };
  // Dragging over a plane: sideways the width, up and down the centre, as on a workstation.
  let drag = null;
  planes.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.target.tagName !== "CANVAS") return;
    drag = {x: event.clientX, y: event.clientY, ...view};
    planes.setPointerCapture(event.pointerId);
  });
  planes.addEventListener("pointermove", (event) => {
    if (!drag) return;
    set(drag.center + (event.clientY - drag.y) * drag.width / 300, drag.width * Math.exp((event.clientX - drag.x) / 200));
  });
  for (const name of ["pointerup", "pointercancel"]) planes.addEventListener(name, () => { drag = null; });
  return {root, show};
}

for (const holder of document.querySelectorAll(".planes[data-alone]")) {
  const viewer = makeViewer();
  holder.after(viewer.root);
  viewer.show(holder);
}
if (document.querySelector("a[data-planes]")) {
  const viewer = makeViewer();
  const button = (text, label) => make("button", {type: "button", "aria-label": label}, text);
  const before = button("‹ Previous", "Previous case"), after = button("Next ›", "Next case"), close = button("Close", "Close");
  const bar = make("div", {className: "viewer-bar"}, before, after, close);
  const dialog = make("dialog", {className: "viewer-dialog", "aria-label": "Planes"}, bar, viewer.root);
  document.body.append(dialog);
  let order = [], at = 0, opener = null;
  const show = (index) => {
    at = index;
    before.disabled = at <= 0;
    after.disabled = at >= order.length - 1;
    if (!dialog.contains(document.activeElement) || document.activeElement.disabled) close.focus();
    viewer.show(document.getElementById("planes-" + order[at]));
  };
  before.addEventListener("click", () => show(at - 1));
  after.addEventListener("click", () => show(at + 1));
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => opener && opener.focus());
  dialog.addEventListener("keydown", (event) => {
    if (event.target.tagName === "INPUT") return;
    if (event.key === "ArrowLeft" && at > 0) show(at - 1);
    if (event.key === "ArrowRight" && at < order.length - 1) show(at + 1);
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest && event.target.closest("a[data-planes]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    opener = link;
    // In the order in which the table stands now, without the rows that are filtered out.
    order = [...document.querySelectorAll("table.overview tbody tr:not([hidden]) a[data-planes]")].map((a) => a.dataset.planes);
    if (!order.includes(link.dataset.planes)) order.push(link.dataset.planes);
    dialog.showModal();
    show(order.indexOf(link.dataset.planes));
  });
}
