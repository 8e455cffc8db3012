/**
 * What orders may still come to, in the SQLite journal: one row per order, and the sums over them in memory, moved in the
 * same transactions as the orders and the books. Must never let go of an order that is filled and not in the books yet.
 */
import type { Database } from 'better-sqlite3';
import { decimal, type Exact, exact } from '../order/decimal.ts';
import { MODES } from '../order/name.ts';
import { STATES, type State } from '../order/states.ts';
import { type Conflict, conflictOf } from '../risk/conflicts.ts';
import { repeatsOf } from '../risk/limits.ts';
import type { Measured, Meeting, Part } from '../risk/measure.ts';
import { type OpenPart, REMEMBERED_US, Standings } from '../risk/standing.ts';
import type { Ground } from '../risk/sums.ts';
import type { BookEntry, Booked, Counted } from './journal.ts';
import type { Row as RequestRow } from './sqlite-row.ts';

/** What this file wrote may be read back under its own types: its only casts. */
const trusted = <T>(value: unknown): T => value as T;

const ZERO = exact('0');
const DAY_US = 86_400_000_000;
/** Rows that count no more are kept for the day's sums, and for orders that appear late. */
const KEPT_US = 3 * DAY_US;

interface KeptPart extends Part {
  /** Units per unit of the order's filled quantity: the ratio of a leg. */
  readonly per: string;
  readonly booked: string;
}

interface Row {
  readonly seq: number;
  readonly client_order_id: string;
  readonly mode: string;
  readonly agent: string;
  readonly at: number;
  readonly value: string;
  readonly content: string;
  readonly repeats: string;
  readonly parts: string;
  readonly meeting: string | null;
  /** 2: may be filled; 1: has ended, and not all of it is in the books; 0: counts no more. */
  readonly open: number;
  readonly doubtful: number;
  /** What was filled when it ended. */
  readonly filled: string | null;
  /** Microseconds. An order in conflict may still be filled, and has ended as far as anybody can tell. */
  readonly ended_at: number | null;
}

const isDoubtful = (state: State): boolean => state === 'in_doubt' || state === 'unresolved';

export class RiskTables {
  readonly #sql: ReturnType<typeof statements>;
  #standings: Standings | null = null;
  /** When they ended, of those that have and still count. */
  readonly #lingering = new Map<number, number>();
  #prunedAt = 0;

  constructor(db: Database) {
    this.#sql = statements(db);
  }

  /**
   * From now on `after` serves a mode. What was open on another account before counts no more; orders that were taken in
   * before any account was known (`before` is empty) wait for this one, and count.
   */
  changeAccount(mode: string, before: string, after: string): void {
    if (before !== '' && before !== after) this.#sql.leave.run(mode);
    this.#standings = null;
  }

