import { EXAMPLES } from "../examples";
import { exampleLink } from "./links";

const DECLARE = `from devtools import event, hook, task

order_placed = event("shop.order_placed")

@task(emits=[order_placed])
async def place_order(cart): ...

@hook(order_placed)
async def send_mail(order): ...`;

const QUESTIONS: Record<string, string> = {
  live: "What is it doing now?",
  history: "What did it do, across restarts?",
  structure: "What is it made of?",
  snapshots: "Which versions of it are stored?",
  records: "Follow new records (subscription)",
};

/** Ways on: example queries, the endpoint, the command line, the decorators. */
export function Hints() {
  const endpoint = new URL("graphql", location.href).href;
  const command = `devtools query '{ live { runs(last: 3) { name durationMs } } }' --endpoint ${endpoint}`;
  return (
    <section className="panel hints" aria-labelledby="panel-hints">
      <h2 id="panel-hints">Ask more</h2>
      <div className="hints-body">
        <div>
          <h3>In GraphiQL</h3>
          <ul>
            {EXAMPLES.map(({ name }) => (
              <li key={name}>
                <a href={exampleLink(name)}>{QUESTIONS[name] ?? name}</a>
              </li>
            ))}
          </ul>
        </div>
        <div>
          <h3>From a shell</h3>
          <pre tabIndex={0}>{command}</pre>
          <p className="quiet">
            Any GraphQL client can use <code>{endpoint}</code> with <code>Authorization: Bearer …</code>.
          </p>
        </div>
        <div>
          <h3>Name the parts of your app</h3>
          <pre tabIndex={0}>{DECLARE}</pre>
        </div>
      </div>
    </section>
  );
}
