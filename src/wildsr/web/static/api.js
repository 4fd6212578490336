// The HTTP interface, as the page uses it.

function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (value) => value.toString(16).padStart(2, "0")).join("");
}

function clientId() {
  try {
    const known = localStorage.getItem("wildsr-client") ?? randomId();
    localStorage.setItem("wildsr-client", known);
    return known;
  } catch { // storage is switched off
    return randomId();
  }
}

const CLIENT = { "Wildsr-Client": clientId() };

export class ApiError extends Error {
  constructor(status, problem, retryAfter) {
    super(problem?.detail ?? `The service answered with status ${status}.`);
    this.status = status;
    this.retryAfter = Number(retryAfter) || 0;
  }
}

async function request(method, path, body) {
  const headers = body === undefined ? CLIENT : { ...CLIENT, "Content-Type": "application/json" };
  let response;
  try {
    response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new ApiError(0, { detail: "The service does not answer. Is `wildsr web` still running?" });
  }
  const isJson = (response.headers.get("content-type") ?? "").includes("json");
  const content = isJson ? await response.json() : null;
  if (!response.ok) throw new ApiError(response.status, content, response.headers.get("retry-after"));
  return content;
}

export const about = () => request("GET", "/v1/about");
export const models = () => request("GET", "/v1/models");
export const remove = (job) => request("DELETE", job.links.self);
export const removeEnded = () => request("DELETE", "/v1/jobs");
export const retry = (job) => request("POST", `${job.links.self}/retry`);
export const again = (job, options) => request("POST", `${job.links.self}/again`, options);

function send(path, form, key, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest(); // fetch does not report the progress of an upload
    sending.open("POST", path);
    sending.setRequestHeader("Wildsr-Client", CLIENT["Wildsr-Client"]);
    sending.setRequestHeader("Idempotency-Key", key);
    sending.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    sending.onload = () => {
      let content = null;
      try { content = JSON.parse(sending.responseText); } catch { /* not of our making */ }
      if (sending.status === 202 && content) resolve(content);
      else reject(new ApiError(sending.status, content, sending.getResponseHeader("retry-after")));
    };
    sending.onerror = () => reject(new ApiError(0, { detail: "The connection broke off." }));
    sending.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    signal.addEventListener("abort", () => sending.abort());
    if (signal.aborted) sending.abort();
    else sending.send(form);
  });
}

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

// Sends a form; a full queue or a broken connection is waited for. The key keeps a repeated request from being done twice.
async function sendForm(path, form, onProgress, signal) {
  const key = randomId();
  for (let broken = 0; ;) {
    try {
      return await send(path, form, key, onProgress, signal);
    } catch (error) {
      const waits = error.status === 429 || error.status === 409;
      if (!waits && !(error.status === 0 && (broken += 1) < 4)) throw error;
      await pause(error.retryAfter || 2);
      if (signal.aborted) throw new DOMException("cancelled", "AbortError");
    }
  }
}

export function upload(file, options, onProgress, signal) {
  const form = new FormData();
  form.append("options", JSON.stringify(options));
  form.append("image", file, file.name);
  return sendForm("/v1/jobs", form, onProgress, signal);
}

export function uploadPhotos(photos, sharp, options, onProgress, signal) {
  const form = new FormData();
  form.append("options", JSON.stringify(options));
  for (const file of photos) form.append("photo", file, file.name);
  for (const file of sharp) form.append("sharp", file, file.name);
  return sendForm("/v1/adaptations", form, onProgress, signal);
}

export const runAgain = (adaptation, changes) => request("POST", `${adaptation.links.self}/retry`, changes);
export const install = (adaptation, name) => request("POST", `${adaptation.links.self}/install`, name ? { name } : {});

export function follow(handlers) {
  const source = new EventSource("/v1/events");
  for (const kind of ["snapshot", "job", "progress", "removed", "adaptation", "adaptation-progress", "adaptation-removed"]) {
    source.addEventListener(kind, (event) => handlers[kind](JSON.parse(event.data)));
  }
  source.onopen = () => handlers.connection(true);
  source.onerror = () => {
    handlers.connection(false);
    if (source.readyState === EventSource.CLOSED) setTimeout(() => follow(handlers), 2000);
  };
}
