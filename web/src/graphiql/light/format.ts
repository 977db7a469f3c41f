// Stands for Prettier in the GraphQL worker (a second copy of 40 KB compressed). The Prettify button has the real one;
// this serves the editor's own "Format Document" and leaves a text alone whose inner comments it would lose.
import { parse, print } from "graphql";

const LEADING_COMMENTS = /^(?:\s*#.*\n)*/;

export function format(text: string): string {
  const comments = LEADING_COMMENTS.exec(text)?.[0] ?? "";
  const rest = text.slice(comments.length);
  return rest.includes("#") ? text : `${comments}${print(parse(rest))}\n`;
}
