// Two runs side by side: grids, where their recipes differ, scores, curves.

import { h, t, replace, get, complain, chart, number, duration, chip } from "./dom.js";

export function compare(main, [a, b]) {
  const place = h("div", {}, h("p", { class: "hint" }, t("loading")));
  main.append(h("h1", {}, t("compare.title")), place);
  get("/api/compare", { a, b }).then((found) => replace(place, shown(found)))
    .catch((error) => { replace(place); complain(error); });
}

function shown({ runs, keys, scores, comparable }) {
  const text = (value) => (value === null ? "–" : typeof value === "string" ? value : JSON.stringify(value));
  const row = (word, ...values) => h("tr", {}, h("th", {}, word), values.map((one) => h("td", {}, one)));
  return [
    h("div", { class: "pair" }, runs.map((one) => h("div", {},
      h("h2", {}, h("a", { href: `#/runs/${encodeURIComponent(one.name)}` }, one.name), " ", chip(one.state)),
      one.cover ? h("img", { class: "grid", alt: t("grid.alt"), src: `/api/runs/${encodeURIComponent(one.name)}/samples/${one.cover.file}?${one.cover.mark}` }) : null))),
    comparable === false ? h("p", { class: "bad" }, t("compare.other")) : null,
    h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, h("th"), runs.map((one) => h("th", {}, one.name)))), h("tbody", {},
      Object.entries(scores).map(([name, values]) => row(t(`score.${name}`), ...values.map((one) => number(one)))),
      row(t("run.progress"), ...runs.map((one) => t("kimg", { n: number(one.kimg) }))),
      row(t("run.time"), ...runs.map((one) => duration(one.seconds))),
      Object.entries(keys).map(([key, values]) => row(h("code", {}, key), ...values.map((one) => text(one).slice(0, 120))))))),
    h("p", { class: "hint" }, t("compare.keys")),
    h("div", { class: "pair" }, runs.map((one) => h("div", { class: "charts" }, one.charts.map(chart)))),
  ];
}
