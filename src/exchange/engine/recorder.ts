/**
 * The market as the engine sees it: passes every question on and, while somebody keeps a journal, writes the answers
 * down; on replay it answers from what was written and never asks the real market.
 * Assets and contracts are kept as `references`, so that an entry carries them only when they are new or have changed.
 */
import type { Asset, Contract, Instant, MarketRead, MarketView, Quote, Session, TradingDay } from './types.ts';

/** JSON with whole numbers as `"123n"`. Text that ends in n after digits does not occur elsewhere in these objects. */
export const encode = (value: unknown): unknown => {
  if (typeof value === 'bigint') return `${value}n`;
  if (Array.isArray(value)) return value.map(encode);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, encode(field)]));
  }
  return value ?? null;
};
export const decode = (value: unknown): unknown => {
  if (typeof value === 'string' && /^-?[0-9]+n$/.test(value)) return BigInt(value.slice(0, -1));
  if (Array.isArray(value)) return value.map(decode);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, decode(field)]));
  }
  return value;
};

export class Recorder implements MarketView {
  readonly #market: MarketView;
  #script: Map<string, unknown> | undefined;
  #reads = new Map<string, unknown>();
  #fresh = new Map<string, Asset | Contract>();
  /** The assets and contracts that the journal already knows, by question. */
  readonly references = new Map<string, Asset | Contract>();
  recording = false;

  constructor(market: MarketView) {
    this.#market = market;
  }

  /** Starts a command. With `script`, answers come from a journal entry. */
  begin(script?: readonly MarketRead[]): void {
    if (this.#reads.size > 0) this.#reads.clear();
    if (this.#fresh.size > 0) this.#fresh.clear();
    this.#script = script && new Map(script.map(([question, answer]) => [question, decode(answer)]));
  }

  /** The command changed the engine: what was learnt is now known. Returns the reads for the journal. */
  commit(): readonly MarketRead[] {
    const reads: MarketRead[] = [];
    for (const [question, reference] of this.#fresh) {
      this.references.set(question, reference);
      if (this.recording) reads.push([question, encode(reference)]);
    }
    for (const [question, answer] of this.#reads) reads.push([question, encode(answer)]);
    this.#script = undefined;
    return reads;
  }

  /** The command is over and changed nothing. */
  drop(): void {
    this.#script = undefined;
  }

  /** How many answers have been written down; `forget(mark)` takes the later ones back, when they changed nothing. */
  mark(): number {
    return this.#reads.size;
  }

  forget(mark: number): void {
    if (this.#reads.size === mark) return;
    for (const question of [...this.#reads.keys()].slice(mark)) this.#reads.delete(question);
  }

  #ask<T>(question: () => string, answer: () => T): T {
    if (this.#script !== undefined) {
      const text = question();
      const found = (this.#script.get(text) ?? undefined) as T;
      if (this.recording) this.#reads.set(text, found);
      return found;
    }
    const found = answer();
    if (this.recording) this.#reads.set(question(), found);
    return found;
  }

  #reference<T extends Asset | Contract>(question: string, answer: () => T | undefined): T | undefined {
    let found: T | undefined;
    if (this.#script === undefined) found = answer();
    else if (this.#script.has(question)) found = this.#script.get(question) as T;
    else found = this.references.get(question) as T | undefined;
    if (found !== undefined && this.references.get(question) !== found) this.#fresh.set(question, found);
    return found;
  }

  asset(key: string): Asset | undefined {
    return this.#reference(`asset:${key}`, () => this.#market.asset(key));
  }
  contract(key: string): Contract | undefined {
    return this.#reference(`contract:${key}`, () => this.#market.contract(key));
  }
  quote(symbol: string, at: Instant): Quote | undefined {
    return this.#ask(
      () => `quote:${symbol}:${at}`,
      () => this.#market.quote(symbol, at),
    );
  }
  halted(symbol: string, at: Instant): boolean {
    // A look that changed nothing is not in the journal: on replay it must change nothing again.
    return (
      this.#ask(
        () => `halted:${symbol}:${at}`,
        () => this.#market.halted(symbol, at),
      ) ?? true
    );
  }
  session(at: Instant): Session {
    return (
      this.#ask(
        () => `session:${at}`,
        () => this.#market.session(at),
      ) ?? 'closed'
    );
  }
  tradingDay(at: Instant): TradingDay {
    return this.#ask(
      () => `day:${at}`,
      () => this.#market.tradingDay(at),
    );
  }
  get keepsHours(): boolean {
    return (
      this.#ask(
        () => 'keepsHours',
        () => this.#market.keepsHours,
      ) ?? true
    );
  }
}
