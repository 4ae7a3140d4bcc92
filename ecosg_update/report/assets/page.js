"use strict";
(() => {
  const at = (id) => document.getElementById(id);
  const view = JSON.parse(at("view").textContent);
  const { rows, cols, perDegree } = view.grid;
  const canvas = at("map"), frame = at("frame"), divider = at("divider"), mark = at("mark");
  const pen = canvas.getContext("2d", { alpha: false });
  const squeeze = Math.max(0.05, Math.cos(latitude(rows / 2) * Math.PI / 180)); // width over height of a cell
  const meta = new Map(view.layers.map((layer) => [layer.name, layer]));
  const layers = new Map(); // name: Uint8Array of codes, or the picture
  const names = new Map([[0, "no data"], ...view.covers.map((cover) => [cover.code, `${cover.code} ${cover.name}`])]);
  const reasons = new Map(view.reasons.map((reason) => [reason.code, reason]));
  const shown = { left: "base", right: "cover" };
  const lit = new Set();
  let origin = { x: 0, y: 0 }, scale = 0, split = 0.5; // cells at the top left, CSS pixels a cell downwards (0: all)
  let cursor = null, pyramid = null, waiting = false, tables = {};

  function latitude(row) { return (90 * perDegree - view.grid.row - row) / perDegree; }
  function longitude(col) { return (view.grid.col - 180 * perDegree + col) / perDegree; }
  function wrapped(lon) { return lon >= 180 ? lon - 360 : lon; }

  /* What is packed in the page. */

  async function unpacked(name) {
    const text = at(`layer-${name}`).textContent;
    if (meta.get(name).kind === "jpeg") {
      const picture = new Image();
      picture.src = `data:image/jpeg;base64,${text}`;
      await picture.decode();
      return picture;
    }
    const { step } = meta.get(name);
    const codes = new Uint8Array(Math.ceil(rows / step) * Math.ceil(cols / step));
    const reader = new Blob([bytes(text)]).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
    for (let place = 0; ;) {
      const { done, value } = await reader.read();
      if (done) return codes;
      codes.set(value, place);
      place += value.length;
    }
  }

  function bytes(text) {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
    const binary = atob(text), found = new Uint8Array(binary.length);
    for (let i = 0; i < found.length; i++) found[i] = binary.charCodeAt(i);
    return found;
  }

  /** The original is stored only where it differs: 0 stands for the new code, 255 for no data. */
  function restored(base, cover) {
    for (let i = 0; i < base.length; i++) base[i] = base[i] === 0 ? cover[i] : base[i] === 255 ? 0 : base[i];
    return base;
  }

  /** A reason is stored only where it is not the usual one of the cover, kept or new: 0 stands for that. */
  function explained(codes) {
    const cover = layers.get("cover"), base = layers.get("base"), [kept, fresh] = view.usual;
    for (let i = 0; i < codes.length; i++)
      if (codes[i] === 0) codes[i] = (cover[i] === base[i] ? kept : fresh)[cover[i]];
    return codes;
  }

  function value(name, row, col) {
    const { step } = meta.get(name);
    return layers.get(name)[Math.floor(row / step) * Math.ceil(cols / step) + Math.floor(col / step)];
  }

  /** New codes where they are new, and halves of it in which a change outlives its neighbours: thin ones stay seen. */
  function changes() {
    if (pyramid) return pyramid;
    const cover = layers.get("cover"), base = layers.get("base");
    const first = new Uint8Array(rows * cols);
    for (let i = 0; i < first.length; i++) if (cover[i] !== base[i]) first[i] = cover[i];
    pyramid = [{ codes: first, cols }];
    for (let height = rows, width = cols, last = first; Math.max(height, width) > 256;) {
      const high = Math.ceil(height / 2), wide = Math.ceil(width / 2), half = new Uint8Array(high * wide);
      for (let r = 0; r < height; r++) {
        for (let c = 0, from = r * width, to = (r >> 1) * wide; c < width; c++) {
          if (last[from + c]) half[to + (c >> 1)] = last[from + c];
        }
      }
      pyramid.push({ codes: half, cols: wide });
      [height, width, last] = [high, wide, half];
    }
    return pyramid;
  }

  /* Colours: tables of 256 pixels; covers that are not lit step back when others are. */

  function pixel(red, green, blue) { return (255 << 24 | blue << 16 | green << 8 | red) >>> 0; }

  function coloured(palette, fades) {
    const found = new Uint32Array(256).fill(pixel(255, 255, 255));
    for (const [code, ...rgb] of palette) {
      const back = fades && lit.size && !lit.has(code);
      found[code] = pixel(...(back ? rgb.map((part) => Math.round(236 - (236 - part) * 0.12)) : rgb));
    }
    return found;
  }

  function recolour() {
    const cover = coloured(view.palettes.cover, true);
    const change = cover.slice();
    change[0] = pixel(...view.palettes.same);
    const sure = coloured(view.palettes.confidence, false);
    tables = { base: cover, cover, second: cover, change, reason: coloured(view.palettes.reason, false), confidence: sure };
  }

  /* Drawing: each pixel of the screen asks the layer for its cell. */

  function draw() {
    waiting = false;
    if (!frame.clientWidth) return; // on paper, the map is away
    const width = canvas.width, height = canvas.height, ratio = width / frame.clientWidth;
    const buffer = pen.createImageData(width, height), out = new Uint32Array(buffer.data.buffer);
    const middle = Math.round(split * width);
    out.fill(ground());
    paint(out, shown.left, 0, middle, width, height, ratio);
    paint(out, shown.right, middle, width, width, height, ratio);
    pen.putImageData(buffer, 0, 0);
    if (shown.left === "image") picture(0, middle, ratio);
    if (shown.right === "image") picture(middle, width, ratio);
    furnish();
  }

  function paint(out, name, from, to, width, height, ratio) {
    if (name === "image" || from >= to) return;
    let step, codes, stride;
    if (name === "change") {
      const levels = changes(), coarse = Math.ceil(Math.log2(Math.max(1, 1 / (scale * squeeze * ratio))));
      const level = Math.min(levels.length - 1, coarse);
      [step, codes, stride] = [2 ** level, levels[level].codes, levels[level].cols];
    } else {
      if (!layers.has(name)) return;
      step = meta.get(name).step;
      [codes, stride] = [layers.get(name), Math.ceil(cols / step)];
    }
    const table = tables[name], places = new Int32Array(to - from);
    for (let x = from; x < to; x++) {
      const col = Math.floor(origin.x + (x + 0.5) / (ratio * scale * squeeze));
      places[x - from] = col < 0 || col >= cols ? -1 : Math.floor(col / step);
    }
    for (let y = 0; y < height; y++) {
      const row = Math.floor(origin.y + (y + 0.5) / (ratio * scale));
      if (row < 0 || row >= rows) continue;
      const start = Math.floor(row / step) * stride, line = y * width;
      for (let x = from; x < to; x++) if (places[x - from] >= 0) out[line + x] = table[codes[start + places[x - from]]];
    }
  }

  function picture(from, to, ratio) {
    const image = layers.get("image");
    if (!image) return;
    pen.save();
    pen.beginPath();
    pen.rect(from, 0, to - from, canvas.height);
    pen.clip();
    pen.imageSmoothingEnabled = scale * rows < 2 * image.height;
    const across = scale * squeeze * ratio, down = scale * ratio;
    pen.drawImage(image, -origin.x * across, -origin.y * down, cols * across, rows * down);
    pen.restore();
  }

  function ground() {
    const [red, green, blue] = getComputedStyle(frame).backgroundColor.match(/\d+/g).map(Number);
    return pixel(red, green, blue);
  }

  /** The divider, the scale bar and the mark of the cursor. */
  function furnish() {
    const whole = Math.round(split * 100);
    divider.style.left = `${split * 100}%`;
    divider.setAttribute("aria-valuenow", whole);
    divider.setAttribute("aria-valuetext", `${title(shown.left)} on the left ${whole} %, ${title(shown.right)} on the right`);
    at("tag-left").hidden = split < 0.12;
    at("tag-right").hidden = split > 0.88;
    const cell = 6371 * Math.PI / 180 / perDegree, room = 110 / scale * cell;
    const nice = [5, 2, 1].map((lead) => lead * 10 ** Math.floor(Math.log10(room))).find((length) => length <= room);
    at("scale").style.width = `${nice / cell * scale}px`;
    at("scale").textContent = nice >= 1 ? `${nice} km` : `${Math.round(nice * 1000)} m`;
    mark.hidden = !cursor;
    if (!cursor) return;
    const wide = Math.max(10, scale * squeeze + 4), high = Math.max(10, scale + 4);
    mark.style.left = `${(cursor.col + 0.5 - origin.x) * scale * squeeze - wide / 2}px`;
    mark.style.top = `${(cursor.row + 0.5 - origin.y) * scale - high / 2}px`;
    mark.style.width = `${wide}px`;
    mark.style.height = `${high}px`;
  }

  function redraw() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(draw);
  }

  /* Where the map stands on the screen. */

  function most() { return Math.max(64, 8 * fitting()); }

  function fitting() { return Math.min(frame.clientWidth / (cols * squeeze), frame.clientHeight / rows); }

  function settle() {
    scale = Math.min(Math.max(scale, fitting()), most());
    const wide = frame.clientWidth / (scale * squeeze), high = frame.clientHeight / scale;
    origin.x = wide >= cols ? (cols - wide) / 2 : Math.min(Math.max(origin.x, 0), cols - wide);
    origin.y = high >= rows ? (rows - high) / 2 : Math.min(Math.max(origin.y, 0), rows - high);
    redraw();
  }

  function fit() {
    scale = 0;
    settle();
  }

  function zoom(factor, x = frame.clientWidth / 2, y = frame.clientHeight / 2) {
    const col = origin.x + x / (scale * squeeze), row = origin.y + y / scale;
    scale = Math.min(Math.max(scale * factor, fitting()), most());
    origin = { x: col - x / (scale * squeeze), y: row - y / scale };
    settle();
  }

  function resize() {
    const width = frame.clientWidth, tall = width * rows / (cols * squeeze), whole = scale <= fitting() * 1.001;
    if (!width) return;
    const height = Math.round(Math.min(Math.max(tall, 240), window.innerHeight * 0.74, 900));
    canvas.style.height = `${height}px`;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    if (whole) fit();
    else settle();
  }

  function lookAt(west, south, east, north) {
    const col = (lon) => (((lon - longitude(0)) % 360) + 360) % 360 * perDegree;
    const left = col(west), right = left + ((east - west + 360) % 360) * perDegree;
    const top = 90 * perDegree - view.grid.row - north * perDegree, bottom = top + (north - south) * perDegree;
    const around = Math.max(6, (bottom - top) * 0.6, (right - left) * 0.6);
    scale = Math.min(frame.clientWidth / ((right - left + 2 * around) * squeeze), frame.clientHeight / (bottom - top + 2 * around), 64);
    scale = Math.max(scale, fitting());
    origin = {
      x: (left + right) / 2 - frame.clientWidth / (2 * scale * squeeze),
      y: (top + bottom) / 2 - frame.clientHeight / (2 * scale),
    };
    settle();
  }

  /* What stands under the pointer or the cursor. */

  function cellAt(x, y) {
    const col = Math.floor(origin.x + x / (scale * squeeze)), row = Math.floor(origin.y + y / scale);
    return row < 0 || row >= rows || col < 0 || col >= cols ? null : { row, col };
  }

  function read(cell) {
    const say = (id, text) => { at(id).textContent = text; };
    if (!cell) return;
    const { row, col } = cell, code = value("cover", row, col), old = value("base", row, col);
    say("at-place", `${latitude(row + 0.5).toFixed(4)}, ${wrapped(longitude(col + 0.5)).toFixed(4)}`);
    say("at-cell", `${view.grid.row + row}, ${(view.grid.col + col) % (360 * perDegree)}`);
    say("at-base", names.get(old));
    say("at-cover", code === old ? `${names.get(code)} (the same)` : names.get(code));
    if (layers.has("reason")) {
      const reason = reasons.get(value("reason", row, col));
      say("at-reason", reason ? `${reason.name}. ${reason.text}` : "–");
    }
    if (layers.has("confidence")) {
      const level = value("confidence", row, col), { step } = meta.get("confidence");
      const around = step > 1 ? `, mean of ${step} × ${step} cells` : "";
      say("at-confidence", level ? `${Math.round((level - 1) / view.levels * 100)} %${around}` : "none");
    }
    if (layers.has("second")) say("at-second", value("second", row, col) ? names.get(value("second", row, col)) : "none");
  }

  function title(name) { return view.titles[name]; }

  /* Hands on it: pointer, wheel, keys, buttons. */

  function pointers() {
    const held = new Map();
    const place = (event) => {
      const box = canvas.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    const spread = () => {
      const [a, b] = [...held.values()];
      return { size: Math.hypot(a.x - b.x, a.y - b.y), x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      canvas.focus({ preventScroll: true });
      held.set(event.pointerId, place(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      const now = place(event), before = held.get(event.pointerId);
      if (before) {
        const old = held.size === 2 ? spread() : null;
        held.set(event.pointerId, now);
        if (old) {
          const next = spread();
          zoom(next.size / Math.max(1, old.size), next.x, next.y);
          move(old.x - next.x, old.y - next.y);
        } else move(before.x - now.x, before.y - now.y);
      }
      at("readout").setAttribute("aria-live", "off");
      if (cursor) { cursor = null; redraw(); }
      read(cellAt(now.x, now.y));
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => held.delete(event.pointerId));
    canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && document.activeElement !== canvas) return;
      event.preventDefault();
      const { x, y } = place(event), lines = event.deltaMode === 1 ? 30 : 1;
      zoom(Math.exp(-Math.max(-240, Math.min(240, event.deltaY * lines)) * 0.0025), x, y);
    }, { passive: false });
    divider.addEventListener("pointerdown", (event) => divider.setPointerCapture(event.pointerId));
    divider.addEventListener("pointermove", (event) => {
      if (!divider.hasPointerCapture(event.pointerId)) return;
      swipe((event.clientX - frame.getBoundingClientRect().left - frame.clientLeft) / frame.clientWidth);
    });
  }

  function move(x, y) {
    origin = { x: origin.x + x / (scale * squeeze), y: origin.y + y / scale };
    settle();
  }

  function swipe(part) {
    split = Math.min(1, Math.max(0, part));
    redraw();
  }

  function keys() {
    const ways = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    canvas.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const focus = cursor ? [(cursor.col + 0.5 - origin.x) * scale * squeeze, (cursor.row + 0.5 - origin.y) * scale] : [];
      if (ways[event.key]) step(ways[event.key], event.shiftKey ? 1 : Math.max(1, Math.round(10 / scale)));
      else if (event.key === "+" || event.key === "=") zoom(1.5, ...focus);
      else if (event.key === "-" || event.key === "_") zoom(1 / 1.5, ...focus);
      else if (event.key === "0") fit();
      else return;
      event.preventDefault();
    });
    divider.addEventListener("keydown", (event) => {
      const by = event.shiftKey ? 0.1 : 0.02;
      const to = {
        ArrowLeft: split - by, ArrowDown: split - by, ArrowRight: split + by, ArrowUp: split + by,
        PageDown: split - 0.1, PageUp: split + 0.1, Home: 0, End: 1,
      }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      swipe(to);
    });
  }

  /** Move the cursor, from the middle of what is seen at first; the map follows it. */
  function step([down, right], cells) {
    const from = cursor || cellAt(frame.clientWidth / 2, frame.clientHeight / 2) || { row: rows >> 1, col: cols >> 1 };
    const moved = cursor ? cells : 0;
    cursor = {
      row: Math.min(rows - 1, Math.max(0, from.row + down * moved)),
      col: Math.min(cols - 1, Math.max(0, from.col + right * moved)),
    };
    const wide = frame.clientWidth / (scale * squeeze), high = frame.clientHeight / scale;
    origin.x = Math.min(Math.max(origin.x, cursor.col + 1 - wide), cursor.col);
    origin.y = Math.min(Math.max(origin.y, cursor.row + 1 - high), cursor.row);
    at("readout").setAttribute("aria-live", "polite");
    read(cursor);
    settle();
  }

  function controls() {
    for (const side of ["left", "right"]) {
      const select = at(side);
      const there = Object.keys(view.titles).filter((name) => name === "change" || meta.has(name));
      select.replaceChildren(...there.map((name) => new Option(title(name), name)));
      select.value = shown[side];
      select.addEventListener("change", () => {
        shown[side] = select.value;
        named();
        redraw();
      });
    }
    at("in").addEventListener("click", () => zoom(1.6));
    at("out").addEventListener("click", () => zoom(1 / 1.6));
    at("fit").addEventListener("click", fit);
    for (const button of document.querySelectorAll("button.light")) {
      const code = Number(button.dataset.code);
      button.addEventListener("click", () => {
        if (!lit.delete(code)) lit.add(code);
        button.setAttribute("aria-pressed", lit.has(code));
        recolour();
        redraw();
      });
    }
    for (const button of document.querySelectorAll("button.goto")) {
      button.addEventListener("click", () => {
        const { west, south, east, north, lon, lat } = button.dataset;
        lookAt(...[west, south, east, north].map(Number));
        const row = Math.floor(90 * perDegree - view.grid.row - lat * perDegree);
        const col = Math.floor((((lon - longitude(0)) % 360) + 360) % 360 * perDegree);
        if (row >= 0 && row < rows && col < cols) cursor = { row, col };
        at("readout").setAttribute("aria-live", "polite");
        read(cursor);
        at("maps").scrollIntoView();
        canvas.focus({ preventScroll: true });
      });
    }
    new ResizeObserver(resize).observe(frame);
  }

  /** The names on the map, and the key of layers that the legend does not explain. */
  function named() {
    for (const side of ["left", "right"]) at(`tag-${side}`).textContent = title(shown[side]);
    const sides = new Set([shown.left, shown.right]), parts = [];
    const entry = (rgb, text) => {
      const line = document.createElement("span"), swatch = document.createElement("i");
      swatch.className = "swatch";
      swatch.style.background = `rgb(${rgb.join(",")})`;
      line.append(swatch, text);
      parts.push(line);
    };
    if (sides.has("change")) entry(view.palettes.same, "not changed");
    if (sides.has("reason")) {
      const held = new Set(layers.get("reason"));
      for (const [code, ...rgb] of view.palettes.reason) if (held.has(code)) entry(rgb, reasons.get(code).name);
    }
    if (sides.has("confidence")) {
      for (const [level, ...rgb] of view.palettes.confidence) {
        if (level === 0) entry(rgb, "no confidence: nothing seen");
        else if ((level - 1) % 5 === 0) entry(rgb, `${(level - 1) / view.levels * 100} %`);
      }
    }
    at("key").replaceChildren(...parts);
  }

  function theme() {
    const button = at("theme"), root = document.documentElement;
    const dark = () => root.dataset.theme
      ? root.dataset.theme === "dark" : window.matchMedia("(prefers-color-scheme: dark)").matches;
    const show = () => {
      button.textContent = dark() ? "Light" : "Dark";
      button.setAttribute("aria-label", `Switch to ${dark() ? "light" : "dark"} colours`);
    };
    button.hidden = false;
    button.addEventListener("click", () => {
      root.dataset.theme = dark() ? "light" : "dark";
      show();
      redraw();
    });
    show();
  }

  async function start() {
    theme();
    if (typeof DecompressionStream === "undefined") {
      at("message").hidden = false;
      at("message").textContent = "This browser is too old for the map to swipe and zoom (it needs Chrome 80, Firefox 113 "
        + "or Safari 16.4); still pictures of every layer follow below.";
      return;
    }
    const [cover, base] = await Promise.all([unpacked("cover"), unpacked("base")]);
    layers.set("cover", cover);
    layers.set("base", restored(base, cover));
    recolour();
    at("viewer").hidden = false;
    controls();
    pointers();
    keys();
    named();
    resize();
    draw();
    document.documentElement.dataset.drawn = Math.round(performance.now());
    for (const { name } of view.layers) {
      if (layers.has(name)) continue;
      const codes = await unpacked(name);
      layers.set(name, name === "reason" ? explained(codes) : codes);
      redraw();
    }
    named();
    document.documentElement.dataset.ready = Math.round(performance.now());
  }

  start();
})();
