// Texts for people.

export function bytes(count) {
  const units = ["B", "kB", "MB", "GB"];
  let index = 0;
  while (count >= 1000 && index < units.length - 1) { count /= 1000; index += 1; }
  return `${count >= 100 || index === 0 ? Math.round(count) : count.toFixed(1)} ${units[index]}`;
}

export function duration(seconds) {
  if (seconds < 1.5) return "a second";
  if (seconds < 90) return `${Math.round(seconds)} seconds`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} minutes`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} hours`;
  return `${Math.round(seconds / 86400)} days`;
}

export function size(image) {
  return `${image.width} × ${image.height}`;
}

export function variant(job) {
  const { model, strength, ensemble } = job.options;
  const scale = job.result ? job.result.width / job.source.width : job.options.scale;
  return [
    model,
    scale ? `×${Number(scale.toFixed(2))}` : "",
    strength < 1 ? `${Math.round(strength * 100)} %` : "",
    ensemble ? "averaged" : "",
  ].filter(Boolean).join(" ");
}