  conflict(seq: number, now: number): Conflict | null {
    const row = trusted<Row | undefined>(this.#sql.bySeq.get(seq));
    if (row === undefined) return null;
    const parts = trusted<readonly Part[]>(JSON.parse(row.parts));
    const meeting = row.meeting === null ? null : trusted<Meeting>(JSON.parse(row.meeting));
    return conflictOf({ mode: trusted(row.mode), parts, meeting }, this.ground(now).standings, seq);
  }

  ground(now: number): Ground {
    this.#standings ??= this.#load(now);
    return {
      standings: this.#standings,
      now,
      mark: (mode, symbol) =>
        trusted<{ price: string } | undefined>(this.#sql.mark.get(`account:${mode}`, symbol))?.price ?? null,
    };
  }

  /** An order is taken in. Inside the caller's transaction, as all that follows. */
  admit(seq: number, clientOrderId: string, order: Measured, at: number, state: State): void {
    const row = rowOf({ seq, client_order_id: clientOrderId, at, state }, order);
    this.#sql.insert.run(row);
    if (at - this.#prunedAt > DAY_US / 24) {
      this.#prunedAt = at;
      this.#sql.prune.run(at - KEPT_US);
    }
    this.#standings?.open(openParts(row));
    this.#standings?.take(takenOf(row));
  }

  /** Orders that are not final and have no row. */
  uncounted(): readonly RequestRow[] {
    return trusted<RequestRow[]>(this.#sql.uncounted.all());
  }

  /** They get a row, with what the books have of them already. */
  count(orders: readonly Counted[]): void {
    for (const { seq, measured } of orders) {
      const asked = trusted<Asked | undefined>(this.#sql.asked.get(seq));
      if (asked === undefined) continue;
      const row = rowOf(asked, measured);
      const parts = trusted<readonly KeptPart[]>(JSON.parse(row.parts)).map((part) => {
        const booked = trusted<{ qty: string }[]>(this.#sql.bookedOf.all({ ...row, symbol: part.symbol }))
          .map(({ qty }) => exact(qty))
          .filter((qty) => qty.gt(ZERO) === (part.side === 'buy'))
          .reduce((sum, qty) => sum.plus(qty.abs()), ZERO);
        return { ...part, booked: decimal(booked) };
      });
      this.#sql.insert.run({ ...row, parts: JSON.stringify(parts) });
    }
    this.#standings = null;
  }

  /** Something ended before `until`, and counts. */
  lingers(until: number, now: number): boolean {
    this.ground(now);
    return [...this.#lingering.values()].some((endedAt) => endedAt <= until);
  }

  /** What ended before `until` is in the books of this account, as far as it will ever be. */
  settled(account: string, until: number): void {
    const modes = this.#modesOf(account);
    for (const [seq, endedAt] of this.#lingering) {
      const row = endedAt <= until ? trusted<Row | undefined>(this.#sql.bySeq.get(seq)) : undefined;
      if (row !== undefined && modes.includes(row.mode)) this.#set(row, { ...row, open: 0 });
    }
  }

  /** An order has moved to another state. */
  moved(seq: number, from: State, to: State, filledQty: string | null, at: number): void {
    const isEnd = STATES[to].final;
    if (isEnd === STATES[from].final && isDoubtful(from) === isDoubtful(to) && !isEnd) return;
    const row = trusted<Row | undefined>(this.#sql.bySeq.get(seq));
    if (row === undefined) return;
    this.#set(row, {
      ...row,
      doubtful: isDoubtful(to) ? 1 : 0,
      open: isEnd && to !== 'conflict' ? 1 : 2,
      filled: isEnd && to !== 'conflict' ? (filledQty ?? '0') : null,
      ended_at: isEnd ? (row.ended_at ?? at) : null,
    });
  }

  /** An execution is in the books. */
  booked(account: string, booked: Booked, at: number): void {
    if (booked === null) return;
    const { entry, before, after } = booked;
    this.#hold(account, entry, before, after, at);
    if (entry.seq === null || entry.posting.kind !== 'fill') return;
    const row = trusted<Row | undefined>(this.#sql.bySeq.get(entry.seq));
    if (row === undefined || row.open === 0) return;
    const change = exact(entry.posting.qty);
    const side = change.gt(ZERO) ? 'buy' : 'sell';
    const parts = trusted<KeptPart[]>(JSON.parse(row.parts));
    const index = parts.findIndex((part) => part.symbol === entry.posting.symbol && part.side === side);
    const part = parts[index];
    if (part === undefined) return;
    parts[index] = { ...part, booked: decimal(exact(part.booked).plus(change.abs())) };
    this.#set(row, { ...row, parts: JSON.stringify(parts) });
  }

  /** Positions are worth something else now. */
  repriced(): void {
    this.#standings?.moved();
  }

  #hold(
    account: string,
    { agent, posting }: BookEntry,
    before: NonNullable<Booked>['before'],
    after: NonNullable<Booked>['after'],
    at: number,
  ): void {
    if (this.#standings === null) return;
    for (const mode of this.#modesOf(account)) {
      const change = (name: 'qty' | 'basis' | 'realised' | 'income' | 'fees'): Exact =>
        exact(after[name]).minus(before[name]);
      this.#standings.hold(mode, agent, posting.symbol, { qty: change('qty'), basis: change('basis') });
      this.#standings.earn(mode, agent, change('realised').plus(change('income')).minus(change('fees')), at);
    }
  }

  #modesOf(account: string): readonly string[] {
    return trusted<{ key: string }[]>(this.#sql.modes.all(account)).map(({ key }) => key.slice('account:'.length));
  }

  #set(before: Row, after: Row): void {
    const parts = openParts(after);
    const isOver = after.open === 1 && parts.every(({ left }) => left.lte(ZERO));
    const row = isOver ? { ...after, open: 0 } : after;
    this.#sql.update.run(row);
    const standings = this.#standings;
    if (standings === null) return;
    if (row.open === 0 || row.ended_at === null) this.#lingering.delete(row.seq);
    else this.#lingering.set(row.seq, row.ended_at);
    // What comes back to life is open as it was at first.
    if (row.open === 0 || (row.open === 2 && before.open === 1)) standings.close(row.seq);
    if (row.open === 0) return;
    if (!standings.isOpen(row.seq)) {
      standings.open(parts);
      if (row.open === 1) standings.end(row.seq);
    } else {
      parts.forEach((part, index) => {
        standings.leave(row.seq, index, part.left);
      });
      standings.doubt(row.seq, row.doubtful === 1);
      if (row.open === 1 && before.open === 2) standings.end(row.seq);
    }
  }

  /** All that memory holds, from the tables: costs what is open, held, and was taken in within a day. */
  #load(now: number): Standings {
    const standings = new Standings();
    const day = Math.floor(now / DAY_US) * DAY_US;
    for (const { key, value: account } of trusted<{ key: string; value: string }[]>(this.#sql.accounts.all())) {
      const mode = key.slice('account:'.length);
      for (const { agent, profit } of this.#profits(account, day)) standings.earn(mode, agent, profit, day - 1);
      for (const { agent, profit } of this.#today(account, day)) standings.earn(mode, agent, profit, now);
      for (const { agent, symbol, qty, basis } of trusted<Record<'agent' | 'symbol' | 'qty' | 'basis', string>[]>(
        this.#sql.holdings.all(account),
      ))
        standings.hold(mode, agent, symbol, { qty: exact(qty), basis: exact(basis) });
    }
    this.#lingering.clear();
    for (const row of MODES.flatMap((mode) => trusted<Row[]>(this.#sql.open.all(mode)))) {
      standings.open(openParts(row));
      if (row.open === 1) standings.end(row.seq);
      // Without a moment it ended before that was written down.
      if (row.open === 1 || row.ended_at !== null) this.#lingering.set(row.seq, row.ended_at ?? 0);
    }
    for (const row of trusted<Row[]>(this.#sql.since.all(Math.min(day, now - REMEMBERED_US))))
      standings.take(takenOf(row));
    // The settings may be others than those by which they were taken in.
    standings.moved();
    return standings;
  }

  /** Of each agent, what it had made when the day began. */
  #profits(account: string, day: number): readonly { agent: string; profit: Exact }[] {
    const today = new Map(this.#today(account, day).map(({ agent, profit }) => [agent, profit]));
    return trusted<Record<'agent' | 'realised' | 'income' | 'fees', string>[]>(this.#sql.books.all(account)).map(
      ({ agent, realised, income, fees }) => ({
        agent,
        profit: exact(realised)
          .plus(income)
          .minus(fees)
          .minus(today.get(agent) ?? ZERO),
      }),
    );
  }

  #today(account: string, day: number): readonly { agent: string; profit: Exact }[] {
    const sums = new Map<string, Exact>();
    type Posted = { agent: string; kind: string; realised: string | null; cash: string; fee: string };
    for (const row of trusted<Iterable<Posted>>(this.#sql.postings.iterate(account, day))) {
      const made = exact(row.realised ?? '0')
        .plus(row.kind === 'income' ? row.cash : '0')
        .minus(row.fee);
      sums.set(row.agent, (sums.get(row.agent) ?? ZERO).plus(made));
    }
    return [...sums].map(([agent, profit]) => ({ agent, profit }));
  }
}

/** What a request was, for those that are counted afterwards. */
type Asked = Pick<Row, 'seq' | 'client_order_id' | 'at'> & { readonly state: State };

function rowOf({ seq, client_order_id, at, state }: Asked, order: Measured): Row {
  const whole = order.qty === null ? null : exact(order.qty);
  const parts: KeptPart[] = order.parts.map((part) => ({
    ...part,
    per: whole === null || whole.eq(ZERO) ? '1' : decimal(exact(part.qty).div(whole)),
    booked: '0',
  }));
  return {
    seq,
    client_order_id,
    mode: order.mode,
    agent: order.agent,
    at,
    value: order.value ?? '0',
    content: order.content,
    repeats: repeatsOf(order),
    parts: JSON.stringify(parts),
    meeting: order.meeting === null ? null : JSON.stringify(order.meeting),
    open: 2,
    doubtful: isDoubtful(state) ? 1 : 0,
    filled: null,
    ended_at: null,
  };
}

function openParts(row: Row): readonly OpenPart[] {
  const parts = trusted<readonly KeptPart[]>(JSON.parse(row.parts));
  const meeting = row.meeting === null ? null : trusted<Meeting>(JSON.parse(row.meeting));
  return parts.map((part) => {
    // Once it has ended, what was filled is all that there is; its exits have ended with it.
    const whole = row.filled === null ? exact(part.qty) : part.isExit ? ZERO : exact(row.filled).times(part.per);
    const left = whole.minus(part.booked);
    return {
      seq: row.seq,
      clientOrderId: row.client_order_id,
      mode: row.mode,
      agent: row.agent,
      symbol: part.symbol,
      side: part.side,
      left: left.gt(ZERO) ? left : ZERO,
      unit: exact(part.unit),
      isExit: part.isExit,
      meeting,
      isDoubtful: row.doubtful === 1,
      hasEnded: row.open < 2,
    };
  });
}

const takenOf = (row: Row) => ({
  mode: row.mode,
  agent: row.agent,
  clientOrderId: row.client_order_id,
  at: row.at,
  value: exact(row.value),
  content: row.content,
  repeats: row.repeats,
});

function statements(db: Database) {
  return {
    insert:
      db.prepare(`INSERT INTO risks VALUES (@seq, @client_order_id, @mode, @agent, @at, @value, @content, @repeats,
      @parts, @meeting, @open, @doubtful, @filled, @ended_at)`),
    update: db.prepare(`UPDATE risks SET parts = @parts, open = @open, doubtful = @doubtful, filled = @filled,
      ended_at = @ended_at WHERE seq = @seq`),
    bySeq: db.prepare('SELECT * FROM risks WHERE seq = ?'),
    open: db.prepare('SELECT * FROM risks INDEXED BY risks_open WHERE mode = ? AND open > 0 ORDER BY seq'),
    since: db.prepare('SELECT * FROM risks WHERE at >= ? ORDER BY at, seq'),
    prune: db.prepare('DELETE FROM risks WHERE at < ? AND open = 0'),
    uncounted: db.prepare(`SELECT * FROM requests AS r INDEXED BY requests_unfinished
      WHERE final = 0 AND NOT EXISTS (SELECT 1 FROM risks WHERE risks.seq = r.seq) AND wire IS NOT NULL ORDER BY seq`),
    asked: db.prepare(`SELECT seq, client_order_id, received_at AS at, state FROM requests AS r
      WHERE seq = ? AND final = 0 AND NOT EXISTS (SELECT 1 FROM risks WHERE risks.seq = r.seq)`),
    bookedOf: db.prepare(`SELECT p.qty FROM postings p JOIN facts f ON f.value = p.account
      WHERE f.key = 'account:' || @mode AND p.symbol = @symbol AND p.at >= @at AND p.seq = @seq AND p.kind = 'fill'`),
    leave: db.prepare('UPDATE risks INDEXED BY risks_open SET open = 0 WHERE mode = ? AND open > 0'),
    modes: db.prepare("SELECT key FROM facts WHERE key IN ('account:paper', 'account:live') AND value = ?"),
    accounts: db.prepare("SELECT key, value FROM facts WHERE key IN ('account:paper', 'account:live')"),
    holdings: db.prepare('SELECT agent, symbol, qty, basis FROM holdings WHERE account = ?'),
    books: db.prepare('SELECT agent, realised, income, fees FROM books WHERE account = ?'),
    postings: db.prepare('SELECT agent, kind, realised, cash, fee FROM postings WHERE account = ? AND at >= ?'),
    mark: db.prepare(`SELECT p.price FROM prices p JOIN facts f ON f.value = p.account
      WHERE f.key = ? AND p.symbol = ? ORDER BY p.hour DESC LIMIT 1`),
  };
}
