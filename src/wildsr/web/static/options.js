// The settings form: what a job is made with, remembered in this browser.

const KEY = "wildsr-settings";
const form = document.getElementById("options");
const field = (name) => form.elements.namedItem(name);
const part = (selector) => form.querySelector(selector);
let known = [];

const number = (name) => (field(name).value.trim() === "" ? null : field(name).valueAsNumber);

export function read() {
  const options = { model: field("model").value };
  const sizing = field("sizing").value;
  if (sizing === "scale") {
    const choice = field("scale-choice").value;
    if (choice) options.scale = choice === "other" ? number("scale") : Number(choice);
  } else if (sizing === "pixels") {
    for (const name of ["width", "height"]) if (number(name) !== null) options[name] = number(name);
    if (options.width && options.height) options.fit = field("fit").value;
  } else {
    options.megapixels = number("megapixels");
  }
  options.strength = number("strength") / 100;
  if (options.strength < 1 && field("toward").value) options.toward = field("toward").value;
  if (field("format").value) options.format = field("format").value;
  if (number("quality") !== null && !field("quality").disabled) options.quality = number("quality");
  if (field("ensemble").checked) options.ensemble = true;
  if (field("precision").value !== "auto") options.precision = field("precision").value;
  if (number("back_projection")) options.back_projection = number("back_projection");
  if (number("tile") !== null) options.tile = number("tile");
  return options;
}

// Says what is wrong beside the form and moves there; true when all is well.
export function check() {
  const shown = [...form.querySelectorAll("input, select")].filter((input) => !input.closest("[hidden]"));
  const wrong = shown.find((input) => !input.checkValidity())
    ?? (field("sizing").value === "megapixels" && number("megapixels") === null ? field("megapixels") : null)
    ?? (field("scale-choice").value === "other" && field("sizing").value === "scale" && number("scale") === null ? field("scale") : null);
  const error = document.getElementById("options-error");
  error.hidden = !wrong;
  if (!wrong) return true;
  const label = wrong.labels?.[0]?.textContent.trim() ?? wrong.name;
  error.textContent = `${label}: ${wrong.validationMessage || "fill this in"}`;
  document.getElementById("settings").open = true;
  wrong.closest("details.more")?.setAttribute("open", "");
  wrong.focus();
  return false;
}

function update() {
  const sizing = field("sizing").value;
  for (const block of form.querySelectorAll("[data-sizing]")) block.hidden = block.dataset.sizing !== sizing;
  part("[data-other]").hidden = field("scale-choice").value !== "other";
  const strength = number("strength");
  document.getElementById("strength-value").textContent = `${strength} %`;
  part("[data-toward]").hidden = strength === 100;
  const model = known.find((one) => one.name === field("model").value);
  document.getElementById("model-help").textContent = model ? `Good at ${model.good_at || "what it was trained for"}. Licence: ${model.licence}.` : "";
  document.getElementById("own-scale").textContent = model?.scale ? `×${model.scale}` : "own";
  const lossy = ["", "jpg", "webp", "avif"].includes(field("format").value);
  field("quality").disabled = !lossy;
  const options = read();
  const target = options.scale ? `×${options.scale}` : options.megapixels ? `${options.megapixels} MP`
    : options.width || options.height ? `${options.width ?? "any"} × ${options.height ?? "any"}` : `×${model?.scale ?? "?"}`;
  document.getElementById("settings-summary").textContent = `${options.model}, ${target}`;
}

function save() {
  const values = {};
  for (const element of form.elements) {
    if (!element.name || (element.type === "radio" && !element.checked)) continue;
    values[element.name] = element.type === "checkbox" ? element.checked : element.value;
  }
  try { localStorage.setItem(KEY, JSON.stringify(values)); } catch { /* storage is switched off */ }
}

function restore() {
  let values = {};
  try { values = JSON.parse(localStorage.getItem(KEY) ?? "{}"); } catch { /* damaged */ }
  for (const [name, value] of Object.entries(values)) {
    const element = field(name);
    if (!element) continue;
    if (element.type === "checkbox") element.checked = value === true;
    else if (element.tagName !== "SELECT" || [...element.options].some((option) => option.value === value)) element.value = value;
  }
}

function option(value, text) {
  const made = document.createElement("option");
  made.value = value;
  made.textContent = text;
  return made;
}

function addModels(models) {
  for (const model of models) {
    if (known.some((one) => one.name === model.name)) continue;
    known.push(model);
    const isDefault = model.default;
    const made = option(model.name, isDefault ? `${model.name} (default)` : model.name);
    made.defaultSelected = isDefault;
    field("model").append(made);
    field("toward").append(option(model.name, model.name));
  }
}

// Adds models that have been installed since, and chooses one.
export function choose(models, name) {
  addModels(models);
  field("model").value = name;
  update();
  save();
}

export function prepare(models, formats) {
  addModels(models);
  for (const format of formats) field("format").append(option(format, { jpg: "JPEG", tif: "TIFF", webp: "WebP" }[format] ?? format.toUpperCase()));
  restore();
  update();
  form.addEventListener("input", () => { update(); save(); document.getElementById("options-error").hidden = true; });
  form.addEventListener("reset", () => setTimeout(() => { update(); save(); }));
  form.addEventListener("submit", (event) => event.preventDefault());
}

export const modelNames = () => known.map((model) => model.name);
