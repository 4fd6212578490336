"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const make = (tag, fields = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), fields);
    node.append(...children);
    return node;
  };
  const data = JSON.parse($("data").textContent);

  // The counterpart of trials.encoded: the names are kept from a glance at the source, not from an attacker.
  const decoded = () => {
    let state = data.seed >>> 0;
    const bytes = Uint8Array.from(atob(data.key), (letter) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return letter.charCodeAt(0) ^ (state >>> 24);
    });
    return JSON.parse(new TextDecoder().decode(bytes));
  };
  const key = decoded();
  const total = key.pairs.length;

  // Votes, kept between visits where the browser allows it.
  const place = `wildsr-compare-${data.id}`;
  const state = { votes: [], judge: "", revealed: false };
  try {
    const kept = JSON.parse(localStorage.getItem(place) ?? "null");
    if (kept && Array.isArray(kept.votes)) Object.assign(state, kept);
  } catch { /* no storage for files in this browser */ }
  const keep = () => {
    try { localStorage.setItem(place, JSON.stringify(state)); } catch { /* as above */ }
  };

  const show = (name) => {
    for (const id of ["start", "work", "end"]) $(id).hidden = id !== name;
    if (name === "work") showPair();
    if (name === "end") showEnd();
  };

  // ---- One pair ----
  const stage = $("stage");
  const panes = [...stage.querySelectorAll(".pane")].map((node) => ({
    node, image: node.querySelector("img"), tag: node.querySelector(".tag"), side: node.dataset.side,
  }));
  const view = { zoom: 1, x: 0, y: 0, fitted: true, one: false, shown: 0, input: false, since: 0 };
  const current = () => key.pairs[state.votes.length];
  const size = () => {
    const [width, height] = key.sizes[current()[0]];
    return { width, height };
  };
  const fitZoom = () => {
    const { width, height } = size();
    const box = panes[0].node.getBoundingClientRect();
    const fitting = Math.min(box.width / width, box.height / height);
    // Small images are enlarged by whole numbers, so that pixels stay square.
    const enlarged = Math.floor(fitting * devicePixelRatio);
    return enlarged ? Math.min(enlarged, 8) / devicePixelRatio : fitting;
  };
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const place1 = (centre, length, room) =>
    (length * view.zoom <= room ? length / 2 : clamp(centre, room / 2 / view.zoom, length - room / 2 / view.zoom));
  const draw = () => {
    if ($("work").hidden) return;
    stage.classList.toggle("one", view.one);
    const { width, height } = size();
    const box = panes[0].node.getBoundingClientRect();
    if (view.fitted) view.zoom = fitZoom();
    view.x = place1(view.x, width, box.width);
    view.y = place1(view.y, height, box.height);
    for (const pane of panes) {
      const scale = view.zoom * (width / (pane.image.naturalWidth || width));
      const left = box.width / 2 - view.x * view.zoom;
      const top = box.height / 2 - view.y * view.zoom;
      // Whole device pixels, or an enlargement by a whole number would blur.
      const snap = (value) => Math.round(value * devicePixelRatio) / devicePixelRatio;
      pane.image.style.transform = `translate(${snap(left)}px,${snap(top)}px) scale(${scale})`;
      pane.image.classList.toggle("pixelated", scale * devicePixelRatio > 1.5);
      pane.node.classList.toggle("shown", pane === panes[view.shown]);
      pane.tag.classList.toggle("of-input", view.input);
    }
    $("pixels").textContent = `${Math.round(view.zoom * devicePixelRatio * 100)} %`;
    $("view").setAttribute("aria-pressed", view.one);
    $("input").setAttribute("aria-pressed", view.input);
    $("flip").hidden = !view.one;
    $("flip").textContent = `Show ${panes[1 - view.shown].tag.textContent}`;
  };
  const source = (image, contender) => data.images[key.shown[`${image},${contender}`]];
  const setImages = () => {
    const [image, left, right] = current();
    panes.forEach((pane, index) => {
      pane.image.onload = draw;
      pane.image.src = view.input ? data.images[key.inputs[image]] : source(image, [left, right][index]);
    });
    const following = key.pairs[state.votes.length + 1];
    if (following) for (const contender of following.slice(1)) new Image().src = source(following[0], contender);
  };
  const showPair = () => {
    if (state.votes.length >= total || state.revealed) return show("end");
    const { width, height } = size();
    Object.assign(view, { x: width / 2, y: height / 2, shown: 0, input: false, since: performance.now() });
    $("count").textContent = `${state.votes.length + 1} of ${total}`;
    $("bar").style.width = `${(100 * state.votes.length) / total}%`;
    $("undo").disabled = !state.votes.length;
    $("input").hidden = key.inputs[current()[0]] === undefined;
    setImages();
    draw();
    return undefined;
  };
  const vote = (choice) => {
    if ($("work").hidden) return;
    const seconds = Math.round((performance.now() - view.since) / 100) / 10;
    state.votes.push({ choice, seconds });
    keep();
    $("announce").textContent = { left: "A is better", right: "B is better", tie: "Same" }[choice];
    if (state.votes.length >= total) show("end"); else showPair();
  };
  const undo = () => {
    if (!state.votes.length || state.revealed) return;
    state.votes.pop();
    keep();
    $("announce").textContent = "Undone";
    show("work");
  };
  // Keep the point of the image under (x, y) of the pane where it is.
  const zoomTo = (zoom, x, y) => {
    const box = panes[0].node.getBoundingClientRect();
    const [dx, dy] = [(x ?? box.width / 2) - box.width / 2, (y ?? box.height / 2) - box.height / 2];
    const to = clamp(zoom, Math.min(fitZoom(), 1 / devicePixelRatio) / 2, 16 / devicePixelRatio);
    view.x += dx / view.zoom - dx / to;
    view.y += dy / view.zoom - dy / to;
    Object.assign(view, { zoom: to, fitted: false });
    draw();
  };
  const toPixels = (factor, x, y) => zoomTo(factor / devicePixelRatio, x, y);
  const fit = () => { view.fitted = true; draw(); };
  const toggleView = () => { view.one = !view.one; draw(); };
  const flip = () => { if (view.one) { view.shown = 1 - view.shown; draw(); } };
  const toggleInput = () => {
    if ($("input").hidden) return;
    view.input = !view.input;
    setImages();
    draw();
  };

  // Mouse, pen and fingers: drag, pinch, wheel.
  const pointers = new Map();
  const local = (event) => {
    const box = event.target.closest(".pane").getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const spread = () => {
    const [a, b] = [...pointers.values()];
    return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, apart: Math.hypot(a.x - b.x, a.y - b.y) };
  };
  for (const { node } of panes) {
    node.addEventListener("pointerdown", (event) => {
      if (event.button > 0) return;
      node.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, local(event));
    });
    node.addEventListener("pointermove", (event) => {
      if (!pointers.has(event.pointerId)) return;
      const before = pointers.size > 1 ? spread() : pointers.get(event.pointerId);
      pointers.set(event.pointerId, local(event));
      const after = pointers.size > 1 ? spread() : pointers.get(event.pointerId);
      view.x -= (after.x - before.x) / view.zoom;
      view.y -= (after.y - before.y) / view.zoom;
      if (pointers.size > 1 && before.apart) zoomTo((view.zoom * after.apart) / before.apart, after.x, after.y);
      else draw();
    });
    for (const name of ["pointerup", "pointercancel"]) node.addEventListener(name, (event) => pointers.delete(event.pointerId));
    node.addEventListener("wheel", (event) => {
      event.preventDefault();
      const at = local(event);
      zoomTo(view.zoom * 2 ** (-clamp(event.deltaY, -200, 200) / 250), at.x, at.y);
    }, { passive: false });
    node.addEventListener("dblclick", (event) => {
      const at = local(event);
      if (view.fitted) toPixels(1, at.x, at.y); else fit();
    });
  }
  new ResizeObserver(draw).observe(stage);

  const keys = {
    ArrowLeft: () => vote("left"), a: () => vote("left"), ArrowRight: () => vote("right"), b: () => vote("right"),
    ArrowDown: () => vote("tie"), s: () => vote("tie"), Backspace: undo, u: undo, z: undo,
    "+": () => zoomTo(view.zoom * 1.5), "=": () => zoomTo(view.zoom * 1.5), "-": () => zoomTo(view.zoom / 1.5),
    1: () => toPixels(1), 2: () => toPixels(2), 3: () => toPixels(3), 4: () => toPixels(4),
    0: fit, f: fit, v: toggleView, " ": flip, i: toggleInput,
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "INPUT") return;
    if ($("work").hidden) return;
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const action = keys[name];
    // A key held down must not run through the pairs; Space on a focused button presses it.
    const choosing = /^(Arrow|[absuz]$|Backspace)/.test(name);
    if (!action || (event.repeat && choosing) || (name === " " && event.target.tagName === "BUTTON" && !view.one)) return;
    event.preventDefault();
    action();
  });
  for (const button of document.querySelectorAll(".vote")) button.addEventListener("click", () => vote(button.dataset.choice));
  const actions = {
    undo, fit, view: toggleView, flip, input: toggleInput, in: () => zoomTo(view.zoom * 1.5), out: () => zoomTo(view.zoom / 1.5),
    pixels: () => toPixels(1), stop: () => show("end"), back: () => (state.votes.length < total ? show("work") : undo()),
  };
  for (const [id, action] of Object.entries(actions)) $(id).addEventListener("click", action);

  // ---- Numbers; the counterpart of preference.py ----
  const Z = 1.959963984540054;
  const PRIOR = 0.5;
  const wilson = (wins, losses) => {
    const count = wins + losses;
    if (!count) return { mean: null, low: null, high: null };
    const share = wins / count;
    const spread2 = Z ** 2 / count;
    const centre = (share + spread2 / 2) / (1 + spread2);
    const reach = (Z * Math.sqrt((share * (1 - share)) / count + spread2 / (4 * count))) / (1 + spread2);
    return { mean: share, low: wins ? centre - reach : 0, high: losses ? centre + reach : 1 };
  };
  const signTest = (wins, losses) => {
    const count = wins + losses;
    let [logTerm, sum] = [-count * Math.LN2, 0];
    for (let hits = 0; hits <= Math.min(wins, losses); hits += 1) {
      sum += Math.exp(logTerm);
      logTerm += Math.log((count - hits) / (hits + 1));
    }
    return Math.min(1, 2 * sum);
  };
  const inverse = (matrix) => {
    const n = matrix.length;
    const rows = matrix.map((row, i) => [...row, ...row.map((_, j) => Number(i === j))]);
    for (let column = 0; column < n; column += 1) {
      let best = column;
      for (let row = column; row < n; row += 1) if (Math.abs(rows[row][column]) > Math.abs(rows[best][column])) best = row;
      [rows[column], rows[best]] = [rows[best], rows[column]];
      const pivot = rows[column][column];
      rows[column] = rows[column].map((value) => value / pivot);
      for (let row = 0; row < n; row += 1) {
        const factor = rows[row][column];
        if (row !== column && factor) rows[row] = rows[row].map((value, at) => value - factor * rows[column][at]);
      }
    }
    return rows.map((row) => row.slice(n));
  };
  const bradleyTerry = (counted) => {
    const n = counted.length;
    const wins = counted.map((row, i) => row.map((value, j) => (i === j ? 0 : value + PRIOR)));
    const games = wins.map((row, i) => row.map((value, j) => value + wins[j][i]));
    let strength = new Array(n).fill(0);
    const chances = () => strength.map((a) => strength.map((b) => 1 / (1 + Math.exp(b - a))));
    const information = (chance) => {
      const weights = games.map((row, i) => row.map((value, j) => value * chance[i][j] * (1 - chance[i][j])));
      return inverse(weights.map((row, i) => row.map((value, j) => (i === j ? row.reduce((a, b) => a + b) : -value) + 1 / n)));
    };
    for (let turn = 0; turn < 100; turn += 1) {
      const chance = chances();
      const slope = wins.map((row, i) => row.reduce((sum, value, j) => sum + value - games[i][j] * chance[i][j], 0));
      const step = information(chance).map((row) => clamp(row.reduce((sum, value, j) => sum + value * slope[j], 0), -2, 2));
      strength = strength.map((value, i) => value + step[i]);
      if (Math.max(...step.map(Math.abs)) < 1e-12) break;
    }
    const mean = strength.reduce((a, b) => a + b) / n;
    strength = strength.map((value) => value - mean);
    const found = information(chances());
    return strength.map((value, i) => {
      const reach = Z * Math.sqrt(found[i][i] - 1 / n);
      return { mean: value, low: value - reach, high: value + reach };
    });
  };
  const named = () => state.votes.map(({ choice, seconds }, index) => {
    const [image, left, right] = key.pairs[index];
    return { image: key.images[image], left: key.contenders[left], right: key.contenders[right], choice, seconds };
  });
  const tally = () => {
    const n = key.contenders.length;
    const grid = () => Array.from({ length: n }, () => new Array(n).fill(0));
    const [wins, ties] = [grid(), grid()];
    state.votes.forEach(({ choice }, index) => {
      const [, left, right] = key.pairs[index];
      if (choice === "tie") { ties[left][right] += 1; ties[right][left] += 1; }
      else if (choice === "left") wins[left][right] += 1;
      else wins[right][left] += 1;
    });
    let order = key.contenders.map((_, index) => index);
    const strengths = {};
    if (n > 2) {
      const found = bradleyTerry(wins.map((row, i) => row.map((value, j) => value + ties[i][j] / 2)));
      order = order.sort((a, b) => found[b].mean - found[a].mean);
      for (const index of order) strengths[key.contenders[index]] = found[index];
    }
    const preferences = [];
    order.forEach((first, at) => {
      for (const second of order.slice(at + 1)) {
        const [won, lost, tied] = [wins[first][second], wins[second][first], ties[first][second]];
        if (won + lost + tied) {
          preferences.push({
            first: key.contenders[first], second: key.contenders[second], wins: won, losses: lost, ties: tied,
            share: wilson(won, lost), p: signTest(won, lost),
          });
        }
      }
    });
    return {
      wildsr_preferences: 1, contenders: order.map((index) => key.contenders[index]), votes: state.votes.length,
      images: new Set(named().map((one) => one.image)).size, preferences, bradley_terry: strengths,
    };
  };

  // ---- The end ----
  const percent = (value) => (value === null ? "–" : `${Math.round(100 * value)} %`);
  const chanceOf = (strength) => 1 / (1 + Math.exp(-strength));
  const row = (cells, tag = "td") => make("tr", {}, ...cells.map((text) => make(tag, { textContent: text })));
  const showResults = () => {
    const found = tally();
    $("results-note").textContent = "Shares are of the decided votes, with 95 % intervals; p of no preference (sign test).";
    $("strengths").replaceChildren();
    if (Object.keys(found.bradley_terry).length) {
      const lines = Object.entries(found.bradley_terry).map(([name, one]) => row([
        name, percent(chanceOf(one.mean)), `${percent(chanceOf(one.low))} to ${percent(chanceOf(one.high))}`,
      ]));
      $("strengths").append(
        make("h3", { textContent: "How often each would be preferred over an average contender (Bradley-Terry)" }),
        make("div", { className: "scroll" }, make("table", { className: "figures" }, row(["contender", "preferred", "95 % interval"], "th"), ...lines)),
        make("h3", { textContent: "Every two" }),
      );
    }
    $("preferences").replaceChildren(...found.preferences.map((one) => {
      const count = one.wins + one.losses + one.ties;
      const bar = (part) => {
        const piece = make("i");
        piece.style.width = `${(100 * part) / count}%`;
        return piece;
      };
      const p = one.p < 0.0001 ? "p < 0.0001" : `p = ${one.p.toPrecision(2)}`;
      const decided = one.wins + one.losses
        ? `${one.first} preferred in ${one.wins} of ${one.wins + one.losses} decided pairs: ${percent(one.share.mean)} (${percent(one.share.low)} to ${percent(one.share.high)}), ${p}`
        : "No decided pair";
      return make("div", { className: "match" },
        make("div", { className: "sides" }, make("span", { textContent: `${one.first}: ${one.wins}` }), make("span", { textContent: `${one.second}: ${one.losses}` })),
        make("div", { className: "shares" }, bar(one.wins), bar(one.ties), bar(one.losses)),
        make("p", { textContent: `${decided}; ${one.ties === 1 ? "1 tie" : `${one.ties} ties`}.` }));
    }));
    const chosen = { left: (one) => one.left, right: (one) => one.right, tie: () => "same" };
    $("votes").replaceChildren(
      row(["", "image", "A", "B", "preferred", "seconds"], "th"),
      ...named().map((one, index) => row([index + 1, one.image, one.left, one.right, chosen[one.choice](one), one.seconds])),
    );
  };
  const showEnd = () => {
    const done = state.votes.length >= total;
    $("end-title").textContent = done ? "All pairs are judged" : `${state.votes.length} of ${total} pairs are judged`;
    $("end-note").textContent = state.revealed
      ? "The names have been shown, so no more pairs can be judged on this device."
      : "Save the votes as a file, for wildsr compare --tally. Showing the results names the contenders and ends the judging.";
    for (const id of ["save", "reveal"]) $(id).disabled = !state.votes.length;
    $("reveal").hidden = state.revealed;
    $("back").hidden = state.revealed;
    $("back").textContent = done ? "Undo the last vote" : "Back to the pairs";
    $("results").hidden = !state.revealed;
    if (state.revealed) showResults();
  };
  $("reveal").addEventListener("click", () => {
    if (state.votes.length < total && !confirm("This names the contenders and ends the judging. Go on?")) return;
    state.revealed = true;
    keep();
    showEnd();
  });
  $("again").addEventListener("click", () => {
    if (state.votes.length && !confirm("Delete all votes on this device and start over?")) return;
    Object.assign(state, { votes: [], revealed: false });
    keep();
    show("start");
  });
  $("save").addEventListener("click", () => {
    const content = {
      wildsr_votes: 1, comparison: data.id, judge: state.judge, question: data.question, contenders: key.contenders,
      pairs: total, votes: named(), results: tally(),
    };
    const address = URL.createObjectURL(new Blob([JSON.stringify(content, null, 1)], { type: "application/json" }));
    const judge = state.judge.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "");
    make("a", { href: address, download: ["votes", data.id.slice(0, 6), judge].filter(Boolean).join("-") + ".json" }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  });

  $("amount").textContent = total === 1 ? "1 pair" : `${total} pairs`;
  $("input-help").hidden = !Object.keys(key.inputs).length;
  $("judge").value = state.judge;
  $("begin").addEventListener("submit", (event) => {
    event.preventDefault();
    state.judge = $("judge").value.trim();
    keep();
    show("work");
    stage.focus();
  });
  show(state.revealed || state.votes.length >= total ? "end" : state.votes.length ? "work" : "start");
})();
