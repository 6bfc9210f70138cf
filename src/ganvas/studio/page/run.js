// A run: its grid, its curves, the doctor, stop and resume, scores, export.

import { h, t, replace, get, post, button, repeat, facts, chip, chart, number, count, duration } from "./dom.js";

export function run(main, [name]) {
  const path = `/api/runs/${encodeURIComponent(name)}`;
  const grid = picture(path), status = h("div"), doctor = h("div"), curves = h("div", { class: "charts" });
  const next = h("div"), scores = h("div"), steering = h("div"), last = h("p", { class: "hint last" }), lines = h("pre");
  const log = h("details", { hidden: true }, h("summary", {}, t("run.log")), lines);
  main.append(h("h1", {}, name),
    h("div", { class: "two" }, grid.element, h("div", {}, status, steering, last, log, h("section", {}, h("h2", {}, t("doctor")), doctor))),
    h("section", {}, h("h2", {}, t("curves")), curves),
    h("section", {}, h("h2", {}, t("scores")), scores),
    h("section", {}, h("h2", {}, t("next")), next));
  const shown = {};
  // A part is drawn again only if what it shows has changed, so that nothing that is used moves.
  const draw = (place, key, value, make) => {
    const now = JSON.stringify(value);
    if (shown[key] === now) return;
    shown[key] = now;
    replace(place, make(value));
  };

  return repeat(async () => {
    const [one, state] = await Promise.all([get(path), get("/api/state")]);
    const others = state.jobs.filter((job) => job.about.run === name && job.kind !== "train" && job.kind !== "resume");
    draw(status, "status", { ...one, job: [one.job?.running, one.job?.error] }, () => progress(one));
    draw(steering, "steering", [one.state, one.job?.id, one.job?.running, one.job?.stopped, one.target_kimg], () => controls(one, name));
    log.hidden = !one.job;
    last.textContent = one.job?.log.at(-1) ?? "";
    lines.textContent = (one.job?.log ?? []).join("\n");
    if (one.state === "starting" || one.state === "failed") return;
    grid.show(one.grids, one.reals);
    draw(doctor, "doctor", [one.doctor, one.fixes], () => diagnosis(one));
    draw(curves, "curves", one.charts, (charts) => charts.map(chart));
    const scoring = others.find((job) => job.kind === "evaluate"), exporting = others.find((job) => job.kind === "export");
    const said = async (job) => (job && !job.running ? get(`/api/jobs/${job.id}`) : job);
    const [scored, exported] = await Promise.all([said(scoring), said(exporting)]);
    draw(scores, "scores", [one.evaluation, one.drawable, scored?.running, scored?.error], () => evaluation(one, name, path, scored));
    draw(next, "next", [one.drawable, exported?.running, exported?.error, exported?.code, one.evaluation?.gate], () => further(one, name, exported));
  }, 2);
}

// The newest grid, or an earlier one that is chosen with the slider; real images for comparison.
function picture(path) {
  const image = h("img", { class: "grid", alt: t("grid.alt"), hidden: true });
  const waiting = h("div", { class: "empty" }, t("run.no_grid"));
  const slider = h("input", { type: "range", min: 0, max: 0, value: 0, ariaLabel: t("grid.time") });
  const caption = h("span", { class: "hint" }), reals = h("input", { type: "checkbox" });
  const controls = h("div", { class: "row", hidden: true }, slider, caption);
  const real = h("label", { class: "check", hidden: true }, reals, t("grid.reals"));
  let grids = [], newest = true;

  function update() {
    const one = grids[Number(slider.value)];
    if (!one) return;
    const source = reals.checked ? `${path}/samples/reals.png` : `${path}/samples/${one.file}?${one.mark}`;
    if (!image.src.endsWith(source)) image.src = source;
    caption.textContent = t("kimg", { n: number(one.kimg) });
  }

  slider.addEventListener("input", () => { newest = Number(slider.value) === grids.length - 1; update(); });
  reals.addEventListener("change", update);
  return {
    element: h("div", { class: "stage" }, waiting, image, controls, real,
      h("p", { class: "hint" }, t("grid.hint"))),
    show(found, hasReals) {
      const at = Number(slider.value);
      grids = found;
      slider.max = Math.max(0, grids.length - 1);
      slider.value = newest ? slider.max : Math.min(at, slider.max);
      controls.hidden = image.hidden = !grids.length;
      waiting.hidden = grids.length > 0;
      real.hidden = !hasReals || !grids.length;
      update();
    },
  };
}

function progress(one) {
  const going = one.job?.running;
  const error = one.job?.error ? h("p", { class: "bad" }, one.job.error) : null;
  if (one.state === "starting") return h("div", {}, chip("starting"), h("p", {}, t("run.starting")));
  if (one.state === "failed") return h("div", {}, chip("failed"), error ?? h("p", { class: "hint" }, t("run.none")));
  const left = one.images_per_second && one.target_kimg ? 1000 * (one.target_kimg - one.kimg) / one.images_per_second : null;
  return h("div", {},
    h("p", {}, chip(one.state)),
    h("progress", { max: one.target_kimg || 1, value: one.kimg, ariaLabel: t("run.progress") }),
    facts([
      [t("run.progress"), t("kimg.of", { n: number(one.kimg), of: number(one.target_kimg) }), t("kimg.hint")],
      going ? [t("run.left"), duration(left), t("run.left.hint")] : null,
      [t("run.time"), duration(one.wall_seconds)],
      [t("run.speed"), one.images_per_second ? t("run.per_second", { n: count(Math.round(one.images_per_second)) }) : "–"],
      [t("run.recipe"), one.recipe ?? "–"],
      one.images?.count ? [t("run.images"), count(one.images.count), one.images.shape.join("×")] : null,
      one.value !== null ? [t("run.best"), `${t(`score.${one.score}`)} ${number(one.value)}`,
        one.floor === null ? "" : t("run.floor", { n: number(one.floor) })] : null,
    ]),
    error,
    one.faults.map((fault) => h("p", { class: "bad" }, fault)));
}

