/** Links from the overview into GraphiQL. */
import trace from "./trace.graphql?raw";

export function traceLink(correlationId: string): string {
  return `graphiql?${new URLSearchParams({ query: trace, variables: JSON.stringify({ correlationId }) })}`;
}

export const exampleLink = (name: string): string => `graphiql?${new URLSearchParams({ example: name })}`;
