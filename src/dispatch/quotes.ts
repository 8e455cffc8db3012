/**
 * Quotes for who must put a price on an order before it is taken: asked of the broker's data, and only of it. Must never
 * hand out a quote that is stale, crossed or one-sided, nor make the intake wait for long.
 */
import { micros, sleep } from '../lib/clock.ts';
import type { Decimal } from '../order/decimal.ts';
import { fromRfc3339 } from '../order/time.ts';
import { isSound } from '../risk/limits.ts';
import type { Quote, Quotes } from '../risk/measure.ts';
import { ask, type Desk } from './desk.ts';

/** The intake waits so long for quotes, and after a wait in vain asks for none for so long. */
const PATIENCE_MS = 1_000;
const REST_MS = 5_000;
/** A quote that was just read is good for the orders that come with it. */
const REUSE_MS = 500;

interface Kept {
  readonly bid: Decimal;
  readonly ask: Decimal;
  /** Microseconds of wall time at which it was made. */
  readonly at: number;
  /** Monotonic milliseconds at which it was read. */
  readonly readAt: number;
}

export class QuoteBook {
  readonly #desk: Desk;
  readonly #maxAgeMs: number;
  readonly #kept = new Map<string, Kept>();
  #restsUntil = Number.NEGATIVE_INFINITY;

  constructor(desk: Desk, maxAgeMs: number) {
    this.#desk = desk;
    this.#maxAgeMs = maxAgeMs;
  }

  /** Those of `symbols` (as orders name them) that have a fresh and sound quote. */
  async latest(symbols: readonly string[]): Promise<Quotes> {
    const { clock } = this.#desk;
    const now = clock.monotonic();
    for (const [symbol, { readAt }] of this.#kept) if (now - readAt > REUSE_MS) this.#kept.delete(symbol);
    const missing = symbols.filter((symbol) => !this.#kept.has(symbol));
    if (missing.length > 0 && now >= this.#restsUntil) {
      const isRead = await Promise.race([
        this.#read(missing).then(() => true),
        sleep(clock, PATIENCE_MS).then(() => false),
      ]);
      if (!isRead) this.#restsUntil = clock.monotonic() + REST_MS;
    }
    return new Map(symbols.flatMap((symbol) => this.#fresh(symbol)));
  }

  #fresh(symbol: string): [string, Quote][] {
    const kept = this.#kept.get(symbol);
    if (kept === undefined) return [];
    const ageMs = Math.max(0, (this.#desk.clock.now() - kept.at) / 1000);
    return ageMs <= this.#maxAgeMs ? [[symbol, { bid: kept.bid, ask: kept.ask, ageMs }]] : [];
  }

  async #read(symbols: readonly string[]): Promise<void> {
    const { broker, clock } = this.#desk;
    for (const part of broker.marketDataPlan({ symbols, dataType: 'quote' })) {
      const deadline = clock.monotonic() + PATIENCE_MS;
      const outcome = await ask(this.#desk, 'resolve', '', () => broker.marketData(part), deadline, 'data');
      if (outcome?.kind !== 'done') continue;
      for (const [symbol, { bid_price: bid, ask_price: asked, timestamp }] of outcome.value) {
        const at = timestamp === null || timestamp === undefined ? null : fromRfc3339(timestamp);
        if (!bid || !asked || at === null || !isSound({ bid, ask: asked })) continue;
        this.#kept.set(symbol, {
          bid: bid as Decimal,
          ask: asked as Decimal,
          at: micros(at),
          readAt: clock.monotonic(),
        });
      }
    }
  }
}
