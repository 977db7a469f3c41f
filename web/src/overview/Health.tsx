import type { HealthReport } from "./data";

const WORDS = {
  healthy: ["✓ healthy", "good"],
  degraded: ["▲ degraded", "warn-text"],
  unhealthy: ["✕ unhealthy", "bad"],
} as const;

/** A state in words and its class; of what was last seen where the server is lost: it says nothing of now. */
export function healthWord(status: keyof typeof WORDS, stale: boolean) {
  return stale ? ([`was ${status}`, "quiet"] as const) : WORDS[status];
}

/** One row for each resource with a health check; nothing where there is none. */
export function Health({ report, stale }: { report: HealthReport | null; stale: boolean }) {
  if (report === null || report.report.length === 0) return null;
  return (
    <section className="panel" data-panel="health" aria-labelledby="panel-health">
      <h2 id="panel-health">Health of resources</h2>
      <table>
        <thead>
          <tr>
            <th className="text" scope="col">Resource</th>
            <th className="health" scope="col">State</th>
            <th className="text" scope="col">Says</th>
          </tr>
        </thead>
        <tbody>
          {report.report.map((entry) => {
            const [word, className] = healthWord(entry.status, stale);
            return (
              <tr key={entry.id}>
                <td className="text" title={entry.id}>{entry.id}</td>
                <td className={`health ${className}`}>{word}</td>
                <td className="text" title={entry.message ?? ""}>{entry.message}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
