// After the build: weigh what a browser loads against the budgets, and compress every file once, so that no server has to.
// Sizes are gzip, in KB of 1,000 bytes. Over budget, the build fails.
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const DIST = new URL("../dist/", import.meta.url).pathname;
const ASSETS = join(DIST, "assets");
const MANIFEST = join(DIST, ".vite", "manifest.json");
const COMPRESSIBLE = /\.(js|css|svg|md|ttf)$/;
const SMALLEST = 512;

const gzip = (data) => gzipSync(data, { level: 9 });
const brotli = (data) =>
  brotliCompressSync(data, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: data.length } });
const read = (file) => readFileSync(join(DIST, file));
const kilobytes = (files) => files.reduce((sum, file) => sum + gzip(read(file)).length, 0) / 1000;

/** Every file an entry needs before it runs: its chunk, what that imports, and their style sheets. */
function closure(manifest, name, seen = new Set()) {
  if (seen.has(name)) return [];
  seen.add(name);
  const { file, css = [], imports = [] } = manifest[name];
  return [...new Set([file, ...css, ...imports.flatMap((other) => closure(manifest, other, seen))])];
}

const manifest = JSON.parse(readFileSync(MANIFEST, "utf8"));
const overview = closure(manifest, "index.html");
const graphiql = [
  ...new Set([...closure(manifest, "graphiql.html"), ...closure(manifest, "src/graphiql/Explorer.tsx")]),
];
const names = readdirSync(ASSETS);
const every = names.filter((name) => !/\.(gz|br)$/.test(name)).map((name) => `assets/${name}`);
const scripts = (files) => files.filter((file) => file.endsWith(".js"));
const styles = (files) => files.filter((file) => file.endsWith(".css"));

const budgets = [
  ["first page, JS", kilobytes(scripts(overview)), 130],
  ["first page, CSS", kilobytes(styles(overview)), 12],
  ["GraphiQL first load, JS", kilobytes(scripts(graphiql)), 300],
  ["GraphiQL first load, CSS", kilobytes(styles(graphiql)), 12],
  ["everything, JS with the editor and its workers", kilobytes(scripts(every)), 1500],
  ["everything, CSS with the editor's", kilobytes(styles(every)), 40],
];
for (const [what, size, most] of budgets) {
  console.log(`${size > most ? "OVER " : "     "}${size.toFixed(1).padStart(7)} of ${String(most).padStart(4)} KB  ${what}`);
}
const inlined = styles(every).filter((file) => /url\(["']?data:(font|application)/.test(read(file).toString()));
if (inlined.length > 0) console.log(`OVER  fonts inlined in ${inlined.join(", ")}`);

for (const file of every.filter((name) => COMPRESSIBLE.test(name))) {
  const data = read(file);
  if (data.length < SMALLEST) continue;
  writeFileSync(join(DIST, `${file}.gz`), gzip(data));
  writeFileSync(join(DIST, `${file}.br`), brotli(data));
}
rmSync(join(DIST, ".vite"), { recursive: true });
if (inlined.length > 0 || budgets.some(([, size, most]) => size > most)) process.exit(1);
