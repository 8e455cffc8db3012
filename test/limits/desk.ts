/** A journal with limits and a clock in the hand: orders are asked for, moved and booked. Must never judge anything itself. */
import assert from 'node:assert/strict';
import { fill } from '../../src/books/postings.ts';
import { encode } from '../../src/broker/alpaca/encode.ts';
import type { Entry, Journal } from '../../src/journal/journal.ts';
import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import { defined } from '../../src/lib/assert.ts';
import { type Clock, type Micros, micros } from '../../src/lib/clock.ts';
import { seededRandom } from '../../src/lib/random.ts';
import type { Decimal } from '../../src/order/decimal.ts';
import type { OrderError } from '../../src/order/errors.ts';
import { type AgentId, type OrderType, orderName } from '../../src/order/name.ts';
import { parse } from '../../src/order/parse.ts';
import { isTrade } from '../../src/order/request.ts';
import { conflictError, conflictOf } from '../../src/risk/conflicts.ts';
import { judge } from '../../src/risk/limits.ts';
import { measure, type Quotes } from '../../src/risk/measure.ts';
import { limitRules } from '../../src/risk/rules.ts';
import { type Limits, limitsSchema } from '../../src/settings.limits.ts';

export const SECOND = 1e6;
/** A Friday, 10:00 in New York. */
export const START = Date.UTC(2026, 1, 13, 15, 0, 0) * 1000;

/** Time that stands still but for what a test lets pass; work is done at once. */
class HandClock implements Clock {
  at = START;
  now = (): Micros => micros(this.at);
  monotonic = (): number => this.at / 1000;
  after(_ms: number, run: () => void): () => void {
    const handle = setImmediate(run);
    return () => clearImmediate(handle);
  }
}

interface Given {
  readonly agent?: Partial<Limits>;
  readonly account?: Partial<Limits>;
  readonly allotment?: string;
  readonly conflicts?: 'off' | 'refuse' | 'hold';
  readonly marketClosed?: 'pass' | 'warn' | 'refuse';
}

export type Payload = Readonly<Record<string, unknown>>;
export const LIMIT = { symbol: 'AAPL', qty: '10', order_class: 'limit', limit_price: '100', time_in_force: 'day' };
export const MARKET = { symbol: 'AAPL', qty: '10', order_class: 'market', time_in_force: 'day' };
export const OPTION = {
  symbol: 'AAPL260320C00150000',
  qty: '1',
  side: 'buy',
  order_class: 'limit',
  limit_price: '2',
  time_in_force: 'day',
};
export const quote = (bid: string, ask: string, ageMs = 0) => ({ bid: bid as Decimal, ask: ask as Decimal, ageMs });
const QUOTES: Quotes = new Map([['AAPL', quote('99', '101')]]);

export class Desk {
  readonly clock = new HandClock();
  readonly journal: Journal;
  readonly rules;
  /** Of all desks: a journal that is opened again must not see a name twice. */
  static #n = 0;
  #trades = 0;

  constructor(given: Given, file: string) {
    this.journal = openSqliteJournal({ file, clock: this.clock, random: seededRandom('limits') });
    const agents = new Map(
      given.allotment === undefined ? [] : [['alpha', { allotment: given.allotment, limits: {} }]],
    );
    const limits = limitsSchema.parse({
      conflicts: given.conflicts ?? 'off',
      market_closed: given.marketClosed ?? 'pass',
      agent: given.agent ?? {},
      account: given.account ?? {},
    });
    this.rules = limitRules({ limits, agents });
  }

  /** An order of `type` is taken in, or refused. */
  async ask(
    agent: string,
    type: OrderType,
    payload: Payload,
    quotes = QUOTES,
  ): Promise<{ entry: Entry; error: OrderError | null }> {
    const [one] = await this.askAll([[agent, type, payload]], quotes);
    return defined(one, 'an answer');
  }

  async askAll(asks: readonly (readonly [string, OrderType, Payload])[], quotes = QUOTES) {
    const arrivals = asks.map(([agent, type, payload]) => {
      const timestamp = `20260213150000${String(++Desk.#n).padStart(6, '0')}`;
      const name = defined(orderName('paper', agent, type, timestamp), 'a name');
      const raw = Buffer.from(
        JSON.stringify({
          agent_id: agent,
          client_order_id: name.clientOrderId,
          order_type: type,
          mode: 'paper',
          payload,
        }),
      );
      const parsed = parse({ fileName: name, bytes: raw, receivedAt: this.clock.now() });
      assert.ok(parsed.ok && isTrade(parsed.request), JSON.stringify(parsed));
      const wire = encode(parsed.request).body;
      return {
        receipt: `r${Desk.#n}`,
        name,
        raw,
        sha256: null,
        receivedAt: this.clock.now(),
        requestOrderId: null,
        sendBy: null,
        wire,
        state: 'admitted' as const,
        doubted: false,
        answer: null,
        measured: measure(parsed.request, quotes),
      };
    });
    const admissions = await this.journal.admit(arrivals, (order, ground) => {
      const error = judge(order, this.rules, ground, quotes);
      const conflict = error === null && this.rules.conflicts === 'refuse' ? conflictOf(order, ground.standings) : null;
      return conflict === null ? (error ?? 'admit') : conflictError(conflict, false);
    });
    return admissions.map((admission) => {
      assert.equal(admission.kind, 'new');
      const { entry } = admission as Extract<typeof admission, { kind: 'new' }>;
      return { entry, error: entry.answer !== null && 'error' in entry.answer ? entry.answer.error : null };
    });
  }

  async move(entry: Entry, state: Entry['state'], filledQty?: string): Promise<Entry> {
    const newest = defined(await this.journal.find({ seq: entry.seq }), 'the entry');
    const patch = { state, ...(filledQty === undefined ? {} : { filledQty }) };
    const [applied] = await this.journal.apply([
      { seq: entry.seq, rev: newest.rev, at: this.clock.now(), patch, events: [], stage: 'd5' },
    ]);
    assert.ok(applied?.kind === 'applied');
    return applied.entry;
  }

  /** An execution comes into the books. */
  async post(
    entry: Entry | null,
    agent: string,
    side: 'buy' | 'sell',
    qty: string,
    price: string,
    symbol = 'AAPL',
  ): Promise<void> {
    const posting = fill({ symbol, side, qty: qty as Decimal, price: price as Decimal, at: this.clock.now() });
    const key = `x${++this.#trades}`;
    await this.journal.book([
      {
        account: 'PA1',
        activity: null,
        entries: [{ key, agent: agent as AgentId, posting, orderId: null, seq: entry?.seq ?? null }],
      },
    ]);
  }
}

/** A desk whose account is known. */
export async function desk(given: Given = {}, file = ':memory:'): Promise<Desk> {
  const made = new Desk(given, file);
  await made.journal.setFact('account:paper', 'PA1');
  return made;
}

export const code = (one: { error: OrderError | null }): string | undefined => one.error?.code;
