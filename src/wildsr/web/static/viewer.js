// Before and after, or two results, on top of each other with a divider between them.

import * as api from "./api.js";
import { size, variant } from "./format.js";
import * as queue from "./queue.js";

const byId = (id) => document.getElementById(id);
const dialog = byId("viewer");
const stage = byId("stage");
const images = { left: byId("image-left"), right: byId("image-right") };
const choices = { left: byId("left"), right: byId("right") };
const ORIGINAL = "original";
const LARGEST = 16;

let job = null; // the job that the viewer was opened for, or last compared
let pending = null; // id of a comparison that is being computed
let box = { width: 1, height: 1 }; // pixels of the right image
let at = { zoom: 1, x: 0, y: 0 }; // CSS pixels per image pixel, and the image's corner
let cut = 50;
let fitted = true;
let names = [];

export function prepare(modelNames) { names = modelNames; }

function option(value, text) {
  const made = document.createElement("option");
  made.value = value;
  made.textContent = text;
  return made;
}

function fill() {
  const found = queue.siblings(job);
  for (const side of ["left", "right"]) {
    const before = choices[side].value;
    choices[side].replaceChildren(
      ...(side === "left" ? [option(ORIGINAL, "Original")] : []),
      ...found.map((one) => option(one.id, variant(one))),
    );
    choices[side].value = before;
  }
  const used = found.map((one) => one.options.model);
  byId("try").replaceChildren(option("", "another model…"), ...names.filter((name) => !used.includes(name)).map((name) => option(name, name)));
  byId("try").disabled = byId("try").options.length < 2;
}

function address(id, which) { return `/v1/jobs/${encodeURIComponent(id)}/screen/${which}`; }

function status(text) {
  byId("stage-status").hidden = !text;
  byId("stage-status").textContent = text;
}

async function load(side) {
  const chosen = choices[side].value;
  const image = images[side];
  const result = chosen === ORIGINAL ? null : queue.get(chosen);
  const source = result ? address(chosen, "result") : address(job.id, "source");
  const words = result ? variant(result) : "Original";
  byId(`tag-${side}`).textContent = words;
  image.alt = `${job.name}: ${words}`;
  if (image.getAttribute("src") !== source) {
    image.src = source;
    status("Loading");
    try {
      await image.decode();
    } catch {
      if (image.getAttribute("src") === source) status("This image cannot be shown here; its download works.");
      return;
    }
    if (image.getAttribute("src") !== source) return;
    status("");
  }
}

async function show(keepView) {
  const result = queue.get(choices.right.value);
  if (!result) return;
  byId("viewer-title").textContent = `${job.name}, ${size(job.source)} → ${size(result.result)}`;
  byId("viewer-download").href = result.links.result;
  byId("viewer-download").setAttribute("aria-label", `Download ${result.result.name}`);
  const before = box;
  box = { width: result.result.width, height: result.result.height };
  if (!keepView || fitted) fit();
  else if (before.width !== box.width) zoomTo(at.zoom * before.width / box.width);
  place();
  await Promise.all([load("left"), load("right")]);
  place();
}

// Zoom

function fitZoom() { return Math.min(stage.clientWidth / box.width, stage.clientHeight / box.height); }

function fit() {
  at.zoom = fitZoom();
  at.x = (stage.clientWidth - box.width * at.zoom) / 2;
  at.y = (stage.clientHeight - box.height * at.zoom) / 2;
  fitted = true;
}

function zoomTo(zoom, x = stage.clientWidth / 2, y = stage.clientHeight / 2) {
  const least = Math.min(fitZoom(), 1 / devicePixelRatio);
  const next = Math.min(Math.max(zoom, least), LARGEST);
  at.x = x - (x - at.x) * next / at.zoom;
  at.y = y - (y - at.y) * next / at.zoom;
  at.zoom = next;
  fitted = false;
  keepInside();
}

function keepInside() {
  for (const [axis, length, room] of [["x", box.width, stage.clientWidth], ["y", box.height, stage.clientHeight]]) {
    const shown = length * at.zoom;
    at[axis] = shown <= room ? (room - shown) / 2 : Math.min(0, Math.max(room - shown, at[axis]));
  }
}

function pannable() { return box.width * at.zoom > stage.clientWidth + 1 || box.height * at.zoom > stage.clientHeight + 1; }

function place() {
  for (const image of Object.values(images)) {
    image.style.width = `${box.width}px`;
    image.style.height = `${box.height}px`;
    image.style.transform = `translate(${at.x}px, ${at.y}px) scale(${at.zoom})`;
  }
  // The divider runs over the visible part of the image.
  const left = Math.max(0, at.x);
  const right = Math.min(stage.clientWidth, at.x + box.width * at.zoom);
  const x = left + (right - left) * cut / 100;
  byId("layer-right").style.clipPath = `inset(0 0 0 ${x}px)`;
  byId("layer-left").style.clipPath = `inset(0 ${Math.max(0, stage.clientWidth - x)}px 0 0)`;
  byId("divider").style.left = `${x}px`;
  stage.classList.toggle("pannable", pannable());
  stage.classList.toggle("pixelated", at.zoom * devicePixelRatio >= 2);
  byId("zoom-value").textContent = `${Math.round(at.zoom * devicePixelRatio * 100)} %`;
  byId("position").value = cut;
  byId("position").setAttribute("aria-valuetext", `${Math.round(cut)} percent from the left`);
}

