// An exported model: its files, download, a server of it, images of it.

import { h, t, replace, get, post, button, repeat, megabytes } from "./dom.js";

export function model(main, [name]) {
  const place = h("div"), server = h("div");
  main.append(h("h1", {}, name), place, h("section", {}, h("h2", {}, t("serve")), h("p", { class: "hint" }, t("serve.hint")), server));
  let before = "", served = "";
  return repeat(async () => {
    const state = await get("/api/state"), one = state.models.find((found) => found.name === name);
    const now = JSON.stringify(one);
    if (now !== before) {
      before = now;
      replace(place, one ? files(one) : h("p", { class: "bad" }, t("model.none")));
    }
    const job = state.jobs.find((found) => found.kind === "serve" && found.about.model === name);
    const detail = job ? await get(`/api/jobs/${job.id}`) : null;
    const shown = JSON.stringify([detail?.running, detail?.stopped, detail?.said, detail?.error]);
    if (shown === served) return;
    served = shown;
    replace(server, serving(name, detail));
  }, 2);
}

function files(one) {
  const place = encodeURIComponent(one.name), newest = one.versions.at(-1);
  return h("div", {},
    h("div", { class: "row" },
      h("a", { class: "button main", href: `/api/models/${place}/${newest}`, download: `${one.name}-${newest}.zip` }, t("model.download", { n: newest })),
      one.kind === "generator" ? h("a", { class: "button", href: `#/explore/models/${place}` }, t("explore")) : null),
    h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, t("model.file")), h("th", {}, t("model.size")))),
      h("tbody", {}, Object.entries(one.artefacts).map(([file, bytes]) => h("tr", {}, h("th", {}, file), h("td", {}, bytes ? megabytes(bytes) : "–")))))),
    h("p", { class: "hint" }, t("model.where", { place: `models/${one.name}/${newest}` })));
}

function serving(name, job) {
  const start = button(t("serve.start"), () => post("/api/jobs", { kind: "serve", model: name }));
  if (!job?.running) return [h("div", { class: "row" }, start), job?.error ? h("p", { class: "bad" }, job.error) : null];
  const url = /(https?:\/\/\S+)/.exec(job.said.join(" "))?.[1];
  return [
    h("p", {}, url ? t("serve.at", { url }) : t("serve.starting")),
    url ? h("pre", {}, `curl ${url}/v1/models\ncurl ${url}/v1/models/${encodeURIComponent(name)}/metadata`) : null,
    h("div", { class: "row" }, button(job.stopped ? t("stopping") : t("stop"), () => post(`/api/jobs/${job.id}/stop`))),
  ];
}
