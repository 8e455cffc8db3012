/**
 * What an exchange keeps: the entries that it journals, and the snapshot that replaces them. Plain JSON.
 * Must never leave out what an answer has promised.
 */
import type { WatchlistChange } from './api/trading-watchlists.ts';
import type { JournalEntry } from './engine/types.ts';
import type { KnownKey } from './keys.ts';
import type { MarketChange } from './market/market.ts';

/** A line of the store: what has happened since the snapshot. */
export type Entry =
  | { readonly t: 'begun'; readonly seed: string }
  | { readonly t: 'engine'; readonly entry: JournalEntry }
  | { readonly t: 'key'; readonly key: KnownKey }
  | { readonly t: 'watchlist'; readonly change: WatchlistChange }
  | ({ readonly t: 'market' } & MarketEntry);

/** What was done to the market by hand, and the instant (decimal) at which. */
export interface MarketEntry {
  readonly at: string;
  readonly change: MarketChange;
}

export interface Snapshot {
  readonly seed: string;
  /** The latest moment in it, decimal. */
  readonly at: string;
  readonly engine: string;
  readonly keys: readonly KnownKey[];
  readonly watchlists: readonly WatchlistChange[];
  readonly market: readonly MarketEntry[];
}

/** The seed that the kept state was begun with; null when nothing is kept. Throws when another one is asked for. */
export function keptSeed(
  snapshot: Snapshot | null,
  entries: readonly Entry[],
  wanted: string | undefined,
): string | null {
  const first = entries[0];
  const kept = snapshot?.seed ?? (first?.t === 'begun' ? first.seed : null);
  if (kept !== null && wanted !== undefined && kept !== wanted)
    throw new Error(
      `seed ${wanted}: the kept state was begun with seed ${kept}; leave the seed out or use another home`,
    );
  return kept;
}