function moveDivider(clientX) {
  const bounds = stage.getBoundingClientRect();
  const left = Math.max(0, at.x);
  const right = Math.min(stage.clientWidth, at.x + box.width * at.zoom);
  cut = Math.min(100, Math.max(0, 100 * (clientX - bounds.left - left) / Math.max(1, right - left)));
  place();
}

function act(change) { change(); place(); }

// Pointers: the divider is dragged, an enlarged image moved, two fingers zoom.

const fingers = new Map();
let dragging = null;

stage.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  event.preventDefault();
  stage.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, event);
  dragging = byId("divider").contains(event.target) || !pannable() ? "divider" : "pan";
  stage.classList.toggle("panning", dragging === "pan");
  if (dragging === "divider" && fingers.size === 1) moveDivider(event.clientX);
});
stage.addEventListener("pointermove", (event) => {
  const before = fingers.get(event.pointerId);
  if (!before) return;
  if (fingers.size === 2) {
    const other = [...fingers.values()].find((one) => one.pointerId !== event.pointerId);
    const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
    const bounds = stage.getBoundingClientRect();
    act(() => {
      zoomTo(at.zoom * apart(event) / Math.max(1, apart(before)), (event.clientX + other.clientX) / 2 - bounds.left, (event.clientY + other.clientY) / 2 - bounds.top);
      at.x += (event.clientX - before.clientX) / 2;
      at.y += (event.clientY - before.clientY) / 2;
      keepInside();
    });
  } else if (dragging === "divider") {
    moveDivider(event.clientX);
  } else {
    act(() => { at.x += event.clientX - before.clientX; at.y += event.clientY - before.clientY; keepInside(); });
  }
  fingers.set(event.pointerId, event);
});
for (const name of ["pointerup", "pointercancel"]) {
  stage.addEventListener(name, (event) => { fingers.delete(event.pointerId); stage.classList.remove("panning"); });
}
stage.addEventListener("wheel", (event) => {
  event.preventDefault();
  const bounds = stage.getBoundingClientRect();
  act(() => zoomTo(at.zoom * Math.exp(-event.deltaY / 400), event.clientX - bounds.left, event.clientY - bounds.top));
}, { passive: false });
stage.addEventListener("dblclick", () => act(() => (fitted ? zoomTo(1 / devicePixelRatio) : fit())));

// Keyboard

const KEYS = {
  "+": () => zoomTo(at.zoom * 1.5),
  "=": () => zoomTo(at.zoom * 1.5),
  "-": () => zoomTo(at.zoom / 1.5),
  0: fit,
  1: () => zoomTo(1 / devicePixelRatio),
};
const MOVES = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

dialog.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return;
  const move = MOVES[event.key];
  if (move && event.shiftKey) {
    act(() => { at.x += 60 * move[0]; at.y += 60 * move[1]; keepInside(); });
  } else if (move?.[0]) {
    cut = Math.min(100, Math.max(0, cut - 2 * move[0]));
    place();
  } else if (KEYS[event.key]) {
    act(KEYS[event.key]);
  } else {
    return;
  }
  event.preventDefault();
});

byId("position").addEventListener("input", () => { cut = byId("position").valueAsNumber; place(); });
byId("zoom-in").addEventListener("click", () => act(KEYS["+"]));
byId("zoom-out").addEventListener("click", () => act(KEYS["-"]));
byId("zoom-fit").addEventListener("click", () => act(fit));
byId("zoom-pixels").addEventListener("click", () => act(KEYS[1]));
byId("viewer-close").addEventListener("click", () => dialog.close());
for (const side of ["left", "right"]) choices[side].addEventListener("change", () => void show(true));
new ResizeObserver(() => {
  if (!dialog.open) return;
  if (fitted) fit(); else keepInside();
  place();
}).observe(stage);

// Another model for the same photo

byId("try").addEventListener("change", async () => {
  const model = byId("try").value;
  if (!model) return;
  const base = queue.get(choices.right.value) ?? job;
  const { toward, ...options } = base.options;
  for (const [name, value] of Object.entries(options)) if (value === null) delete options[name];
  try {
    pending = (await api.again(base, { ...options, model, strength: toward ? 1 : options.strength })).id;
    status(`${model}: waiting`);
  } catch (error) {
    status(error.message);
  }
});

queue.listen(() => {
  if (!dialog.open || !job) return;
  const one = pending && queue.get(pending);
  if (!one) return;
  if (one.state === "running") status(`${one.options.model}: ${Math.round(100 * (one.progress?.fraction ?? 0))} %`);
  if (one.state === "failed" || one.state === "cancelled") { status(one.reason ?? "Cancelled"); pending = null; }
  if (one.state === "finished") {
    pending = null;
    const before = choices.right.value;
    fill();
    choices.left.value = before;
    choices.right.value = one.id;
    status("");
    void show(true);
  }
});

export function open(chosen) {
  job = chosen;
  pending = null;
  cut = 50;
  status("");
  fill();
  choices.left.value = ORIGINAL;
  choices.right.value = job.id;
  for (const image of Object.values(images)) image.removeAttribute("src");
  dialog.showModal();
  byId("position").focus();
  void show(false);
}
