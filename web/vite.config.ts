import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { type Plugin, defineConfig } from "vite";

/** Large modules that GraphiQL uses little of, by who wants them, and the small ones that stand for them. */
const LIGHT: [importer: string, source: RegExp, file: string][] = [
  ["/@graphiql/react/", /\/services\/editorBaseApi\.js$/, "keyMod.ts"],
  ["/@graphiql/react/", /^framer-motion$/, "reorder.tsx"],
  ["/@graphiql/react/", /^prettier\/(plugins\/estree|parser-babel)$/, "json.ts"],
  ["/monaco-graphql/", /^prettier\//, "format.ts"],
];

/** `prettier/parser-graphql` is `prettier/plugins/graphql` under its old name: one copy is enough. */
const OLD_NAME = "prettier/parser-graphql";

function lightGraphiql(): Plugin {
  return {
    name: "light-graphiql",
    enforce: "pre",
    resolveId(source, importer = "") {
      const match = LIGHT.find(([from, pattern]) => importer.includes(from) && pattern.test(source));
      if (match) return fileURLToPath(new URL(`src/graphiql/light/${match[2]}`, import.meta.url));
      return source === OLD_NAME ? this.resolve("prettier/plugins/graphql", importer) : null;
    },
  };
}

// Every address in the output is relative, so that the files work under any mount path.
export default defineConfig({
  base: "./",
  plugins: [lightGraphiql(), react()],
  server: { fs: { allow: [".."] } },
  build: {
    target: ["chrome123", "firefox121", "safari17.5"],
    manifest: true,
    // Inlined fonts and pictures would blow up the style sheets.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 4000,
    license: { fileName: "assets/licenses.md" },
    rolldownOptions: {
      input: ["index.html", "graphiql.html"],
      // Third-party modules carry "use no memo", which means nothing here.
      checks: { moduleLevelDirective: false },
    },
  },
  worker: { format: "es", plugins: () => [lightGraphiql()] },
});
