// The tab "My camera": photos to the service, and the adaptations there.

import * as api from "./api.js";
import { curve } from "./curves.js";
import { imagesAmong } from "./files.js";
import { bytes, duration } from "./format.js";

const byId = (id) => document.getElementById(id);
const ENDED = ["finished", "failed", "cancelled"];
const STAGES = {
  photos: "Photos", profile: "Camera", images: "Sharp images", before: "Starting model", training: "Training", proof: "Proof", report: "Report",
};
const FEWEST = 10;
const list = byId("adaptations");
const form = byId("camera-options");
const field = (name) => form.elements.namedItem(name);
const known = new Map();
const panels = new Map();
let suffixes = [];
let chosen = { photos: [], sharp: [] };
let sending = null; // the controller of the upload that goes on
let useModel = () => {};

function notice(text) {
  byId("camera-notice").hidden = !text;
  byId("camera-notice").textContent = text;
}

function announce(text) { byId("announcer").textContent = text; }

// Photos of this page

const sum = (files) => files.reduce((total, file) => total + file.size, 0);
const photos = (count) => `${count} ${count === 1 ? "photo" : "photos"}`;

function renderChosen() {
  const { photos: found, sharp } = chosen;
  byId("camera-chosen").hidden = !found.length;
  byId("camera-chosen-title").textContent = `${photos(found.length)}, ${bytes(sum(found))}${sharp.length ? `, and ${sharp.length} sharp ${sharp.length === 1 ? "one" : "ones"}` : ""}`;
  const note = found.length < FEWEST ? `At least ${FEWEST} photos are needed: add ${FEWEST - found.length} more.`
    : sharp.length ? "" : "Sharp photos of any camera help, but are not needed: otherwise these photos are made smaller until they are sharp.";
  byId("camera-chosen-note").hidden = !note;
  byId("camera-chosen-note").textContent = note;
  byId("camera-start").disabled = found.length < FEWEST || Boolean(sending);
  byId("camera-add-sharp").disabled = Boolean(sending);
  byId("camera-forget").textContent = sending ? "Cancel" : "Clear";
  byId("camera-upload").hidden = !sending;
}

export function take(files, kind = "photos") {
  if (sending || byId("camera-choose-files").disabled) return;
  const { images, others } = imagesAmong(files, suffixes);
  const same = (a, b) => a.name === b.name && a.size === b.size && a.lastModified === b.lastModified;
  chosen[kind].push(...images.filter((file) => !chosen[kind].some((one) => same(one, file))));
  const named = others.slice(0, 3).map((file) => file.name).join(", ");
  notice(others.length ? `Left out, because wildsr reads no such images: ${named}${others.length > 3 ? ` and ${others.length - 3} more` : ""}`
    : images.length ? "" : "There was nothing in it.");
  renderChosen();
  if (images.length) announce(`${photos(images.length)} chosen`);
}

function readOptions() {
  const error = byId("camera-error");
  const minutes = field("minutes");
  error.hidden = minutes.checkValidity() && minutes.value !== "";
  if (!error.hidden) {
    error.textContent = `Minutes: ${minutes.validationMessage || "fill this in"}`;
    byId("camera-settings").open = true;
    minutes.focus();
    return null;
  }
  const options = { minutes: minutes.valueAsNumber, faithful: field("style").value === "faithful" };
  for (const name of ["thorough", "force"]) if (field(name).checked) options[name] = true;
  for (const name of ["only", "model"]) if (field(name).value.trim()) options[name] = field(name).value.trim();
  return options;
}

async function start() {
  const options = readOptions();
  if (!options) return;
  sending = new AbortController();
  notice("");
  renderChosen();
  byId("camera-forget").focus();
  try {
    const adaptation = await api.uploadPhotos(chosen.photos, chosen.sharp, options, (fraction) => {
      byId("camera-upload").value = fraction;
    }, sending.signal);
    chosen = { photos: [], sharp: [] };
    if (!known.has(adaptation.id)) onAdaptation(adaptation);
    announce("The photos are there; wildsr has begun");
    panels.get(adaptation.id)?.focus();
  } catch (error) {
    if (error.name !== "AbortError") notice(error.message);
  } finally {
    sending = null;
    byId("camera-upload").value = 0;
    renderChosen();
  }
}

export const uploading = () => Boolean(sending);

// Adaptations of the service

const part = (panel, name) => panel.querySelector(`[data-${name}]`);

function attempt(panel, action) {
  const error = part(panel, "error");
  error.hidden = true;
  return Promise.resolve().then(action).catch((problem) => {
    error.hidden = false;
    error.textContent = problem.message;
  });
}

