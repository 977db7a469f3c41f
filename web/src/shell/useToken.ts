/** The token as state of a page. The token itself lives in the module shared with the plain pages. */
import { useCallback, useState } from "react";
import { forgetToken, readToken, rememberToken } from "../../../devtools/server/static/session.js";

export interface TokenState {
  hasToken: boolean;
  needed: boolean;
  /** Grows whenever the token changes: what was loaded with another one depends on it. */
  generation: number;
  ask: () => void;
  accept: (token: string) => void;
  forget: () => void;
}

export function useToken(): TokenState {
  const [needed, setNeeded] = useState(false);
  const [hasToken, setHasToken] = useState(() => readToken() !== null);
  const [generation, setGeneration] = useState(0);
  const ask = useCallback(() => setNeeded(true), []);
  const accept = useCallback((token: string) => {
    rememberToken(token);
    setHasToken(true);
    setNeeded(false);
    setGeneration((before) => before + 1);
  }, []);
  const forget = useCallback(() => {
    forgetToken();
    setHasToken(false);
    setNeeded(true);
    setGeneration((before) => before + 1);
  }, []);
  return { hasToken, needed, generation, ask, accept, forget };
}
