"use strict";
// Draws nodes in columns and the links between them. What is drawn, and where, is given; nothing here knows elements.
const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 232, GAP = matchMedia("(max-width: 600px)").matches ? 40 : 96, HEIGHT = 26, STEP = 36, EDGE = 16, FITS = 28;

function make(name, attributes = {}, ...children) {
  const node = attributes.svg ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "svg" || value === null || value === undefined) continue;
    node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const draw = (name, attributes = {}, ...children) => make(name, { svg: true, ...attributes }, ...children);

// The end of a dotted name says most, and both ends of a path do.
function shortened(text, fits) {
  if (text.length <= fits) return text;
  if (text.includes("/")) return `${text.slice(0, 12)}…${text.slice(13 - fits)}`;
  const names = text.split(".");
  while (names.length > 1 && names.join(".").length >= fits) names.shift();
  return `…${names.join(".").slice(1 - fits)}`;
}

function curve(from, to) {
  const y1 = from.y + HEIGHT / 2, y2 = to.y + HEIGHT / 2;
  if (from.x < to.x) {
    const x1 = from.x + WIDTH, x2 = to.x - 3, bend = Math.min(GAP, (x2 - x1) / 2);
    return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
  }
  // Back, or within a column: around the right side of both.
  const x1 = from.x + WIDTH, x2 = to.x + WIDTH + 3;
  return `M${x1} ${y1}C${x1 + 48} ${y1} ${x2 + 48} ${y2} ${x2} ${y2}`;
}

function arrow(id) {
  return draw("marker", { id, viewBox: "0 0 6 6", refX: 5, refY: 3, markerWidth: 6, markerHeight: 6, orient: "auto-start-reverse" },
    draw("path", { d: "M0 0L6 3L0 6z" }));
}

// nodes: { name, kind, count, href, layer, position, chosen, label }; links: [from, to, words]
function picture(nodes, links, name) {
  const columns = new Map();
  for (const node of nodes) columns.set(node.layer, Math.max(columns.get(node.layer) ?? 0, node.position + 1));
  const rows = Math.max(1, ...columns.values()), layers = Math.max(1, columns.size);
  const width = layers * (WIDTH + GAP) - GAP + EDGE * 2 + 40, height = rows * STEP + EDGE * 2 - (STEP - HEIGHT);
  const places = nodes.map((node) => ({
    x: EDGE + node.layer * (WIDTH + GAP), y: EDGE + (node.position + (rows - columns.get(node.layer)) / 2) * STEP }));
  const drawing = draw("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": name },
    draw("defs", {}, arrow("arrow"), arrow("arrow-near")));
  const lines = links.map(([from, to, words]) => {
    const line = draw("path", { class: "link", d: curve(places[from], places[to]) },
      draw("title", {}, `${nodes[from].name} ${words} ${nodes[to].name}`));
    drawing.append(line);
    return { from, to, line };
  });
  const shapes = nodes.map((node, index) => {
    const { x, y } = places[index], many = node.count > 1;
    const shape = draw("a", { href: node.href, class: node.chosen ? "node chosen" : "node", tabindex: -1, "data-kind": node.kind,
      "aria-label": node.label, "aria-current": node.chosen ? "true" : null },
      draw("title", {}, node.label),
      many ? draw("rect", { class: "behind", x: x + 4, y: y + 4, width: WIDTH, height: HEIGHT, rx: 6 }) : null,
      draw("rect", { x, y, width: WIDTH, height: HEIGHT, rx: 6 }),
      draw("rect", { class: "mark", x: x + 5, y: y + 6, width: 4, height: HEIGHT - 12, rx: 2 }),
      draw("text", { x: x + 16, y: y + 17 }, shortened(node.name || node.kind, many ? FITS - 5 : FITS)),
      many ? draw("text", { class: "count", x: x + WIDTH - 8, y: y + 17, "text-anchor": "end" }, node.count) : null);
    drawing.append(shape);
    return shape;
  });
  follow(drawing, shapes, lines, places);
  return { drawing, shapes, places };
}

// Pointing at a node, or coming to it by keyboard, shows its links. Arrow keys go to the nearest node that way.
function follow(drawing, shapes, lines, places) {
  const show = (index) => {
    drawing.classList.toggle("pointed", index >= 0);
    for (const shape of shapes) shape.classList.remove("near");
    for (const { from, to, line } of lines) {
      const touches = from === index || to === index;
      line.classList.toggle("near", touches);
      if (touches) [from, to].forEach((end) => shapes[end].classList.add("near"));
    }
    if (index >= 0) shapes[index].classList.add("near");
  };
  const at = (event) => shapes.indexOf(event.target.closest?.("a"));
  drawing.addEventListener("pointerover", (event) => show(at(event)));
  drawing.addEventListener("pointerleave", () => show(shapes.indexOf(document.activeElement)));
  drawing.addEventListener("focusin", (event) => { reach(shapes, at(event)); show(at(event)); });
  drawing.addEventListener("focusout", () => show(-1));
  drawing.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const from = places[at(event)];
    if (!way || !from) return;
    event.preventDefault();
    let best = -1, least = Infinity;
    places.forEach(({ x, y }, index) => {
      const along = (x - from.x) * way[0] + (y - from.y) * way[1], aside = Math.abs((x - from.x) * way[1] + (y - from.y) * way[0]);
      const cost = along + aside * (way[0] ? 1 : 100);
      if (along > 0 && cost < least) { best = index; least = cost; }
    });
    shapes[best]?.focus();
  });
  reach(shapes, Math.max(0, shapes.findIndex((shape) => shape.classList.contains("chosen"))));
}

// One node is in the order of the tab key, or hundreds would stand between the map and what follows it.
function reach(shapes, index) {
  shapes.forEach((shape, other) => shape.setAttribute("tabindex", other === index ? 0 : -1));
}
