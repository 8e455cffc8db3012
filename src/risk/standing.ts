/**
 * Where every agent and the account stand: what is held, and what open orders could add to it at worst. Kept up with each
 * change inside the journal's transactions, so that a sum costs the same whether ten or ten million orders went before.
 * Must never forget a part of an order that may still be filled, or was filled and is not in the books yet.
 */
import { type Exact, exact } from '../order/decimal.ts';
import type { Side } from '../order/request.ts';
import type { Meeting } from './measure.ts';
import { Moments } from './moments.ts';

const ZERO = exact('0');
/** The scope of the whole account, beside those of agents. */
export const ACCOUNT = '*';
const MINUTE_US = 60_000_000;
const DAY_US = 86_400_000_000;
/** So long content and repeats are remembered: the longest windows that the settings allow. */
export const REMEMBERED_US = 3_600_000_000;

/** A part of an order as it is open now. */
export interface OpenPart {
  readonly seq: number;
  readonly clientOrderId: string;
  readonly mode: string;
  readonly agent: string;
  readonly symbol: string;
  readonly side: Side;
  /** What is neither filled and booked nor given up. */
  readonly left: Exact;
  /** USD for one. */
  readonly unit: Exact;
  readonly isExit: boolean;
  readonly meeting: Meeting | null;
  readonly isDoubtful: boolean;
  /** Nothing more will be filled of it: what is left is filled, and not booked yet. */
  readonly hasEnded: boolean;
}

/** One symbol in one scope. Quantities and USD. */
export interface SymbolStanding {
  /** Signed. */
  readonly held: Exact;
  /** Cost of what is held, signed. */
  readonly basis: Exact;
  /** Open, not counting exits. */
  readonly buys: Exact;
  readonly buyValue: Exact;
  readonly sells: Exact;
  readonly sellValue: Exact;
  /** What live exits may still close. They add to no position, and hold what they close. */
  readonly exitBuys: Exact;
  readonly exitSells: Exact;
}

const NOTHING: SymbolStanding = {
  held: ZERO,
  basis: ZERO,
  buys: ZERO,
  buyValue: ZERO,
  sells: ZERO,
  sellValue: ZERO,
  exitBuys: ZERO,
  exitSells: ZERO,
};

/** Quantity and money. */
interface Extent {
  readonly qty: Exact;
  readonly value: Exact;
}

/** The most that a symbol can come to on each side. */
export function sidesOf(one: SymbolStanding): { readonly long: Extent; readonly short: Extent } {
  const { held, basis, buys, buyValue, sells, sellValue } = one;
  const isLong = held.gt(ZERO);
  return {
    long: {
      qty: (isLong ? held : ZERO).plus(buys).minus(isLong ? ZERO : min(held.abs(), buys)),
      value: (isLong ? basis : ZERO).plus(isLong ? buyValue : beyond(buys, held.abs(), buyValue)),
    },
    short: {
      qty: (isLong ? ZERO : held.abs()).plus(sells).minus(isLong ? min(held, sells) : ZERO),
      value: (isLong ? ZERO : basis.abs()).plus(isLong ? beyond(sells, held, sellValue) : sellValue),
    },
  };
}

/** The most that a symbol can come to, long or short. */
export function worstOf(one: SymbolStanding): Extent {
  const sides = sidesOf(one);
  const { long, short } = sides;
  return { qty: long.qty.gt(short.qty) ? long.qty : short.qty, value: worstValue(sides) };
}

/** The dearer of the two sides: USD. */
export const worstValue = ({ long, short }: ReturnType<typeof sidesOf>): Exact =>
  long.value.gt(short.value) ? long.value : short.value;

const min = (a: Exact, b: Exact): Exact => (a.lt(b) ? a : b);

/** Of `value` for `qty`, the share that goes beyond `covered`: what only closes adds nothing. */
const beyond = (qty: Exact, covered: Exact, value: Exact): Exact =>
  qty.lte(covered) ? ZERO : value.times(qty.minus(covered)).div(qty).round(9, 3);

interface Scope {
  readonly symbols: Map<string, SymbolStanding>;
  /** Sum of the worst values, and value of open buys: of each symbol as `counted` has it, where it is there. */
  gross: Exact;
  openBuys: Exact;
  /** What has moved since the sums were asked for, as it stood then: most towers set no limit that asks. */
  readonly counted: Map<string, SymbolStanding>;
  readonly orders: Set<number>;
  /** When the last minute's orders were taken. */
  readonly minute: Moments;
  day: number;
  dayOrders: number;
  dayValue: Exact;
  /** Realised and other income less fees since the day began, and as it stood then. */
  profit: Exact;
  dayStart: Exact;
}

