/** The theme of both pages: the system's unless chosen here, kept in this browser. */
import { useEffect, useState, useSyncExternalStore } from "react";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "devtools.theme";

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return THEMES.find((theme) => theme === value) ?? "system";
  } catch {
    return "system";
  }
}

export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState<Theme>(stored);
  useEffect(() => {
    if (theme === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // The choice then lives as long as this page.
    }
  }, [theme]);
  return [theme, setTheme];
}

const DARK = window.matchMedia("(prefers-color-scheme: dark)");

function onSystemChange(changed: () => void): () => void {
  DARK.addEventListener("change", changed);
  return () => DARK.removeEventListener("change", changed);
}

/** The theme as it is shown, also where the system's changes while the page is open. */
export function useShownTheme(theme: Theme): "light" | "dark" {
  const isDark = useSyncExternalStore(onSystemChange, () => DARK.matches);
  if (theme !== "system") return theme;
  return isDark ? "dark" : "light";
}
