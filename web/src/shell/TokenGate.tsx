import { type FormEvent, useState } from "react";

/** The field that asks for the token. `onToken` is called with what was entered. */
export function TokenGate({ refused, onToken }: { refused: boolean; onToken: (token: string) => void }) {
  const [value, setValue] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (value.trim()) onToken(value);
  };
  return (
    <form className="token-gate notice warn" onSubmit={submit} aria-label="Token needed">
      <label>
        <strong>Token needed</strong>
        <input
          type="password"
          value={value}
          onChange={(event) => setValue(event.target.value)}
          autoComplete="off"
          spellCheck={false}
          autoFocus
        />
      </label>
      <button type="submit">Use token</button>
      <span className="quiet">
        {refused ? "The stored token was refused. " : ""}
        <code>devtools open</code> prints a link that carries it; a server without a database printed its own at the start.
      </span>
    </form>
  );
}
