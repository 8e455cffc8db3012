/**
 * The judge of answers to queries: what they show must have been so at the broker at `as_of` or later, what the mirror
 * shows must be young enough, and no agent may be shown less than it was told before it asked; of orders no less than
 * anybody was told. Must share nothing with the mirror: it reads JSON and the broker's book.
 */
import { micros } from '../../src/lib/clock.ts';
import { fromRfc3339 } from '../../src/order/time.ts';
import { type Book, type BookOrder, isEnded } from './book.ts';
import { wallOf } from './clock.ts';

type Json = Readonly<Record<string, unknown>>;

/** A statement about an order that this agent could have read. */
interface Told {
  readonly agent: string;
  readonly at: number;
  readonly index: number;
}

export interface AnswersWorld {
  readonly now: () => number;
  readonly book: Book;
  /** The tower's wall clock is the world's: only then can its dates be judged. */
  readonly isDated: boolean;
  /** Lists show every order at once. */
  readonly listsAll: boolean;
  readonly maxAgeMs: number;
  /** So long positions and account may lack what happened to the orders of others. */
  readonly rereadMs: number;
  readonly figures: { queries: number; mirrored: number };
  fail(invariant: string, text: string): void;
}

/** A query's moment, and the answer's, differ by what the disk takes. */
const SLACK_US = 1000;

export class Answers {
  readonly #world: AnswersWorld;
  /** Order id → when each of its states began. */
  readonly #began = new Map<string, number[]>();
  readonly #told = new Map<string, Told[]>();
  /** Agent and order id → the fills that were shown to it in answers to its queries. */
  readonly #fillsShown = new Map<string, Told[]>();
  readonly #askedAt = new Map<string, number>();

  constructor(world: AnswersWorld) {
    this.#world = world;
  }

  /** A file of this identity was dropped. */
  asked(clientOrderId: string): void {
    this.#askedAt.set(clientOrderId, this.#world.now());
  }

  /** The book has changed. */
  booked(order: BookOrder): void {
    this.#beginnings(order);
  }

  /** An answer to a trade shows its order in this state of its history. */
  told(agent: string, orderId: string, index: number): void {
    const all = this.#told.get(orderId) ?? [];
    all.push({ agent, at: this.#world.now(), index });
    this.#told.set(orderId, all);
  }

  #beginnings(order: BookOrder): readonly number[] {
    const began = this.#began.get(order.id) ?? [];
    while (began.length < order.states.length) began.push(this.#world.now());
    this.#began.set(order.id, began);
    return began;
  }

  judge(path: string, type: string, clientOrderId: string, answer: Json): void {
    const { data } = answer;
    const at = fromRfc3339(String(answer['as_of']));
    const said = fromRfc3339(String(answer['timestamp']));
    if (data === null || at === null || said === null) return;
    this.#world.figures.queries++;
    const isMirror = answer['source'] === 'mirror';
    if (isMirror) this.#world.figures.mirrored++;
    const { isDated, maxAgeMs, fail } = this.#world;
    const asOf = isDated ? at - wallOf(0) : 0;
    if (isDated && isMirror && type !== 'marketdata' && said - at > maxAgeMs * 1000 + SLACK_US)
      fail('I16', `${path} is ${micros(said - at) / 1e6} s old`);
    const askedAt = this.#askedAt.get(clientOrderId) ?? 0;
    const agent = String(answer['agent_id']);
    if (type === 'orderstatus') this.#row(path, agent, data as Json, asOf, askedAt);
    if (type === 'positions' || type === 'accountinfo') this.#snapshot(path, agent, asOf, askedAt);
    if (type !== 'openorders' && type !== 'allorders') return;
    const rows = data as readonly Json[];
    for (const row of rows) this.#row(path, agent, row, asOf, askedAt);
    if (!isMirror || !this.#world.listsAll) return;
    const shown = new Set(rows.map((row) => String(row['id'])));
    for (const id of this.#told.keys()) {
      const states = this.#world.book.byId.get(id)?.states ?? [];
      const mustShow = type === 'allorders' ? rows.length < 50 : !states.some(isEnded);
      if (this.#toldBy(id, askedAt) >= 0 && mustShow && !shown.has(id))
        fail('I17', `${path} leaves out order ${id}, of which its agent could have read before`);
    }
  }

  /** The newest state of an order that could be read by then, by anybody or by one agent; -1 for none. */
  #toldBy(id: string, at: number, agent: string | null = null): number {
    const all = [
      ...(this.#told.get(id) ?? []),
      ...(agent === null ? [] : (this.#fillsShown.get(`${agent} ${id}`) ?? [])),
    ];
    return all.reduce(
      (most, told) => (told.at <= at && (agent === null || told.agent === agent) ? Math.max(most, told.index) : most),
      -1,
    );
  }

  #row(path: string, agent: string, row: Json, asOf: number, askedAt: number): void {
    const order = this.#world.book.byId.get(String(row['id']));
    if (order === undefined) {
      this.#world.fail('I16', `${path} shows an order that the broker does not have`);
      return;
    }
    const began = this.#beginnings(order);
    const index = order.states.findLastIndex(
      ({ status, filledQty }) => status === row['status'] && filledQty === row['filled_qty'],
    );
    const state = `${String(row['status'])}/${String(row['filled_qty'])}`;
    const ended = began[index + 1];
    if (index === -1) this.#world.fail('I16', `${path} says ${state} of ${order.id}, which it never was`);
    else if (ended !== undefined && ended + SLACK_US < asOf)
      this.#world.fail('I16', `${path} says ${state} of ${order.id} as of ${asOf}, which it was until ${ended}`);
    if (index !== -1 && Number(row['filled_qty']) > 0) {
      const key = `${agent} ${order.id}`;
      const shown = { agent, at: this.#world.now(), index };
      this.#fillsShown.set(key, [...(this.#fillsShown.get(key) ?? []), shown]);
    }
    if (index !== -1 && index < this.#toldBy(order.id, askedAt))
      this.#world.fail('I17', `${path} says ${state} of ${order.id}, and later news was told before it was asked for`);
  }

  /** Positions and account are of a moment after every state that was told to this agent, or to others long enough ago. */
  #snapshot(path: string, agent: string, asOf: number, askedAt: number): void {
    if (!this.#world.isDated) return;
    const { rereadMs } = this.#world;
    for (const id of this.#told.keys()) {
      const index = Math.max(this.#toldBy(id, askedAt, agent), this.#toldBy(id, askedAt - rereadMs * 1000));
      const began = index === -1 ? undefined : this.#began.get(id)?.[index];
      if (began !== undefined && began > asOf + SLACK_US)
        this.#world.fail('I17', `${path} is as of ${asOf}, before order ${id} became what was told of it`);
    }
  }
}