function makePanel(id) {
  const panel = byId("adaptation").content.firstElementChild.cloneNode(true);
  const it = () => known.get(id);
  const on = (name, action) => part(panel, name).addEventListener("click", () => attempt(panel, action));
  part(panel, "title").id = `adaptation-${id}`;
  panel.setAttribute("aria-labelledby", `adaptation-${id}`);
  on("cancel", () => api.remove(it()));
  on("remove", () => api.remove(it()));
  on("retry", () => api.runAgain(it(), {}));
  on("force", () => api.runAgain(it(), { force: true }));
  on("longer", () => api.runAgain(it(), { minutes: 2 * it().options.minutes }));
  on("try", async () => useModel(await api.models(), it().installed));
  part(panel, "use").addEventListener("submit", (event) => {
    event.preventDefault();
    void attempt(panel, async () => {
      const installed = await api.install(it(), new FormData(event.target).get("name").trim());
      onAdaptation(installed);
      useModel(await api.models(), installed.installed);
    });
  });
  panels.set(id, panel);
  return panel;
}

function titleOf({ camera, photos: count, created }) {
  const day = new Date(created).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  return `${camera && camera !== "unknown camera" ? camera : "My camera"} · ${photos(count)} · ${day}`;
}

function statusOf({ state, position, stage, reason, outcome, installed, started, ended }) {
  if (state === "queued") return position ? `Waiting, ${position} before it` : "Waiting";
  if (state === "running") {
    if (!stage) return "Beginning";
    const left = stage.seconds_left === null ? "" : `, about ${duration(stage.seconds_left)} left in all`;
    const count = stage.total && stage.name !== "training" ? ` ${stage.done} of ${stage.total}` : stage.done && stage.name === "training" ? `: step ${stage.done} of about ${stage.total}` : "";
    return `${stage.text[0].toUpperCase()}${stage.text.slice(1)}${count}${left}`;
  }
  if (state === "failed") return reason;
  if (state === "cancelled") return "Cancelled. What was done is kept: Continue goes on from there.";
  if (installed) return `Done. The model is in the list as ${installed}.`;
  const took = `Done in ${duration((new Date(ended) - new Date(started)) / 1000)}.`;
  return outcome.model_written ? `${took} The model is ready.` : took;
}

function verdictOf({ better, reason, model_written: written, gains }) {
  const gain = (name) => gains.find((one) => one.metric === name);
  const lpips = gain("lpips-alex");
  const words = better ? `The new model is better on photos of your camera: ${reason}.`
    : `No clear improvement: ${reason}. ${written ? "The new one was written because you asked for it." : "So no model was written."}`;
  return `${words}${lpips ? ` LPIPS went from ${lpips.before.toFixed(3)} to ${lpips.after.toFixed(3)}; lower is better.` : ""}`;
}

function renderStages(panel, { state, stage }) {
  const names = Object.keys(STAGES);
  const now = state === "finished" ? names.length : names.indexOf(stage?.name);
  const shown = part(panel, "stages");
  shown.hidden = !["running", "finished"].includes(state);
  if (shown.dataset.now === String(now)) return;
  shown.dataset.now = String(now);
  shown.replaceChildren(...names.map((name, index) => {
    const item = document.createElement("li");
    item.textContent = STAGES[name];
    item.dataset.at = index < now ? "done" : index === now ? "now" : "later";
    if (index === now) item.setAttribute("aria-current", "step");
    return item;
  }));
}

function renderCurves(panel, { curves }) {
  const drawn = [];
  if (curves.gain.length) drawn.push(curve({ title: "PSNR gain", points: curves.gain, unit: " dB", zero: true, signed: true }));
  for (const [name, points] of Object.entries(curves.losses)) {
    if (points.length) drawn.push(curve({ title: `Loss ${name}`, points }));
  }
  part(panel, "curves").hidden = !drawn.length;
  part(panel, "curves").replaceChildren(...drawn);
}

function renderSample(panel, { links, samples, state }) {
  const figure = part(panel, "sample");
  figure.hidden = !samples.length || state === "failed";
  if (!samples.length) return;
  const step = samples.at(-1);
  const address = `${links.self}/samples/${step}`;
  const image = figure.querySelector("img");
  if (image.getAttribute("src") !== address) image.src = address;
  image.alt = `A detail of your photos three times: enlarged plainly, by the model after ${step} steps, and as it should be`;
  figure.querySelector("figcaption").textContent = `Enlarged plainly · by the model after ${step} steps · as it should be`;
}

function renderNotes(panel, { notes, left_out: left }) {
  const texts = [...left.map((text) => `not used: ${text}`), ...notes];
  const details = part(panel, "notes");
  details.hidden = !texts.length;
  details.querySelector("summary").textContent = texts.length === 1 ? "1 note" : `${texts.length} notes`;
  details.querySelector("ul").replaceChildren(...texts.map((text) => {
    const item = document.createElement("li");
    item.textContent = text;
    return item;
  }));
}

function renderActions(panel, it) {
  const ended = ENDED.includes(it.state);
  const written = Boolean(it.links.result);
  const show = (name, shown) => { part(panel, name).hidden = !shown; };
  show("report", Boolean(it.links.report));
  show("download", written);
  show("use", written && !it.installed);
  show("try", Boolean(it.installed));
  show("force", it.state === "finished" && !written);
  const several = Object.keys(it.cameras).length > 1;
  show("longer", (it.state === "failed" && !several) || (it.state === "finished" && !it.outcome.better));
  show("retry", ended && it.state !== "finished" && !several);
  show("cancel", !ended);
  show("remove", ended);
  if (it.links.report) part(panel, "report").href = it.links.report;
  part(panel, "use").elements.namedItem("name").placeholder = it.camera && it.camera !== "unknown camera" ? "named after the camera" : "my-camera-x4";
  if (written) part(panel, "download").href = it.links.result;
  const cameras = part(panel, "cameras");
  cameras.hidden = !several;
  cameras.replaceChildren(...(several ? Object.entries(it.cameras) : []).map(([name, count]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = `Only ${name} (${photos(count)})`;
    button.addEventListener("click", () => attempt(panel, () => api.runAgain(known.get(it.id), { only: name })));
    return button;
  }));
}

