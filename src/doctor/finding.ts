/** What a check of `tower doctor` finds, in words for the person who will put it right. Must never hold a secret. */

type Level = 'ok' | 'warning' | 'error';

export interface Finding {
  /** What was looked at: `disk`, `keys (paper)`. */
  readonly check: string;
  readonly level: Level;
  readonly text: string;
  /** What to do about it; empty when nothing is wrong. */
  readonly remedy: string;
}

export const ok = (check: string, text: string): Finding => ({ check, level: 'ok', text, remedy: '' });
export const warning = (check: string, text: string, remedy: string): Finding => ({
  check,
  level: 'warning',
  text,
  remedy,
});
export const error = (check: string, text: string, remedy: string): Finding => ({
  check,
  level: 'error',
  text,
  remedy,
});

/** `3.2 GB` */
export function sizeOf(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : Math.round(value * 10) / 10} ${units[unit]}`;
}
