import { useEffect, useRef } from "react";
import { attach } from "../../../devtools/server/static/plain.js";
import { EXAMPLES } from "../examples";

/** The same plain client as on the server's own pages, for when the editor cannot be loaded. */
export function PlainClient() {
  const root = useRef<HTMLElement>(null);
  useEffect(() => {
    if (root.current) attach(root.current);
  }, []);
  return (
    <main className="plain">
      <header>
        <h1>GraphQL</h1>
        <nav aria-label="Pages">
          <a href="./">Overview</a>
        </nav>
      </header>
      <p className="notice warn" role="note">
        <strong>GraphiQL could not be loaded</strong>, so this is the plain client. Reload the page to try again.
      </p>
      <section className="plain-client" ref={root} aria-label="GraphQL client">
        <form className="token-gate notice warn" data-part="gate" hidden>
          <label>
            Token needed <input data-part="token" type="password" autoComplete="off" spellCheck={false} />
          </label>
          <button type="submit">Use token</button>
        </form>
        <div className="plain-bar">
          <label>
            Example{" "}
            <select data-part="examples">
              {EXAMPLES.map(({ name, query }) => (
                <option key={name} value={query}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          <button type="button" className="primary" data-part="run" title="Ctrl+Enter">
            Run
          </button>
          <span className="quiet" data-part="state" role="status" />
          <button type="button" data-part="forget" hidden>
            Forget token
          </button>
        </div>
        <div className="plain-columns">
          <div className="plain-side">
            <label htmlFor="plain-query">Query</label>
            <textarea id="plain-query" data-part="query" spellCheck={false} autoComplete="off" />
            <label htmlFor="plain-variables">Variables (JSON)</label>
            <textarea id="plain-variables" data-part="variables" rows={3} spellCheck={false} autoComplete="off" />
          </div>
          <div className="plain-answer">
            <h2>Answer</h2>
            <pre data-part="answer" tabIndex={0} role="region" aria-label="Answer" />
          </div>
        </div>
      </section>
    </main>
  );
}
