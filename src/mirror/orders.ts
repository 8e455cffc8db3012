/**
 * The orders of one account as the broker told them last: fed with whatever the broker says of any order, asked like
 * GET /v2/orders. Pure memory. Must never answer what it is not sure of, and never leave out what a list would show:
 * then it says so, and the broker is asked.
 */
import { isOlderNews } from '../broker/absorb.ts';
import type { BrokerOrder } from '../broker/broker.ts';
import { isoMicros, micros } from '../lib/clock.ts';
import { type JsonObject, parseLossless, stringifyLossless } from '../lib/json.ts';
import { agentOf } from '../order/name.ts';
import type { OrderListRequest } from '../order/request.ts';
import { hasEnded } from '../order/states.ts';
import { type Instant, instant } from '../order/time.ts';
import { type Moment, meets, type Need, newerOf, olderOf } from './moment.ts';

/**
 * How an order was told. `listed`: a row of a nested list. `nested`: by its id, with its legs, or as the answer to its
 * placing. `flat`: by its client_order_id, without legs. `event`: by the stream, which tells parents without their legs.
 */
export type Telling = 'listed' | 'nested' | 'flat' | 'event';

/** What the mirror needs of an order's JSON. */
interface Row {
  readonly order: BrokerOrder;
  readonly submitted: Instant;
  readonly symbols: readonly string[];
  readonly side: string;
  /** Whose it is by its client_order_id. */
  readonly agent: string | null;
  /** The keys of its JSON. */
  readonly shape: string;
  /** No legs, nor any order that belongs to it. */
  readonly isPlain: boolean;
  readonly isMultiLeg: boolean;
}

interface Held {
  row: Row;
  /** The newest request that told it as it stands; null when only the stream has. */
  leftAt: Moment | null;
  /** Its JSON is what GET would answer. */
  isWhole: boolean;
  /** Something happened to it that its JSON does not show yet. */
  stale: Moment | null;
  /** The steps of its first news and of its newest. */
  readonly addedAt: number;
  newsAt: number;
  /** The broker does not show it by its id. */
  isLost: boolean;
  /** Where it stood in the newest list that it was in: orders submitted at one instant are told apart by it alone. */
  place: number | null;
}

type Ref = { readonly id: string } | { readonly clientOrderId: string };

/** `stale`: reading the orders anew would help. `unsure`: only the broker knows. */
export type Listed =
  | {
      readonly kind: 'rows';
      readonly rows: readonly string[];
      readonly asOf: Moment;
      /** The step of the newest fill that can be seen in it. */
      readonly fillsAt: number;
    }
  | { readonly kind: 'stale' | 'unsure' };

/** Statuses of which it is known whether `status=open` shows them (Alpaca docs: orders). */
const CLEARLY_OPEN = new Set([
  'new',
  'partially_filled',
  'accepted',
  'pending_new',
  'pending_cancel',
  'pending_replace',
]);

const plainSymbol = (symbol: string): string => symbol.replaceAll('/', '').toUpperCase();

export class OrderBook {
  readonly #most: number;
  readonly #orders = new Map<string, Held>();
  /** Null where two orders share it. */
  readonly #byClientId = new Map<string, string | null>();
  /** Leg → its parent. */
  readonly #parents = new Map<string, string>();
  /** The keys that orders have in lists; an event with others cannot stand for one. */
  readonly #shapes = new Set<string>();
  #sorted: Held[] | null = null;
  #places = 0;
  /** Everything is at least as new as this; null before the first list. */
  #verifiedAt: Moment | null = null;
  /** Every order submitted after it is here; '' for all. Null before the first list. */
  #coverFrom: Instant | '' | null = null;
  /** The newest submission that a list has shown: up to here the book is known without a gap. */
  #front: Instant | null = null;
  #firstAfter: string | null | undefined;
  #hasOpenOnes = false;
  /** The newest that had to go: what was submitted until then is never claimed to be known again. */
  #forgotten: Instant | '' = '';
  /** There are more open orders than may be kept. */
  #isCrowded = false;
  /** Members of families that are not known, and when they were told of. */
  readonly #strangers = new Map<string, Moment>();
  #changedAt = 0;
  /** The same, of what concerns each agent, and of what may concern any. */
  readonly #agentsChangedAt = new Map<string, number>();
  #commonChangedAt = 0;
  /** The steps of the newest news, the oldest first. */
  readonly #news: number[] = [];

