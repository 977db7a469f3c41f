/** The example queries, from the one place that the server's own pages read too. */
const files = import.meta.glob<string>("../../devtools/server/examples/*.graphql", {
  query: "?raw",
  import: "default",
  eager: true,
});

export interface Example {
  name: string;
  query: string;
}

const ORDER = ["live", "history", "structure", "snapshots", "records"];

export const EXAMPLES: Example[] = Object.entries(files)
  .map(([path, query]) => ({ name: path.replace(/^.*\/(.+)\.graphql$/, "$1"), query }))
  .sort((a, b) => ORDER.indexOf(a.name) - ORDER.indexOf(b.name));
