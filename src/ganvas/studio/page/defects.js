// Defects: a detector from images of good parts; then verdicts and heat-maps of other images.

import { h, t, replace, get, post, button, repeat, number, count } from "./dom.js";
import { drop } from "./home.js";

export function defects(main, _, settings) {
  const fit = h("div"), score = h("div"), result = h("div");
  main.append(h("h1", {}, t("defects.title")), h("p", { class: "lead" }, t("defects.lead")),
    h("section", {}, h("h2", {}, t("defects.fit")), fit), h("section", {}, h("h2", {}, t("defects.score")), score, result));
  let before = "", last = "";
  return repeat(async () => {
    const state = await get("/api/state"), detectors = state.models.filter((one) => one.kind === "defects");
    const fitting = state.jobs.find((one) => one.kind === "fit"), scoring = state.jobs.find((one) => one.kind === "score");
    const ended = async (job) => (job && !job.running ? get(`/api/jobs/${job.id}`) : job);
    const [fitted, scored] = await Promise.all([ended(fitting), ended(scoring)]);
    const key = JSON.stringify([state.data, detectors, fitted?.running, fitted?.error, scored?.running]);
    if (key !== before) {
      before = key;
      replace(fit, fitter(state.data, fitted));
      replace(score, scorer(state.data, detectors, scored, settings));
    }
    const now = JSON.stringify([scored?.id, scored?.running, scored?.error]);
    if (now === last) return;
    last = now;
    replace(result, scored?.running ? h("p", { class: "hint" }, t("defects.scoring"))
      : scored?.error ? h("p", { class: "bad" }, scored.error) : scored?.code === 0 ? await verdicts(scored.about.scores) : null);
  }, 2);
}

const choice = (id, names, chosen) => h("select", { id },
  names.map((one) => h("option", { value: one, selected: one === chosen }, one.split("/").at(-1))));

function fitter(data, job) {
  if (job?.running) return h("p", { class: "hint" }, t("defects.fitting"));
  const good = choice("good", data, job?.about.data);
  return [
    h("p", { class: "hint" }, t("defects.fit.hint")),
    data.length ? h("div", { class: "row" }, h("label", {}, h("span", {}, t("defects.good")), good),
      button(t("defects.fit"), () => post("/api/jobs", { kind: "fit", data: good.value }), "main"))
      : h("p", {}, h("a", { href: "#/" }, t("defects.upload"))),
    job?.error ? h("p", { class: "bad" }, job.error) : null,
  ];
}

function scorer(data, detectors, job, settings) {
  if (!detectors.length) return h("p", { class: "hint" }, t("defects.none"));
  const model = choice("detector", detectors.map((one) => one.name), job?.about.model);
  const images = choice("inspected", data, job?.about.data);
  const start = (name) => post("/api/jobs", { kind: "score", model: model.value, data: name });
  return [
    h("div", { class: "row" }, h("label", {}, h("span", {}, t("defects.detector")), model),
      h("label", {}, h("span", {}, t("defects.inspected")), images), button(t("defects.score"), () => start(images.value), "main")),
    drop(settings, start, false),
  ];
}

async function verdicts(name) {
  const found = await get(`/api/scores/${encodeURIComponent(name)}`);
  return [
    h("p", { class: "verdict" }, t("defects.found", { n: count(found.defective), of: count(found.count) })),
    h("p", { class: "hint" }, t("defects.result.hint")),
    h("div", { class: "cards wide" }, found.images.map((one) => h("figure", { class: `card ${one.defective ? "defective" : ""}` },
      h("img", { src: `/api/scores/${encodeURIComponent(name)}/${encodeURIComponent(one.picture)}`, alt: t("defects.heatmap"), loading: "lazy" }),
      h("figcaption", {}, h("strong", {}, one.name), h("p", { class: one.defective ? "bad" : "good" }, t(one.defective ? "defects.bad" : "defects.ok")),
        h("p", { class: "hint" }, t("defects.numbers", { score: number(one.score), p: number(100 * one.p_value, 2) })))))),
  ];
}
