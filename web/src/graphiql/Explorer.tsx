import "./workers";
import { useMonaco } from "@graphiql/react";
import { GraphiQL, HISTORY_PLUGIN } from "graphiql";
import { useEffect, useMemo } from "react";
import { EXAMPLES } from "../examples";
import type { Theme } from "../theme";
import { EXAMPLES_PLUGIN } from "./ExamplesPlugin";
import { makeFetcher } from "./fetcher";
import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "graphiql/graphiql.css";
import "./explorer.css";

export interface ExplorerProps {
  theme: Theme;
  onTokenNeeded: () => void;
}

// One array for good: with a new one at every render GraphiQL closes its open panel.
const PLUGINS = [HISTORY_PLUGIN, EXAMPLES_PLUGIN];

interface Opening {
  query?: string;
  variables?: string;
}

/** The query that the address asks for: `?query=&variables=` or `?example=`. */
function opening(): Opening {
  const given = new URLSearchParams(location.search);
  const example = EXAMPLES.find(({ name }) => name === given.get("example"));
  const query = given.get("query") ?? example?.query;
  const variables = given.get("variables");
  return { ...(query != null && { query }), ...(variables != null && { variables }) };
}

/** GraphiQL fixes its editors at 15 px; the rest of the page is set in 13. */
function useDenseEditors() {
  const monaco = useMonaco((state) => state.monaco);
  useEffect(() => {
    const dense = (editor: { updateOptions: (options: { fontSize: number }) => void }) =>
      editor.updateOptions({ fontSize: 13 });
    monaco?.editor.getEditors().forEach(dense);
    const watch = monaco?.editor.onDidCreateEditor(dense);
    return () => watch?.dispose();
  }, [monaco]);
}

export function Explorer({ theme, onTokenNeeded }: ExplorerProps) {
  const { fetcher, close } = useMemo(() => makeFetcher(onTokenNeeded), [onTokenNeeded]);
  useEffect(() => close, [close]);
  useDenseEditors();
  const { query, variables } = useMemo(opening, []);
  const tabs = EXAMPLES.filter((example) => example.query !== query).map((example) => ({ query: example.query }));
  return (
    <GraphiQL
      fetcher={fetcher}
      forcedTheme={theme}
      plugins={PLUGINS}
      defaultTabs={query === undefined ? tabs : [{ query, variables: variables ?? null }, ...tabs]}
      {...(query !== undefined && { initialQuery: query })}
      {...(variables !== undefined && { initialVariables: variables })}
      isHeadersEditorEnabled={false}
      defaultEditorToolsVisibility={variables !== undefined}
    >
      <GraphiQL.Logo>{null}</GraphiQL.Logo>
    </GraphiQL>
  );
}
