/**
 * Which quotes are worth streaming: those of symbols that are asked for again and again, a bounded number, and only for
 * as long as somebody asks. Must never make anybody wait: where the stream says nothing, the broker is asked.
 */
import type { Broker, QuoteStream } from '../broker/broker.ts';
import type { Clock } from '../lib/clock.ts';
import { instant } from '../order/time.ts';
import type { MarketDataBook, Tick } from './market-data.ts';
import type { Moment, Steps } from './moment.ts';

type Kind = 'stock' | 'crypto';

export interface LiveOptions {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly steps: Steps;
  readonly market: MarketDataBook;
  /** Symbols streamed at most, of each kind; 0: none. */
  readonly most: number;
  /** How old a quote may be: the stream is proven alive more often than that. */
  readonly maxAgeMs: number;
  notice(level: 'info', text: string, remedy: string): void;
}

/** Asked for so often within about half a minute, a symbol is worth a place. */
const HOT = 10;
const HALF_LIFE_MS = 30_000;
/** Not asked for so long, it loses it. */
const IDLE_MS = 60_000;
const REVIEW_MS = 1000;
/** Symbols whose asking is counted. */
const MOST_COUNTED = 1000;

interface Heat {
  score: number;
  askedAt: number;
}

export class Live {
  readonly #o: LiveOptions;
  readonly #lines: Readonly<Record<Kind, Line>>;
  #review: (() => void) | null = null;
  #stopped = false;

  constructor(options: LiveOptions) {
    this.#o = options;
    this.#lines = { stock: new Line('stock', options), crypto: new Line('crypto', options) };
  }

  /** Somebody asks for these quotes. */
  asked(kind: 'stock' | 'crypto' | 'option', symbols: Iterable<string>): void {
    if (kind === 'option' || this.#o.most === 0 || this.#o.maxAgeMs === 0 || this.#stopped) return;
    for (const symbol of symbols) this.#lines[kind].heat(symbol);
    this.#review ??= this.#o.clock.after(REVIEW_MS, () => this.#look());
  }

  #look(): void {
    this.#review = null;
    if (this.#stopped) return;
    const isBusy = [this.#lines.stock.review(), this.#lines.crypto.review()].some((busy) => busy);
    if (isBusy) this.#review = this.#o.clock.after(Math.min(REVIEW_MS, this.#o.maxAgeMs / 2), () => this.#look());
  }

  stop(): void {
    this.#stopped = true;
    this.#review?.();
    this.#lines.stock.stop();
    this.#lines.crypto.stop();
  }
}

/** One connection. */
class Line {
  readonly #kind: Kind;
  readonly #o: LiveOptions;
  readonly #heats = new Map<string, Heat>();
  readonly #wanted = new Set<string>();
  /** Symbol → when the server confirmed it. */
  readonly #since = new Map<string, Moment>();
  #stream: QuoteStream | null = null;
  #hasTold = false;

  constructor(kind: Kind, options: LiveOptions) {
    this.#kind = kind;
    this.#o = options;
  }

  heat(symbol: string): void {
    const now = this.#o.clock.monotonic();
    const before = this.#heats.get(symbol);
    this.#heats.delete(symbol);
    const score = before === undefined ? 1 : before.score * 2 ** ((before.askedAt - now) / HALF_LIFE_MS) + 1;
    this.#heats.set(symbol, { score, askedAt: now });
    const [coldest] = this.#heats.keys();
    if (this.#heats.size > MOST_COUNTED && coldest !== undefined) this.#heats.delete(coldest);
  }

  /** Chooses anew what is streamed, and has the connection prove that it is alive. False when there is nothing to do. */
  review(): boolean {
    const now = this.#o.clock.monotonic();
    for (const [symbol, { askedAt }] of this.#heats) if (now - askedAt > IDLE_MS) this.#heats.delete(symbol);
    const before = [...this.#wanted].sort().join();
    for (const symbol of this.#wanted) if (!this.#heats.has(symbol)) this.#wanted.delete(symbol);
    const hot = [...this.#heats].filter(([symbol, { score }]) => score >= HOT && !this.#wanted.has(symbol));
    for (const [symbol] of hot.sort(([, a], [, b]) => b.score - a.score)) {
      if (this.#wanted.size >= this.#o.most) break;
      this.#wanted.add(symbol);
    }
    if ([...this.#wanted].sort().join() !== before) this.#open().want(new Set(this.#wanted));
    if (this.#since.size > 0) this.#prove();
    return this.#heats.size > 0;
  }

  #open(): QuoteStream {
    const { broker, steps, notice } = this.#o;
    this.#stream ??= broker.quotes(this.#kind, {
      subscribed: (symbols) => {
        const now = steps.next();
        for (const symbol of this.#since.keys()) if (!symbols.has(symbol)) this.#since.delete(symbol);
        for (const symbol of symbols) if (!this.#since.has(symbol)) this.#since.set(symbol, now);
      },
      quote: (symbol, value) => this.#heard(symbol, value),
      down: (reason) => {
        this.#since.clear();
        if (this.#hasTold) return;
        this.#hasTold = true;
        notice(
          'info',
          `quotes (${this.#kind}) are not streamed (${broker.mode}): ${reason}`,
          'they are asked for by requests; mirror.stream_symbols 0 leaves the stream to other programs of the account',
        );
      },
    });
    return this.#stream;
  }

  #heard(symbol: string, value: NonNullable<Tick['value']>): void {
    const { market, steps } = this.#o;
    const held = market.peek(this.#kind, 'quote', symbol);
    const [before, after] = [held?.value?.['timestamp'], value['timestamp']].map((text) => instant(text ?? ''));
    // A request may have brought a later one.
    if (before && after && after < before) return;
    market.hear(this.#kind, 'quote', symbol, { value, moment: steps.next() });
  }

  /** What the stream had to say before the ping was answered, it has said: silence means that nothing has changed. */
  #prove(): void {
    const { market, steps } = this.#o;
    const asked = steps.next();
    this.#stream?.ping(() => {
      for (const [symbol, since] of this.#since) {
        const held = market.peek(this.#kind, 'quote', symbol);
        // What was held before the subscription may have changed before it.
        if (held !== null && held.moment.step > since.step && held.moment.step < asked.step)
          market.hear(this.#kind, 'quote', symbol, { value: held.value, moment: asked });
      }
    });
  }

  stop(): void {
    this.#stream?.stop();
  }
}
