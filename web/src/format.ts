/** Numbers and times as text, with their units. */

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export const count = (value: number): string => WHOLE.format(value);

export function bytes(value: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let unit = 0;
  let size = value;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${size.toFixed(size < 10 && unit > 0 ? 1 : 0)} ${units[unit]}`;
}

export function milliseconds(value: number): string {
  if (value < 1) return `${value.toFixed(2)} ms`;
  if (value < 100) return `${value.toFixed(1)} ms`;
  return value < 10_000 ? `${WHOLE.format(value)} ms` : `${(value / 1000).toFixed(1)} s`;
}

export const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;

/** Local time of day, with milliseconds as the traces have them. */
export function timeOfDay(timestampMs: number): string {
  const time = new Date(timestampMs);
  const pad = (value: number, digits = 2) => String(value).padStart(digits, "0");
  return `${pad(time.getHours())}:${pad(time.getMinutes())}:${pad(time.getSeconds())}.${pad(time.getMilliseconds(), 3)}`;
}

export function age(sinceMs: number, nowMs: number): string {
  const seconds = Math.max(0, Math.round((nowMs - sinceMs) / 1000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`;
  return seconds < 129_600 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} d`;
}

/** Text without the codes that colour it in a terminal. */
export const plain = (text: string): string => text.replace(/\x1b\[[0-9;]*m/g, "");
