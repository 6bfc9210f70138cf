// Helpers of all views: elements, texts, requests, numbers, charts.

let texts = {};
export let language = "en";

export async function loadTexts(name) {
  const answer = await fetch(`/texts/${name}.json`);
  texts = await answer.json();
  language = name;
  document.documentElement.lang = name === "zh" ? "zh-Hans" : "en";
}

// A text of the page by its key; {name} in it is replaced by a value.
export function t(key, values = {}) {
  const text = texts[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

// An element. Texts become text nodes, never markup.
export function h(tag, properties = {}, ...children) {
  const svg = ["svg", "polyline", "line", "circle", "title"].includes(tag);
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (!svg && name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((one) => one !== null && one !== undefined && one !== false));
  return element;
}

export function replace(place, ...children) {
  place.replaceChildren(...children.flat().filter(Boolean));
}

// A request to the server; its errors are one sentence each.
export async function get(path, query) {
  const words = query ? `?${new URLSearchParams(query)}` : "";
  return answered(await fetch(path + words));
}

export async function post(path, body = {}) {
  return answered(await fetch(path, {
    method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" },
  }));
}

export async function answered(answer) {
  if (answer.ok) return answer.json();
  let sentence = t("error.gone");
  try { sentence = (await answer.json()).error ?? sentence; } catch { /* no JSON: the server ends */ }
  throw new Error(sentence);
}

// Shows an error in one line; it stays until it is closed, or another one comes.
export function complain(error) {
  const place = document.getElementById("error");
  replace(place, h("span", {}, t("error.prefix"), " ", error.message ?? String(error)),
    h("button", { class: "quiet", ariaLabel: t("close"), onclick: () => { place.hidden = true; } }, "×"));
  place.hidden = false;
}

export const hush = () => { document.getElementById("error").hidden = true; };

// An action of a button: the button is not pressed twice, and an error is shown.
export function button(text, action, kind = "") {
  const element = h("button", { class: kind }, text);
  element.addEventListener("click", async () => {
    element.disabled = true;
    try {
      hush();
      await action();
    } catch (error) {
      complain(error);
    } finally {
      element.disabled = false;
    }
  });
  return element;
}

// Repeats work every `seconds` while the view is shown; the returned function ends it.
export function repeat(work, seconds) {
  let over = false, timer;
  const turn = async () => {
    if (over) return;
    if (!document.hidden) {
      try { await work(); } catch (error) { if (!over) complain(error); }
    }
    if (!over) timer = setTimeout(turn, 1000 * seconds);
  };
  turn();
  return () => { over = true; clearTimeout(timer); };
}

const plain = () => (language === "zh" ? "zh-CN" : "en-US");
export const count = (value) => Number(value).toLocaleString(plain());

export function number(value, digits = 3) {
  if (value === null || value === undefined) return "–";
  return Number(value).toLocaleString(plain(), { maximumSignificantDigits: digits });
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  if (seconds < 90) return t("seconds", { n: Math.round(seconds) });
  if (seconds < 5400) return t("minutes", { n: number(seconds / 60, 2) });
  return t("hours", { n: number(seconds / 3600, 2) });
}

export const megabytes = (bytes) => t("megabytes", { n: number(bytes / 1e6, 3) });

// Pairs of a word and a value; a hint explains the word.
export function facts(rows) {
  return h("dl", { class: "facts" }, rows.filter((row) => row && row[1] !== "" && row[1] !== undefined)
    .map(([word, value, hint]) => h("div", {}, h("dt", {}, word), h("dd", {}, value),
      hint ? h("dd", { class: "hint" }, hint) : null)));
}

export const chip = (state) => h("span", { class: `chip ${state}` }, t(`state.${state}`));

const WIDE = 320, HIGH = 96;

// A small chart: lines over thousand images, with the last value in words.
export function chart({ name, lines, floor }) {
  const points = lines.flatMap((line) => line.points);
  if (!points.length) return null;
  const values = points.map((one) => one[1]).concat(floor ?? []);
  const last = Math.max(...points.map((one) => one[0]), 1e-9);
  const low = Math.min(...values, name === "losses" || name === "score" ? Infinity : 0);
  const high = Math.max(...values), span = high - low || 1;
  const place = ([kimg, value]) => `${(WIDE * kimg / last).toFixed(1)},${(HIGH - HIGH * (value - low) / span).toFixed(1)}`;
  // A single point is a short line.
  const drawn = (some) => (some.length > 1 ? some : [[0.97 * last, some[0][1]], ...some]).map(place).join(" ");
  const level = floor === null || floor === undefined ? null : HIGH - HIGH * (floor - low) / span;
  const legend = lines.map((line, at) => h("span", { class: `line${at}` },
    lines.length > 1 ? `${t(`line.${line.name}`)} ` : "", number(line.points.at(-1)[1])));
  return h("figure", { class: "chart" },
    h("figcaption", {}, h("strong", {}, t(`chart.${name}`)), " ", legend),
    h("svg", { viewBox: `0 -3 ${WIDE} ${HIGH + 6}`, preserveAspectRatio: "none", role: "img",
      "aria-label": t(`chart.${name}.hint`) },
      h("line", { x1: 0, x2: WIDE, y1: HIGH, y2: HIGH, class: "axis" }),
      level === null ? null : h("line", { x1: 0, x2: WIDE, y1: level, y2: level, class: "floor" }),
      lines.map((line, at) => h("polyline", { class: `line${at}`, points: drawn(line.points) }))),
    h("div", { class: "ends" }, h("span", {}, `${number(low)} – ${number(high)}`), h("span", {}, t("kimg", { n: number(last) }))),
    h("p", { class: "hint" }, t(`chart.${name}.hint`), level === null ? "" : (language === "zh" ? "" : " ") + t("chart.floor", { n: number(floor) })));
}
