// Draws pictures from an exported generator, here, with LiteRT in WebAssembly.
// Beside the page: litert/ (the runtime), model/model.tflite and model/manifest.json.

import { loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";

const PICTURES = 20;
const DIRECTIONS = 4;
const $ = (id) => document.getElementById(id);
const facts = {}; // of the manifest: noise_size, shape, conditional, names, class_shares
const times = [];
let model, directions, noises, classes;
let label = null; // null: by the share of each class
let chosen = 0;
let wanted = 0; // counts what was asked for: what is out of date stops drawing

/** What the large picture shows: { z, label }. */
export let shown = null;

/** Numbers in 0..1 of a seed: mulberry32. */
function uniforms(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let bits = Math.imul(seed ^ (seed >>> 15), seed | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Standard normal numbers of a seed: Box and Muller. */
function normals(seed) {
  const uniform = uniforms(seed);
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** A class by its share among the training images, from a number in 0..1. */
function classOf(number) {
  const shares = facts.class_shares;
  let left = number * shares.reduce((sum, share) => sum + share, 0);
  const found = shares.findIndex((share) => (left -= share) < 0);
  return found < 0 ? Math.max(0, shares.length - 1) : found;
}

function noise(count, seed) {
  const next = normals(seed);
  return Array.from({ length: count }, () => Float32Array.from({ length: facts.noise_size }, next));
}

/** Noise turned towards each direction: the sum stays standard normal. */
function moved(z) {
  const turned = Float32Array.from(z);
  directions.forEach((direction, k) => {
    const angle = (Number($(`slider${k}`).value) * Math.PI) / 2;
    direction.forEach((d, i) => (turned[i] = turned[i] * Math.cos(angle) + d * Math.sin(angle)));
  });
  const truncation = Number($("truncation").value);
  return turned.map((value) => value * truncation);
}

/** Noise [Z] and a label, if the model takes one -> floats [H * W * C] in [-1, 1]. */
async function draw({ z, label }) {
  const given = { z: new Tensor(z, [1, z.length]) };
  if (facts.conditional) given.label = new Tensor(Int32Array.of(label), [1]);
  const { images } = await model.run("serving_default", given);
  const pixels = (await images.data()).slice();
  for (const tensor of [images, ...Object.values(given)]) tensor.delete(); // no one else does
  return pixels;
}

/** Grey, grey and alpha, RGB or RGBA. */
function paint(canvas, pixels) {
  const [height, width, channels] = facts.shape;
  const picture = new ImageData(width, height);
  const grey = channels < 3;
  for (let i = 0; i < width * height; i++) {
    const at = (c) => Math.round((pixels[i * channels + c] + 1) * 127.5); // ImageData clips
    for (let c = 0; c < 3; c++) picture.data[4 * i + c] = at(grey ? 0 : c);
    picture.data[4 * i + 3] = channels % 2 ? 255 : at(channels - 1);
  }
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

async function render() {
  const mine = ++wanted;
  let paused = performance.now();
  for (const k of [chosen, ...noises.keys()]) {
    const subject = { z: moved(noises[k]), label: label ?? classes[k] };
    const began = performance.now();
    const pixels = await draw(subject);
    times.unshift(performance.now() - began);
    paint($("grid").children[k].firstChild, pixels);
    if (k === chosen) {
      paint($("large"), pixels);
      shown = subject;
    }
    if (performance.now() - paused > 12) {
      await new Promise(requestAnimationFrame); // hands and eyes first
      paused = performance.now();
    }
    if (mine !== wanted) return;
  }
  times.length = Math.min(times.length, 60);
  const median = times.toSorted((a, b) => a - b)[times.length >> 1];
  say(`${median.toFixed(2)} ms an image · ${facts.shape.join("×")} · noise #${seed()}`);
}

const seed = () => Number(location.hash.slice(1)) || 1;

function begin() {
  noises = noise(PICTURES, seed());
  const next = uniforms(~seed()); // other numbers than those of the noise
  classes = noises.map(() => classOf(next()));
  render();
}

function say(text, wrong = false) {
  $("status").textContent = text;
  $("status").classList.toggle("wrong", wrong);
}

function canvas(element) {
  [element.height, element.width] = facts.shape;
  element.classList.toggle("blocky", facts.shape[1] < 128);
  return element;
}

/** A slider under the large picture; each move draws. */
function slider(id, name, min, max, value) {
  const row = document.createElement("label");
  const input = Object.assign(document.createElement("input"), { type: "range", id, min, max });
  input.step = 0.01;
  input.value = value;
  const number = document.createElement("output");
  number.value = value;
  input.oninput = () => {
    number.value = input.value;
    render();
  };
  row.append(name, input, number);
  $("sliders").append(row);
}

/** A button of which one in its group is pressed. */
function choice(group, content, act) {
  const button = document.createElement("button");
  button.append(content);
  button.setAttribute("aria-pressed", $(group).childElementCount === 0);
  button.onclick = () => {
    for (const other of $(group).children) other.setAttribute("aria-pressed", other === button);
    act();
    render();
  };
  $(group).append(button);
}

async function main() {
  const found = await fetch("model/manifest.json").catch(() => null);
  if (!found?.ok) throw Error("There is no model here. Export one, and give it to serve.py.");
  Object.assign(facts, await found.json());
  await loadLiteRt("litert/");
  model = await loadAndCompile("model/model.tflite", { accelerator: "wasm" });
  directions = noise(DIRECTIONS, 0);
  canvas($("large"));
  directions.forEach((_, k) => slider(`slider${k}`, `direction ${k + 1}`, -0.8, 0.8, 0));
  slider("truncation", "truncation", 0.1, 1.5, 1);
  for (let k = 0; k < PICTURES; k++) {
    choice("grid", canvas(document.createElement("canvas")), () => (chosen = k));
  }
  if (facts.names.length) choice("labels", "all", () => (label = null));
  facts.names.forEach((name, k) => choice("labels", name, () => (label = k)));
  $("again").onclick = () => (location.hash = 1 + Math.floor(Math.random() * 99999));
  addEventListener("hashchange", begin);
  begin();
}

main().catch((error) => say(error.message ?? String(error), true));
