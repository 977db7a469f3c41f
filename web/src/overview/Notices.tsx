import { age, bytes, count, milliseconds } from "../format";
import { isReader, type State, type StoreInfo } from "./data";
import type { Overview } from "./useOverview";

function StoreNotice({ store, stale }: { store: StoreInfo; stale: boolean }) {
  const inMemory = store.kind.toLowerCase() === "memory";
  return (
    <p className={`notice ${store.healthy ? "" : "bad"}`} data-notice="store">
      <strong>{inMemory ? "In memory" : `Stored in ${store.kind}`}</strong>
      {store.url && !store.why.includes(store.url) && (
        <>
          {" "}
          <code>{store.url}</code>
        </>
      )}
      {store.sizeBytes !== null && !inMemory && <> ({bytes(store.sizeBytes)})</>}: {store.why}.{" "}
      {inMemory && <span className="quiet">Records end with this process.</span>}
      {!store.healthy && <strong className="bad"> ✕ The store {stale ? "failed" : "fails"}: {store.lastError ?? "no reason given"}</strong>}
    </p>
  );
}

const STRUCTURE: Record<string, string> = {
  live: "read from the running app",
  restored: "from the last stored snapshot; the app has not been inspected yet",
  reader: "from the last stored snapshot; this server reads what the app stored",
  empty: "nothing is known of the app yet, and no snapshot is stored",
};

function StructureNotice({ structure, reader, stale }: Pick<State, "structure"> & { reader: boolean; stale: boolean }) {
  const state = structure.state.toLowerCase();
  const origin = reader && state === "restored" ? "reader" : state;
  return (
    <p className={`notice ${state === "live" ? "" : "warn"}`} data-notice="structure">
      <strong>
        Structure {stale && "was "}
        {state}
      </strong>
      {structure.snapshotVersion !== null && <> (snapshot {structure.snapshotVersion})</>}: {STRUCTURE[origin] ?? state}.
    </p>
  );
}

/** What a person must know before reading the figures: store, structure, connection, failures. */
export function Notices({ overview, stale, tries }: { overview: Overview; stale: boolean; tries: boolean }) {
  const { connection, complaints, answer } = overview;
  const { state } = answer;
  return (
    <div className="notices" role="status">
      {connection.state === "lost" && tries && (
        <p className="notice bad" data-notice="lost">
          <strong>✕ Connection lost</strong>, next try in {Math.round(connection.retryMs / 1000)} s. {connection.reason.replace(/\.?$/, ".")} What stands
          below is what was last seen.
        </p>
      )}
      {complaints.length > 0 && (
        <p className="notice bad" data-notice="errors">
          <strong>✕ The server answered with errors</strong>: {[...new Set(complaints)].slice(0, 3).join(" · ")}
        </p>
      )}
      {state && !state.recording && (
        <p className="notice warn" data-notice="paused">
          <strong>‖ Recording is paused</strong>: nothing new is kept until it is resumed.
        </p>
      )}
      {state && <StoreNotice store={state.store} stale={stale} />}
      {state && <StructureNotice structure={state.structure} reader={isReader(answer)} stale={stale} />}
    </div>
  );
}

/** The line at the foot: connection and processes. */
export function StatusLine({ overview }: { overview: Overview }) {
  const { connection, answer } = overview;
  const { state, counts } = answer;
  const processes = counts?.processes ?? [];
  const started = Math.min(...processes.map((process) => process.startedMs));
  return (
    <footer className="status-line quiet">
      {connection.state === "live" && <span>answered in {milliseconds(connection.tookMs)}</span>}
      {processes.length > 0 && (
        <>
          <span>
            {count(processes.length)} {processes.length === 1 ? "process" : "processes"}
          </span>
          <span>first started {age(started, Date.now())} ago</span>
        </>
      )}
      {state && (
        <>
          <span>{count(state.subscribers)} following</span>
          <span>version {state.version}</span>
        </>
      )}
    </footer>
  );
}