  /** `most`: orders kept; the oldest ended ones go first. */
  constructor(most: number) {
    this.#most = most;
  }

  /** The step of the newest news: answers about money and positions that left before it are out of date. */
  get changedAt(): number {
    return this.#changedAt;
  }

  /** The same, of this agent's own orders; what belongs to no agent is everybody's news. */
  changedFor(agent: string): number {
    return Math.max(this.#commonChangedAt, this.#agentsChangedAt.get(agent) ?? 0);
  }

  /** The step of the newest news that what left at `step` shows; when that is long ago, `step` itself. */
  changedBefore(step: number): number {
    return this.#news.findLast((news) => news <= step) ?? (this.#news.length < NEWS_KEPT ? 0 : step);
  }

  /** The step of the newest fill that can be seen in these orders. */
  fillsIn(orders: readonly BrokerOrder[]): number {
    return Math.max(0, ...orders.filter(hasFills).map(({ id }) => this.#orders.get(id)?.newsAt ?? this.#changedAt));
  }

  /** `agent`: whose order it is; null where that is not known. */
  #changed(agent: string | null, now: Moment): void {
    this.#changedAt = now.step;
    if (agent === null) this.#commonChangedAt = now.step;
    else this.#agentsChangedAt.set(agent, now.step);
    this.#news.push(now.step);
    if (this.#news.length > NEWS_KEPT) this.#news.shift();
  }

  get verifiedAt(): Moment | null {
    return this.#verifiedAt;
  }

  get hasOpenOnes(): boolean {
    return this.#hasOpenOnes;
  }

  /**
   * `after` of the next list that leaves no gap to what is known: `overlapUs` before the newest submission that a list
   * has shown, by the broker's clock, or where the first list began. Undefined before the first.
   */
  nextAfter(overlapUs: number): string | null | undefined {
    if (this.#front !== null) return isoMicros(micros(Math.trunc(Number(this.#front) / 1000) - overlapUs));
    return this.#firstAfter;
  }

  /**
   * Takes news. `leftAt`: when the request left that brought it; null for the stream. `now`: the step of its arrival.
   */
  hear(order: BrokerOrder, how: Telling, leftAt: Moment | null, now: Moment): void {
    const parent = this.#parents.get(order.id);
    if (parent !== undefined && how !== 'listed') {
      this.#legMoved(parent, order, now);
      return;
    }
    const row = this.#rowOf(order, how);
    const held = this.#orders.get(order.id);
    if (row === null || (!row.isPlain && order.legs.length === 0 && how !== 'listed')) {
      // A member of a family that cannot be told from its parent, or an order that cannot be placed in a list.
      if (held !== undefined && sameNews(held.row.order, order)) return;
      if (held !== undefined) outdate(held, now);
      else if (how === 'event' || !hasEnded(order.status)) this.#strangers.set(order.id, now);
      this.#changed(held?.row.agent ?? null, now);
      return;
    }
    const isWhole = (how !== 'event' && how !== 'flat') || (row.isPlain && this.#fits(row.shape));
    if (held === undefined) this.#add(row, isWhole, leftAt, now);
    else this.#renew(held, row, isWhole, how, leftAt, now);
    const known = this.#orders.get(order.id);
    if (how === 'listed' && known !== undefined) {
      this.#shapes.add(row.shape);
      known.place = ++this.#places;
      this.#sorted = null;
    }
  }

  /** A request was carried out that changes this order in a way that nobody has told yet. */
  touch(id: string, now: Moment): void {
    const held = this.#orders.get(this.#parents.get(id) ?? id);
    if (held !== undefined) outdate(held, now);
    this.#changed(held?.row.agent ?? null, now);
  }

  /** The broker was asked for it and did not show it: whatever it stands for is asked of the broker. */
  lost(id: string): void {
    const held = this.#orders.get(id);
    if (held !== undefined) held.isLost = true;
  }

  #fits(shape: string): boolean {
    return this.#shapes.size === 0 || this.#shapes.has(shape);
  }

  /** The stream tells one thing more than a list does: when a cancel was asked for (Alpaca docs: websocket streaming). */
  #rowOf(order: BrokerOrder, how: Telling): Row | null {
    const row = rowOf(order);
    if (row === null || how !== 'event' || this.#shapes.has(row.shape)) return row;
    const { cancel_requested_at: _, ...rest } = parseLossless(order.json) as JsonObject;
    return rowOf({ ...order, json: stringifyLossless(rest) });
  }

  #add(row: Row, isWhole: boolean, leftAt: Moment | null, now: Moment): void {
    const { id, clientOrderId, legs } = row.order;
    let stale = isWhole ? null : now;
    for (const member of [id, ...legs.map((leg) => leg.id)]) {
      const told = this.#strangers.get(member);
      if (told !== undefined && (leftAt === null || leftAt.step < told.step)) stale = told;
      this.#strangers.delete(member);
    }
    const newsAt = now.step;
    this.#orders.set(id, { row, leftAt, isWhole, stale, addedAt: newsAt, newsAt, isLost: false, place: null });
    this.#byClientId.set(clientOrderId, this.#byClientId.has(clientOrderId) ? null : id);
    for (const leg of legs) this.#parents.set(leg.id, id);
    this.#sorted = null;
    this.#changed(row.agent, now);
    if (this.#orders.size > this.#most) this.#evict();
  }

  #renew(held: Held, row: Row, isWhole: boolean, how: Telling, leftAt: Moment | null, now: Moment): void {
    const before = held.row.order;
    const { order } = row;
    if (isOlderNews(order, before)) {
      // What is held is newer still than what this request was told.
      if (how === 'nested' && held.leftAt === null) held.leftAt = leftAt;
      return;
    }
    const isSame = sameNews(before, order);
    if (isSame && how === 'event') return;
    if (isSame && leftAt !== null && held.leftAt !== null && leftAt.step < held.leftAt.step) return;
    if (!isSame) {
      held.newsAt = now.step;
      this.#changed(row.agent, now);
    }
    if (!isWhole) {
      // It shows that something has happened, and cannot show it as a list would.
      if (!isSame) held.stale = now;
      return;
    }
    if (row.submitted !== held.row.submitted) this.#sorted = null;
    held.row = row;
    held.isWhole = true;
    held.isLost = false;
    if (leftAt !== null) held.leftAt = leftAt;
    if (held.stale !== null && (how === 'event' || (leftAt !== null && leftAt.step >= held.stale.step)))
      held.stale = null;
    for (const leg of order.legs) this.#parents.set(leg.id, order.id);
  }

  /** Legs are shown by their parent only: it has to be read anew when one of them has moved on. */
  #legMoved(parent: string, leg: BrokerOrder, now: Moment): void {
    const held = this.#orders.get(parent);
    const before = held?.row.order.legs.find(({ id }) => id === leg.id);
    if (held === undefined || (before !== undefined && (sameNews(before, leg) || isOlderNews(leg, before)))) return;
    outdate(held, now);
    this.#changed(held.row.agent, now);
  }

  /** Ids of open orders that no request has told since: after a list, those that it should have shown. */
  unverified(since: Moment): string[] {
    const ids: string[] = [];
    for (const [id, held] of this.#orders) {
      const isOpen = !isOver(held.row.order) || held.stale !== null;
      if (isOpen && (held.leftAt === null || held.leftAt.step < since.step)) ids.push(id);
    }
    return ids;
  }

  /**
   * The book was read: every order submitted after `after` (RFC 3339; null: every one) was listed by requests that left
   * at `moment` or later, `newest` the last of them, and so was every other one that was open, when `withOpen`.
   */
  verified(moment: Moment, after: string | null, newest: BrokerOrder | null, withOpen: boolean): void {
    const from = after === null ? '' : instant(after);
    if (from === null) return;
    const edge = this.#front ?? (this.#firstAfter ? instant(this.#firstAfter) : null) ?? '';
    // Where the list begins beyond what was known before, nobody knows what lies between.
    if (this.#coverFrom === null || from < this.#coverFrom || from > edge) this.#cover(from);
    if (this.#firstAfter === undefined) this.#firstAfter = after;
    const end = newest === null ? null : instant(newest.submittedAt);
    if (end !== null && end > (this.#front ?? '')) this.#front = end;
    if (withOpen || after === null) this.#hasOpenOnes = !this.#isCrowded;
    if (this.#verifiedAt === null || moment.step > this.#verifiedAt.step) this.#verifiedAt = moment;
    for (const [id, told] of this.#strangers) if (told.step <= moment.step) this.#strangers.delete(id);
  }

  /** A page of all orders, newest first, from now back: what it holds need not be asked again. */
  reaches(page: readonly BrokerOrder[], limit: number, after: string | null): void {
    if (this.#coverFrom === null) return;
    const last = page.at(-1);
    const end = page.length < limit ? (after ?? '') : (last?.submittedAt ?? null);
    const from = end === null || end === '' ? end : instant(end);
    if (from !== null && from < this.#coverFrom) this.#cover(from);
  }

  #cover(from: Instant | ''): void {
    this.#coverFrom = from > this.#forgotten ? from : this.#forgotten;
  }

  /** The order of this id or client_order_id, as GET would show it with its legs; null when that is not sure. */
  one(ref: Ref, need: Need): { order: BrokerOrder; asOf: Moment } | null {
    const held = this.#find(ref);
    if (held === undefined || !held.isWhole || held.isLost || held.stale !== null) return null;
    const { order } = held.row;
    const newest = newerOf(held.leftAt, this.#verifiedAt);
    const asOf = isOver(order) ? newest : held.leftAt;
    return asOf !== null && meets(asOf, need) ? { order, asOf } : null;
  }

  has(ref: Ref): boolean {
    return this.#find(ref) !== undefined;
  }

  #find(ref: Ref): Held | undefined {
    const id = 'id' in ref ? ref.id : this.#byClientId.get(ref.clientOrderId);
    return id === undefined || id === null ? undefined : this.#orders.get(id);
  }

  /** `lookedAt`: the step at which its asker has last seen a list of open orders. */
  list(request: OrderListRequest, need: Need, lookedAt = 0): Listed {
    const verified = this.#verifiedAt;
    const { status, limit, ofAgent, side, direction } = request;
    if (verified === null || !meets(verified, need) || this.#strangers.size > 0) return { kind: 'stale' };
    const after = request.after === null ? '' : instant(request.after);
    const until = request.until === null ? null : instant(request.until);
    if (after === null || (request.until !== null && until === null) || this.#coverFrom === null) return UNSURE;
    if (status === 'open' && !this.#hasOpenOnes) return UNSURE;
    const symbols = new Set(request.symbols.map(plainSymbol));
    const sorted = this.#inOrder();
    const rows: string[] = [];
    let fillsAt = 0;
    let asOf = verified;
    let before: Held | null = null;
    for (let i = 0; i < sorted.length && rows.length < limit; i++) {
      const held = sorted[direction === 'asc' ? i : sorted.length - 1 - i];
      if (held === undefined) break;
      const { row } = held;
      if (row.submitted <= after || (until !== null && row.submitted >= until)) continue;
      // Below what is covered there are orders that are not here; the open ones all are.
      if (status !== 'open' && row.submitted <= this.#coverFrom) {
        if (direction === 'asc') continue;
        break;
      }
      if (ofAgent !== null && row.agent !== ofAgent) continue;
      if (symbols.size > 0 && row.isMultiLeg) return UNSURE;
      if (symbols.size > 0 && !row.symbols.some((symbol) => symbols.has(symbol))) continue;
      if (side !== null && !row.isPlain) return UNSURE;
      if (side !== null && row.side !== side) continue;
      if (held.isLost) return UNSURE;
      if (held.stale !== null || !held.isWhole) return { kind: 'stale' };
      if (!isOver(row.order)) {
        if (held.leftAt === null) return { kind: 'stale' };
        asOf = olderOf(asOf, held.leftAt);
      }
      const shown = status === 'all' ? true : isShown(row.order, status);
      if (shown === null) return UNSURE;
      // What stood in the list before and has filled is seen by its absence.
      const isSeen = shown || (status === 'open' && held.addedAt <= lookedAt && held.newsAt > lookedAt);
      if (isSeen && hasFills(row.order)) fillsAt = Math.max(fillsAt, held.newsAt);
      if (!shown) continue;
      if (before !== null && before.row.submitted === row.submitted && (before.place === null || held.place === null))
        return UNSURE;
      before = held;
      rows.push(row.order.json);
    }
    // What lies below the covered stretch would come first, or next.
    const needsMore = direction === 'asc' || rows.length < limit;
    if (status !== 'open' && needsMore && this.#coverFrom > after) return UNSURE;
    return meets(asOf, need) ? { kind: 'rows', rows, asOf, fillsAt } : { kind: 'stale' };
  }

  /** Open orders, the oldest first; null while not every one is known. */
  open(): { readonly orders: readonly BrokerOrder[]; readonly asOf: Moment } | null {
    if (this.#verifiedAt === null || !this.#hasOpenOnes) return null;
    const open = this.#inOrder().filter(({ row }) => !isOver(row.order));
    const asOf = open.reduce((oldest, { leftAt }) => olderOf(oldest, leftAt ?? oldest), this.#verifiedAt);
    return { orders: open.map(({ row }) => row.order), asOf };
  }

  get size(): number {
    return this.#orders.size;
  }

  #inOrder(): readonly Held[] {
    this.#sorted ??= [...this.#orders.values()].sort(
      (a, b) =>
        (a.row.submitted < b.row.submitted ? -1 : a.row.submitted > b.row.submitted ? 1 : 0) ||
        (a.place ?? 0) - (b.place ?? 0),
    );
    return this.#sorted;
  }

  /** Makes room: the oldest go, and with them the claim to know what was submitted until then. */
  #evict(): void {
    const sorted = this.#inOrder();
    let excess = sorted.length - Math.floor(this.#most * 0.9);
    for (const mayGo of [(held: Held) => isOver(held.row.order), () => true]) {
      for (const held of sorted) {
        if (excess <= 0) break;
        const { order, submitted } = held.row;
        if (!this.#orders.has(order.id) || !mayGo(held)) continue;
        excess--;
        this.#forget(order);
        if (submitted > this.#forgotten) this.#forgotten = submitted;
        if (!isOver(order)) this.#isCrowded = true;
      }
    }
    if (this.#coverFrom !== null) this.#cover(this.#coverFrom);
    if (this.#isCrowded) this.#hasOpenOnes = false;
    this.#sorted = null;
  }

  #forget(order: BrokerOrder): void {
    this.#orders.delete(order.id);
    const shared = this.#byClientId.get(order.clientOrderId);
    if (shared === order.id) this.#byClientId.delete(order.clientOrderId);
    for (const leg of order.legs) this.#parents.delete(leg.id);
  }
}

const UNSURE: Listed = { kind: 'unsure' };

/** So many steps of news are told apart. */
const NEWS_KEPT = 256;

function outdate(held: Held, now: Moment): void {
  held.stale = now;
  held.newsAt = now.step;
}

const hasFills = (order: BrokerOrder): boolean => /[1-9]/.test(order.filledQty) || order.legs.some(hasFills);

/** It has ended, and every leg of it. */
const isOver = (order: BrokerOrder): boolean => hasEnded(order.status) && order.legs.every(isOver);

/** Whether a nested list of open or closed orders shows it; null where Alpaca does not say. */
function isShown(order: BrokerOrder, status: 'open' | 'closed'): boolean | null {
  const { legs } = order;
  if (hasEnded(order.status)) return legs.every(isOver) ? status === 'closed' : null;
  if (!CLEARLY_OPEN.has(order.status) || legs.some((leg) => hasEnded(leg.status))) return null;
  return status === 'open';
}

/** They tell the same: the same state of the same order, and of each leg. */
const sameNews = (a: BrokerOrder, b: BrokerOrder): boolean =>
  a.status === b.status &&
  a.filledQty === b.filledQty &&
  a.updatedAt === b.updatedAt &&
  a.legs.every((leg, i) => {
    const other = b.legs[i];
    return other !== undefined && sameNews(leg, other);
  });

interface WireOrder {
  readonly symbol?: unknown;
  readonly side?: unknown;
  readonly order_class?: unknown;
  readonly legs?: readonly WireOrder[] | null;
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

function rowOf(order: BrokerOrder): Row | null {
  const submitted = instant(order.submittedAt);
  if (submitted === null) return null;
  const wire: WireOrder = JSON.parse(order.json);
  const orderClass = text(wire.order_class);
  return {
    order,
    submitted,
    symbols: [wire, ...(wire.legs ?? [])].map(({ symbol }) => plainSymbol(text(symbol))),
    side: text(wire.side),
    agent: agentOf(order.clientOrderId),
    shape: Object.keys(wire).sort().join(),
    isPlain: (orderClass === '' || orderClass === 'simple') && order.legs.length === 0,
    isMultiLeg: orderClass === 'mleg',
  };
}
