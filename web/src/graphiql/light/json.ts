// Stands for Prettier's JavaScript parser and printer (144 KB compressed), which GraphiQL uses to format JSON with comments.
import { applyEdits, format } from "jsonc-parser";

interface Text {
  text: string;
}

const FORMAT = "json-text";

export const parsers = {
  jsonc: {
    astFormat: FORMAT,
    parse: (text: string): Text => ({ text }),
    locStart: () => 0,
    locEnd: (node: Text) => node.text.length,
  },
};

export const printers = {
  [FORMAT]: {
    print: ({ node }: { node: Text }) =>
      applyEdits(node.text, format(node.text, undefined, { tabSize: 2, insertSpaces: true, eol: "\n" })),
  },
};
