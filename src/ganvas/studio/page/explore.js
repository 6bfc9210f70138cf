// Images of a generator: sliders, truncation, classes, variations, walks, ways between two images.

import { h, t, replace, get, complain, number } from "./dom.js";

const SHOWN = 24;

export function explore(main, [kind, name]) {
  const of = `${kind}/${name}`, place = h("div", {}, h("p", { class: "hint" }, t("explore.loading")));
  main.append(h("h1", {}, t("explore.title", { name })), place);
  let stop = () => {}, gone = false;
  get("/api/explore", { of }).then((about) => { if (!gone) stop = workshop(place, of, about); })
    .catch((error) => { replace(place, h("p", { class: "bad" }, error.message)); complain(error); });
  return () => { gone = true; stop(); };
}

function workshop(place, of, about) {
  const [height, width] = about.shape;
  const now = { seed: 0, index: 0, offsets: Array(about.sliders).fill(0), truncation: 1, label: "" };
  let end = null, mode = "grid", spread = 0, timer = null, cells = [], waiting = null, busy = false;

  const large = h("canvas", { width, height, class: "large" }), sheet = h("div", { class: "sheet" });
  const seed = h("input", { type: "number", min: 0, value: 0, id: "seed", onchange: () => { now.seed = Math.max(0, Math.floor(Number(seed.value)) || 0); begin(); } });
  const truncation = slider("truncation", 0.1, 1.5, 0.05, 1, (value) => { now.truncation = value; refresh(); });
  const strength = slider("strength", 0.05, 1, 0.05, 0.4, () => refresh());
  const sliders = now.offsets.map((_, at) => slider(`slider${at}`, -4, 4, 0.1, 0, (value) => { now.offsets[at] = value; refresh(); }, t("explore.slider", { n: at + 1 })));
  const labels = h("select", { id: "label", onchange: () => { now.label = labels.value; begin(); } },
    h("option", { value: "" }, t("explore.any")), about.names.map((one) => h("option", { value: one }, one)));
  const modes = ["grid", "variations", "between", "walk"].map((one) => h("button", { class: "tab", onclick: () => { mode = one; begin(false); } }, t(`explore.${one}`)));
  const hint = h("p", { class: "hint" }), mark = h("button", { onclick: () => { end = { ...now, offsets: [...now.offsets] }; update(); refresh(); } }, t("explore.mark"));
  const save = h("a", { class: "button", download: "image.png" }, t("explore.save")), film = h("a", { class: "button" }, t("explore.film"));

  replace(place, h("div", { class: "two drawn" },
    h("div", {}, large, h("div", { class: "row" }, save, mark)),
    h("div", { class: "controls" },
      h("div", { class: "row" }, h("label", {}, h("span", {}, t("explore.seed")), seed),
        h("button", { onclick: () => { now.seed = Math.floor(Math.random() * 1e6); seed.value = now.seed; begin(); } }, t("explore.new")),
        about.names.length ? h("label", {}, h("span", {}, t("explore.label")), labels) : null),
      truncation.element, h("p", { class: "hint" }, t("explore.truncation.hint")),
      h("h3", {}, t("explore.sliders")), sliders.map((one) => one.element), h("p", { class: "hint" }, t("explore.sliders.hint")))),
    h("div", { class: "row tabs" }, modes), hint, strength.element, sheet, h("div", { class: "row" }, film));

  function slider(id, min, max, step, value, act, text = t(`explore.${id}`)) {
    const input = h("input", { type: "range", id, min, max, step, value }), output = h("output", {}, number(value));
    input.addEventListener("input", () => { output.textContent = number(Number(input.value)); act(Number(input.value)); });
    return { element: h("label", { class: "slide" }, h("span", {}, text), input, output), input,
      set(next) { input.value = next; output.textContent = number(next); } };
  }

  const point = (one, prefix = "") => ({ [`${prefix}seed`]: one.seed, [`${prefix}index`]: one.index, [`${prefix}offsets`]: one.offsets.join(",") });
  const query = (what, more = {}) => new URLSearchParams({ of, what, ...point(now), truncation: now.truncation, ...(now.label ? { label: now.label } : {}), ...more });
  const sheetQuery = () => query(mode, { n: mode === "between" ? 16 : SHOWN, strength: strength.input.value, spread,
    ...(mode === "between" && end ? point(end, "to_") : {}) });

  // One request at a time; of those that come meanwhile only the last is sent.
  async function refresh() {
    if (busy) { waiting = true; return; }
    busy = true;
    try {
      const [one] = await drawn(query("image"));
      large.getContext("2d").drawImage(one.image, ...one.box, 0, 0, width, height);
      one.image.close();
      save.href = `/api/draw?${query("image")}`;
      if (mode !== "grid") await lay();
    } catch (error) {
      complain(error);
    } finally {
      busy = false;
      if (waiting) { waiting = false; refresh(); }
    }
  }

  async function begin(first = true) {
    if (first) { now.index = 0; now.offsets.fill(0); sliders.forEach((one) => one.set(0)); }
    update();
    try { if (mode === "grid") await lay(); } catch (error) { complain(error); }
    refresh();
  }

  function update() {
    modes.forEach((one, at) => one.classList.toggle("here", ["grid", "variations", "between", "walk"][at] === mode));
    strength.element.hidden = mode !== "variations";
    film.hidden = mode !== "walk" && mode !== "between";
    hint.textContent = t(mode === "between" && !end ? "explore.between.first" : `explore.${mode}.hint`);
  }

  // The sheet below: each image a canvas; a walk is one canvas that shows one after the other.
  async function lay() {
    clearInterval(timer);
    if (mode === "between" && !end) { replace(sheet); return; }
    const found = await drawn(sheetQuery()), moving = mode === "walk";
    film.href = `/api/film?${sheetQuery()}`;
    const needed = moving ? 1 : found.length;
    while (cells.length < needed) cells.push(h("canvas", { width, height, tabIndex: 0 }));
    cells.length = needed;
    cells.forEach((cell, at) => {
      cell.getContext("2d").drawImage(found[0].image, ...found[at].box, 0, 0, width, height);
      cell.onclick = mode === "grid" ? () => { choose(at); } : null;
      cell.onkeydown = (event) => { if (event.key === "Enter") cell.click(); };
      cell.className = mode === "grid" && at === now.index ? "here" : "";
    });
    replace(sheet, cells);
    sheet.classList.toggle("single", moving);
    if (!moving) { found[0].image.close(); return; }
    let at = 0;
    timer = setInterval(() => {
      if (document.hidden) return;
      at = (at + 1) % found.length;
      cells[0].getContext("2d").drawImage(found[0].image, ...found[at].box, 0, 0, width, height);
    }, 90);
  }

  function choose(at) {
    now.index = at;
    now.offsets.fill(0);
    sliders.forEach((one) => one.set(0));
    cells.forEach((cell, place) => { cell.className = place === at ? "here" : ""; });
    refresh();
  }

  // A sheet of the server, and where each image lies in it.
  async function drawn(words) {
    const answer = await fetch(`/api/draw?${words}`);
    if (!answer.ok) throw new Error((await answer.json()).error);
    const count = Number(answer.headers.get("x-count")), columns = Number(answer.headers.get("x-columns"));
    const image = await createImageBitmap(await answer.blob());
    return Array.from({ length: count }, (_, at) => ({
      image, box: [width * (at % columns), height * Math.floor(at / columns), width, height],
    }));
  }

  begin();
  return () => clearInterval(timer);
}
