/**
 * The journal on SQLite: WAL, synchronous=FULL, and group commit (all that is asked within one turn of the event loop
 * is one transaction and one fdatasync). Must never resolve before the commit, nor go on after a failed one: a commit
 * that returned an error may still be on disk, and only a new start can tell.
 */
import Sqlite, { type Database, type Transaction } from 'better-sqlite3';
import { defined } from '../lib/assert.ts';
import type { Clock, Micros } from '../lib/clock.ts';
import { type Failpoints, noFailpoints } from '../lib/failpoint.ts';
import { type Random, uuid } from '../lib/random.ts';
import type { Decimal } from '../order/decimal.ts';
import type { Mode } from '../order/name.ts';
import { STATES, type State } from '../order/states.ts';
import type { Conflict } from '../risk/conflicts.ts';
import type { Ground } from '../risk/sums.ts';
import {
  type Admission,
  type AgentBook,
  type Applied,
  type Arrival,
  type Booked,
  type BookedEntry,
  type BookedQuery,
  type Booking,
  type Change,
  type Counted,
  type Entry,
  type EntryRef,
  type Host,
  type Journal,
  type JournalEvent,
  type Judge,
  type Mark,
  type Outgoing,
  type Stray,
  sendingEvent,
} from './journal.ts';
import { recognise } from './recognise.ts';
import { migrate } from './schema.ts';
import { BookTables } from './sqlite-books.ts';
import { Checkpoints } from './sqlite-checkpoint.ts';
import { RiskTables } from './sqlite-risk.ts';
import { answerColumns, bytesOf, columnsOf, entryOf, type Row, type StrayRow, strayOf, trusted } from './sqlite-row.ts';
import { statements } from './sqlite-statements.ts';
import { Tip } from './tip.ts';

const UNFINISHED = (Object.keys(STATES) as State[]).filter((state) => !STATES[state].final);

/** An answer is archived upon once it says more than `unknown`. */
const settled = (state: State, version: number): number =>
  bit(version > 0 && (STATES[state].final || STATES[state].sent !== 'unknown'));

/** So many rows are kept in memory: more than are under way between a commit and the next. */
const ROWS_KEPT = 1024;

const bit = (value: boolean): number => (value ? 1 : 0);

export interface SqliteJournalOptions {
  /** Absolute path of the database, or `:memory:`. Its folder must exist and is synced by the caller. */
  readonly file: string;
  /** The clock of days and market hours. What is written down at a moment is told the moment, by the tower's own. */
  readonly clock: Clock;
  readonly random: Random;
  readonly failpoints?: Failpoints;
  /** Called before each commit: the last moment to make room on the disk, for a commit without room ends the tower. */
  beforeCommit?(): void;
}

type Work = {
  readonly run: () => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
};

/** Throws when it cannot be opened, or is not the whole journal that it was; NotAJournal when it is no journal at all. */
export function openSqliteJournal(options: SqliteJournalOptions): Journal {
  if (options.file !== ':memory:') recognise(options.file);
  const tip = options.file === ':memory:' ? null : new Tip(options.file);
  const db = new Sqlite(options.file);
  try {
    return new SqliteJournal(db, options, tip);
  } catch (error) {
    db.close();
    throw error;
  }
}

export class SqliteJournal implements Journal {
  readonly generation: string;
  readonly isNew: boolean;
  readonly #db: Database;
  readonly #clock: Clock;
  readonly #failpoints: Failpoints;
  readonly #beforeCommit: () => void;
  readonly #transact: Transaction<(queue: readonly Work[]) => unknown[]>;
  readonly #sql: ReturnType<typeof statements>;
  readonly #books: BookTables;
  readonly #checkpoints: Checkpoints;
  readonly #risk: RiskTables;
  readonly #tip: Tip | null;
  /** Rows as they stand, the oldest first: nobody else writes, and after a commit that failed nothing is read any more. */
  readonly #rows = new Map<number, Row>();
  #isTipDue = false;
  /** There may be strays that are not archived. */
  #mayHaveStrays = true;
  #queue: Work[] = [];
  #fault: unknown = null;
  #prunedAt = 0;

