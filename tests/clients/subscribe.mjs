// Runs one operation with the unmodified client package of a protocol and prints what its sink is told, one JSON object a line.
// argv[2]: { protocol: "ws" | "ws-header" | "sse", url, token, query, variables, retries }. The end of stdin unsubscribes.
import { createClient as createEventStreamClient } from 'graphql-sse';
import { createClient as createSocketClient } from 'graphql-ws';
import WebSocket from 'ws';

const { protocol, url, token, query, variables, retries = 0 } = JSON.parse(process.argv[2]);
const say = (event, payload = null) => console.log(JSON.stringify({ event, payload }));
const authorization = `Bearer ${token}`;
const again = () => new Promise((resolve) => setTimeout(resolve, 100));

class SocketWithHeader extends WebSocket {
  constructor(address, protocols) {
    super(address, protocols, { headers: { authorization } });
  }
}

const overSocket = (options) =>
  createSocketClient({
    url: url.replace(/^http/, 'ws'),
    retryAttempts: retries,
    retryWait: again,
    shouldRetry: () => true,
    on: {
      connected: () => say('connected'),
      closed: ({ code, reason }) => say('closed', { code, reason }),
    },
    ...options,
  });

const clients = {
  ws: () => overSocket({ webSocketImpl: WebSocket, connectionParams: { token } }),
  'ws-header': () => overSocket({ webSocketImpl: SocketWithHeader }),
  sse: () =>
    createEventStreamClient({
      url,
      headers: { authorization },
      retryAttempts: retries,
      retry: again,
      on: { connected: () => say('connected') },
    }),
};

const described = (error) =>
  Array.isArray(error) ? error : { code: error.code, message: error.message ?? error.reason, status: error.response?.status };

const client = clients[protocol]();
const unsubscribe = client.subscribe(
  { query, variables },
  {
    next: (result) => say('next', result),
    error: (error) => {
      say('error', described(error));
      process.exit();
    },
    complete: () => {
      say('complete');
      process.exit();
    },
  },
);
process.stdin.on('end', unsubscribe).resume();
