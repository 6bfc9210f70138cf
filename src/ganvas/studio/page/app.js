// The page: its header, its views by the part of the address after #, its language.

import { h, t, replace, get, loadTexts, language, button, post, complain, hush, repeat } from "./dom.js";
import { home } from "./home.js";
import { images } from "./images.js";
import { run } from "./run.js";
import { explore } from "./explore.js";
import { compare } from "./compare.js";
import { model } from "./model.js";
import { defects } from "./defects.js";

const VIEWS = { "": home, images, runs: run, explore, compare, models: model, defects };
let settings, leave = () => {}, endJobs = () => {};

function route() {
  leave();
  hush();
  const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  const main = document.querySelector("main");
  replace(main);
  window.scrollTo(0, 0);
  document.querySelectorAll("nav a").forEach((one) => one.classList.toggle("here", one.dataset.view === name));
  leave = (VIEWS[name] ?? home)(main, rest, settings) ?? (() => {});
}

function header() {
  const links = [["", "nav.start"], ["defects", "nav.defects"]];
  const other = language === "zh" ? "en" : "zh";
  replace(document.querySelector("header"),
    h("a", { class: "brand", href: "#/" }, "ganvas", h("span", {}, t("studio"))),
    h("nav", { ariaLabel: t("nav") }, links.map(([view, key]) => {
      const link = h("a", { href: `#/${view}` }, t(key));
      link.dataset.view = view;
      return link;
    })),
    h("div", { id: "jobs" }),
    h("button", { class: "quiet", lang: other === "zh" ? "zh-Hans" : "en", onclick: () => start(other) },
      other === "zh" ? "中文" : "English"));
  document.title = t("title");
}

// The jobs that run, wherever one is in the page.
async function jobs() {
  const found = (await get("/api/state")).jobs.filter((one) => one.running);
  const place = document.getElementById("jobs"), key = JSON.stringify(found.map((one) => [one.id, one.stopped]));
  if (place.dataset.key === key) return;
  place.dataset.key = key;
  replace(place, found.map((one) => h("span", { class: "job" },
    h("a", { href: target(one) }, t(`job.${one.kind}`)),
    button(one.stopped ? t("stopping") : t("stop"), () => post(`/api/jobs/${one.id}/stop`), "quiet"))));
}

function target({ kind, about }) {
  const place = (name) => encodeURIComponent(name);
  if (kind === "fit" || kind === "score") return "#/defects";
  if (kind === "serve") return `#/models/${place(about.model)}`;
  return about.run ? `#/runs/${place(about.run)}` : `#/images/${place(about.data)}`;
}

function wanted() {
  const own = localStorage.getItem("ganvas-language");
  if (own) return own;
  if (settings.language !== "auto") return settings.language;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

async function start(chosen) {
  try {
    if (chosen) localStorage.setItem("ganvas-language", chosen);
    settings ??= await get("/api/settings");
    await loadTexts(wanted());
    header();
    route();
    endJobs();
    endJobs = repeat(jobs, 3);
  } catch (error) {
    complain(error);
  }
}

window.addEventListener("hashchange", route);
start();
