// The first view: drop images, and what is there already.

import { h, t, replace, get, post, answered, button, complain, hush, repeat, number, chip, count, megabytes } from "./dom.js";

export function home(main, _, settings) {
  const images = h("div", { class: "cards" }), runs = h("div", { class: "cards" });
  const models = h("div", { class: "list" }), chosen = new Set(), compare = h("div", { class: "row" });
  const parts = { images: section("home.images", images), runs: section("home.runs", compare, runs),
    models: section("home.models", models) };
  main.append(h("h1", {}, t("home.title")), h("p", { class: "lead" }, t("home.lead")),
    drop(settings), parts.runs, parts.images, parts.models);
  let before = "";

  function select(name, on) {
    if (on) chosen.add(name); else chosen.delete(name);
    const [a, b] = chosen;
    replace(compare, chosen.size === 2
      ? h("a", { class: "button", href: `#/compare/${encodeURIComponent(a)}/${encodeURIComponent(b)}` }, t("compare.these"))
      : h("p", { class: "hint" }, t("compare.choose")));
  }

  return repeat(async () => {
    const state = await get("/api/state"), now = JSON.stringify([state.runs, state.data, state.models]);
    if (now === before) return;
    before = now;
    for (const name of chosen) if (!state.runs.some((one) => one.name === name)) chosen.delete(name);
    replace(images, [...state.data, ...state.bundled].map(imageCard));
    replace(runs, state.runs.map((one) => runCard(one, select, chosen.has(one.name), state.runs.length > 1)));
    replace(models, state.models.map(modelRow));
    parts.runs.hidden = !state.runs.length;
    parts.models.hidden = !state.models.length;
    if (state.runs.length > 1) select(null, false); else replace(compare);
  }, 3);
}

function section(key, ...children) {
  return h("section", {}, h("h2", {}, t(key)), ...children);
}

function imageCard(name) {
  const shown = name.split("/").at(-1);
  return h("a", { class: "card", href: `#/images/${encodeURIComponent(name)}` },
    h("img", { src: `/api/preview?data=${encodeURIComponent(name)}`, alt: "", loading: "lazy",
      onerror: (event) => { event.target.hidden = true; } }),
    h("strong", {}, name === "mnist" ? t("mnist") : shown));
}

function runCard(one, select, on, several) {
  const picture = one.cover ? h("img", { src: `/api/runs/${encodeURIComponent(one.name)}/samples/${one.cover.file}?${one.cover.mark}`,
    alt: t("grid.alt"), loading: "lazy" }) : h("div", { class: "empty" }, t("run.no_grid"));
  const score = one.value === null ? "" : t("score.short", { name: t(`score.${one.score}`), n: number(one.value) });
  return h("div", { class: "card" },
    h("a", { href: `#/runs/${encodeURIComponent(one.name)}` }, picture, h("strong", {}, one.name)),
    h("p", { class: "hint" }, chip(one.state), " ",
      t("kimg.of", { n: number(one.kimg), of: number(one.target_kimg) }), score ? ` · ${score}` : ""),
    several ? h("label", { class: "check" }, h("input", { type: "checkbox", checked: on,
      onchange: (event) => select(one.name, event.target.checked) }), t("compare")) : null);
}

function modelRow(one) {
  const bytes = Object.values(one.artefacts).reduce((sum, size) => sum + (size || 0), 0);
  return h("a", { class: "line", href: one.kind === "defects" ? "#/defects" : `#/models/${encodeURIComponent(one.name)}` },
    h("strong", {}, one.name), h("span", { class: "hint" }, t(`model.${one.kind}`), " · ",
      t("model.version", { n: one.versions.at(-1) }), bytes ? ` · ${megabytes(bytes)}` : ""));
}

// The place where files and folders are dropped; `done` gets the name of the images.
export function drop(settings, done = (name) => { location.hash = `#/images/${encodeURIComponent(name)}`; }, own = true) {
  const status = h("p", { class: "hint", role: "status" });
  const file = h("input", { type: "file", accept: ".zip,.tar,.tgz,.gz,.xz,.bz2,.npz,.npy", hidden: true, id: own ? "file" : "",
    onchange: () => send([...file.files].map((one) => ({ file: one, path: one.name }))) });
  const folder = h("input", { type: "file", multiple: true, webkitdirectory: true, hidden: true,
    onchange: () => send([...folder.files].map((one) => ({ file: one, path: one.webkitRelativePath }))) });
  const zone = h("div", { class: "drop" },
    h("p", { class: "big" }, t(own ? "drop.title" : "drop.inspect")),
    h("p", { class: "hint" }, t(own ? "drop.hint" : "drop.inspect.hint", { gb: number(settings.most_upload / 2 ** 30, 2) })),
    h("div", { class: "row" }, button(t("drop.file"), () => file.click(), "main"), button(t("drop.folder"), () => folder.click()),
      own ? h("a", { class: "button", href: "#/images/mnist" }, t("drop.mnist")) : null), status, file, folder);

  async function send(files) {
    try {
      hush();
      if (!files.length) return;
      zone.classList.add("busy");
      const single = files.length === 1 && !/\.(png|jpe?g|webp|bmp|gif|tiff?)$/i.test(files[0].path);
      await done(single ? await one(files[0].file) : await several(files));
    } catch (error) {
      complain(error);
    } finally {
      zone.classList.remove("busy");
      status.textContent = "";
      file.value = folder.value = "";
    }
  }

  // With XMLHttpRequest, because fetch does not say how much is sent.
  function one(content) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("POST", `/api/uploads?name=${encodeURIComponent(content.name)}`);
      request.upload.onprogress = (event) => {
        status.textContent = event.loaded < event.total
          ? t("drop.sent", { n: Math.floor(100 * event.loaded / event.total) }) : t("drop.unpacked");
      };
      request.onerror = () => reject(new Error(t("error.gone")));
      request.onload = () => {
        let answer = {};
        try { answer = JSON.parse(request.responseText); } catch { /* no JSON */ }
        if (request.status === 200) resolve(answer.data);
        else reject(new Error(answer.error ?? t("error.gone")));
      };
      request.send(content);
    });
  }

  async function several(files) {
    // Of one folder its own name; of several things, what they are below a common name.
    const [top] = files[0].path.split("/"), within = files.every((one) => one.path.startsWith(`${top}/`));
    const name = within ? top : "images";
    const { data } = await post("/api/uploads/folder", { name });
    let sent = 0, kept = 0;
    const queue = files.slice();
    const work = async () => {
      for (let next = queue.pop(); next; next = queue.pop()) {
        const path = within ? next.path.slice(top.length + 1) : next.path;
        const answer = await answered(await fetch(`/api/uploads/file?${new URLSearchParams({ data, path })}`,
          { method: "POST", body: next.file }));
        kept += answer.kept;
        sent += 1;
        status.textContent = t("drop.files", { n: count(sent), of: count(files.length) });
      }
    };
    await Promise.all([work(), work(), work(), work()]);
    if (!kept) throw new Error(t("drop.none"));
    return data;
  }

  zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("over"); });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", async (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
    send((await Promise.all(entries.map((entry) => below(entry)))).flat());
  });
  return zone;
}

// The files of what was dropped: of a folder all below it.
async function below(entry, path = "") {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [{ file, path: path + file.name }];
  }
  const reader = entry.createReader(), found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return (await Promise.all(found.map((one) => below(one, `${path}${entry.name}/`)))).flat();
    found.push(...some);
  }
}
