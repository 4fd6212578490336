// The list of photos: uploads of this page first, then the jobs of the service.

import * as api from "./api.js";
import { bytes, duration, size, variant } from "./format.js";

const ENDED = ["finished", "failed", "cancelled"];
const list = document.getElementById("cards");
const template = document.getElementById("card");
const announcer = document.getElementById("announcer");
const jobs = new Map();
const cards = new Map();
const uploads = new Map();
const listeners = new Set();
let view = () => {};
let fail = () => {};

export const all = () => [...jobs.values()].sort((a, b) => a.created.localeCompare(b.created));
export const get = (id) => jobs.get(id);
export const listen = (listener) => { listeners.add(listener); };
export function connect(handlers) { ({ view, fail } = handlers); }

export function siblings(job) {
  return all().filter((one) => one.origin === job.origin && one.state === "finished");
}

function announce(text) { announcer.textContent = text; }

function attempt(action) {
  return Promise.resolve().then(action).catch((error) => { if (error.name !== "AbortError") fail(error.message); });
}

function part(card, name) { return card.querySelector(`[data-${name}]`); }

function makeCard(id) {
  const card = template.content.firstElementChild.cloneNode(true);
  const job = () => jobs.get(id);
  const title = `name-${cards.size}-${id}`;
  part(card, "name").id = title;
  card.setAttribute("aria-labelledby", title);
  part(card, "view").addEventListener("click", () => job()?.result && view(job()));
  part(card, "compare").addEventListener("click", () => view(job()));
  part(card, "retry").addEventListener("click", () => attempt(() => api.retry(job())));
  part(card, "cancel").addEventListener("click", () => {
    if (uploads.has(id)) uploads.get(id).controller.abort();
    else attempt(() => api.remove(job()));
  });
  part(card, "remove").addEventListener("click", () => {
    if (uploads.has(id)) dropUpload(id);
    else attempt(() => api.remove(job()));
  });
  cards.set(id, card);
  return card;
}

function dropCard(id) {
  const card = cards.get(id);
  if (!card) return;
  if (card.contains(document.activeElement)) {
    (card.nextElementSibling ?? card.previousElementSibling ?? document.getElementById("choose-files")).focus();
  }
  card.remove();
  cards.delete(id);
}

function button(card, name, shown, label) {
  const element = part(card, name);
  element.hidden = !shown;
  if (label) element.setAttribute("aria-label", label);
}

function bar(card, value, label) {
  const element = part(card, "progress");
  element.hidden = value === null;
  if (value !== null) {
    element.value = value;
    element.setAttribute("aria-label", label);
  }
}

function renderUpload(id) {
  const { file, fraction, error } = uploads.get(id);
  const card = cards.get(id) ?? makeCard(id);
  card.dataset.state = error ? "failed" : "uploading";
  part(card, "name").textContent = file.name;
  part(card, "sizes").textContent = bytes(file.size);
  part(card, "status").textContent = error ?? (fraction === null ? "Waiting to be received" : `Receiving, ${Math.round(fraction * 100)} %`);
  bar(card, error ? null : fraction ?? 0, `Receiving ${file.name}`);
  button(card, "cancel", !error, `Cancel ${file.name}`);
  button(card, "remove", Boolean(error), `Remove ${file.name}`);
}

function statusOf(job) {
  if (job.state === "queued") {
    const before = all().filter((one) => one.state === "running" || (one.state === "queued" && one.created < job.created)).length;
    return before ? `Waiting, ${before} before it` : "Waiting";
  }
  if (job.state === "running") {
    const { done, total, seconds_left: left } = job.progress ?? {};
    if (!total) return "Preparing";
    return `Tile ${done} of ${total}${left === null ? "" : `, about ${duration(left)} left`}`;
  }
  if (job.state === "finished") return `Done in ${duration(job.result.seconds)} · ${variant(job)} · ${bytes(job.result.bytes)}`;
  return job.state === "failed" ? job.reason : "Cancelled";
}

function chipText({ what, before, after, kept }) {
  if (what === "Depth") return kept ? `${before} kept` : `${before} → ${after}`;
  if (what === "ICC profile") return kept ? `ICC profile kept: ${before}` : `ICC profile: ${before} → ${after}`;
  return `${what} ${kept ? "kept" : "not kept"}`;
}

function renderChips(card, job) {
  const chips = part(card, "chips");
  chips.hidden = !job.result;
  if (!job.result) return;
  chips.replaceChildren(...job.result.kept.map((one) => {
    const item = document.createElement("li");
    item.classList.toggle("lost", !one.kept);
    item.textContent = chipText(one);
    return item;
  }));
}

