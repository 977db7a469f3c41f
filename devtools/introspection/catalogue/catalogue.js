"use strict";
// Everything of the app becomes a text node or an attribute set by name; nothing of it is ever parsed as markup.
const data = JSON.parse(document.getElementById("data").textContent);
const KINDS = [...new Set(data.elements.map((element) => element.kind))];
const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 230, GAP = 90, HEIGHT = 24, STEP = 30, TOP = 34;

function make(name, attributes = {}, ...children) {
  const node = attributes.svg ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "svg" || value === null || value === undefined) continue;
    node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const numbers = new Map(data.elements.map((element, index) => [element.id, index]));
const incoming = data.elements.map(() => []);
data.elements.forEach((element, index) => element.links.forEach((link) => {
  if (numbers.has(link.to)) incoming[numbers.get(link.to)].push({ says: link.says, from: index });
}));

function anchor(identifier) {
  if (!numbers.has(identifier)) return document.createTextNode(identifier);
  return make("a", { href: `#e${numbers.get(identifier)}` }, identifier);
}

function readable(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

function rows(element, index) {
  const list = make("dl");
  const add = (term, ...content) => list.append(make("dt", {}, term), make("dd", {}, ...content));
  if (element.place) add("where", element.place);
  for (const link of element.links) add(link.says, anchor(link.to));
  for (const link of incoming[index]) add(`← ${link.says}`, anchor(data.elements[link.from].id));
  return list;
}

function body(element, index) {
  const parts = [];
  if (element.title && element.title !== element.id) parts.push(make("p", {}, element.title));
  if (element.description) parts.push(make("p", { class: "dim" }, element.description));
  parts.push(rows(element, index));
  for (const [name, text] of [["schema", element.schema], ["config", element.config]]) {
    if (text) parts.push(make("p", { class: "dim" }, name), make("pre", { tabindex: 0 }, readable(text)));
  }
  return make("div", { class: "body" }, ...parts);
}

const entries = data.elements.map((element, index) => {
  const entry = make("details", { id: `e${index}` },
    make("summary", {}, make("span", { class: "kind" }, element.kind), make("span", {}, element.id)));
  entry.addEventListener("toggle", () => { if (entry.open && entry.childElementCount === 1) entry.append(body(element, index)); });
  return entry;
});

// The map: a column per kind, in each the elements in the order that brings neighbours close together.
function places() {
  const columns = KINDS.map((kind) => data.elements.flatMap((element, index) => (element.kind === kind ? [index] : [])));
  const rank = new Map();
  columns.forEach((column) => column.forEach((index, at) => rank.set(index, at / Math.max(1, column.length))));
  const near = data.elements.map((element, index) => [
    ...element.links.filter((link) => numbers.has(link.to)).map((link) => numbers.get(link.to)), ...incoming[index].map((link) => link.from)]);
  for (let turn = 0; turn < 4; turn += 1) {
    for (const column of columns) {
      const middle = (index) => near[index].length ? near[index].reduce((sum, other) => sum + rank.get(other), 0) / near[index].length : rank.get(index);
      const wanted = new Map(column.map((index) => [index, middle(index)]));
      column.sort((one, other) => wanted.get(one) - wanted.get(other) || one - other);
      column.forEach((index, at) => rank.set(index, at / Math.max(1, column.length)));
    }
  }
  const found = new Map();
  columns.forEach((column, x) => column.forEach((index, y) => found.set(index, { x: 12 + x * (WIDTH + GAP), y: TOP + y * STEP })));
  return { found, height: TOP + Math.max(1, ...columns.map((column) => column.length)) * STEP + 8 };
}

function shortened(text) { return text.length > 31 ? `…${text.slice(-30)}` : text; }

function map() {
  const { found, height } = places();
  const width = KINDS.length * (WIDTH + GAP) - GAP + 24;
  const drawing = make("svg", { svg: true, width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Elements and their links" });
  KINDS.forEach((kind, x) => drawing.append(make("text", { svg: true, class: "head", x: 12 + x * (WIDTH + GAP), y: 20 }, kind)));
  const lines = [];
  data.elements.forEach((element, index) => element.links.forEach((link) => {
    if (!numbers.has(link.to)) return;
    const to = numbers.get(link.to), a = found.get(index), b = found.get(to), forward = a.x <= b.x;
    const x1 = a.x + (forward ? WIDTH : 0), x2 = b.x + (forward && a.x !== b.x ? 0 : WIDTH), y1 = a.y + HEIGHT / 2, y2 = b.y + HEIGHT / 2;
    const bend = a.x === b.x ? x1 + 40 : (x1 + x2) / 2;
    const line = make("path", { svg: true, d: `M${x1} ${y1}C${bend} ${y1} ${bend} ${y2} ${x2} ${y2}` },
      make("title", { svg: true }, `${element.id} ${link.says} ${link.to}`));
    lines.push({ from: index, to, line });
    drawing.append(line);
  }));
  const nodes = data.elements.map((element, index) => {
    const { x, y } = found.get(index);
    const node = make("g", { svg: true, class: "node" }, make("a", { svg: true, href: `#e${index}` },
      make("title", { svg: true }, `${element.kind} ${element.id}`),
      make("rect", { svg: true, x, y, width: WIDTH, height: HEIGHT, rx: 5 }),
      make("text", { svg: true, x: x + 8, y: y + 16 }, shortened(element.id))));
    drawing.append(node);
    return node;
  });
  return { drawing, choose(index) {
    drawing.classList.toggle("focused", index !== null);
    nodes.forEach((node) => node.classList.remove("near", "chosen"));
    for (const { from, to, line } of lines) {
      const touches = from === index || to === index;
      line.classList.toggle("near", touches);
      if (touches) { nodes[from].classList.add("near"); nodes[to].classList.add("near"); }
    }
    if (index !== null) nodes[index].classList.add("chosen");
  } };
}

const search = make("input", { type: "search", placeholder: "Search ids, titles, descriptions, links", "aria-label": "Search" });
const kinds = make("select", { "aria-label": "Kind" }, make("option", { value: "" }, "every kind"), ...KINDS.map((kind) => make("option", { value: kind }, kind)));
const count = make("span", { class: "dim", role: "status" });
const texts = data.elements.map((element) => [element.id, element.title, element.description, ...element.links.map((link) => link.to)].join("\n").toLowerCase());

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  entries.forEach((entry, index) => {
    const passes = (!kinds.value || data.elements[index].kind === kinds.value) && words.every((word) => texts[index].includes(word));
    entry.hidden = !passes;
    shown += passes ? 1 : 0;
  });
  count.textContent = `${shown} of ${entries.length} elements`;
}

const topology = map();

function follow() {
  const match = /^#e(\d+)$/.exec(location.hash);
  const entry = match && entries[Number(match[1])];
  topology.choose(entry ? Number(match[1]) : null);
  if (!entry) return;
  entry.hidden = false;
  entry.open = true;
  entry.querySelector("summary").focus({ preventScroll: true });
  entry.scrollIntoView({ block: "center" });
}

document.title = data.title;
document.body.append(
  make("h1", {}, data.title), make("p", { class: "dim" }, data.subtitle),
  make("h2", {}, "Map"), make("div", { class: "map", tabindex: 0, role: "group", "aria-label": "Map" }, topology.drawing),
  make("h2", {}, "Elements"), make("div", { class: "bar" }, search, kinds, count), ...entries);
for (const [name, text] of [["GraphQL schema", data.sdl], ["OpenAPI document", data.openapi && readable(data.openapi)]]) {
  if (text) document.body.append(make("h2", {}, name), make("pre", { tabindex: 0 }, text));
}
search.addEventListener("input", filter);
kinds.addEventListener("change", filter);
addEventListener("hashchange", follow);
filter();
follow();
