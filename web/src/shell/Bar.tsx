import type { ReactNode } from "react";
import { THEMES, type Theme } from "../theme";

interface BarProps {
  title: string;
  children?: ReactNode;
  theme: Theme;
  onTheme: (theme: Theme) => void;
  hasToken: boolean;
  onForget: () => void;
}

/** The line on top of both pages. */
export function Bar({ title, children, theme, onTheme, hasToken, onForget }: BarProps) {
  return (
    <header className="bar">
      <h1>{title}</h1>
      {children}
      <div className="bar-tools">
        {hasToken && (
          <button type="button" onClick={onForget} title="Remove the token from this browser">
            Forget token
          </button>
        )}
        <label>
          <span className="quiet">Theme</span>
          <select aria-label="Theme" value={theme} onChange={(event) => onTheme(event.target.value as Theme)}>
            {THEMES.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      </div>
    </header>
  );
}
