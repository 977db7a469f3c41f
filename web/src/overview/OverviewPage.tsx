import { useState } from "react";
import { Bar } from "../shell/Bar";
import { TokenGate } from "../shell/TokenGate";
import { useToken } from "../shell/useToken";
import { useTheme } from "../theme";
import { type Counts, isReader } from "./data";
import { Health } from "./Health";
import { Hints } from "./Hints";
import { LatestErrors, LatestLogs, LatestRuns } from "./Latest";
import { Notices, StatusLine } from "./Notices";
import { Tiles } from "./Tiles";
import { type Connection, useOverview } from "./useOverview";

function stateText(connection: Connection, paused: boolean, needed: boolean, reader: boolean): [text: string, className: string] {
  if (needed) return ["▲ token needed", "warn-text"];
  if (paused) return ["‖ paused", "warn-text"];
  if (connection.state === "live") return reader ? ["● read-only", "quiet"] : ["● live", "good"];
  return connection.state === "lost" ? ["✕ lost", "bad"] : ["… connecting", "quiet"];
}

function appNames(counts: Counts | null): string {
  const names = new Set(counts?.processes.map((process) => process.app).filter(Boolean));
  return [...names].join(", ");
}

/** The first page: is it healthy, what came last, where to ask more. */
export function OverviewPage() {
  const [theme, setTheme] = useTheme();
  const token = useToken();
  const [paused, setPaused] = useState(false);
  const overview = useOverview(!paused && !token.needed, token.generation, token.ask);
  const { answer, connection } = overview;
  const [text, className] = stateText(connection, paused, token.needed, isReader(answer));
  // Nobody says any more how the app is: what stands here is what was.
  const stale = connection.state === "lost" || token.needed;
  const names = appNames(answer.counts);
  return (
    <>
      <a className="skip" href="#content">
        Skip to content
      </a>
      <Bar title={names || "DevTools"} theme={theme} onTheme={setTheme} hasToken={token.hasToken} onForget={token.forget}>
        {names && <span className="quiet bar-note">DevTools</span>}
        <span className={`state ${className}`} data-state>
          {text}
        </span>
        <button type="button" onClick={() => setPaused(!paused)} aria-pressed={paused}>
          {paused ? "Resume" : "Pause"}
        </button>
        <nav aria-label="Pages">
          <a href="graphiql">GraphiQL</a>
        </nav>
      </Bar>
      <main id="content" className="overview">
        {token.needed && <TokenGate refused={token.hasToken} onToken={token.accept} />}
        <Notices overview={overview} stale={stale} tries={!token.needed} />
        <Tiles answer={answer} samples={overview.samples} stale={stale} />
        {answer.live && (
          <div className="panels">
            <LatestRuns runs={answer.live.runs} />
            <LatestLogs logs={answer.live.logs} />
            <LatestErrors errors={answer.live.errors} />
            {!isReader(answer) && <Health report={answer.live.healthReport} stale={stale} />}
          </div>
        )}
        <Hints />
      </main>
      <StatusLine overview={overview} />
    </>
  );
}
