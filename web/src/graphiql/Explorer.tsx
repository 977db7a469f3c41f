import "./workers";
import { useGraphiQL, useGraphiQLActions, useMonaco } from "@graphiql/react";
import { GraphiQL, HISTORY_PLUGIN } from "graphiql";
import { useEffect, useMemo, useRef } from "react";
import { EXAMPLES } from "../examples";
import { type Theme, useShownTheme } from "../theme";
import { EXAMPLES_PLUGIN } from "./ExamplesPlugin";
import { makeFetcher } from "./fetcher";
import { opening } from "./opening";
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

/** Asks once, as soon as the editors are there. */
function RunOnce() {
  const { run } = useGraphiQLActions();
  const ready = useGraphiQL(({ queryEditor, variableEditor, responseEditor }) =>
    Boolean(queryEditor && variableEditor && responseEditor),
  );
  const asked = useRef(false);
  useEffect(() => {
    if (!ready || asked.current) return;
    asked.current = true;
    void run();
  }, [ready, run]);
  return null;
}

export function Explorer({ theme, onTokenNeeded }: ExplorerProps) {
  const { fetcher, close } = useMemo(() => makeFetcher(onTokenNeeded), [onTokenNeeded]);
  useEffect(() => close, [close]);
  // GraphiQL asks the system once; its editors would keep those colours.
  const shownTheme = useShownTheme(theme);
  useDenseEditors();
  const { query, variables, run } = useMemo(opening, []);
  const examples = EXAMPLES.filter((example) => example.query !== query).map((example) => ({ query: example.query }));
  return (
    <GraphiQL
      fetcher={fetcher}
      forcedTheme={shownTheme}
      plugins={PLUGINS}
      defaultTabs={[{ query, variables: variables || null }, ...examples]}
      initialQuery={query}
      initialVariables={variables}
      isHeadersEditorEnabled={false}
      defaultEditorToolsVisibility={variables !== ""}
    >
      <GraphiQL.Logo>{run && <RunOnce />}</GraphiQL.Logo>
    </GraphiQL>
  );
}
