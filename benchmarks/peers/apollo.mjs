// Apollo Server over graphql-js with the same list of runs as ours. argv[2]: a file with the runs as JSON; argv[3]: the port.
import { readFileSync } from 'node:fs';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';

const runs = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const typeDefs = `
  enum NodeKind { TASK HOOK }
  enum RunStatus { running ok error cancelled }
  type RunRecord {
    id: ID!  nodeId: String!  nodeKind: NodeKind!  name: String!  status: RunStatus!
    timestampMs: Float!  durationMs: Float!  correlationId: String  ok: Boolean!
  }
  type Live { runs(last: Int): [RunRecord!]! }
  type Query { live: Live! }
`;
const resolvers = {
  Query: { live: () => ({}) },
  Live: { runs: (_, { last }) => runs.slice(runs.length - last) },
};

const server = new ApolloServer({ typeDefs, resolvers });
await startStandaloneServer(server, { listen: { port: Number(process.argv[3]), host: '127.0.0.1' } });
