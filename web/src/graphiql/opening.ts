/** What GraphiQL shows first: what the address asks for, else the tab that was open last, else the first example. */
import { parse } from "graphql";
import { EXAMPLES } from "../examples";

/** Where GraphiQL keeps its tabs. */
const KEPT = "graphiql:tabState";

export interface Opening {
  query: string;
  variables: string;
  /** Whether to ask at once: a link to a query is a link to its answer. */
  run: boolean;
}

/** Whether a text only reads, and once. What somebody else's link carries must not change anything. */
function isQuery(text: string): boolean {
  try {
    const operations = parse(text).definitions.flatMap((one) => (one.kind === "OperationDefinition" ? [one.operation] : []));
    return operations.length === 1 && operations[0] === "query";
  } catch {
    return false;
  }
}

interface KeptTabs {
  activeTabIndex: number;
  tabs: { query: string | null; variables: string | null }[];
}

/**
 * The tab that was open last. GraphiQL itself would open it with the text that was edited last, which is that of another tab, or
 * with none.
 */
function keptTab(): Opening | undefined {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? "null") as KeptTabs | null;
    const tab = kept?.tabs[Math.min(Math.max(kept.activeTabIndex, 0), kept.tabs.length - 1)];
    return tab && { query: tab.query ?? "", variables: tab.variables ?? "", run: false };
  } catch {
    return undefined;
  }
}

/** The address asks by `?query=&variables=` or by `?example=`. */
export function opening(): Opening {
  const given = new URLSearchParams(location.search);
  const variables = given.get("variables") ?? "";
  const query = given.get("query");
  if (query !== null) return { query, variables, run: isQuery(query) };
  const example = EXAMPLES.find(({ name }) => name === given.get("example"));
  if (example) return { query: example.query, variables, run: false };
  return keptTab() ?? { query: EXAMPLES[0]?.query ?? "", variables: "", run: false };
}