/** An order that was taken in, for the rules about how often. */
export interface Taken {
  readonly mode: string;
  readonly agent: string;
  readonly clientOrderId: string;
  readonly at: number;
  readonly value: Exact;
  readonly content: string;
  readonly repeats: string;
}

export class Standings {
  readonly #scopes = new Map<string, Scope>();
  readonly #parts = new Map<number, OpenPart[]>();
  /** How often something was booked or has changed but orders, and how often it had when each was opened. */
  #moves = 0;
  readonly #openedAt = new Map<number, number>();
  /** What is live of the exits of orders. */
  readonly #exits = new Map<number, Exact>();
  /** Orders with a part that can meet others, by mode, symbol and side. */
  readonly #meetings = new Index();
  /** Orders that are in doubt, in the same way. */
  readonly #doubtful = new Index();
  readonly #contents = new Map<string, { clientOrderId: string; at: number }>();
  readonly #repeats = new Map<string, Moments>();
  #prunedAt = 0;

  #scope(mode: string, scope: string): Scope {
    const key = `${mode}|${scope}`;
    let known = this.#scopes.get(key);
    if (known === undefined) {
      known = {
        symbols: new Map(),
        gross: ZERO,
        openBuys: ZERO,
        counted: new Map(),
        orders: new Set(),
        minute: new Moments(),
        day: 0,
        dayOrders: 0,
        dayValue: ZERO,
        profit: ZERO,
        dayStart: ZERO,
      };
      this.#scopes.set(key, known);
    }
    return known;
  }

  #move(mode: string, agent: string, symbol: string, change: (one: SymbolStanding) => SymbolStanding): void {
    for (const name of [agent, ACCOUNT]) {
      const scope = this.#scope(mode, name);
      const before = scope.symbols.get(symbol) ?? NOTHING;
      const after = change(before);
      if (!scope.counted.has(symbol)) scope.counted.set(symbol, before);
      const { held, basis, buys, sells, exitBuys, exitSells } = after;
      // What two agents hold against each other is nothing to the account, and has cost something.
      if ([held, basis, buys, sells, exitBuys, exitSells].every((one) => one.eq(ZERO))) scope.symbols.delete(symbol);
      else scope.symbols.set(symbol, after);
    }
  }

  /** The sums of a scope, brought up to date. */
  #sums(scope: Scope): Pick<Scope, 'gross' | 'openBuys'> {
    for (const [symbol, before] of scope.counted) {
      const now = scope.symbols.get(symbol) ?? NOTHING;
      scope.gross = scope.gross.minus(worstValue(sidesOf(before))).plus(worstValue(sidesOf(now)));
      scope.openBuys = scope.openBuys.minus(before.buyValue).plus(now.buyValue);
    }
    scope.counted.clear();
    return scope;
  }

  #count(part: OpenPart, by: Exact): void {
    if (part.isExit || by.eq(ZERO)) return;
    const value = by.times(part.unit);
    this.#move(part.mode, part.agent, part.symbol, (one) =>
      part.side === 'buy'
        ? { ...one, buys: one.buys.plus(by), buyValue: one.buyValue.plus(value) }
        : { ...one, sells: one.sells.plus(by), sellValue: one.sellValue.plus(value) },
    );
  }

  /** Exits wait until what they belong to is filled, and booked: as much of them as is held by then is live. */
  #countExits(seq: number): void {
    const parts = this.#parts.get(seq) ?? [];
    const exit = parts.find(({ isExit }) => isExit);
    if (exit === undefined) return;
    const live = parts.reduce((sum, { isExit, left }) => (isExit ? sum : sum.minus(left)), exit.left);
    const change = (live.gt(ZERO) ? live : ZERO).minus(this.#exits.get(seq) ?? ZERO);
    if (change.eq(ZERO)) return;
    if (live.gt(ZERO)) this.#exits.set(seq, live);
    else this.#exits.delete(seq);
    this.#move(exit.mode, exit.agent, exit.symbol, (one) =>
      exit.side === 'buy'
        ? { ...one, exitBuys: one.exitBuys.plus(change) }
        : { ...one, exitSells: one.exitSells.plus(change) },
    );
  }

  /** An order that may be filled from now on. */
  open(parts: readonly OpenPart[]): void {
    const [first] = parts;
    if (first === undefined) return;
    this.#parts.set(first.seq, [...parts]);
    this.#openedAt.set(first.seq, this.#moves);
    for (const part of parts) this.#count(part, part.left);
    this.#countExits(first.seq);
    for (const name of [first.agent, ACCOUNT]) this.#scope(first.mode, name).orders.add(first.seq);
    for (const part of parts) {
      this.#meetings.add(part);
      if (part.isDoubtful) this.#doubtful.add(part);
    }
  }

  /** Prices, settings or anything else outside of orders are others now. */
  moved(): void {
    this.#moves++;
  }

  /** Whether anything was booked, or `moved`, since this order was opened. */
  hasMovedSince(seq: number): boolean {
    return this.#openedAt.get(seq) !== this.#moves;
  }

  /** Asks as if an order were not there. `ask` must not change anything. */
  without<T>(seq: number, ask: (parts: readonly OpenPart[]) => T): T {
    const parts = [...this.parts(seq)];
    for (const index of parts.keys()) this.leave(seq, index, ZERO);
    try {
      return ask(parts);
    } finally {
      for (const [index, { left }] of parts.entries()) this.leave(seq, index, left);
    }
  }

  isOpen(seq: number): boolean {
    return this.#parts.has(seq);
  }

  parts(seq: number): readonly OpenPart[] {
    return this.#parts.get(seq) ?? [];
  }

  /** What of a part is left becomes something else. */
  leave(seq: number, index: number, left: Exact): void {
    const parts = this.#parts.get(seq);
    const part = parts?.[index];
    if (parts === undefined || part === undefined) return;
    this.#count(part, left.minus(part.left));
    parts[index] = { ...part, left };
    this.#countExits(seq);
  }

  doubt(seq: number, isDoubtful: boolean): void {
    const parts = this.#parts.get(seq);
    parts?.forEach((part, index) => {
      if (part.isDoubtful === isDoubtful) return;
      parts[index] = { ...part, isDoubtful };
      if (isDoubtful) this.#doubtful.add(part);
      else this.#doubtful.remove(part);
    });
  }

  /** It counts no longer among the open orders; what is filled and not booked still counts in the sums. */
  end(seq: number): void {
    const parts = this.#parts.get(seq);
    const first = parts?.[0];
    if (parts === undefined || first === undefined) return;
    parts.forEach((part, index) => {
      parts[index] = { ...part, hasEnded: true };
    });
    for (const name of [first.agent, ACCOUNT]) this.#scope(first.mode, name).orders.delete(seq);
  }

  close(seq: number): void {
    const parts = this.#parts.get(seq) ?? [];
    for (const [index] of parts.entries()) this.leave(seq, index, ZERO);
    this.end(seq);
    this.#parts.delete(seq);
    this.#openedAt.delete(seq);
    for (const part of parts) {
      this.#meetings.remove(part);
      this.#doubtful.remove(part);
    }
  }

  /** What an agent holds of a symbol has become this. */
  hold(mode: string, agent: string, symbol: string, change: { readonly qty: Exact; readonly basis: Exact }): void {
    this.#moves++;
    this.#move(mode, agent, symbol, (one) => ({
      ...one,
      held: one.held.plus(change.qty),
      basis: one.basis.plus(change.basis),
    }));
  }

  /** Money made or lost, fees taken off. */
  earn(mode: string, agent: string, amount: Exact, at: number): void {
    for (const name of [agent, ACCOUNT]) {
      const scope = this.#scope(mode, name);
      this.#turnDay(scope, at);
      scope.profit = scope.profit.plus(amount);
    }
  }

  #turnDay(scope: Scope, at: number): void {
    const day = Math.floor(at / DAY_US);
    if (day <= scope.day) return;
    scope.day = day;
    scope.dayOrders = 0;
    scope.dayValue = ZERO;
    scope.dayStart = scope.profit;
  }

  /** An order was taken in. */
  take(taken: Taken): void {
    for (const name of [taken.agent, ACCOUNT]) {
      const scope = this.#scope(taken.mode, name);
      this.#turnDay(scope, taken.at);
      scope.minute.add(taken.at);
      if (Math.floor(taken.at / DAY_US) !== scope.day) continue;
      scope.dayOrders++;
      scope.dayValue = scope.dayValue.plus(taken.value);
    }
    const who = `${taken.mode}|${taken.agent}|`;
    this.#contents.set(who + taken.content, { clientOrderId: taken.clientOrderId, at: taken.at });
    let repeats = this.#repeats.get(who + taken.repeats);
    if (repeats === undefined) {
      repeats = new Moments();
      this.#repeats.set(who + taken.repeats, repeats);
    }
    repeats.add(taken.at);
    this.#prune(taken.at);
  }

  #prune(now: number): void {
    if (now - this.#prunedAt < MINUTE_US) return;
    this.#prunedAt = now;
    const from = now - REMEMBERED_US;
    for (const [key, { at }] of this.#contents) if (at < from) this.#contents.delete(key);
    for (const [key, times] of this.#repeats) {
      times.forget(from);
      if (times.isEmpty) this.#repeats.delete(key);
    }
  }

  // What judges ask

  symbol(mode: string, scope: string, symbol: string): SymbolStanding {
    return this.#scopes.get(`${mode}|${scope}`)?.symbols.get(symbol) ?? NOTHING;
  }

  /** Agents that hold or have ordered something. */
  agents(mode: string): readonly string[] {
    return [...this.#scopes.keys()]
      .filter((key) => key.startsWith(`${mode}|`))
      .map((key) => key.slice(mode.length + 1))
      .filter((name) => name !== ACCOUNT && name !== '');
  }

  /** Symbols of which something is held or ordered. */
  symbols(mode: string, scope: string): ReadonlyMap<string, SymbolStanding> {
    return this.#scope(mode, scope).symbols;
  }

  totals(mode: string, name: string, now: number) {
    const scope = this.#scope(mode, name);
    this.#turnDay(scope, now);
    const from = now - MINUTE_US;
    scope.minute.forget(from);
    const sums = (): Pick<Scope, 'gross' | 'openBuys'> => this.#sums(scope);
    return {
      get gross(): Exact {
        return sums().gross;
      },
      get openBuys(): Exact {
        return sums().openBuys;
      },
      orders: scope.orders.size,
      minuteOrders: scope.minute.since(from),
      /** When the oldest order of the last minute leaves it. */
      nextAt: (scope.minute.firstSince(from) ?? now) + MINUTE_US,
      dayOrders: scope.dayOrders,
      dayValue: scope.dayValue,
      get dayProfit(): Exact {
        return scope.profit.minus(scope.dayStart);
      },
      profit: scope.profit,
    };
  }

  /** The last order of this agent that asked for the same, since a moment. */
  similar(mode: string, agent: string, content: string, since: number): { clientOrderId: string; at: number } | null {
    const found = this.#contents.get(`${mode}|${agent}|${content}`);
    return found !== undefined && found.at > since ? found : null;
  }

  repeats(mode: string, agent: string, what: string, since: number): number {
    return this.#repeats.get(`${mode}|${agent}|${what}`)?.since(since) ?? 0;
  }

  /** Open parts of a symbol on one side, of whichever agent, oldest order first. */
  meeting(mode: string, symbol: string, side: Side): Generator<OpenPart> {
    return this.#open(this.#meetings, mode, symbol, side);
  }

  /** Those among them that are in doubt. */
  doubtful(mode: string, symbol: string, side: Side): Generator<OpenPart> {
    return this.#open(this.#doubtful, mode, symbol, side);
  }

  *#open(index: Index, mode: string, symbol: string, side: Side): Generator<OpenPart> {
    for (const seq of index.of({ mode, symbol, side })) {
      for (const part of this.#parts.get(seq) ?? [])
        if (part.symbol === symbol && part.side === side && part.left.gt(ZERO)) yield part;
    }
  }
}

type Place = Pick<OpenPart, 'mode' | 'symbol' | 'side'>;

/** Orders by what they are for, oldest first. */
class Index {
  readonly #orders = new Map<string, Set<number>>();

  add(part: Place & { readonly seq: number }): void {
    const known = this.#orders.get(keyOf(part));
    if (known === undefined) this.#orders.set(keyOf(part), new Set([part.seq]));
    else known.add(part.seq);
  }

  remove(part: Place & { readonly seq: number }): void {
    const known = this.#orders.get(keyOf(part));
    known?.delete(part.seq);
    if (known?.size === 0) this.#orders.delete(keyOf(part));
  }

  of(place: Place): Iterable<number> {
    return this.#orders.get(keyOf(place)) ?? [];
  }
}

const keyOf = ({ mode, symbol, side }: Place): string => `${mode}|${symbol}|${side}`;
