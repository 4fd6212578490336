// The two tabs. The one that is shown is in the address, so that it survives a reload.

const names = ["upscale", "camera"];
const tab = (name) => document.getElementById(`tab-${name}`);

export const current = () => names.find((name) => tab(name).getAttribute("aria-selected") === "true");

export function show(name) {
  for (const one of names) {
    const shown = one === name;
    tab(one).setAttribute("aria-selected", String(shown));
    tab(one).tabIndex = shown ? 0 : -1;
    document.getElementById(`panel-${one}`).hidden = !shown;
  }
  history.replaceState(null, "", name === "upscale" ? location.pathname : `#${name}`);
}

export function begin() {
  names.forEach((name, index) => {
    tab(name).addEventListener("click", () => show(name));
    tab(name).addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const other = event.key === "Home" ? names[0] : event.key === "End" ? names.at(-1)
        : step ? names[(index + step + names.length) % names.length] : null;
      if (!other) return;
      event.preventDefault();
      show(other);
      tab(other).focus();
    });
  });
  const wanted = () => { const name = location.hash.slice(1); if (names.includes(name)) show(name); };
  wanted();
  addEventListener("hashchange", wanted);
}
