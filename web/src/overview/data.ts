/** What the three queries of the first page answer. */

export interface StoreInfo {
  kind: string;
  url: string | null;
  why: string;
  healthy: boolean;
  lastError: string | null;
  sizeBytes: number | null;
}

export interface KindInfo {
  kind: string;
  kept: number;
  evicted: number;
  dropped: number;
  stored: number | null;
}

export interface Process {
  id: string;
  app: string;
  role: string;
  pid: number;
  startedMs: number;
}

/** `state.graphql` */
export interface State {
  version: string;
  recording: boolean;
  subscribers: number;
  store: StoreInfo;
  structure: { state: string; snapshotVersion: number | null };
  capabilities: { record: { enabled: boolean } };
}

/** `counts.graphql` */
export interface Counts {
  kinds: KindInfo[];
  processes: Process[];
}

export interface HealthEntry {
  id: string;
  status: "healthy" | "degraded" | "unhealthy";
  message: string | null;
}

export interface HealthReport {
  totals: { resources: number; healthy: number; degraded: number; unhealthy: number };
  report: HealthEntry[];
}

export interface Run {
  id: string;
  timestampMs: number;
  name: string;
  nodeId: string;
  nodeKind: string;
  durationMs: number;
  ok: boolean;
  error: string | null;
  correlationId: string | null;
  httpPath: string | null;
  httpStatus: number | null;
}

export interface Log {
  id: string;
  timestampMs: number;
  level: string;
  message: string;
  sourceId: string | null;
  correlationId: string | null;
}

export interface ErrorRecord {
  id: string;
  timestampMs: number;
  sourceId: string;
  sourceKind: string;
  type: string;
  message: string;
  correlationId: string | null;
}

/** `live.graphql` */
export interface Live {
  memory: { rss: number };
  cpu: { usage: number; loadAverage: number };
  eventLoop: { lag: number };
  healthReport: HealthReport | null;
  running: { name: string }[];
  runs: Run[];
  logs: Log[];
  errors: ErrorRecord[];
}

/** The parts are asked apart, so that one that fails (a broken store) leaves the others. Null: not answered yet. */
export interface Answer {
  live: Live | null;
  state: State | null;
  counts: Counts | null;
}

/** Whether the server is no app's, but reads what apps have stored: then its own memory and processor say nothing of them. */
export const isReader = ({ state }: Answer): boolean => state !== null && !state.capabilities.record.enabled;

export const total = (kind: KindInfo): number => kind.kept + kind.evicted;
