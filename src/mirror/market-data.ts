/**
 * Market data as it was told last, per symbol: what several agents ask for within a small age is one request, and what
 * waits for the budget grows until it leaves. Must never let one agent's symbol spoil the answer of another.
 */
import type { MarketDataAnswer, MarketDataPart, Outcome } from '../broker/broker.ts';
import { type Moment, meets, type Need, olderOf, type Steps } from './moment.ts';
import type { Effort } from './shared.ts';

export type Values = Readonly<Record<string, string | null>>;

/** One symbol: null when there is no data for it. */
export interface Tick {
  readonly value: Values | null;
  readonly moment: Moment;
}

export type Ticks =
  | { readonly ticks: ReadonlyMap<string, Values>; readonly asOf: Moment; readonly effort: Effort }
  | { readonly failed: Outcome<MarketDataAnswer> | null };

export type AskPart = (part: () => MarketDataPart) => Promise<Outcome<MarketDataAnswer> | null>;

interface Batch {
  /** Null until it leaves; until then it takes more symbols in. */
  leftAt: Moment | null;
  readonly symbols: Set<string>;
  readonly done: Promise<Outcome<MarketDataAnswer> | null>;
}

/** Symbols of one request (Alpaca docs: option quotes take at most 100). */
const MOST_SYMBOLS = 100;
const MOST_TICKS = 4000;

export class MarketDataBook {
  readonly #steps: Steps;
  /** `kind dataType symbol` → the newest word. */
  readonly #ticks = new Map<string, Tick>();
  readonly #batches = new Map<string, Set<Batch>>();

  constructor(steps: Steps) {
    this.#steps = steps;
  }

  /** The newest word on one symbol as the data endpoint spells it; null before the first. */
  peek(kind: MarketDataPart['kind'], dataType: MarketDataPart['dataType'], symbol: string): Tick | null {
    return this.#ticks.get(`${kind} ${dataType} ${symbol}`) ?? null;
  }

  /** Takes in what was told of a symbol; older news changes nothing. */
  hear(kind: MarketDataPart['kind'], dataType: MarketDataPart['dataType'], symbol: string, tick: Tick): void {
    const key = `${kind} ${dataType} ${symbol}`;
    const before = this.#ticks.get(key);
    if (before !== undefined && before.moment.step > tick.moment.step) return;
    this.#ticks.delete(key);
    this.#ticks.set(key, tick);
    const oldest = this.#ticks.keys().next().value;
    if (this.#ticks.size > MOST_TICKS && oldest !== undefined) this.#ticks.delete(oldest);
  }

  /** The values of a part's symbols, by the names the agent used. */
  async read(part: MarketDataPart, need: Need, ask: AskPart): Promise<Ticks> {
    const { kind, dataType } = part;
    const missing = [...new Set(part.symbols.values())].filter((symbol) => {
      const tick = this.peek(kind, dataType, symbol);
      return tick === null || !meets(tick.moment, need);
    });
    let effort: Effort = 'held';
    if (missing.length > 0) {
      const before = this.#under(kind, dataType).size;
      const batches = this.#join(kind, dataType, missing, need, ask);
      effort = this.#under(kind, dataType).size > before ? 'asked' : 'joined';
      for (const batch of batches) {
        const outcome = await batch.done;
        if (outcome?.kind === 'done') continue;
        // Somebody else's symbol may be what the broker refuses.
        const isAlone = [...batch.symbols].every((symbol) => missing.includes(symbol));
        if (outcome?.kind !== 'rejected' || isAlone) return { failed: outcome };
        const own = await this.#send({ kind, dataType, symbols: itself(missing) }, ask);
        if (own?.kind !== 'done') return { failed: own };
        effort = 'asked';
      }
    }
    return this.#collect(part, effort);
  }

  #collect({ kind, dataType, symbols }: MarketDataPart, effort: Effort): Ticks {
    const ticks = new Map<string, Values>();
    let asOf: Moment | null = null;
    for (const [asked, symbol] of symbols) {
      const tick = this.peek(kind, dataType, symbol);
      if (tick === null) continue;
      asOf = asOf === null ? tick.moment : olderOf(asOf, tick.moment);
      if (tick.value !== null) ticks.set(asked, tick.value);
    }
    return { ticks, asOf: asOf ?? this.#steps.next(), effort };
  }

  #under(kind: string, dataType: string): Set<Batch> {
    const key = `${kind} ${dataType}`;
    const known = this.#batches.get(key);
    if (known !== undefined) return known;
    const made = new Set<Batch>();
    this.#batches.set(key, made);
    return made;
  }

  /** The requests that will tell of these symbols: under way, waiting with room, or new. */
  #join(
    kind: MarketDataPart['kind'],
    dataType: MarketDataPart['dataType'],
    symbols: readonly string[],
    need: Need,
    ask: AskPart,
  ): ReadonlySet<Batch> {
    const under = this.#under(kind, dataType);
    const joined = new Set<Batch>();
    for (const symbol of symbols) {
      let batch = [...under].find(({ leftAt, symbols: known }) =>
        known.has(symbol) ? leftAt === null || meets(leftAt, need) : leftAt === null && known.size < MOST_SYMBOLS,
      );
      batch ??= this.#start(kind, dataType, under, ask);
      batch.symbols.add(symbol);
      joined.add(batch);
    }
    return joined;
  }

  #start(kind: MarketDataPart['kind'], dataType: MarketDataPart['dataType'], under: Set<Batch>, ask: AskPart): Batch {
    const symbols = new Set<string>();
    const batch: Batch = {
      leftAt: null,
      symbols,
      done: Promise.resolve()
        .then(() =>
          this.#send({ kind, dataType, symbols: itself(symbols) }, ask, symbols, (moment) => {
            batch.leftAt = moment;
          }),
        )
        .finally(() => under.delete(batch)),
    };
    under.add(batch);
    return batch;
  }

  /** `symbols` may grow until it leaves. */
  async #send(
    part: MarketDataPart,
    ask: AskPart,
    symbols: Iterable<string> = part.symbols.keys(),
    left: (moment: Moment) => void = () => {},
  ): Promise<Outcome<MarketDataAnswer> | null> {
    const { kind, dataType } = part;
    let leaves: { readonly moment: Moment; readonly symbols: readonly string[] } | null = null;
    const outcome = await ask(() => {
      leaves = { moment: this.#steps.next(), symbols: [...symbols] };
      left(leaves.moment);
      return { kind, dataType, symbols: itself(leaves.symbols) };
    });
    if (outcome?.kind === 'done' && leaves !== null) {
      const { moment, symbols: sent }: { readonly moment: Moment; readonly symbols: readonly string[] } = leaves;
      for (const symbol of sent)
        this.hear(kind, dataType, symbol, { value: outcome.value.get(symbol) ?? null, moment });
    }
    return outcome;
  }
}

const itself = (symbols: Iterable<string>): ReadonlyMap<string, string> =>
  new Map([...symbols].map((symbol) => [symbol, symbol]));