function controls(one, name) {
  const resume = (kimg) => post("/api/jobs", { kind: "resume", run: name, kimg });
  if (one.job?.running) return stopButton(one.job);
  if (one.state === "failed") return h("div", { class: "row" }, h("a", { class: "button", href: "#/" }, t("nav.start")));
  if (one.state === "running") return h("p", { class: "hint" }, t("run.elsewhere"));
  if (one.state !== "finished") return h("div", { class: "row" }, button(t("run.resume"), () => resume(), "main"));
  const longer = h("input", { type: "number", min: 0, step: "any", value: 2 * (one.target_kimg ?? one.kimg), ariaLabel: t("run.longer") });
  return h("div", { class: "row" }, button(t("run.longer"), () => resume(Number(longer.value))), longer, t("kimg.unit"));
}

const stopButton = (job) => h("div", { class: "row" },
  button(job.stopped ? t("stopping") : t("stop"), () => post(`/api/jobs/${job.id}/stop`)),
  h("span", { class: "hint" }, t("run.stop.hint")));

function diagnosis({ doctor, fixes }) {
  if (doctor.why) return h("p", { class: "hint" }, t("doctor.early"));
  const known = doctor.healthy === null ? "early" : doctor.healthy ? "healthy" : "failing";
  const state = known === "healthy" && doctor.findings.length ? "suspected" : known;
  return h("div", {},
    h("p", { class: state === "failing" ? "bad" : state === "healthy" ? "good" : "hint" }, t(`doctor.${state}`)),
    doctor.findings.map((one) => h("div", { class: "finding" },
      h("strong", {}, t(`failure.${one.disease}`)), ` ${t(`severity.${one.severity}`)}, ${t("doctor.since", { n: number(one.since_kimg) })}`,
      one.cure.length ? h("p", { class: "hint" }, t("doctor.fix"), " ", h("code", {}, one.cure.join("  "))) : null)),
    fixes.map((one) => h("p", { class: "hint" }, t("doctor.fixed", { n: number(one.kimg), name: t(`failure.${one.failure}`) }))));
}

function evaluation(one, name, path, job) {
  const found = one.evaluation;
  const measure = button(found ? t("scores.again") : t("scores.measure"), () => post("/api/jobs", { kind: "evaluate", run: name }));
  const shown = (value) => (value === null || value === undefined ? "–" : number(value));
  return h("div", {},
    found ? [h("p", { class: "verdict" }, found.headline),
      h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, ["name", "value", "interval", "floor"].map((key) => h("th", {}, t(`scores.${key}`))))),
        h("tbody", {}, Object.entries(found.scores).filter(([, score]) => score.value !== null).map(([key, score]) => h("tr", {}, h("th", {}, t(`score.${key}`)),
          h("td", {}, shown(score.value)), h("td", {}, score.low === null ? "–" : `${shown(score.low)} – ${shown(score.high)}`), h("td", {}, shown(score.floor))))))),
      h("p", { class: "hint" }, t("scores.hint"))]
      : h("p", { class: "hint" }, t("scores.none")),
    job?.error ? h("p", { class: "bad" }, job.error) : null,
    h("div", { class: "row" }, job?.running ? h("span", { class: "hint" }, t("scores.running")) : one.drawable ? measure : null,
      h("a", { class: "button", href: `${path}/report`, target: "_blank", rel: "noopener" }, t("report"))));
}

function further(one, name, job) {
  if (!one.drawable) return h("p", { class: "hint" }, t("run.no_model"));
  const place = encodeURIComponent(name), formats = ["saved_model", "litert", "onnx"];
  const boxes = formats.map((format) => [format, h("input", { type: "checkbox", checked: format !== "onnx", id: `format-${format}` })]);
  const send = (unvalidated) => post("/api/jobs", {
    kind: "export", run: name, unvalidated, formats: boxes.filter(([, box]) => box.checked).map(([format]) => format),
  });
  const done = job && !job.running && job.code === 0;
  return h("div", {},
    h("div", { class: "row" }, h("a", { class: "button main", href: `#/explore/runs/${place}` }, t("explore"))),
    h("h3", {}, t("export")), h("p", { class: "hint" }, t("export.hint")),
    h("div", { class: "row" }, boxes.map(([format, box]) => h("label", { class: "check" }, box, t(`format.${format}`)))),
    h("div", { class: "row" }, job?.running ? h("span", { class: "hint" }, t("export.running"))
      : button(t("export"), () => send(false)),
    job?.code === 1 ? button(t("export.unvalidated"), () => send(true)) : null,
    done ? h("a", { class: "button main", href: `#/models/${place}` }, t("export.done")) : null),
    job && !job.running && job.code !== 0 ? h("p", { class: "bad" }, job.error || job.log?.at(-1) || t("stopped")) : null);
}
