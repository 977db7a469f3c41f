import { type GraphiQLPlugin, useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { EXAMPLES } from "../examples";

/** First line of an example, which is a comment that says what it asks. */
const meaning = (query: string): string => /^#\s*(.+)/.exec(query)?.[1] ?? "";

function ExamplesIcon() {
  return (
    <svg viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.4" aria-hidden="true">
      <path d="M3 2.5h7l3 3v8H3zM5.5 8h5M5.5 10.5h5" />
    </svg>
  );
}

function Examples() {
  const { addTab } = useGraphiQLActions();
  const queryEditor = useGraphiQL((state) => state.queryEditor);
  const open = (query: string) => {
    addTab();
    queryEditor?.setValue(query);
  };
  // Before the editor is there, a new tab would show the text of the first one.
  const loading = queryEditor === undefined;
  return (
    <section className="examples" aria-label="Examples">
      <h2>Examples</h2>
      <ul>
        {EXAMPLES.map(({ name, query }) => (
          <li key={name}>
            <button type="button" disabled={loading} onClick={() => open(query)}>
              {name}
            </button>
            <p>{meaning(query)}</p>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The example queries again, for when their tabs were closed. */
export const EXAMPLES_PLUGIN: GraphiQLPlugin = { title: "Examples", icon: ExamplesIcon, content: Examples };
