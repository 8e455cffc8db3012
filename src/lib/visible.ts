/** Text of others made safe to look at: what a terminal would obey, or a reader would not see, becomes an escape. */

const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** At most `limit` characters; `\u001b` for an escape character. Never for machines. */
export function visible(text: string, limit: number): string {
  const shown = text.slice(0, limit + 1).replace(UNSEEN, (char) => {
    const units = Array.from({ length: char.length }, (_, index) => char.charCodeAt(index));
    return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
  });
  return shown.length <= limit ? shown : `${shown.slice(0, limit - 1)}…`;
}
