/** Asks for the overview every second while the page is seen; after a failure ever more seldom. */
import { useEffect, useRef, useState } from "react";
import { TokenNeeded, post } from "../../../devtools/server/static/session.js";
import countsQuery from "./counts.graphql?raw";
import { type Answer, type Counts, type Live, type State, total } from "./data";
import liveQuery from "./live.graphql?raw";
import stateQuery from "./state.graphql?raw";

const PERIOD_MS = 1_000;
const LONGEST_WAIT_MS = 10_000;
const SAMPLES = 60;

/** Records of each kind ever seen, at one moment. */
export interface Sample {
  atMs: number;
  totals: Record<string, number>;
}

export type Connection =
  | { state: "connecting" }
  | { state: "live"; tookMs: number; atMs: number }
  | { state: "lost"; reason: string; retryMs: number };

export interface Overview {
  answer: Answer;
  complaints: string[];
  samples: Sample[];
  connection: Connection;
}

const NOTHING: Overview = {
  answer: { live: null, state: null, counts: null },
  complaints: [],
  samples: [],
  connection: { state: "connecting" },
};

interface Fresh {
  answer: Answer;
  complaints: string[];
}

async function ask(signal: AbortSignal): Promise<Fresh> {
  const queries = [liveQuery, stateQuery, countsQuery];
  const [live, state, counts] = await Promise.all(queries.map((query) => post(query, undefined, signal)));
  return {
    answer: {
      live: (live?.data as { live: Live } | null | undefined)?.live ?? null,
      state: (state?.data as { system: State } | null | undefined)?.system ?? null,
      counts: (counts?.data as { system: Counts } | null | undefined)?.system ?? null,
    },
    complaints: [live, state, counts].flatMap((result) => (result?.errors ?? []).map((error) => error.message)),
  };
}

/** A part that failed keeps what it said last; the complaint says that it is old. */
function merge(before: Answer, now: Answer): Answer {
  return {
    live: now.live ?? before.live,
    state: now.state ?? before.state,
    counts: now.counts ?? before.counts,
  };
}

function sampleOf({ counts }: Answer): Sample[] {
  if (!counts) return [];
  return [{ atMs: Date.now(), totals: Object.fromEntries(counts.kinds.map((kind) => [kind.kind, total(kind)])) }];
}

export function useOverview(running: boolean, generation: number, onTokenNeeded: () => void): Overview {
  const [overview, setOverview] = useState<Overview>(NOTHING);
  const failures = useRef(0);

  // What was read with another token is not for who comes next.
  useEffect(() => setOverview(NOTHING), [generation]);

  useEffect(() => {
    if (!running) return;
    const abort = new AbortController();
    let timer = 0;

    const again = (waitMs: number) => {
      if (!abort.signal.aborted) timer = window.setTimeout(poll, waitMs);
    };
    const fail = (error: unknown) => {
      if (abort.signal.aborted) return;
      if (error instanceof TokenNeeded) return onTokenNeeded();
      failures.current += 1;
      const retryMs = Math.min(LONGEST_WAIT_MS, PERIOD_MS * 2 ** (failures.current - 1));
      const reason = error instanceof Error ? error.message : String(error);
      setOverview((before) => ({ ...before, connection: { state: "lost", reason, retryMs } }));
      again(retryMs);
    };
    const poll = async () => {
      // A hidden page asks nothing; it starts again when it is seen.
      if (document.hidden) return;
      const started = performance.now();
      try {
        const { answer, complaints } = await ask(abort.signal);
        failures.current = 0;
        const tookMs = performance.now() - started;
        setOverview((before) => ({
          answer: merge(before.answer, answer),
          complaints,
          samples: [...before.samples, ...sampleOf(answer)].slice(-SAMPLES),
          connection: { state: "live", tookMs, atMs: Date.now() },
        }));
        again(PERIOD_MS);
      } catch (error) {
        fail(error);
      }
    };
    const seen = () => {
      window.clearTimeout(timer);
      void poll();
    };
    document.addEventListener("visibilitychange", seen);
    void poll();
    return () => {
      abort.abort();
      window.clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [running, generation, onTokenNeeded]);

  return overview;
}
