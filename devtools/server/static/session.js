// The token and the one way to ask the server. Used by the plain pages as it is and by the built pages through Vite.
// The token arrives as `#token=…`, is kept in localStorage and travels in the Authorization header only.

const KEY = "devtools.token";

/** @type {string | null} Used where localStorage is refused. */
let inMemory = null;

/** Thrown when the server answers 401. */
export class TokenNeeded extends Error {
  constructor() {
    super("The server needs a token");
    this.name = "TokenNeeded";
  }
}

/** Keep the token of `#token=…` and remove it from the address bar. */
export function takeTokenFromAddress() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const token = fragment.get("token");
  if (token === null) return;
  fragment.delete("token");
  const rest = fragment.toString();
  history.replaceState(history.state, "", location.pathname + location.search + (rest && `#${rest}`));
  if (token.trim()) rememberToken(token);
}

/** @returns {string | null} */
export function readToken() {
  try {
    return localStorage.getItem(KEY) ?? inMemory;
  } catch {
    return inMemory;
  }
}

/** @param {string} token */
export function rememberToken(token) {
  inMemory = token.trim();
  try {
    localStorage.setItem(KEY, inMemory);
  } catch {
    // The token then lives as long as this page.
  }
}

/** Remove the token from this browser. */
export function forgetToken() {
  inMemory = null;
  try {
    localStorage.removeItem(KEY);
  } catch {
    // Nothing was kept.
  }
}

/** @returns {Record<string, string>} */
export function authorization() {
  const token = readToken();
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/**
 * `fetch` with the token; a 401 becomes TokenNeeded.
 * @param {RequestInfo | URL} input
 * @param {RequestInit} [init]
 * @returns {Promise<Response>}
 */
export async function fetchWithToken(input, init = {}) {
  const headers = new Headers(init.headers);
  for (const [name, value] of Object.entries(authorization())) headers.set(name, value);
  const response = await fetch(input, { ...init, headers, cache: "no-store" });
  if (response.status === 401) throw new TokenNeeded();
  return response;
}

/**
 * One GraphQL operation over HTTP. `graphql` is relative: it lies beside every page of ours, under any mount path.
 * @param {string} query
 * @param {Record<string, unknown>} [variables]
 * @param {AbortSignal} [signal]
 * @returns {Promise<{data?: unknown, errors?: {message: string, path?: (string | number)[]}[]}>}
 */
export async function post(query, variables, signal) {
  const response = await fetchWithToken("graphql", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify({ query, variables }),
    signal: signal ?? null,
  });
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`The server answered ${response.status}: ${text.slice(0, 200) || "nothing"}`);
  }
}

/** Address of the subscriptions: the same path as `graphql`, as a WebSocket. */
export function socketAddress() {
  return new URL("graphql", location.href.replace(/^http/, "ws")).href.replace(/#.*$/, "");
}
