// A set of images: what was understood, which recipe, how long, and the start of a training.

import { h, t, replace, get, post, button, complain, repeat, facts, count, number, duration } from "./dom.js";

const LENGTHS = [3, 10, 20, 60];

export function images(main, [data], settings) {
  const found = h("div", {}, h("p", { class: "hint" }, t("images.reading")));
  const timed = h("div"), choices = form(settings);
  let stopTiming = () => {};

  async function time() {
    const job = await post("/api/jobs", { kind: "dry-run", data, ...choices.values() });
    stopTiming();
    stopTiming = repeat(async () => {
      const now = await get(`/api/jobs/${job.id}`);
      if (!now.running) stopTiming();
      replace(timed, now.running
        ? h("p", { class: "hint" }, t("images.timing", { s: Math.round(now.seconds) }))
        : now.result ? measured(now.result) : h("p", { class: "bad" }, now.error || t("stopped")));
    }, 1.5);
  }

  async function train() {
    const { about } = await post("/api/jobs", { kind: "train", data, ...choices.values() });
    location.hash = `#/runs/${encodeURIComponent(about.run)}`;
  }

  main.append(
    h("h1", {}, data === "mnist" ? t("mnist") : data.split("/").at(-1)),
    h("img", { class: "preview", alt: t("images.preview"), src: `/api/preview?data=${encodeURIComponent(data)}`,
      onerror: (event) => { event.target.hidden = true; } }),
    h("section", {}, h("h2", {}, t("images.understood")), found),
    h("section", {}, h("h2", {}, t("images.train")), choices.element,
      h("div", { class: "row" }, button(t("train"), train, "main"), button(t("images.time"), time)), timed));

  get("/api/understood", { data })
    .then((one) => replace(found, one.kind === "files" ? understood(one) : h("p", {}, t(data === "mnist" ? "mnist.what" : "images.arrays"))))
    .catch((error) => { replace(found, h("p", { class: "bad" }, error.message)); complain(error); });
  return () => stopTiming();
}

const sides = ([height, width]) => `${width}×${height}`;

function understood(one) {
  const colours = { 1: "grey", 2: "grey_alpha", 3: "colour", 4: "colour_alpha" }[one.shape[2]];
  const classes = one.largest_classes.slice(0, 8).map(([name, n]) => `${name} (${count(n)})`).join(", ");
  const more = one.classes > 8 ? ` … (${count(one.classes)})` : "";
  return h("div", {},
    facts([
      [t("images.count"), count(one.images)],
      [t("images.size"), t("images.sizes", { from: sides(one.sizes.most_common), to: sides(one.shape) }), t(`images.${colours}`)],
      [t("images.classes"), one.classes ? `${classes}${more}` : t("images.no_classes"), one.classes ? t("images.classes.hint") : one.no_classes],
      [t("images.recipe"), one.recipe, one.why],
      one.left_out ? [t("images.left_out"), one.left_out] : null,
      one.unreadable.length ? [t("images.unreadable"), one.unreadable.map((bad) => `${bad.path}: ${bad.why}`).join("; ")] : null,
    ]),
    [...one.read, ...one.warnings].map((sentence) => h("p", { class: "hint" }, sentence)));
}

function measured(one) {
  const recipe = /^recipe = "(.*)"/m.exec(one.config)?.[1] ?? "";
  return h("div", {},
    facts([
      [t("timed.duration"), duration(one.seconds + one.compile_seconds), t("timed.duration.hint", { s: duration(one.compile_seconds) })],
      [t("timed.recipe"), recipe],
      [t("timed.length"), t("kimg", { n: number(one.kimg) }), t("timed.length.hint", { n: number(1000 * one.kimg / one.images) })],
      [t("timed.step"), t("milliseconds", { n: number(one.step_ms) })],
      [t("timed.memory"), one.memory ? t("megabytes", { n: number(one.memory / 1e6) }) : "–"],
      [t("timed.parameters"), `${count(one.generator_parameters)} + ${count(one.discriminator_parameters)}`, t("timed.parameters.hint")],
    ]),
    one.findings.map((sentence) => h("p", { class: "hint" }, sentence)));
}

// The choices of a training. Without any, ganvas chooses by itself.
function form(settings) {
  const minutes = h("select", { id: "minutes" },
    LENGTHS.map((n) => h("option", { value: n, selected: n === 10 }, t("form.minutes", { n }))),
    h("option", { value: "" }, t("form.recipe_length")), h("option", { value: "own" }, t("form.own_minutes")),
    h("option", { value: "kimg" }, t("form.own_kimg")));
  const own = h("input", { type: "number", id: "length", min: 0.1, step: "any", value: 30, hidden: true, ariaLabel: t("form.own") });
  const given = () => minutes.value === "own" || minutes.value === "kimg";
  minutes.addEventListener("change", () => { own.hidden = !given(); });
  const recipe = h("select", { id: "recipe" }, h("option", { value: "auto" }, t("form.auto")),
    settings.recipes.map((one) => h("option", { value: one.name, title: one.what }, one.name)));
  const what = h("p", { class: "hint" }, t("form.auto.hint"));
  recipe.addEventListener("change", () => {
    const one = settings.recipes.find(({ name }) => name === recipe.value);
    what.textContent = one ? `${one.what}. ${t("form.cost")} ${one.cost}` : t("form.auto.hint");
  });
  const size = h("input", { type: "number", id: "size", min: 16, max: 256, placeholder: t("form.by_images") });
  const seed = h("input", { type: "number", id: "seed", min: 0, placeholder: "0" });
  const name = h("input", { type: "text", id: "name", maxLength: 80, placeholder: t("form.by_images") });
  const heal = h("input", { type: "checkbox", id: "heal", checked: true });
  const field = (key, input) => h("label", {}, h("span", {}, t(key)), input);
  const length = () => {
    if (minutes.value === "kimg") return { kimg: Number(own.value) };
    const chosen = given() ? own.value : minutes.value;
    return chosen ? { minutes: Number(chosen) } : {};
  };
  return {
    element: h("div", { class: "form" }, h("div", { class: "row" }, field("form.length", minutes), own),
      h("details", {}, h("summary", {}, t("form.more")),
        h("div", { class: "fields" }, field("form.recipe", recipe), field("form.size", size), field("form.seed", seed),
          field("form.name", name)), what, h("label", { class: "check" }, heal, t("form.heal")))),
    values: () => ({
      ...length(), recipe: recipe.value, heal: heal.checked, name: name.value,
      size: size.value ? Number(size.value) : undefined, seed: seed.value ? Number(seed.value) : undefined,
    }),
  };
}
