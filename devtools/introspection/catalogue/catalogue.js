// Everything of the app becomes a text node or an attribute set by name; nothing of it is ever parsed as markup.
const data = JSON.parse(document.getElementById("data").textContent);
const KINDS = [...new Set(data.elements.map((element) => element.kind))];
const MOST = 60;
const DEPTHS = [["1", "1 link"], ["2", "2 links"], ["3", "3 links"], ["all", "all links"]];
const HINTS = { dependencies: "from what needs something to what it needs", events: "from what emits an event, over the event, to what hears it",
  middleware: "from the outermost middleware, over the next, to what they wrap", "blast radius": "from what changes or fails to what may notice" };

const numbers = new Map(data.elements.map((element, index) => [element.id, index]));
const incoming = data.elements.map(() => []);
data.elements.forEach((element, index) => element.links.forEach((link) => {
  if (numbers.has(link.to)) incoming[numbers.get(link.to)].push({ says: link.says, from: index });
}));

// What is looked at stands behind the # of the address, so that it can be kept and passed on.
function wanted() {
  const found = new URLSearchParams(location.hash.slice(1));
  const map = data.maps.find((one) => one.lens === found.get("lens")) ?? data.maps[0];
  const depth = DEPTHS.some(([value]) => value === found.get("depth")) ? found.get("depth") : "1";
  return { map, depth, element: numbers.get(found.get("id")), group: map.groups[found.get("group") ?? -1] };
}

function address(changes) {
  const now = new URLSearchParams(location.hash.slice(1));
  for (const [key, value] of Object.entries(changes)) value === null ? now.delete(key) : now.set(key, value);
  return `#${now}`;
}

const to = (index) => address({ id: data.elements[index].id, group: null });

function anchor(identifier) {
  return numbers.has(identifier) ? make("a", { href: to(numbers.get(identifier)), "data-to": identifier }, identifier) : identifier;
}

