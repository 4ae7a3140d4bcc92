"use strict";
(() => {
  const { key, legend, sites } = JSON.parse(document.getElementById("data").textContent);
  const STORE = "ecosg-inspection-" + key;
  const COLUMNS = ["id", "verdict", "second", "comment", "expert", "time", "blind"];
  const CANNOT_TELL = 0;
  const TYPING_MS = 900;
  const CLOSE_UP = 2.5; // cells across
  const at = (id) => document.getElementById(id);
  const names = new Map(legend.map((one) => [one.code, one.name]));
  const codes = new Set([CANNOT_TELL, ...names.keys()]);
  const ids = new Set(sites.map((site) => site.id));

  let state = { expert: "", index: 0, verdicts: {}, seen: {} };
  let typed = "";
  let typedAt = 0;

  // What is kept: a page may be closed at any moment, and a browser may refuse to store.
  const stored = () => {
    try {
      return JSON.parse(localStorage.getItem(STORE));
    } catch {
      return null;
    }
  };
  const keep = () => {
    try {
      localStorage.setItem(STORE, JSON.stringify(state));
    } catch {
      say("This browser stores nothing: save the CSV before you close the page.");
    }
  };
  const say = (text) => { at("message").textContent = text; };

  const made = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  const site = () => sites[state.index];
  const verdict = () => state.verdicts[site().id];
  const judged = () => sites.filter((one) => one.id in state.verdicts).length;

  // The classes, once.
  const row = (name) => {
    const classes = made("div", { className: "members" });
    at("classes").append(made("div", { className: "group" }, made("span", { className: "kind", textContent: name }), classes));
    return classes;
  };
  const addClass = (classes, code, name, colour) => {
    const swatch = made("span", { className: colour ? "swatch" : "swatch none" });
    if (colour) swatch.style.background = colour;
    const radio = made("input", { type: "radio", name: "class", value: String(code) });
    radio.addEventListener("change", () => choose(code));
    const label = made("label", { className: "class", title: name }, radio, swatch,
      made("span", { className: "code", textContent: code }), made("span", { textContent: name }));
    classes.append(label);
  };
  const build = () => {
    const rows = new Map();
    for (const { code, name, colour, group } of legend) {
      if (!rows.has(group)) rows.set(group, row(group));
      addClass(rows.get(group), code, name, colour);
    }
    addClass(row("no verdict"), CANNOT_TELL, "cannot tell", null);
    at("second").append(made("option", { value: "", textContent: "none" }),
      ...legend.map((one) => made("option", { value: one.code, textContent: one.code + " " + one.name })));
  };

  // What is shown.
  // A chip shows `view`, a part of the image, both as edges in parts of the whole: left, top, right, bottom.
  const chip = (address, caption, box, { photo = false, view = [0, 0, 1, 1] } = {}) => {
    const wide = view[2] - view[0];
    const high = view[3] - view[1];
    const placed = (left, top, right, bottom) =>
      `left:${(100 * (left - view[0])) / wide}%;top:${(100 * (top - view[1])) / high}%;` +
      `width:${(100 * (right - left)) / wide}%;height:${(100 * (bottom - top)) / high}%`;
    const cell = made("span", { className: "cell" });
    cell.style.cssText = placed(...box);
    const image = made("img", { src: address, alt: caption, className: photo ? "photo" : "", draggable: false });
    image.style.cssText = placed(0, 0, 1, 1);
    return made("figure", {}, made("div", { className: "chip" }, image, cell), made("figcaption", { textContent: caption }));
  };
  const closeUp = ([left, top, right, bottom]) => {
    const wide = CLOSE_UP * (right - left);
    const high = CLOSE_UP * (bottom - top);
    const half = Math.max(wide, high) / 2;
    const [x, y] = [(left + right) / 2, (top + bottom) / 2];
    return [x - half, y - half, x + half, y + half];
  };
  const showChips = () => {
    const { photo, new: renewed, original, box, cover, base, confidence, reason } = site();
    const shown = photo ? [
      chip(photo, "image, true colour", box, { photo: true }),
      chip(photo, "close up", box, { photo: true, view: closeUp(box) }),
    ] : [];
    const open = at("reveal").checked;
    if (!photo) {
      shown.push(made("p", { className: "empty", textContent: "No image of this place: look it up by its coordinates." }));
    }
    if (open) {
      shown.push(chip(renewed, "new map", box));
      if (original) shown.push(chip(original, "original map", box));
      state.seen[site().id] = true;
    }
    at("chips").replaceChildren(...shown);
    at("says").hidden = !open;
    if (!open) { at("says").textContent = ""; return; }
    const name = (code) => (code ? `${code} ${names.get(code)}` : "no data");
    at("says").textContent = `new: ${name(cover)}` + (original ? ` · original: ${name(base)}` : "") +
      (confidence === null ? "" : ` · confidence ${confidence.toFixed(2)}`) + (reason ? ` · ${reason}` : "");
  };
  const showVerdict = () => {
    const found = verdict();
    for (const radio of document.querySelectorAll('input[name="class"]')) {
      radio.checked = found !== undefined && Number(radio.value) === found.verdict;
      radio.closest("label").classList.toggle("chosen", radio.checked);
    }
    at("second").value = found && found.second ? found.second : "";
    at("comment").value = found ? found.comment : "";
    at("second").disabled = at("comment").disabled = found === undefined;
  };
  const showPlace = () => {
    const { id, lon, lat } = site();
    const north = `${Math.abs(lat).toFixed(5)}° ${lat < 0 ? "S" : "N"}`;
    const east = `${Math.abs(lon).toFixed(5)}° ${lon < 0 ? "W" : "E"}`;
    at("where").textContent = `${id} · ${north} ${east}`;
    at("hint").textContent = `For another viewer: ${lat.toFixed(6)}, ${lon.toFixed(6)}`;
    at("back").disabled = state.index === 0;
    at("next").disabled = state.index === sites.length - 1;
  };
  const showProgress = () => {
    const done = judged();
    at("bar").max = sites.length;
    at("bar").value = done;
    at("done").textContent = `site ${state.index + 1} of ${sites.length}, ${done} judged`;
    at("open").disabled = done === sites.length;
  };
  const show = () => {
    showPlace();
    showChips();
    showVerdict();
    showProgress();
  };

  // What is done.
  const choose = (code) => {
    const { id } = site();
    const before = state.verdicts[id] || { second: 0, comment: "" };
    state.verdicts[id] = {
      ...before, verdict: code, second: before.second === code ? 0 : before.second,
      expert: state.expert, time: new Date().toISOString().slice(0, 19) + "Z",
      blind: before.blind !== undefined && before.verdict === code ? before.blind : !state.seen[id],
    };
    say("");
    keep();
    showVerdict();
    showProgress();
  };
  const go = (index) => {
    if (index < 0 || index >= sites.length || index === state.index) return;
    state.index = index;
    typed = "";
    at("reveal").checked = false; // each site is looked at blind first
    keep();
    show();
  };
  const openSite = () => {
    for (let step = 1; step <= sites.length; step += 1) {
      const index = (state.index + step) % sites.length;
      if (!(sites[index].id in state.verdicts)) { go(index); return; }
    }
  };
  const type = (digit) => {
    const now = Date.now();
    typed = now - typedAt < TYPING_MS ? typed + digit : digit;
    typedAt = now;
    if (!codes.has(Number(typed))) typed = digit;
    if (codes.has(Number(typed))) choose(Number(typed));
  };
  const press = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const tag = event.target.tagName;
    const writing = tag === "TEXTAREA" || tag === "SELECT" || event.target.id === "expert";
    if (writing) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (/^[0-9]$/.test(event.key)) { type(event.key); return; }
    if (event.key === "Enter" && tag === "BUTTON") return;
    const deeds = {
      Enter: () => go(state.index + 1), ArrowRight: () => go(state.index + 1), ArrowLeft: () => go(state.index - 1),
      n: openSite, o: () => at("outline").click(), m: () => at("reveal").click(), s: save,
      c: () => at("comment").focus(),
    };
    const deed = deeds[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (deed) { event.preventDefault(); deed(); }
  };

  // CSV, as RFC 4180 has it.
  const quoted = (value) => (/[",\r\n]/.test(value) ? '"' + value.replaceAll('"', '""') + '"' : value);
  const csv = () => {
    const lines = sites.filter((one) => one.id in state.verdicts).map(({ id }) => {
      const found = state.verdicts[id];
      const cells = {
        ...found, id, second: found.second || "", expert: found.expert || state.expert, blind: found.blind ? "yes" : "no",
      };
      return COLUMNS.map((column) => quoted(String(cells[column]))).join(",");
    });
    return [COLUMNS.join(","), ...lines].join("\n") + "\n";
  };
  const parsed = (text) => {
    const lines = [[""]];
    let inside = false;
    for (let place = 0; place < text.length; place += 1) {
      const letter = text[place];
      const line = lines[lines.length - 1];
      if (inside && letter === '"' && text[place + 1] === '"') { line[line.length - 1] += '"'; place += 1; }
      else if (letter === '"') inside = !inside;
      else if (!inside && letter === ",") line.push("");
      else if (!inside && letter === "\n") lines.push([""]);
      else if (inside || letter !== "\r") line[line.length - 1] += letter;
    }
    const [head, ...rows] = lines.filter((line) => line.length > 1 || line[0]);
    return (rows || []).map((row) => Object.fromEntries((head || []).map((name, column) => [name.trim(), row[column] || ""])));
  };
  const save = () => {
    const address = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
    const link = made("a", { href: address, download: "verdicts.csv" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  };
  const load = async (file) => {
    const rows = parsed((await file.text()).replace(/^\ufeff/, ""));
    const known = rows.filter((row) => ids.has(row.id) && row.verdict !== "" && codes.has(Number(row.verdict)));
    for (const row of known) {
      state.verdicts[row.id] = {
        verdict: Number(row.verdict), second: names.has(Number(row.second)) ? Number(row.second) : 0,
        comment: row.comment || "", expert: row.expert || "", time: row.time || "", blind: row.blind !== "no",
      };
      if (row.blind === "no") state.seen[row.id] = true;
    }
    if (!state.expert && known.length) at("expert").value = state.expert = known[0].expert || "";
    say(known.length === rows.length ? "" :
      `${file.name}: ${known.length} of ${rows.length} lines were taken; the others name no site or class of this page.`);
    keep();
    show();
  };

  state = { ...state, ...stored() };
  state.index = Math.min(Math.max(0, state.index), sites.length - 1);
  build();
  at("expert").value = state.expert;
  at("expert").addEventListener("input", (event) => { state.expert = event.target.value.trim(); keep(); });
  at("comment").addEventListener("input", (event) => { verdict().comment = event.target.value; keep(); });
  at("second").addEventListener("change", (event) => { verdict().second = Number(event.target.value); keep(); });
  at("outline").addEventListener("change", (event) => at("chips").classList.toggle("bare", !event.target.checked));
  at("reveal").addEventListener("change", () => { showChips(); keep(); });
  at("save").addEventListener("click", save);
  at("load").addEventListener("change", async (event) => { await load(event.target.files[0]); event.target.value = ""; });
  at("back").addEventListener("click", () => go(state.index - 1));
  at("next").addEventListener("click", () => go(state.index + 1));
  at("open").addEventListener("click", openSite);
  at("help").addEventListener("click", () => {
    at("keys").hidden = !at("keys").hidden;
    at("help").setAttribute("aria-expanded", String(!at("keys").hidden));
  });
  document.addEventListener("keydown", press);
  show();
})();
