import { type ComponentType, useEffect, useState } from "react";
import { Bar } from "../shell/Bar";
import { TokenGate } from "../shell/TokenGate";
import { useToken } from "../shell/useToken";
import { useTheme } from "../theme";
import type { ExplorerProps } from "./Explorer";
import { PlainClient } from "./PlainClient";

type Loaded = { state: "loading" } | { state: "ready"; Explorer: ComponentType<ExplorerProps> } | { state: "failed" };

/** GraphiQL is large, so it comes in a chunk of its own; where that fails the plain client does. */
function useExplorer(): Loaded {
  const [loaded, setLoaded] = useState<Loaded>({ state: "loading" });
  useEffect(() => {
    import("./Explorer").then(
      ({ Explorer }) => setLoaded({ state: "ready", Explorer }),
      () => setLoaded({ state: "failed" }),
    );
  }, []);
  return loaded;
}

export function ExplorerPage() {
  const [theme, setTheme] = useTheme();
  const token = useToken();
  const loaded = useExplorer();
  if (loaded.state === "failed") return <PlainClient />;
  return (
    <div className="explorer">
      <Bar title="GraphiQL" theme={theme} onTheme={setTheme} hasToken={token.hasToken} onForget={token.forget}>
        <nav aria-label="Pages">
          <a href="./">Overview</a>
        </nav>
      </Bar>
      {token.needed && <TokenGate refused={token.hasToken} onToken={token.accept} />}
      <main className="explorer-body">
        {loaded.state === "ready" && (token.hasToken || !token.needed) && (
          // A new token starts GraphiQL anew, so that it asks for the schema again; a forgotten one takes all of it away.
          <loaded.Explorer key={token.generation} theme={theme} onTokenNeeded={token.ask} />
        )}
      </main>
    </div>
  );
}
