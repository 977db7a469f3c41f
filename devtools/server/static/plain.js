// A GraphQL client of one text area, for pages without the built web files and where GraphiQL cannot be loaded.

import {
  TokenNeeded,
  forgetToken,
  post,
  readToken,
  rememberToken,
  socketAddress,
  takeTokenFromAddress,
} from "./session.js";

const SUBSCRIPTION = /^\s*(#.*\n\s*|,\s*)*subscription\b/;

/**
 * The element with this data-part.
 * @template {HTMLElement} T
 * @param {ParentNode} root
 * @param {string} name
 * @param {new () => T} type
 * @returns {T}
 */
function part(root, name, type) {
  const found = root.querySelector(`[data-part="${name}"]`);
  if (!(found instanceof type)) throw new Error(`The page has no part named ${name}`);
  return found;
}

/**
 * @param {string} text
 * @returns {Record<string, unknown> | undefined}
 */
function parseVariables(text) {
  if (!text.trim()) return undefined;
  const value = JSON.parse(text);
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw new SyntaxError("they must be one JSON object");
  }
  return value;
}

/**
 * One subscription over graphql-transport-ws. Returns the function that ends it.
 * @param {string} query
 * @param {Record<string, unknown> | undefined} variables
 * @param {{next: (result: unknown) => void, refused: (errors: unknown) => void, failed: (error: Error) => void, ended: () => void}} sink
 * @returns {() => void}
 */
function subscribe(query, variables, sink) {
  const socket = new WebSocket(socketAddress(), "graphql-transport-ws");
  /** @param {Record<string, unknown>} message */
  const send = (message) => socket.send(JSON.stringify(message));
  let over = false;
  /** @param {() => void} report */
  const finish = (report) => {
    if (over) return;
    over = true;
    report();
    socket.close(1000);
  };
  socket.onopen = () => send({ type: "connection_init", payload: { token: readToken() ?? undefined } });
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === "connection_ack") send({ id: "1", type: "subscribe", payload: { query, variables } });
    if (message.type === "ping") send({ type: "pong" });
    if (message.type === "next" && !over) sink.next(message.payload);
    if (message.type === "error") finish(() => sink.refused(message.payload));
    if (message.type === "complete") finish(sink.ended);
  };
  socket.onclose = ({ code, reason }) => {
    const refused = code === 4401 || code === 4403;
    finish(() => sink.failed(refused ? new TokenNeeded() : new Error(`The connection ended (${code} ${reason})`)));
  };
  return () => finish(sink.ended);
}

/**
 * Bring the client in `root` to life.
 * @param {HTMLElement} root
 */
export function attach(root) {
  const query = part(root, "query", HTMLTextAreaElement);
  const variables = part(root, "variables", HTMLTextAreaElement);
  const examples = part(root, "examples", HTMLSelectElement);
  const run = part(root, "run", HTMLButtonElement);
  const answer = part(root, "answer", HTMLElement);
  const state = part(root, "state", HTMLElement);
  const gate = part(root, "gate", HTMLFormElement);
  const token = part(root, "token", HTMLInputElement);
  const forget = part(root, "forget", HTMLButtonElement);
  /** @type {(() => void) | null} */
  let stop = null;
  // A flag, because a disabled button loses the focus.
  let asking = false;

  /** @param {boolean} needed */
  const showGate = (needed) => {
    gate.hidden = !needed;
    forget.hidden = needed || readToken() === null;
    if (needed) token.focus();
  };
  /** @param {unknown} value */
  const show = (value) => {
    answer.textContent = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  };
  /** @param {unknown} error */
  const fail = (error) => {
    if (error instanceof TokenNeeded) showGate(true);
    state.textContent = "✕ failed";
    show(error instanceof Error ? error.message : String(error));
  };
  const rest = () => {
    stop = null;
    run.textContent = "Run";
  };

  /** @param {Record<string, unknown> | undefined} values */
  const follow = (values) => {
    run.textContent = "Stop";
    state.textContent = "● waiting for records";
    let count = 0;
    stop = subscribe(query.value, values, {
      next: (result) => {
        count += 1;
        state.textContent = `● live, ${count} received`;
        show(result);
      },
      refused: (errors) => {
        rest();
        state.textContent = "✕ answered with errors";
        show({ errors });
      },
      failed: (error) => {
        rest();
        fail(error);
      },
      ended: () => {
        rest();
        state.textContent = `‖ ended, ${count} received`;
      },
    });
  };

  /** @param {Record<string, unknown> | undefined} values */
  const ask = async (values) => {
    state.textContent = "… running";
    asking = true;
    const started = performance.now();
    try {
      const result = await post(query.value, values);
      const took = Math.round(performance.now() - started);
      state.textContent = result.errors ? `✕ answered with errors, ${took} ms` : `✓ answered, ${took} ms`;
      show(result);
      showGate(false);
    } catch (error) {
      fail(error);
    } finally {
      asking = false;
    }
  };

  const execute = async () => {
    if (asking) return;
    if (stop) return stop();
    let values;
    try {
      values = parseVariables(variables.value);
    } catch (error) {
      return fail(new Error(`The variables cannot be read: ${error instanceof Error ? error.message : error}`));
    }
    if (SUBSCRIPTION.test(query.value)) return follow(values);
    await ask(values);
  };

  const fill = () => {
    query.value = examples.value;
  };
  const given = new URLSearchParams(location.search);
  const queryGiven = given.get("query");
  if (queryGiven === null) fill();
  else query.value = queryGiven;
  variables.value = given.get("variables") ?? "";
  examples.addEventListener("change", fill);
  run.addEventListener("click", execute);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    void execute();
  });
  gate.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!token.value.trim()) return;
    rememberToken(token.value);
    token.value = "";
    showGate(false);
    void execute();
  });
  forget.addEventListener("click", () => {
    forgetToken();
    stop?.();
    show("");
    showGate(true);
    state.textContent = "The token was removed from this browser";
  });
  forget.hidden = readToken() === null;
}

takeTokenFromAddress();
for (const root of document.querySelectorAll("[data-plain]")) {
  if (root instanceof HTMLElement) attach(root);
}
