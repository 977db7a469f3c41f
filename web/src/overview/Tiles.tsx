import type { ReactNode } from "react";
import { bytes, count, milliseconds, percent } from "../format";
import { type Answer, type HealthReport, isReader, type KindInfo, total } from "./data";
import { healthWord } from "./Health";
import { Sparkline } from "./Sparkline";
import type { Sample } from "./useOverview";

const LABELS: Record<string, string> = { run: "Runs", log: "Logs", error: "Errors", emission: "Emissions" };
const LAG_WARN_MS = 50;
const LAG_BAD_MS = 250;

interface TileProps {
  name: string;
  label: string;
  value: ReactNode;
  state?: "good" | "warn-text" | "bad" | "quiet" | undefined;
  children?: ReactNode;
}

function Tile({ name, label, value, state, children }: TileProps) {
  return (
    <div className="tile" data-tile={name}>
      <dt>{label}</dt>
      <dd className={`tile-value ${state ?? ""}`}>{value}</dd>
      <dd className="tile-note quiet">{children}</dd>
    </div>
  );
}

/** Records a second between samples, for one kind. */
function rates(samples: Sample[], kind: string): number[] {
  return samples.slice(1).map((sample, index) => {
    const before = samples[index];
    const now = sample.totals[kind] ?? 0;
    if (!before || now < (before.totals[kind] ?? 0)) return 0;
    return (now - (before.totals[kind] ?? 0)) / Math.max((sample.atMs - before.atMs) / 1000, 0.1);
  });
}

function KindTile({ info, samples }: { info: KindInfo; samples: Sample[] }) {
  const name = info.kind.toLowerCase();
  const label = LABELS[name] ?? info.kind;
  const history = rates(samples, info.kind);
  const rate = history.at(-1) ?? 0;
  const bad = name === "error" && total(info) > 0;
  return (
    <Tile name={name} label={label} value={`${bad ? "✕ " : ""}${count(info.stored ?? info.kept)}`} state={bad ? "bad" : undefined}>
      <span>
        {info.stored === null ? "kept" : `stored, ${count(info.kept)} in memory`}, {count(info.evicted)} evicted
        {info.dropped > 0 && <strong className="bad">, ✕ {count(info.dropped)} dropped</strong>}
      </span>
      <span className="tile-rate">
        <Sparkline values={history} label={`${label}: ${rate.toFixed(1)} a second`} />
        <span>{rate.toFixed(rate < 10 ? 1 : 0)}/s</span>
      </span>
    </Tile>
  );
}

function HealthTile({ report, stale }: { report: HealthReport | null; stale: boolean }) {
  if (report === null || report.totals.resources === 0) {
    return (
      <Tile name="health" label="Health" value="—">
        {report === null ? "not known here" : "no health checks declared"}
      </Tile>
    );
  }
  const { unhealthy, degraded, healthy, resources } = report.totals;
  const [word, state] = healthWord(unhealthy ? "unhealthy" : degraded ? "degraded" : "healthy", stale);
  return (
    <Tile name="health" label="Health" value={word} state={state}>
      {healthy} of {resources} healthy
    </Tile>
  );
}

function lagState(lag: number) {
  return lag > LAG_BAD_MS ? "bad" : lag > LAG_WARN_MS ? "warn-text" : undefined;
}

/** The figures on top: what was recorded and how the process is; `stale` where nobody says so any more. */
export function Tiles({ answer, samples, stale }: { answer: Answer; samples: Sample[]; stale: boolean }) {
  const { counts, live } = answer;
  if (!counts && !live) return null;
  return (
    <dl className="tiles" aria-label="Counts">
      {counts?.kinds
        .filter((info) => info.kind.toLowerCase() in LABELS)
        .map((info) => (
          <KindTile key={info.kind} info={info} samples={samples} />
        ))}
      {live && !isReader(answer) && (
        <>
          <Tile name="memory" label="Memory" value={bytes(live.memory.rss)}>
            resident
          </Tile>
          <Tile name="cpu" label="CPU" value={percent(live.cpu.usage)}>
            load {live.cpu.loadAverage.toFixed(2)}
          </Tile>
          <Tile
            name="lag"
            label="Event loop lag"
            value={`${lagState(live.eventLoop.lag) ? "▲ " : ""}${milliseconds(live.eventLoop.lag)}`}
            state={stale ? "quiet" : lagState(live.eventLoop.lag)}
          >
            {stale ? "when last seen" : live.running.length === 0 ? "nothing running" : `${count(live.running.length)} running now`}
          </Tile>
          <HealthTile report={live.healthReport} stale={stale} />
        </>
      )}
    </dl>
  );
}
