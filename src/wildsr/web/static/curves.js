// A curve as SVG, with its values in words for those who do not see it.

const SVG = document.getElementById("empty-svg").content.firstElementChild.namespaceURI;
const WIDTH = 300;
const HEIGHT = 110;
const LEFT = 44;
const BOTTOM = 18;

function element(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

const short = (value) => Number(value.toPrecision(3)).toString();

function range(values) {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const room = (high - low || Math.abs(high) || 1) * 0.08;
  return [low - room, high + room];
}

// points: [step, value]; unit is added to values; zero draws the line of no difference.
export function curve({ title, points, unit = "", zero = false, signed = false }) {
  const text = (value) => `${signed && value > 0 ? "+" : ""}${short(value)}${unit}`;
  const steps = points.map(([step]) => step);
  const values = points.map(([, value]) => value);
  const [low, high] = range(zero ? [...values, 0] : values);
  const [first, last] = [Math.min(...steps), Math.max(...steps)];
  const x = (step) => LEFT + (WIDTH - LEFT - 6) * (last > first ? (step - first) / (last - first) : 1);
  const y = (value) => 6 + (HEIGHT - BOTTOM - 6) * (1 - (value - low) / (high - low));
  const [lastStep, lastValue] = points.at(-1);

  const figure = document.createElement("figure");
  figure.className = "curve";
  const caption = document.createElement("figcaption");
  const now = document.createElement("strong");
  now.textContent = text(lastValue);
  caption.append(`${title}: `, now);
  const drawing = element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
  const words = `${title} over ${points.length} ${points.length === 1 ? "point" : "points"}, from step ${first} to ${last}: it began at ${text(values[0])}, `
    + `is ${text(lastValue)} now, and was between ${text(Math.min(...values))} and ${text(Math.max(...values))}.`;
  drawing.setAttribute("aria-label", words);
  drawing.append(element("line", { x1: LEFT, y1: HEIGHT - BOTTOM, x2: WIDTH, y2: HEIGHT - BOTTOM }));
  if (zero) drawing.append(element("line", { x1: LEFT, y1: y(0), x2: WIDTH, y2: y(0), class: "zero" }));
  drawing.append(
    element("text", { x: LEFT - 6, y: y(Math.max(...values)) + 4, "text-anchor": "end" }, short(Math.max(...values))),
    element("text", { x: LEFT, y: HEIGHT - 4 }, `step ${first}`),
    element("text", { x: WIDTH, y: HEIGHT - 4, "text-anchor": "end" }, String(last)),
  );
  if (Math.abs(y(Math.min(...values)) - y(Math.max(...values))) > 14) {
    drawing.append(element("text", { x: LEFT - 6, y: y(Math.min(...values)) + 4, "text-anchor": "end" }, short(Math.min(...values))));
  }
  if (points.length > 1) {
    drawing.append(element("path", { d: points.map(([step, value], index) => `${index ? "L" : "M"}${x(step).toFixed(1)} ${y(value).toFixed(1)}`).join("") }));
  }
  drawing.append(element("circle", { cx: x(lastStep), cy: y(lastValue), r: 3.5 }));
  figure.append(caption, drawing);
  return figure;
}