function render(job) {
  const card = cards.get(job.id) ?? makeCard(job.id);
  card.dataset.state = job.state;
  part(card, "name").textContent = job.name;
  part(card, "name").title = job.name;
  part(card, "sizes").textContent = job.result ? `${size(job.source)} → ${size(job.result)}` : `${size(job.source)} · ${bytes(job.source.bytes)}`;
  part(card, "status").textContent = statusOf(job);
  bar(card, job.state === "running" ? job.progress?.fraction ?? 0 : null, `Progress of ${job.name}`);
  renderChips(card, job);
  const notes = job.notes.join(" · ");
  part(card, "note").hidden = !notes;
  part(card, "note").textContent = notes;
  const image = part(card, "view").querySelector("img");
  if (!image.getAttribute("src")) image.src = job.links.thumbnail;
  const done = job.state === "finished";
  part(card, "view").disabled = !done;
  part(card, "view").setAttribute("aria-label", done ? `Compare ${job.name} before and after` : `Thumbnail of ${job.name}`);
  button(card, "compare", done, `Compare ${job.name}`);
  button(card, "download", done, `Download ${job.result?.name ?? ""}`);
  if (done) part(card, "download").href = job.links.result;
  button(card, "retry", job.state === "failed" || job.state === "cancelled", `Retry ${job.name}`);
  button(card, "cancel", !ENDED.includes(job.state), `Cancel ${job.name}`);
  button(card, "remove", ENDED.includes(job.state), `Remove ${job.name}`);
}

function place() {
  const order = [...all().map((job) => job.id), ...uploads.keys()].reverse();
  order.forEach((id, index) => {
    const card = cards.get(id);
    if (card && list.children[index] !== card) {
      const focused = card.contains(document.activeElement) ? document.activeElement : null;
      list.insertBefore(card, list.children[index] ?? null);
      focused?.focus();
    }
  });
}

function summarize() {
  const states = all().map((job) => job.state);
  const count = (...names) => states.filter((state) => names.includes(state)).length;
  const active = count("queued", "running") + [...uploads.values()].filter((one) => !one.error).length;
  const total = states.length + uploads.size;
  const done = count("finished");
  document.body.classList.toggle("empty", total === 0);
  document.getElementById("queue").hidden = total === 0;
  document.getElementById("summary").textContent = active ? `${done} of ${total} done` : `${done} done${count("failed") ? `, ${count("failed")} failed` : ""}`;
  document.getElementById("download-all").hidden = done < 2;
  document.getElementById("cancel-all").hidden = active < 2;
  document.getElementById("clear").hidden = count(...ENDED) === 0;
  document.title = active ? `(${done}/${total}) wildsr` : "wildsr";
}

function refresh(whole) {
  if (whole) {
    for (const job of jobs.values()) if (job.state === "queued") render(job);
    place();
    summarize();
  }
  for (const listener of listeners) listener();
}

export function onSnapshot({ jobs: found }) {
  const there = new Set(found.map((job) => job.id));
  for (const id of [...jobs.keys()]) if (!there.has(id)) onRemoved({ id });
  for (const job of found) {
    jobs.set(job.id, job);
    render(job);
  }
  refresh(true);
}

export function onJob(job) {
  const before = jobs.get(job.id)?.state;
  jobs.set(job.id, job);
  render(job);
  refresh(true);
  if (before && before !== job.state && job.state === "finished") announce(`${job.name} is done`);
  if (before && before !== job.state && job.state === "failed") announce(`${job.name} failed: ${job.reason}`);
}

export function onProgress(progress) {
  const job = jobs.get(progress.id);
  if (!job) return;
  job.progress = progress;
  render(job);
  refresh(false);
}

export function onRemoved({ id }) {
  jobs.delete(id);
  dropCard(id);
  refresh(true);
}

// Uploads of this page, one after the other, so that jobs have the order of the files.

let sending = false;

function dropUpload(id) {
  uploads.delete(id);
  dropCard(id);
  refresh(true);
}

export function add(files, options) {
  for (const file of files) {
    const id = `upload-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;
    uploads.set(id, { file, options, fraction: null, error: null, controller: new AbortController() });
    renderUpload(id);
  }
  refresh(true);
  announce(files.length === 1 ? `${files[0].name} was added` : `${files.length} photos were added`);
  pump();
}

function pump() {
  for (const [id, one] of uploads) {
    if (sending) return;
    if (one.fraction === null && !one.error) void sendOne(id, one);
  }
}

async function sendOne(id, one) {
  sending = true;
  one.fraction = 0;
  try {
    const job = await api.upload(one.file, one.options, (fraction) => {
      one.fraction = fraction;
      renderUpload(id);
    }, one.controller.signal);
    if (!jobs.has(job.id)) jobs.set(job.id, job);
    render(jobs.get(job.id));
    dropUpload(id);
  } catch (error) {
    if (error.name === "AbortError") dropUpload(id);
    else {
      one.error = error.message;
      renderUpload(id);
      announce(`${one.file.name} failed: ${error.message}`);
      refresh(true);
    }
  } finally {
    sending = false;
    pump();
  }
}

export function cancelAll() {
  for (const one of uploads.values()) one.controller.abort();
  for (const [id, one] of [...uploads]) if (one.fraction === null || one.error) dropUpload(id);
  for (const job of all().reverse()) if (!ENDED.includes(job.state)) void attempt(() => api.remove(job));
}

export function clear() {
  for (const [id, one] of [...uploads]) if (one.error) dropUpload(id);
  void attempt(api.removeEnded);
}

export function uploading() {
  return [...uploads.values()].some((one) => !one.error);
}
