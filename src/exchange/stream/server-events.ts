/**
 * Server-sent events of the trading host: trade updates (the Go SDK's stream) and account activities, without a socket.
 * Unlike the websocket they can go back: `since` and `since_id` replay what is still in memory. Must never hold more
 * than the newest events of an account.
 */
import { parseNanos } from '../clock.ts';
import type { TradeUpdate } from '../engine/types.ts';

/** Newest trade updates kept per account for `since`. */
const HISTORY = 5_000;

export interface EventRange {
  readonly since: string | null;
  readonly until: string | null;
  readonly sinceId: string | null;
  readonly untilId: string | null;
}

export const rangeOf = (query: URLSearchParams): EventRange => ({
  since: query.get('since'),
  until: query.get('until'),
  sinceId: query.get('since_id'),
  untilId: query.get('until_id'),
});

/** The first parameter that cannot be read, in words; null when all can. */
export function rangeFault(range: EventRange): string | null {
  for (const [name, value] of [['since', range.since] as const, ['until', range.until] as const])
    if (value !== null && parseNanos(value) === null) return `${name} must be a date or RFC3339`;
  if (range.since !== null && range.sinceId !== null) return 'only one of since or since_id is allowed';
  if (range.until !== null && range.since === null && range.sinceId === null) return 'until requires since';
  if (range.untilId !== null && range.sinceId === null && range.since === null) return 'until_id requires since_id';
  return null;
}

interface Row {
  readonly id: string;
  /** RFC 3339. */
  readonly at: string;
  /** Made JSON only for those who listen. */
  readonly value: unknown;
}

const line = (row: Row): string => `data: ${JSON.stringify(row.value)}\n\n`;

/** Ids and moments count inclusively: a client that repeats the last id it saw gets that event again, and misses none. */
function inRange(row: Row, range: EventRange): boolean {
  if (range.sinceId !== null && row.id < range.sinceId) return false;
  if (range.untilId !== null && row.id > range.untilId) return false;
  const at = parseNanos(row.at) ?? 0n;
  if (range.since !== null && at < (parseNanos(range.since) ?? 0n)) return false;
  return range.until === null || at <= (parseNanos(range.until) ?? 0n);
}

const isPast = (range: EventRange): boolean => range.since !== null || range.sinceId !== null;
const hasEnd = (range: EventRange): boolean => range.until !== null || range.untilId !== null;

export interface EventFeed {
  /** Writes the history that was asked for. `ended` when the range has an end, so that nothing live follows. */
  begin(): 'open' | 'ended';
  close(): void;
}

export class ServerEvents {
  readonly #history = new Map<string, Row[]>();
  readonly #live = new Set<{ readonly account: string; readonly write: (line: string) => void }>();
  /** Each reads on from the last activity that it has written. */
  readonly #activityFeeds = new Set<() => void>();

  trade(account: string, update: TradeUpdate): void {
    const row: Row = { id: update.event_id, at: update.at, value: update };
    const rows = this.#history.get(account) ?? [];
    rows.push(row);
    if (rows.length > HISTORY * 2) rows.splice(0, rows.length - HISTORY);
    this.#history.set(account, rows);
    for (const feed of this.#live) if (feed.account === account) feed.write(line(row));
  }

  /** Something may have added activities. */
  activitiesMoved(): void {
    for (const pump of this.#activityFeeds) pump();
  }

  trades(account: string, range: EventRange, write: (line: string) => void): EventFeed {
    const feed = { account, write };
    return {
      begin: () => {
        if (isPast(range))
          for (const row of this.#history.get(account) ?? []) if (inRange(row, range)) write(line(row));
        if (hasEnd(range)) return 'ended';
        this.#live.add(feed);
        return 'open';
      },
      close: () => this.#live.delete(feed),
    };
  }

  /** `page` gives the activities after the one with this id, oldest first. */
  activities(
    page: (afterId: string | null) => readonly { readonly id: string; readonly [key: string]: unknown }[],
    range: EventRange,
    write: (line: string) => void,
  ): EventFeed {
    let last: string | null = null;
    const read = (wanted: (row: Row) => boolean): void => {
      for (let rows = page(last); rows.length > 0; rows = page(last)) {
        for (const activity of rows) {
          last = activity.id;
          const at = String(activity['created_at'] ?? activity['transaction_time'] ?? '');
          const row = { id: activity.id, at, value: activity };
          if (wanted(row)) write(line(row));
        }
      }
    };
    const pump = (): void => read(() => true);
    return {
      begin: () => {
        read((row) => isPast(range) && inRange(row, range));
        if (hasEnd(range)) return 'ended';
        this.#activityFeeds.add(pump);
        return 'open';
      },
      close: () => this.#activityFeeds.delete(pump),
    };
  }
}