function readable(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

function body(element, index) {
  const list = make("dl");
  const add = (term, ...content) => list.append(make("dt", {}, term), make("dd", {}, ...content));
  if (element.place) add("where", element.place);
  const terms = new Map();
  const collect = (says, other) => terms.set(says, [...(terms.get(says) ?? []), other]);
  for (const link of element.links) collect(link.says, link.to);
  for (const link of incoming[index]) collect(data.back[link.says] ?? `← ${link.says}`, data.elements[link.from].id);
  for (const [says, others] of terms) add(says, make("ul", {}, ...[...new Set(others)].map((other) => make("li", {}, anchor(other)))));
  const parts = [
    element.title && element.title !== element.id ? make("p", {}, element.title) : null,
    element.description ? make("p", { class: "dim text" }, element.description) : null, list];
  for (const [name, text] of [["schema", element.schema], ["config", element.config]]) {
    if (text) parts.push(make("p", { class: "dim" }, name), make("pre", { tabindex: 0, role: "region", "aria-label": name }, readable(text)));
  }
  return make("div", { class: "body" }, ...parts);
}

const kindOf = (kind) => make("span", { class: "kind", "data-kind": kind }, kind);

const entries = data.elements.map((element, index) => {
  const entry = make("details", {}, make("summary", {}, kindOf(element.kind), make("span", {}, element.id)));
  entry.addEventListener("toggle", () => {
    if (entry.open && entry.childElementCount === 1) {
      entry.append(make("p", { class: "show" }, make("a", { href: to(index) }, "Show on the map")), body(element, index));
    }
  });
  return entry;
});

// -- the map

function near(edges, starts, depth, onlyAway) {
  const walk = (from, along) => {
    const found = new Map(starts.map((index) => [index, 0])), queue = [...starts], next = new Map();
    for (const edge of edges) next.set(edge[from], [...(next.get(edge[from]) ?? []), edge[along]]);
    for (const index of queue) {
      if (found.get(index) >= depth) continue;
      for (const other of next.get(index) ?? []) if (!found.has(other)) { found.set(other, found.get(index) + 1); queue.push(other); }
    }
    return found;
  };
  const found = walk(0, 1);
  if (!onlyAway) for (const [index, far] of walk(1, 0)) if (!found.has(index) || far < found.get(index)) found.set(index, -far);
  return found;
}

// Columns around what is chosen, by distance; in each what is linked stands beside what it is linked with.
function around(map, starts, depth) {
  const distances = near(map.edges, starts, depth === "all" ? Infinity : Number(depth), map.lens === "blast radius");
  const first = Math.min(...distances.values()), columns = new Map(), height = new Map();
  for (const [index, far] of distances) columns.set(far, [...(columns.get(far) ?? []), index]);
  const order = [...columns.keys()].sort((one, other) => Math.abs(one) - Math.abs(other) || one - other);
  const nodes = [], places = new Map();
  for (const far of order) {
    const column = columns.get(far), inner = far - Math.sign(far);
    const middle = new Map(column.map((index) => {
      const beside = map.edges.flatMap(([from, target]) => (from === index ? [target] : target === index ? [from] : []))
        .filter((other) => distances.get(other) === inner && height.has(other)).map((other) => height.get(other));
      return [index, beside.length ? beside.reduce((sum, one) => sum + one, 0) / beside.length : 0.5];
    }));
    column.sort((one, other) => middle.get(one) - middle.get(other) || one - other);
    column.forEach((index, at) => height.set(index, (at + 0.5) / column.length));
    const layer = far - first;
    column.slice(0, MOST).forEach((index, position) => { places.set(index, nodes.length); nodes.push({ ...single(index, starts.includes(index)), layer, position }); });
    if (column.length > MOST) nodes.push({ name: `and ${column.length - MOST} more`, label: `and ${column.length - MOST} more`, kind: "", layer, position: MOST });
  }
  const links = map.edges.filter(([from, target]) => from !== target && places.has(from) && places.has(target));
  return { nodes, links: links.map(([from, target, says]) => [places.get(from), places.get(target), says]), count: distances.size };
}

function single(index, chosen) {
  const { id, kind } = data.elements[index];
  return { name: id, kind, label: `${kind} ${id}`, href: to(index), chosen };
}

function whole(map) {
  const nodes = map.groups.map((group, place) => {
    const count = group.members.length, { layer, position } = group;
    if (count === 1) return { ...single(group.members[0], false), layer, position };
    const { name, kind } = group, href = address({ group: place, id: null });
    return { name: name || `every ${kind}`, kind, count, layer, position, href, label: `${count} of kind ${kind} in ${name || "all"}` };
  });
  return { nodes, links: map.links,
    count: map.groups.reduce((sum, group) => sum + group.members.length, 0) };
}

function plural(count, word) { return `${count} ${word}${count === 1 ? "" : "s"}`; }

const canvas = make("div", { class: "map" });
const told = make("p", { class: "dim", role: "status" });
const panel = make("aside", { "aria-label": "What is chosen" });
const lenses = make("fieldset", { class: "lenses" }, make("legend", {}, "Map of"), ...data.maps.map(({ lens }) => {
  const choice = make("input", { type: "radio", name: "lens", value: lens });
  choice.addEventListener("change", () => { location.hash = address({ lens, group: null }); });
  return make("label", {}, choice, make("span", {}, lens));
}));
const depths = make("select", { "aria-label": "How far" }, ...DEPTHS.map(([value, words]) => make("option", { value }, words)));
depths.addEventListener("change", () => { location.hash = address({ depth: depths.value }); });
const back = make("a", { class: "button" }, "Whole map");
const section = make("section", {}, make("div", { class: "bar" }, lenses, depths, back), told, make("div", { class: "split" }, canvas, panel));

function describe({ element, group }) {
  if (element !== undefined) {
    return [make("h2", {}, data.elements[element].id), kindOf(data.elements[element].kind), body(data.elements[element], element)];
  }
  if (group) {
    return [make("h2", {}, group.name || `every ${group.kind}`), kindOf(group.kind),
      make("ul", {}, ...group.members.map((index) => make("li", {}, anchor(data.elements[index].id))))];
  }
  return [make("h2", {}, "Legend"), make("ul", { class: "legend" }, ...KINDS.map((kind) => make("li", {}, kindOf(kind)))),
    make("p", { class: "dim" }, "Choose an element to see what is around it. Arrow keys go from one to the next; Enter chooses.")];
}

function show() {
  const asked = wanted(), { map, element, group } = asked;
  const starts = element !== undefined ? [element] : group ? group.members : null;
  const seen = starts ? around(map, starts, asked.depth) : whole(map);
  const had = canvas.contains(document.activeElement);
  const { drawing, shapes, places } = picture(seen.nodes, seen.links, `Map of ${map.lens}`);
  canvas.replaceChildren(seen.nodes.length ? drawing : make("p", { class: "dim empty" }, `There are no links to show: no ${map.lens}.`));
  const grouped = !starts && seen.nodes.length < seen.count ? ` in ${plural(seen.nodes.length, "group")}` : "";
  told.textContent = `${plural(seen.count, "element")}${grouped}, ${plural(seen.links.length, "link")}, ${HINTS[map.lens]}`;
  lenses.querySelectorAll("input").forEach((choice) => { choice.checked = choice.value === map.lens; });
  depths.value = asked.depth;
  depths.hidden = back.hidden = !starts;
  back.href = address({ id: null, group: null });
  panel.replaceChildren(...describe(asked));
  panel.scrollTop = 0;
  const chosen = seen.nodes.findIndex((node) => node.chosen);
  if (chosen < 0) { canvas.scrollTo(0, Math.max(0, (drawing.getAttribute("height") - canvas.clientHeight) / 2)); return; }
  canvas.scrollTo(places[chosen].x - (canvas.clientWidth - WIDTH) / 2, places[chosen].y - canvas.clientHeight / 2);
  if (had) shapes[chosen].focus({ preventScroll: true });
}

// -- the list

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
  count.textContent = `${shown} of ${plural(entries.length, "element")}`;
}

document.title = data.title;
document.body.append(make("header", {}, make("h1", {}, data.title), make("p", { class: "dim" }, data.subtitle)),
  make("main", {}, section, make("h2", {}, "Elements"), make("div", { class: "bar sticky" }, search, kinds, count), ...entries,
    ...[["GraphQL schema", data.sdl], ["OpenAPI document", data.openapi && readable(data.openapi)]].flatMap(([name, text]) => (text
      ? [make("h2", {}, name), make("pre", { tabindex: 0, role: "region", "aria-label": name }, text)] : []))));
search.addEventListener("input", filter);
kinds.addEventListener("change", filter);
addEventListener("hashchange", () => {
  show();
  if (section.getBoundingClientRect().bottom < 80 || section.getBoundingClientRect().top < -40) section.scrollIntoView();
});
filter();
show();