function renderProgress(panel, it) {
  part(panel, "status").textContent = statusOf(it);
  const bar = part(panel, "progress");
  bar.hidden = it.state !== "running";
  bar.setAttribute("aria-label", `Progress of the stage: ${it.stage?.text ?? "beginning"}`);
  if (it.stage?.total) bar.value = it.stage.done / it.stage.total;
  else bar.value = 0;
  renderStages(panel, it);
}

function render(it) {
  const panel = panels.get(it.id) ?? makePanel(it.id);
  panel.dataset.state = it.state;
  part(panel, "title").textContent = titleOf(it);
  renderProgress(panel, it);
  const verdict = part(panel, "verdict");
  verdict.hidden = !it.outcome;
  verdict.textContent = it.outcome ? verdictOf(it.outcome) : "";
  verdict.classList.toggle("better", Boolean(it.outcome?.better));
  renderCurves(panel, it);
  renderSample(panel, it);
  renderNotes(panel, it);
  renderActions(panel, it);
}

function place() {
  [...known.values()].sort((a, b) => b.created.localeCompare(a.created)).forEach((it, index) => {
    const panel = panels.get(it.id);
    if (list.children[index] !== panel) list.insertBefore(panel, list.children[index] ?? null);
  });
}

export function onSnapshot({ adaptations }) {
  const there = new Set(adaptations.map((one) => one.id));
  for (const id of [...known.keys()]) if (!there.has(id)) onRemoved({ id });
  for (const one of adaptations) { known.set(one.id, one); render(one); }
  place();
}

export function onAdaptation(it) {
  const before = known.get(it.id)?.state;
  known.set(it.id, it);
  render(it);
  place();
  if (before && before !== it.state && it.state === "finished") announce(verdictOf(it.outcome));
  if (before && before !== it.state && it.state === "failed") announce(`The adaptation failed: ${it.reason}`);
}

function extend(points, point) {
  while (points.length && points.at(-1)[0] >= point[0]) points.pop();
  points.push(point);
}

export function onProgress({ id, stage, losses, step, gain, samples }) {
  const it = known.get(id);
  if (!it) return;
  it.stage = stage;
  for (const [name, value] of Object.entries(losses ?? {})) extend(it.curves.losses[name] ??= [], [step, value]);
  if (gain) extend(it.curves.gain, gain);
  if (samples) it.samples = samples;
  const panel = panels.get(id);
  renderProgress(panel, it);
  if (losses || gain) renderCurves(panel, it);
  if (samples) renderSample(panel, it);
}

export function onRemoved({ id }) {
  known.delete(id);
  const panel = panels.get(id);
  if (panel?.contains(document.activeElement)) byId("tab-camera").focus();
  panel?.remove();
  panels.delete(id);
}

export function prepare(about, models, use) {
  suffixes = about.reads;
  useModel = use;
  if (!about.adapts) {
    notice("This installation cannot train. Install the rest with: pip install 'wildsr[train]', then start wildsr web again.");
    for (const id of ["camera-choose-folder", "camera-choose-files"]) byId(id).disabled = true;
  }
  byId("camera-about").textContent = `Photos and models are deleted after ${duration(about.keep_seconds)}; a model that you use stays.`;
  for (const model of models) {
    const option = document.createElement("option");
    option.value = model.name;
    option.textContent = model.name;
    if (model.scale === 4) field("model").append(option);
  }
  const summary = () => { byId("camera-summary").textContent = `${field("minutes").value} minutes, ${field("style").value === "faithful" ? "faithful" : "natural"}`; };
  form.addEventListener("input", summary);
  form.addEventListener("submit", (event) => event.preventDefault());
  summary();
  for (const [button, input, kind] of [["camera-choose-folder", "camera-folder", "photos"], ["camera-choose-files", "camera-files", "photos"], ["camera-add-sharp", "camera-sharp", "sharp"]]) {
    byId(input).accept = [...about.reads, "image/*"].join(",");
    byId(button).addEventListener("click", () => byId(input).click());
    byId(input).addEventListener("change", () => {
      take([...byId(input).files], kind);
      byId(input).value = "";
    });
  }
  if (/Android|iPhone|iPad/.test(navigator.userAgent)) byId("camera-choose-folder").hidden = true;
  byId("camera-start").addEventListener("click", () => { void start(); });
  byId("camera-forget").addEventListener("click", () => {
    if (sending) { sending.abort(); return; }
    chosen = { photos: [], sharp: [] };
    renderChosen();
    byId("camera-choose-files").focus();
  });
}
