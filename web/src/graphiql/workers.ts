// The three workers GraphiQL needs, as `graphiql/setup-workers/vite` has them, without its chatter on the console.
import EditorWorker from "monaco-editor/esm/vs/editor/editor.worker.js?worker";
import JsonWorker from "monaco-editor/esm/vs/language/json/json.worker.js?worker";
import GraphqlWorker from "monaco-graphql/esm/graphql.worker.js?worker";

const WORKERS: Record<string, new () => Worker> = { json: JsonWorker, graphql: GraphqlWorker };

const getWorker = (_id: string, label: string): Worker => new (WORKERS[label] ?? EditorWorker)();

Object.assign(globalThis, { MonacoEnvironment: { getWorker } });
