/** Hints for names that are nearly right. Only ever shown, never acted upon. */
import { codePoint } from '../lib/json.ts';

/** What other systems call our fields. */
const SYNONYMS: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    quantity: ['qty'],
    amount: ['qty', 'notional'],
    shares: ['qty'],
    contracts: ['qty'],
    size: ['qty'],
    volume: ['qty'],
    value: ['notional'],
    dollars: ['notional'],
    type: ['order_class'],
    kind: ['order_class'],
    price: ['limit_price'],
    limit: ['limit_price'],
    stop: ['stop_price'],
    trigger_price: ['stop_price'],
    trail: ['trail_price'],
    tif: ['time_in_force'],
    duration: ['time_in_force'],
    ticker: ['symbol', 'symbols'],
    instrument: ['symbol'],
    pair: ['symbol'],
    direction: ['side'],
    action: ['side'],
    ratio: ['ratio_qty'],
    order_id: ['alpaca_order_id', 'client_order_id'],
    id: ['alpaca_order_id', 'client_order_id'],
    agent: ['agent_id'],
    request_id: ['request_order_id'],
    expires: ['send_by'],
    deadline: ['send_by'],
    metadata: ['meta'],
    note: ['meta'],
    data: ['payload', 'data_type'],
    since: ['after'],
    start: ['after'],
    end: ['until'],
  }),
);

/** `did you mean …?` for the nearest of `known`, or null when none is near. */
export function nearest(name: string, known: readonly string[]): string | null {
  const found = nearestName(name.slice(0, 64), known);
  return found === null ? null : `did you mean ${found}?`;
}

function nearestName(name: string, known: readonly string[]): string | null {
  const plain = simplified(name);
  const same = known.find((candidate) => simplified(candidate) === plain);
  if (same !== undefined) return same;
  const synonym = SYNONYMS.get(name.toLowerCase())?.find((candidate) => known.includes(candidate));
  if (synonym !== undefined) return synonym;
  let best: string | null = null;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const distance = editDistance(plain, simplified(candidate));
    // Half of a short name may not change, or everything would be near.
    if (distance <= Math.min(2, Math.floor(candidate.length / 2)) && distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** camelCase, kebab-case and upper case say the same. */
const simplified = (name: string): string => name.replace(/[_\-\s]/g, '').toLowerCase();

/** Single-character edits (insert, delete, change) from one text to the other. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const change = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}

/** Names the first character that only looks like ASCII: `contains U+0455`, or null. */
export function foreignCharacter(text: string): string | null {
  for (const [position, char] of [...text].entries()) {
    const code = char.codePointAt(0) ?? 0;
    if (code > 0x7e || code < 0x20) return `contains ${codePoint(code)} at character ${position + 1}`;
  }
  return null;
}
