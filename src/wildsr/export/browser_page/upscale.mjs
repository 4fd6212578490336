// Upscales images with model.onnx, tile by tile. Every tile has the size that the model was exported for.
const DIST = new URL("./node_modules/onnxruntime-web/dist/", import.meta.url);
const RUNTIMES = { webgpu: "ort.webgpu.min.mjs", wasm: "ort.wasm.min.mjs" };

async function hasGpu() {
  try {
    return Boolean(await navigator.gpu?.requestAdapter());
  } catch {
    return false;
  }
}

async function open(url, backend) {
  const ort = await import(new URL(RUNTIMES[backend], DIST).href);
  ort.env.wasm.wasmPaths = DIST.href;
  const session = await ort.InferenceSession.create(url, { executionProviders: [backend] });
  return { ort, session, backend };
}

// WebGPU where the browser has it and it takes the model, otherwise WebAssembly; `backend` chooses one.
export async function load(folder = new URL(".", import.meta.url), backend = "") {
  const answer = await fetch(new URL("model.json", folder));
  if (!answer.ok) throw new Error("model.json is missing");
  const facts = await answer.json();
  const url = new URL("model.onnx", folder).href;
  if (backend) return { ...facts, ...(await open(url, backend)) };
  if (await hasGpu()) {
    try {
      const model = { ...facts, ...(await open(url, "webgpu")) };
      await runTile(model, new Float32Array(3 * facts.side ** 2)); // some failures come with the first run
      return model;
    } catch (error) {
      console.warn(`WebGPU does not run this model, so WebAssembly does: ${error.message}`);
    }
  }
  return { ...facts, ...(await open(url, "wasm")) };
}

// The result, (3, scale*side, scale*side), of a Float32Array (3, side, side) with values from 0 to 1.
export async function runTile(model, values) {
  const tensor = new model.ort.Tensor("float32", values, [1, 3, model.side, model.side]);
  const { output } = await model.session.run({ input: tensor });
  return output.data;
}

// Tiles begin at multiples of the network's, since it treats other positions differently.
function starts(extent, { side, overlap, multiple }) {
  const last = multiple * Math.ceil(Math.max(extent - side, 0) / multiple);
  const found = [0];
  while (found.at(-1) < last) found.push(Math.min(found.at(-1) + side - 2 * overlap, last));
  return found;
}

// Where the tile at places[index] begins and ends in the result: half way into the overlaps with its neighbours.
function core(places, index, side, extent) {
  const begin = index === 0 ? 0 : Math.floor((places[index - 1] + side + places[index]) / 2);
  const end = index === places.length - 1 ? extent : Math.floor((places[index] + side + places[index + 1]) / 2);
  return [begin, end];
}

// Continues an image that ends within a tile by repeating its edge.
function tileOf(image, left, top, side) {
  const values = new Float32Array(3 * side * side);
  for (let y = 0; y < side; y++) {
    const row = Math.min(top + y, image.height - 1);
    for (let x = 0; x < side; x++) {
      const from = 4 * (row * image.width + Math.min(left + x, image.width - 1));
      for (let c = 0; c < 3; c++) values[(c * side + y) * side + x] = image.data[from + c] / 255;
    }
  }
  return values;
}

export async function upscale(model, image, progress = () => {}) {
  const { side, scale } = model;
  const columns = starts(image.width, model);
  const rows = starts(image.height, model);
  const result = new ImageData(scale * image.width, scale * image.height);
  let done = 0;
  for (let i = 0; i < rows.length; i++) {
    for (let j = 0; j < columns.length; j++) {
      const out = await runTile(model, tileOf(image, columns[j], rows[i], side));
      const [top, bottom] = core(rows, i, side, image.height).map(value => value * scale);
      const [left, right] = core(columns, j, side, image.width).map(value => value * scale);
      const size = scale * side;
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) {
          const from = (y - scale * rows[i]) * size + x - scale * columns[j];
          const to = 4 * (y * result.width + x);
          // Uint8ClampedArray rounds and clamps.
          for (let c = 0; c < 3; c++) result.data[to + c] = 255 * out[c * size * size + from];
          result.data[to + 3] = 255;
        }
      }
      progress(++done, rows.length * columns.length);
    }
  }
  return result;
}
