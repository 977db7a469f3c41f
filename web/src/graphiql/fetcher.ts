/** How GraphiQL asks: fetch with the token, subscriptions over a WebSocket with the token in its first message. */
import { type Fetcher, createGraphiQLFetcher } from "@graphiql/toolkit";
import { type DocumentNode, parse } from "graphql";
import { createClient } from "graphql-ws";
import {
  TokenNeeded,
  fetchWithToken,
  readToken,
  socketAddress,
} from "../../../devtools/server/static/session.js";

const UNAUTHORIZED = [4401, 4403];
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 5_000;

/** Twice as long each time, and at random below that: pages of many people do not come back at once. */
const waitForServer = (retries: number) =>
  new Promise<void>((resume) => {
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** retries);
    window.setTimeout(resume, longest * (0.5 + Math.random() / 2));
  });

function parsed(query: string): DocumentNode | undefined {
  try {
    return parse(query);
  } catch {
    // The server says what is wrong with it.
    return undefined;
  }
}

/** GraphiQL's own idea of the operation lags behind a changed tab, so name and kind are read from the text that is sent. */
function current(fetcher: Fetcher): Fetcher {
  return (params, options) => {
    const document = parsed(params.query);
    const names = (document?.definitions ?? []).flatMap((definition) =>
      definition.kind === "OperationDefinition" ? [definition.name?.value ?? null] : [],
    );
    const operationName = (names.length === 1 ? names[0] : params.operationName) ?? null;
    return fetcher({ ...params, operationName }, document ? { ...options, documentAST: document } : options);
  };
}

export function makeFetcher(onTokenNeeded: () => void): { fetcher: Fetcher; close: () => void } {
  const wsClient = createClient({
    url: socketAddress(),
    connectionParams: () => ({ token: readToken() ?? undefined }),
    // A server that starts anew is not there for a while: connecting fails, which is no close, and would end the subscription.
    retryAttempts: Infinity,
    retryWait: waitForServer,
    shouldRetry: (problem) => !(problem instanceof CloseEvent && UNAUTHORIZED.includes(problem.code)),
    on: {
      closed: (event) => {
        if (event instanceof CloseEvent && UNAUTHORIZED.includes(event.code)) onTokenNeeded();
      },
    },
  });
  const ask: typeof fetch = async (input, init) => {
    try {
      return await fetchWithToken(input, init);
    } catch (error) {
      if (error instanceof TokenNeeded) onTokenNeeded();
      throw error;
    }
  };
  const fetcher = createGraphiQLFetcher({ url: "graphql", fetch: ask, wsClient });
  return { fetcher: current(fetcher), close: () => void wsClient.dispose() };
}
