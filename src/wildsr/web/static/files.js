// Files out of drops, of folders within folders too.

async function entriesOf(directory) {
  const reader = directory.createReader();
  const all = [];
  for (;;) { // readEntries gives them by the hundred
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return all;
    all.push(...some);
  }
}

async function walk(entry, found) {
  if (entry.name.startsWith(".")) return;
  if (entry.isFile) {
    found.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
  } else if (entry.isDirectory) {
    const entries = await entriesOf(entry);
    entries.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
    for (const one of entries) await walk(one, found);
  }
}

export async function dropped(transfer) {
  // Entries must be taken at once: the transfer is emptied when the event is over.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  const found = [];
  for (const entry of entries) await walk(entry, found);
  return found;
}

export function imagesAmong(files, suffixes) {
  const images = [];
  const others = [];
  for (const file of files) {
    const dot = file.name.lastIndexOf(".");
    const suffix = dot < 0 ? "" : file.name.slice(dot).toLowerCase();
    (suffixes.includes(suffix) || file.type.startsWith("image/") ? images : others).push(file);
  }
  return { images, others: others.filter((file) => !file.name.startsWith(".")) };
}
