import type { ReactNode } from "react";
import { milliseconds, plain, timeOfDay } from "../format";
import type { ErrorRecord, Log, Run } from "./data";
import { traceLink } from "./links";

interface PanelProps {
  name: string;
  title: string;
  empty: ReactNode;
  columns: [label: string, className: string][];
  rows: ReactNode[];
}

function Panel({ name, title, empty, columns, rows }: PanelProps) {
  return (
    <section className="panel" data-panel={name} aria-labelledby={`panel-${name}`}>
      <h2 id={`panel-${name}`}>{title}</h2>
      {rows.length === 0 ? (
        <p className="empty quiet">{empty}</p>
      ) : (
        <table>
          <thead>
            <tr>
              {columns.map(([label, className]) => (
                <th key={label} className={className} scope="col">
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>{rows}</tbody>
        </table>
      )}
    </section>
  );
}

function Trace({ id }: { id: string | null }) {
  if (id === null) return <td className="trace quiet">—</td>;
  return (
    <td className="trace">
      <a href={traceLink(id)} title={`Everything with correlation id ${id}, in GraphiQL`}>
        {id.slice(0, 4)}
        <span className="detail">{id.slice(4, 8)}</span>
      </a>
    </td>
  );
}

function Time({ ms }: { ms: number }) {
  const [seconds, fraction] = timeOfDay(ms).split(".");
  return (
    <td className="time">
      <time dateTime={new Date(ms).toISOString()}>
        {seconds}
        <span className="detail">.{fraction}</span>
      </time>
    </td>
  );
}

/** The path that was asked for, where the name has none or that of a template. */
const pathOf = (run: Run) => (run.httpPath === null || run.name.endsWith(run.httpPath) ? null : run.httpPath);

/** A request refused with 4xx is no failure of the app, and not what one looks past either. */
function outcomeOf(run: Run): [glyph: string, word: string, className: string] {
  if (!run.ok) return ["✕", "error", "bad"];
  return run.httpStatus !== null && run.httpStatus >= 400 ? ["▲", "ok", "warn-text"] : ["✓", "ok", "good"];
}

export function LatestRuns({ runs }: { runs: Run[] }) {
  const rows = runs.toReversed().map((run) => {
    const [glyph, word, className] = outcomeOf(run);
    const path = pathOf(run);
    return (
      <tr key={run.id}>
        <Time ms={run.timestampMs} />
        <td className="text" title={run.error ?? path ?? run.nodeId}>
          <span className="kind quiet">{run.nodeKind.toLowerCase()}</span> {run.name}
          {path && <span className="quiet"> {path}</span>}
          {run.error && <span className="bad"> {run.error}</span>}
        </td>
        <td className={`outcome ${className}`}>
          {glyph} <span className={run.httpStatus === null ? undefined : "detail"}>{word} </span>
          {run.httpStatus}
        </td>
        <td className="number">{milliseconds(run.durationMs)}</td>
        <Trace id={run.correlationId} />
      </tr>
    );
  });
  return (
    <Panel
      name="runs"
      title="Latest runs"
      columns={[["Time", "time"], ["Run", "text"], ["Outcome", "outcome"], ["Duration", "number"], ["Trace", "trace"]]}
      rows={rows}
      empty={
        <>
          No run yet. A request to the app appears here, and each call of a function marked <code>@task</code>.
        </>
      }
    />
  );
}

const LEVELS: Record<string, [glyph: string, className: string]> = {
  fatal: ["✕", "bad"],
  error: ["✕", "bad"],
  warn: ["▲", "warn-text"],
  info: ["●", ""],
};

export function LatestLogs({ logs }: { logs: Log[] }) {
  const rows = logs.toReversed().map((log) => {
    const [glyph, className] = LEVELS[log.level] ?? ["·", "quiet"];
    const message = plain(log.message);
    return (
      <tr key={log.id}>
        <Time ms={log.timestampMs} />
        <td className={`level ${className}`}>
          {glyph} {log.level}
        </td>
        <td className="text" title={message}>
          {message} <span className="quiet">{log.sourceId}</span>
        </td>
        <Trace id={log.correlationId} />
      </tr>
    );
  });
  return (
    <Panel
      name="logs"
      title="Latest logs"
      columns={[["Time", "time"], ["Level", "level"], ["Message", "text"], ["Trace", "trace"]]}
      rows={rows}
      empty={
        <>
          No log line yet. <code>logging.getLogger("shop").warning("…")</code> appears here.
        </>
      }
    />
  );
}

export function LatestErrors({ errors }: { errors: ErrorRecord[] }) {
  const rows = errors.toReversed().map((error) => {
    const text = plain([error.type.split(".").at(-1), error.message].filter(Boolean).join(": "));
    return (
      <tr key={error.id}>
        <Time ms={error.timestampMs} />
        <td className="text" title={plain(`${error.type}: ${error.message}`)}>
          <span className="bad">✕</span> {text} <span className="quiet">{error.sourceId}</span>
        </td>
        <Trace id={error.correlationId} />
      </tr>
    );
  });
  return (
    <Panel
      name="errors"
      title="Latest errors"
      columns={[["Time", "time"], ["Error", "text"], ["Trace", "trace"]]}
      rows={rows}
      empty="No error since the records began."
    />
  );
}