  constructor(db: Database, options: SqliteJournalOptions, tip: Tip | null = null) {
    this.#db = db;
    this.#tip = tip;
    this.#clock = options.clock;
    this.#failpoints = options.failpoints ?? noFailpoints;
    this.#beforeCommit = () => options.beforeCommit?.();
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.pragma('busy_timeout = 5000');
    // Read back: a build or file system that ignores it would lose what was acknowledged.
    if (Number(db.pragma('synchronous', { simple: true })) !== 2)
      throw new Error('SQLite did not accept synchronous = FULL');
    migrate(db, this.#failpoints);
    this.#checkpoints = new Checkpoints(db, options.clock);
    this.#transact = db.transaction((queue: readonly Work[]) => queue.map((work) => work.run()));
    this.#sql = statements(db);
    this.#books = new BookTables(db);
    this.#risk = new RiskTables(db);
    const known = trusted<{ value: string } | undefined>(this.#sql.fact.get('generation'));
    this.isNew = known === undefined;
    this.generation = known?.value ?? uuid(options.random);
    tip?.begin(db, this.generation);
    if (this.isNew) this.#sql.setFact.run('generation', this.generation);
  }

  /** Runs `work` in the next group commit. */
  #commit<T>(run: () => T): Promise<T> {
    if (this.#fault !== null) return Promise.reject(this.#fault);
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ run, resolve: resolve as (value: never) => void, reject });
      if (this.#queue.length === 1) this.#clock.after(0, () => this.#flush());
    });
  }

  #flush(): void {
    const queue = this.#queue;
    this.#queue = [];
    if (queue.length === 0) return;
    let results: unknown[];
    try {
      if (this.#fault !== null) throw this.#fault;
      this.#beforeCommit();
      results = this.#transact.immediate(queue);
    } catch (error) {
      this.#fault = error;
      for (const work of queue) work.reject(error);
      return;
    }
    this.#checkpoints.committed(queue.length);
    this.#moveTip();
    for (const [index, work] of queue.entries()) work.resolve(trusted<never>(results[index]));
  }

  /** After what waits for the commit: the tip may be behind, and nobody waits for it. */
  #moveTip(): void {
    if (this.#tip === null || this.#isTipDue) return;
    this.#isTipDue = true;
    this.#clock.after(0, () => {
      this.#isTipDue = false;
      if (this.#fault === null) this.#tip?.moved();
    });
  }

  admit(arrivals: readonly Arrival[], judge?: Judge): Promise<readonly Admission[]> {
    return this.#commit(() => {
      const admissions = arrivals.map((arrival) => this.#admitOne(arrival, judge));
      this.#failpoints.hit('k05-d2-mid');
      return admissions;
    });
  }

  #admitOne(asked: Arrival, judge?: Judge): Admission {
    const { name } = asked;
    let arrival = asked;
    if (this.#sql.receipt.get(arrival.receipt, arrival.receipt) !== undefined) return { kind: 'known' };
    const first = trusted<Row | undefined>(this.#sql.byClientOrderId.get(name.clientOrderId));
    if (first !== undefined) {
      return { kind: 'duplicate', first: entryOf(first) };
    }
    const { measured } = asked;
    const verdict =
      measured === undefined ? 'admit' : (judge?.(measured, this.#risk.ground(this.#clock.now())) ?? 'admit');
    if (typeof verdict === 'object' && 'code' in verdict)
      arrival = {
        ...asked,
        ...(asked.ifRefused?.(verdict) ?? { state: 'refused', sendBy: null, wire: null, answer: { error: verdict } }),
      };
    const sentAt =
      typeof verdict === 'object' && 'sentAt' in verdict && arrival.state === 'admitted' ? verdict.sentAt : null;
    const state: State = sentAt === null ? arrival.state : 'sending';
    const answer = answerColumns(arrival.answer);
    const version = arrival.answer === null ? 0 : 1;
    const row: Omit<Row, 'seq'> = {
      rev: 1,
      client_order_id: name.clientOrderId,
      receipt: arrival.receipt,
      mode: name.mode,
      agent: name.agent,
      type: name.type,
      timestamp: name.timestamp,
      raw: bytesOf(arrival.raw),
      sha256: arrival.sha256,
      received_at: arrival.receivedAt,
      request_order_id: arrival.requestOrderId,
      send_by: arrival.sendBy,
      wire: arrival.wire,
      state,
      doubted: bit(arrival.doubted),
      attempts: sentAt === null ? 0 : 1,
      broker_id: null,
      broker_status: null,
      filled_qty: null,
      broker_updated_at: null,
      ...answer,
      version,
      answered_at: version === 0 ? null : arrival.receivedAt,
      published: 0,
      archived: 0,
    };
    const { lastInsertRowid } = this.#sql.insert.run({
      ...row,
      final: bit(STATES[state].final),
      settled: settled(state, version),
    });
    const seq = Number(lastInsertRowid);
    this.#sql.event.run(seq, arrival.receivedAt, arrival.state, null, answer.error ?? '{}');
    if (measured !== undefined && arrival.state !== 'refused')
      this.#risk.admit(seq, name.clientOrderId, measured, this.#clock.now(), state);
    if (sentAt !== null) {
      const sending = sendingEvent(seq, 1);
      this.#sql.event.run(seq, sentAt, sending.kind, sending.key ?? null, sending.detail);
      this.#sql.spend.run(name.mode, sentAt, 1, 'trading');
      this.#failpoints.hit('k09-d4-mid');
    }
    return { kind: 'new', entry: entryOf(this.#keep({ seq, ...row })) };
  }

  #row(seq: number): Row | undefined {
    const known = this.#rows.get(seq);
    if (known !== undefined) return known;
    const row = trusted<Row | undefined>(this.#sql.bySeq.get(seq));
    return row === undefined ? undefined : this.#keep(row);
  }

  #keep(row: Row): Row {
    this.#rows.set(row.seq, row);
    const [oldest] = this.#rows.keys();
    if (this.#rows.size > ROWS_KEPT && oldest !== undefined) this.#rows.delete(oldest);
    return row;
  }

  addStray(stray: Stray, of: string): Promise<void> {
    return this.#commit(() => {
      this.#mayHaveStrays = true;
      this.#sql.stray.run(
        stray.receipt,
        of,
        stray.raw,
        stray.receivedAt,
        stray.claimedAs,
        stray.responsePath,
        stray.responseText,
        stray.archivePath,
      );
    });
  }

  strays(of: string): Promise<number> {
    return this.#read(() => trusted<{ n: number }>(this.#sql.strays.get(of)).n);
  }

  apply(changes: readonly Change[]): Promise<readonly Applied[]> {
    return this.#commit(() => changes.map((change) => this.#applyOne(change)));
  }

  #applyOne(change: Change): Applied {
    const row = defined(this.#row(change.seq), `journal entry ${change.seq}`);
    if (row.rev !== change.rev) return { kind: 'stale' };
    if (change.events.some(({ key }) => key !== undefined && this.#sql.eventKey.get(key) !== undefined))
      return { kind: 'seen' };
    const { patch } = change;
    const state = patch.state ?? trusted<State>(row.state);
    const version = patch.answer === undefined ? row.version : row.version + 1;
    const answer = patch.answer === undefined ? columnsOf(row) : answerColumns(patch.answer);
    const changed: Row = {
      ...row,
      rev: row.rev + 1,
      state,
      doubted: patch.doubted === undefined ? row.doubted : bit(patch.doubted),
      attempts: patch.attempts ?? row.attempts,
      broker_id: patch.brokerId ?? row.broker_id,
      broker_status: patch.brokerStatus ?? row.broker_status,
      filled_qty: patch.filledQty ?? row.filled_qty,
      broker_updated_at: patch.brokerUpdatedAt ?? row.broker_updated_at,
      ...answer,
      version,
      answered_at: patch.answer === undefined ? row.answered_at : change.at,
    };
    this.#sql.update.run({ ...changed, final: bit(STATES[state].final), settled: settled(state, version) });
    this.#keep(changed);
    if (row.wire !== null)
      this.#risk.moved(change.seq, trusted<State>(row.state), state, patch.filledQty ?? row.filled_qty, change.at);
    for (const event of change.events)
      this.#sql.event.run(change.seq, change.at, event.kind, event.key ?? null, event.detail);
    for (const leg of change.legs ?? []) this.#sql.leg.run(leg, change.seq);
    if (change.spends) this.#sql.spend.run(row.mode, change.at, change.spends, 'trading');
    if (change.stage === 'd4') this.#failpoints.hit('k09-d4-mid');
    else if (change.stage === 'd5') this.#failpoints.hit('k15-d5-mid');
    else this.#failpoints.hit('k21-d7-mid');
    return { kind: 'applied', entry: entryOf(changed) };
  }

  conflict(seq: number): Promise<Conflict | null> {
    return this.#read(() => this.#risk.conflict(seq, this.#clock.now()));
  }

  ground(now: Micros): Promise<Ground> {
    return this.#read(() => this.#risk.ground(now));
  }

  uncounted(): Promise<readonly Entry[]> {
    return this.#read(() => this.#risk.uncounted().map(entryOf));
  }

  count(orders: readonly Counted[]): Promise<void> {
    return this.#commit(() => this.#risk.count(orders));
  }

  settled(account: string, until: Micros): Promise<void> {
    if (!this.#risk.lingers(until, this.#clock.now())) return this.#read(() => {});
    return this.#commit(() => this.#risk.settled(account, until));
  }

  find(ref: EntryRef): Promise<Entry | null> {
    let row: unknown;
    if ('seq' in ref) row = this.#row(ref.seq);
    else if ('clientOrderId' in ref) row = this.#sql.byClientOrderId.get(ref.clientOrderId);
    else row = this.#sql.byBrokerId.get(ref.brokerId) ?? this.#sql.byLeg.get(ref.brokerId);
    return this.#read(() => (row === undefined ? null : entryOf(trusted<Row>(row))));
  }

  #read<T>(read: () => T): Promise<T> {
    return this.#fault === null ? Promise.resolve(read()) : Promise.reject(this.#fault);
  }

  receipt(receipt: string): Promise<'unknown' | 'known' | 'archived'> {
    return this.#read(() => {
      const row = trusted<{ archived: number } | undefined>(this.#sql.receipt.get(receipt, receipt));
      if (row === undefined) return 'unknown';
      return row.archived === 1 ? 'archived' : 'known';
    });
  }

  unfinished(states: readonly State[] = UNFINISHED): Promise<readonly Entry[]> {
    return this.#read(() => trusted<Row[]>(this.#sql.unfinished.all(JSON.stringify(states))).map(entryOf));
  }

  unwanted(mode: Mode): Promise<readonly Entry[]> {
    return this.#read(() => trusted<Row[]>(this.#sql.unwanted.all(mode)).map(entryOf));
  }

  newestOrders(states: readonly State[], limit: number): Promise<readonly Entry[]> {
    return this.#read(() =>
      states
        .flatMap((state) => trusted<Row[]>(this.#sql.newestOrders.all(state, limit)))
        .sort((a, b) => b.seq - a.seq)
        .slice(0, limit)
        .map(entryOf),
    );
  }

  outgoing(limit: number): Promise<Outgoing> {
    return this.#read(() => ({
      entries: trusted<{ seq: number }[]>(this.#sql.outgoing.all(limit)).map(({ seq }) =>
        entryOf(defined(this.#row(seq), `journal entry ${seq}`)),
      ),
      strays: this.#outgoingStrays(limit),
    }));
  }

  /** As a rule there are none, and then nobody need ask. */
  #outgoingStrays(limit: number): readonly Stray[] {
    if (!this.#mayHaveStrays) return [];
    const rows = trusted<StrayRow[]>(this.#sql.outgoingStrays.all(limit));
    this.#mayHaveStrays = rows.length > 0;
    return rows.map(strayOf);
  }

  mark(marks: readonly Mark[]): Promise<void> {
    return this.#commit(() => {
      for (const mark of marks) {
        if (mark.seq !== undefined) {
          this.#sql.mark.run(mark.published ?? 0, bit(mark.archived ?? false), mark.seq);
          this.#rows.delete(mark.seq);
        }
        if (mark.receipt !== undefined) this.#sql.markStray.run(mark.receipt);
      }
    });
  }

  unpublish(owner: string | null, since: Micros): Promise<void> {
    return this.#commit(() => {
      this.#rows.clear();
      this.#sql.unpublishOpen.run({ owner });
      this.#sql.unpublish.run({ owner, since });
      this.#mayHaveStrays = true;
      this.#sql.unpublishStrays.run({ folder: owner === null ? 'responses/' : `responses/${owner}/`, since });
    });
  }

  spend(mode: Mode, at: Micros, count: number, host: Host): Promise<void> {
    return this.#commit(() => {
      this.#sql.spend.run(mode, at, count, host);
      // Only the last minute matters to the budget; ten are kept for whoever looks after an incident.
      if (at - this.#prunedAt > 60_000_000) {
        this.#prunedAt = at;
        this.#sql.prune.run(at - 600_000_000);
      }
    });
  }

  spentSince(mode: Mode, since: Micros, host: Host): Promise<readonly Micros[]> {
    return this.#read(() =>
      trusted<{ at: Micros; n: number }[]>(this.#sql.spent.all(mode, host, since)).flatMap(({ at, n }) =>
        Array<Micros>(n).fill(at),
      ),
    );
  }

  fact(key: string): Promise<string | null> {
    return this.#read(() => trusted<{ value: string } | undefined>(this.#sql.fact.get(key))?.value ?? null);
  }

  setFact(key: string, value: string, event?: JournalEvent): Promise<void> {
    return this.#commit(() => {
      const before = trusted<{ value: string } | undefined>(this.#sql.fact.get(key))?.value ?? '';
      this.#sql.setFact.run(key, value);
      if (key.startsWith('account:')) this.#risk.changeAccount(key.slice('account:'.length), before, value);
      if (event !== undefined)
        this.#sql.event.run(null, this.#clock.now(), event.kind, event.key ?? null, event.detail);
    });
  }

  fills(seq: number): Promise<readonly string[]> {
    return this.#read(() => trusted<{ qty: string }[]>(this.#sql.fills.all(seq)).map(({ qty }) => qty));
  }

  book(bookings: readonly Booking[]): Promise<readonly (readonly Booked[])[]> {
    return this.#commit(() =>
      bookings.map((booking) => {
        const booked = this.#books.book(booking);
        for (const one of booked) this.#risk.booked(booking.account, one, this.#clock.now());
        return booked;
      }),
    );
  }

  books(account: string): Promise<readonly AgentBook[]> {
    return this.#read(() => this.#books.all(account));
  }

  booked(account: string, query: BookedQuery): Promise<readonly BookedEntry[]> {
    return this.#read(() => this.#books.booked(account, query));
  }

  setPrices(account: string, at: Micros, prices: ReadonlyMap<string, Decimal>): Promise<void> {
    return this.#commit(() => {
      this.#books.setPrices(account, at, prices);
      this.#risk.repriced();
    });
  }

  counts(): Promise<Readonly<Record<string, number>>> {
    return this.#read(() =>
      Object.fromEntries([
        ['received', trusted<{ n: number | null }>(this.#sql.newest.get()).n ?? 0],
        ...trusted<{ state: string; n: number }[]>(this.#sql.openCounts.all()).map(({ state, n }) => [state, n]),
      ]),
    );
  }

  async close(): Promise<void> {
    this.#flush();
    this.#checkpoints.stop();
    if (this.#fault === null) this.#tip?.moved();
    this.#fault ??= new Error('the journal is closed');
    this.#db.close();
    this.#tip?.end();
  }
}
