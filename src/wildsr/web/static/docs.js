// The reference, made from the OpenAPI document of this service.

const main = document.getElementById("reference");

function make(tag, text, parent, className) {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  if (className) element.className = className;
  parent?.append(element);
  return element;
}

// Text with `code` in it.
function prose(text, parent) {
  const block = make("p", "", parent);
  text.split("`").forEach((part, index) => block.append(index % 2 ? make("code", part) : part));
}

function typeOf(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(typeOf).filter((name) => name !== "null").join(" or ");
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.type === "array") return `list of ${typeOf(schema.items)}`;
  return schema.type ?? "";
}

function table(parent, title, rows) {
  if (!rows.length) return;
  make("h4", title, parent);
  const body = make("tbody", "", make("table", "", parent));
  for (const cells of rows) {
    const row = make("tr", "", body);
    cells.forEach((cell, index) => {
      const element = make(index ? "td" : "th", "", row);
      if (!index) { element.scope = "row"; make("code", cell, element); } else element.textContent = cell;
    });
  }
}

function operation(path, verb, found) {
  const block = make("article", "", main, "operation");
  const title = make("h3", "", block);
  make("span", verb.toUpperCase(), title, "verb");
  make("code", path, title);
  for (const text of (found.description ?? "").split("\n\n")) prose(text, block);
  table(block, "Parameters", (found.parameters ?? []).map((one) => [one.name, `${one.in}, ${typeOf(one.schema)}`, one.description ?? ""]));
  table(block, "Body", Object.entries(found.requestBody?.content ?? {}).map(([kind, one]) => [kind, typeOf(one.schema)]));
  table(block, "Responses", Object.entries(found.responses).map(([status, one]) => [status, one.description]));
}

function limits(schema) {
  const facts = schema.anyOf?.find((one) => one.type !== "null") ?? schema;
  const low = facts.minimum ?? facts.exclusiveMinimum;
  const high = facts.maximum;
  return [low === undefined ? "" : `from ${low}`, high === undefined ? "" : `to ${high}`].filter(Boolean).join(" ");
}

const document_ = await (await fetch("/openapi.json")).json();
document.getElementById("description").textContent = document_.info.description.replaceAll("`", "");
document.getElementById("example").textContent = [
  `curl -F image=@photo.jpg -F 'options={"scale": 2}' ${location.origin}/v1/jobs`,
  `curl -N ${location.origin}/v1/jobs/ID/events`,
  `curl -o sharp.jpg ${location.origin}/v1/jobs/ID/result`,
].join("\n");
make("h2", "Requests", main);
for (const [path, verbs] of Object.entries(document_.paths)) {
  for (const [verb, found] of Object.entries(verbs)) operation(path, verb, found);
}
make("h2", "Values", main);
for (const [name, schema] of Object.entries(document_.components.schemas)) {
  if (!schema.properties || name.includes("ValidationError")) continue;
  const block = make("article", "", main, "operation");
  make("h3", name, block);
  prose(schema.description ?? "", block);
  table(block, "Fields", Object.entries(schema.properties).map(([field, one]) => [field, typeOf(one), [one.description ?? "", limits(one)].filter(Boolean).join(" ")]));
}
