// The audits of the GraphQL-over-HTTP specification, against the endpoint at argv[2] with the token at argv[3].
// Prints one JSON list: [{ id, name, status, reason }].
import { auditServer } from 'graphql-http';

const [url, token] = process.argv.slice(2);
const authorised = (input, init) => {
  const headers = new Headers(init?.headers);
  headers.set('authorization', `Bearer ${token}`);
  return fetch(input, { ...init, headers });
};
const results = await auditServer({ url, fetchFn: authorised });
console.log(JSON.stringify(results.map(({ id, name, status, reason }) => ({ id, name, status, reason }))));
