// The page: puts its parts together.

import * as api from "./api.js";
import * as camera from "./camera.js";
import { dropped, imagesAmong } from "./files.js";
import { duration } from "./format.js";
import * as options from "./options.js";
import * as queue from "./queue.js";
import * as tabs from "./tabs.js";
import * as viewer from "./viewer.js";

const byId = (id) => document.getElementById(id);
let suffixes = [];

function notice(text) {
  byId("notice").hidden = !text;
  byId("notice").textContent = text;
}

function take(files) {
  const { images, others } = imagesAmong(files, suffixes);
  const named = others.slice(0, 3).map((file) => file.name).join(", ");
  notice(others.length ? `Left out, because ${others.length === 1 ? "it is no image" : "they are no images"} that wildsr reads: ${named}${others.length > 3 ? ` and ${others.length - 3} more` : ""}` : "");
  if (images.length && options.check()) queue.add(images, options.read());
  else if (!images.length && !others.length) notice("There was nothing in it.");
}

function wireInputs() {
  for (const [button, input] of [["choose-files", "files"], ["choose-folder", "folder"]]) {
    byId(button).addEventListener("click", () => byId(input).click());
    byId(input).addEventListener("change", () => {
      take([...byId(input).files]);
      byId(input).value = "";
    });
  }
  if (!("webkitdirectory" in byId("folder")) || /Android|iPhone|iPad/.test(navigator.userAgent)) byId("choose-folder").hidden = true;
  let depth = 0; // dragenter and dragleave come for every element passed
  addEventListener("dragenter", (event) => { event.preventDefault(); depth += 1; document.body.classList.add("dragging"); });
  addEventListener("dragleave", () => { depth -= 1; if (depth <= 0) document.body.classList.remove("dragging"); });
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", async (event) => {
    event.preventDefault();
    depth = 0;
    document.body.classList.remove("dragging");
    try {
      const files = await dropped(event.dataTransfer);
      if (tabs.current() === "camera") camera.take(files);
      else take(files);
    } catch (error) {
      notice(`That cannot be read: ${error.message}`);
    }
  });
  addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length && tabs.current() === "upscale") take([...event.clipboardData.files]);
  });
  addEventListener("beforeunload", (event) => { if (queue.uploading() || camera.uploading()) event.preventDefault(); });
  byId("cancel-all").addEventListener("click", queue.cancelAll);
  byId("clear").addEventListener("click", queue.clear);
}

async function begin() {
  document.body.classList.add("empty");
  const wide = matchMedia("(min-width: 861px)");
  const fold = () => { for (const id of ["settings", "camera-settings"]) byId(id).open = wide.matches; };
  fold();
  wide.addEventListener("change", fold);
  tabs.begin();
  queue.connect({ view: viewer.open, fail: notice });
  wireInputs();
  try {
    const [about, models] = await Promise.all([api.about(), api.models()]);
    suffixes = about.reads;
    byId("files").accept = [...about.reads, "image/*"].join(",");
    byId("private").textContent = about.local ? "Your photos stay on this computer" : `Your photos go to ${location.hostname} and nowhere else`;
    byId("about").textContent = `Photos and results are deleted after ${duration(about.keep_seconds)}. wildsr ${about.version}.`;
    options.prepare(models, about.writes);
    viewer.prepare(options.modelNames());
    camera.prepare(about, models, (list, name) => {
      options.choose(list, name);
      viewer.prepare(options.modelNames());
      tabs.show("upscale");
      byId("choose-files").focus();
    });
  } catch (error) {
    notice(error.message);
  }
  api.follow({
    snapshot(found) { queue.onSnapshot(found); camera.onSnapshot(found); },
    job: queue.onJob,
    progress: queue.onProgress,
    removed: queue.onRemoved,
    adaptation: camera.onAdaptation,
    "adaptation-progress": camera.onProgress,
    "adaptation-removed": camera.onRemoved,
    connection(there) {
      if (there && byId("notice").dataset.connection) { notice(""); delete byId("notice").dataset.connection; }
      if (!there) { notice("The connection to wildsr is interrupted; trying again."); byId("notice").dataset.connection = "lost"; }
    },
  });
}

void begin();
