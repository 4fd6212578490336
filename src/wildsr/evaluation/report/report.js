"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const make = (tag, fields = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), fields);
    node.append(...children);
    return node;
  };
  const dot = (mark) => make("i", { className: `dot ${mark}` });
  const scenes = JSON.parse($("data").textContent).scenes;

  // Light or dark as the system is set, until the button is used.
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
  const nameTheme = () => { $("theme").textContent = isDark() ? "Light" : "Dark"; };
  $("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    nameTheme();
  });
  dark.addEventListener("change", nameTheme);
  nameTheme();

  // The table of all numbers.
  const table = $("images");
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const lines = [...body.rows];
  const numeric = (cell) => (cell.dataset.v === "" ? NaN : Number(cell.dataset.v));
  const sortBy = (column) => {
    const head = heads[column];
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const sign = down ? -1 : 1;
    lines.sort((a, b) => {
      const [p, q] = [a.cells[column], b.cells[column]];
      if (p.dataset.v === undefined) return sign * p.textContent.localeCompare(q.textContent, undefined, { numeric: true });
      const [x, y] = [numeric(p), numeric(q)];
      // Missing values come last in both directions.
      if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
      return x === y ? 0 : sign * (x < y ? -1 : 1);
    });
    body.append(...lines);
  };
  heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => sortBy(column)));
  const form = $("filter");
  const filter = () => {
    const { text, method, dataset } = Object.fromEntries(new FormData(form));
    const wanted = text.trim().toLowerCase();
    let count = 0;
    for (const line of lines) {
      const [set, image, by] = [...line.cells].map((cell) => cell.textContent);
      line.hidden = !((!method || by === method) && (!dataset || set === dataset) && image.toLowerCase().includes(wanted));
      count += !line.hidden;
    }
    $("count").textContent = `${count} of ${lines.length} rows`;
  };
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  filter();

  if (!scenes.length) return;

  // One image, two of its versions, a divider.
  const chosen = { scene: 0, left: null, right: null };
  const slider = $("slider");
  const layer = (label) => scenes[chosen.scene].layers.find((one) => one.label === label);
  const moveDivider = () => {
    $("stage").style.setProperty("--p", `${slider.value}%`);
    slider.setAttribute("aria-valuetext", `${Math.round(slider.value)} % ${chosen.left}, the rest ${chosen.right}`);
  };
  slider.addEventListener("input", moveDivider);
  const showSide = (side) => {
    const image = $(side);
    const found = layer(chosen[side]);
    image.onload = () => image.classList.toggle("small", image.naturalWidth < image.clientWidth / 1.5);
    image.src = found.src;
    image.alt = `${scenes[chosen.scene].image}: ${found.label}`;
    $(`${side}-layer`).value = found.label;
    moveDivider();
  };
  for (const side of ["left", "right"]) {
    $(`${side}-layer`).addEventListener("change", (event) => {
      chosen[side] = event.target.value;
      showSide(side);
    });
  }
  $("swap").addEventListener("click", () => {
    [chosen.left, chosen.right] = [chosen.right, chosen.left];
    showSide("left");
    showSide("right");
  });
  $("outline").addEventListener("change", (event) => { $("places").style.display = event.target.checked ? "" : "none"; });

  const showValues = ({ metrics, rows }) => {
    const head = make("tr", {}, make("th", { scope: "col", textContent: "Method" }));
    head.append(...metrics.map((name) => make("th", { scope: "col", className: "n", textContent: name })));
    const found = rows.map(({ method, mark, texts, best }) => {
      const line = make("tr", {}, make("th", { scope: "row" }, dot(mark), method));
      line.append(...texts.map((text, index) => make("td", { className: best[index] ? "n best" : "n" }, make("b", { textContent: text }))));
      return line;
    });
    $("values").replaceChildren(make("thead", {}, head), make("tbody", {}, ...found));
  };

  // The common view of all crops, in fractions of a pane.
  const view = { zoom: 1, x: 0, y: 0 };
  const crops = $("crops");
  const applyView = () => {
    const least = 1 - view.zoom;
    view.x = Math.min(0, Math.max(least, view.x));
    view.y = Math.min(0, Math.max(least, view.y));
    crops.style.setProperty("--z", view.zoom);
    crops.style.setProperty("--x", view.x);
    crops.style.setProperty("--y", view.y);
    crops.classList.toggle("zoomed", view.zoom > 1);
    $("factor").textContent = `${Number(view.zoom.toFixed(1))}×`;
  };
  const zoomTo = (zoom, x = 0.5, y = 0.5) => {
    const next = Math.min(12, Math.max(1, zoom));
    view.x = x - ((x - view.x) / view.zoom) * next;
    view.y = y - ((y - view.y) / view.zoom) * next;
    view.zoom = next;
    applyView();
  };
  const resetView = () => { Object.assign(view, { zoom: 1, x: 0, y: 0 }); applyView(); };
  const within = (pane, event) => {
    const box = pane.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  $("in").addEventListener("click", () => zoomTo(view.zoom * 1.5));
  $("out").addEventListener("click", () => zoomTo(view.zoom / 1.5));
  $("reset").addEventListener("click", resetView);
  crops.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [0.1, 0], ArrowRight: [-0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] };
    if (event.key === "+" || event.key === "=") zoomTo(view.zoom * 1.5);
    else if (event.key === "-") zoomTo(view.zoom / 1.5);
    else if (event.key === "0") resetView();
    else if (event.key in moves && view.zoom > 1) {
      view.x += moves[event.key][0];
      view.y += moves[event.key][1];
      applyView();
    } else return;
    event.preventDefault();
  });
  crops.addEventListener("dblclick", (event) => {
    const pane = event.target.closest(".pane");
    if (pane) zoomTo(view.zoom * 2, ...within(pane, event));
  });
  // A plain wheel scrolls the page; with Ctrl, which is also how touchpads report pinches, it zooms.
  crops.addEventListener("wheel", (event) => {
    const pane = event.target.closest(".pane");
    if (!pane || !event.ctrlKey) return;
    event.preventDefault();
    zoomTo(view.zoom * Math.exp(-event.deltaY / 150), ...within(pane, event));
  }, { passive: false });
  const fingers = new Map();
  crops.addEventListener("pointerdown", (event) => {
    const pane = event.target.closest(".pane");
    if (!pane || event.button) return;
    pane.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, within(pane, event));
  });
  crops.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    const pane = event.target.closest(".pane");
    if (!before || !pane) return;
    const now = within(pane, event);
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    fingers.set(event.pointerId, now);
    if (other) {
      const distance = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]) || 1e-3;
      zoomTo(view.zoom * (distance(now) / distance(before)), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    } else if (view.zoom > 1) {
      view.x += now[0] - before[0];
      view.y += now[1] - before[1];
      applyView();
    }
  });
  for (const end of ["pointerup", "pointercancel"]) crops.addEventListener(end, (event) => fingers.delete(event.pointerId));

  const showCrops = ({ crops: found, width, height }) => {
    const places = $("places");
    places.setAttribute("viewBox", `0 0 ${width} ${height}`);
    places.replaceChildren(...found.map(({ left, top, width: w, height: h }) => {
      const box = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      for (const [name, value] of Object.entries({ x: left, y: top, width: w, height: h })) box.setAttribute(name, value);
      return box;
    }));
    crops.replaceChildren(...found.map(({ left, top, width: w, height: h, tiles }, index) => make("div", { className: "crop card" },
      make("h4", { textContent: `Crop ${index + 1}: ${w}×${h} pixels at ${left}, ${top}` }),
      make("div", { className: "tiles" }, ...tiles.map(({ label, mark, src }) => make("figure", { className: "tile" },
        make("div", { className: "pane" }, make("img", { src, alt: `Crop ${index + 1}, ${label}`, draggable: false })),
        make("figcaption", {}, dot(mark), label)))))));
    if (!found.length) crops.textContent = "Nothing to compare: fewer than two versions of the same size, or all are equal.";
    resetView();
  };

  const strip = $("strip");
  const show = (index, reveal = false) => {
    chosen.scene = (index + scenes.length) % scenes.length;
    const scene = scenes[chosen.scene];
    const labels = scene.layers.map((one) => one.label);
    $("name").textContent = scene.dataset ? `${scene.dataset} · ${scene.image}` : scene.image;
    $("problems").hidden = !scene.problems.length;
    $("problems").textContent = scene.problems.length ? `Not shown: ${scene.problems.join("; ")}` : "";
    showValues(scene.values);
    showCrops(scene);
    [...strip.children].forEach((one, number) => one.setAttribute("aria-selected", number === chosen.scene));
    const picked = strip.children[chosen.scene];
    strip.scrollTo({ left: picked.offsetLeft - strip.clientWidth / 2 + picked.offsetWidth / 2 });
    $("stage").hidden = !labels.length;
    if (labels.length) {
      $("stage").style.aspectRatio = `${scene.width} / ${scene.height}`;
      $("stage").style.maxWidth = `min(100%, calc(74vh * ${scene.width / scene.height}))`;
      for (const side of ["left", "right"]) {
        $(`${side}-layer`).replaceChildren(...labels.map((label) => new Option(label)));
      }
      // Keeps the choice of the last image; initially bicubic against the first other method.
      const methods = scene.layers.filter((one) => /^m\d$/.test(one.mark)).map((one) => one.label);
      if (!labels.includes(chosen.left)) chosen.left = labels.find((label) => label.toLowerCase().startsWith("bicubic")) ?? labels[0];
      if (!labels.includes(chosen.right)) chosen.right = methods.find((label) => label !== chosen.left) ?? labels[labels.length - 1];
      showSide("left");
      showSide("right");
    }
    if (reveal) $("look").scrollIntoView();
  };
  strip.append(...scenes.map((scene, index) => {
    const thumb = scene.layers[scene.layers.length - 1];
    const button = make("button", { type: "button", role: "option", title: scene.image, tabIndex: -1 });
    button.setAttribute("aria-label", scene.image);
    if (thumb) button.append(make("img", { src: thumb.src, alt: "", loading: "lazy", decoding: "async" }));
    button.addEventListener("click", () => show(index));
    return button;
  }));
  if (scenes.length === 1) strip.hidden = true;
  strip.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    show(chosen.scene + step);
  });
  $("previous").addEventListener("click", () => show(chosen.scene - 1));
  $("next").addEventListener("click", () => show(chosen.scene + 1));
  body.addEventListener("click", (event) => {
    const link = event.target.closest("[data-scene]");
    if (link) show(Number(link.dataset.scene), true);
  });
  show(0);
})();
