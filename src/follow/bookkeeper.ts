/**
 * The books of one account: executions as the stream tells them, everything else from the account's history, and the
 * proof that the sum of all books is what the broker says. Must never take a difference in silence: it is told, journaled
 * and shown until it is gone. The first one is what the account held before its books began.
 */

import { MONEY } from '../books/holding.ts';
import { carried, money } from '../books/postings.ts';
import { compare, type Difference, type Uncharged } from '../books/proof.ts';
import {
  ACTIVITY_PAGE,
  type Activity,
  type ActivityQuery,
  type Broker,
  type Outcome,
  type TradeUpdate,
} from '../broker/broker.ts';
import type { BookEntry, Entry, Journal } from '../journal/journal.ts';
import { type Clock, isoMicros, type Micros, micros } from '../lib/clock.ts';
import type { BooksReport } from '../observe/status.ts';
import { canonical, type Decimal, decimal, exact, isPlainDecimal } from '../order/decimal.ts';
import { fromRfc3339 } from '../order/time.ts';
import { activityEntries, fillEntries, type Ledger, NOBODY, type Owner } from './booking.ts';
import { asBooked } from './history.ts';

export interface BookkeeperOptions {
  readonly broker: Broker;
  readonly journal: Journal;
  readonly clock: Clock;
  /** The account that answers; null while it is not known. */
  account(): string | null;
  /** Asks the broker within the budget; null when the tower stops. */
  ask<T>(call: () => Promise<Outcome<T>>): Promise<Outcome<T> | null>;
  notice(level: 'info' | 'warn' | 'error', text: string, remedy: string): void;
  fatal(error: unknown): void;
}

/** How the books stand against the broker. */
interface Proof {
  /** When the sum of all books was the account for the last time; null before the first. */
  readonly provenAt: Micros | null;
  /** Since when it has not been, and how; empty when it is. */
  readonly since: Micros | null;
  readonly differences: readonly Difference[];
}

interface Snapshot {
  readonly cash: Decimal;
  readonly positions: ReadonlyMap<string, Decimal>;
  /** USD per unit. */
  readonly prices: ReadonlyMap<string, Decimal>;
  /** What a unit has cost. */
  readonly costs: ReadonlyMap<string, Decimal>;
}

/** Rows booked so long before the newest known one are read again: not all come in order. */
const OVERLAP_US = 60_000_000;
/** At the first look of a run, rows that are no trades: the broker books some days later, under an older date. */
const LATE_ROWS_US = 4 * 86_400_000_000;
/** The history is read from so long before the books began: the two clocks differ, and orders may be older. */
const BEFORE_US = 86_400_000_000;
/** A row whose counterpart has not come is nobody's after so long. */
const PATIENCE_MS = 600_000;
/** The history is read at least so often, whatever the books say. */
const READ_EVERY_MS = 300_000;
/** From the last opening entry until it is certain: longer than anything is told late. */
const SETTLING_MS = 60_000;
const AFTER_FILL_MS = 2000;
/** Proofs after fills are so far apart: each costs two requests. */
const SPACING_MS = 15_000;
/** A difference is real when it is still there after so long, with nothing booked in between. */
const CONFIRM_MS = 10_000;
const TRIES = 3;
/** A proof that holds is journaled so often: a status and a report read it. */
const TOLD_EVERY_US = 10_000_000;
const PRICES_EVERY_US = 60_000_000;
const MOST_UNCHARGED = 5000;
const UNCHARGED_US = 2 * 86_400_000_000;
/** What happened so long before is in the account that the broker shows, and no copy of an order is on its way any more. */
const SHOWN_AFTER_US = 900_000_000;
/** And so long before, in the history, however late it tells. */
const TOLD_AFTER_US = 3 * 86_400_000_000;
const NONE = '0' as Decimal;

export class Bookkeeper {
  readonly #o: BookkeeperOptions;
  /** Everything is done one after the other. */
  #chain: Promise<unknown> = Promise.resolve();
  #timer: (() => void) | null = null;
  #stopped = false;
  /** Entries booked in this run; tells whether anything moved meanwhile. */
  #booked = 0;
  /** When the newest list of orders was begun (monotonic). */
  #sweptAt = Number.NEGATIVE_INFINITY;
  /** Orders whose owner is not known, and when that was first seen (monotonic). */
  readonly #strangers = new Map<string, number>();
  /** Rows of the history that wait for another, and when each was first seen (monotonic). */
  #firstSeen: ReadonlyMap<string, number> = new Map();
  /** Rows that were dealt with at the last reading. */
  #done: ReadonlySet<string> = new Set();
  #readAt = Number.NEGATIVE_INFINITY;
  #hasReadLate = false;
  #isHolding = false;
  #provedAt = Number.NEGATIVE_INFINITY;
  #suspected: { readonly text: string; readonly mono: number; readonly booked: number } | null = null;
  #lastFault = '';
  /** Since when what the books began with is being tried, in this run (monotonic); anew with each correction of it. */
  #settlingSince: number | null = null;
  #pricesAt = 0;
  #prices: ReadonlyMap<string, Decimal> = new Map();
  /** When the proof was last journaled, and of which account the journaled one was read. */
  #toldAt = 0;
  #recalled = '';
  #proof: Proof = { provenAt: null, since: null, differences: [] };

  constructor(options: BookkeeperOptions) {
    this.#o = options;
  }

  /** For the status. */
  report(): BooksReport {
    const { provenAt, since, differences } = this.#proof;
    const moment = (at: Micros | null): string | null => (at === null ? null : isoMicros(at));
    return {
      mode: this.#o.broker.mode,
      proven_at: moment(provenAt),
      different_since: moment(since),
      differences: differences.map(({ symbol, books, broker, expected }) => ({ symbol, books, broker, expected })),
    };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.();
    await this.#chain;
  }

  /** The list of orders was read, from `startedAt` (monotonic) on: what had been seen by then is known, or foreign. */
  swept(startedAt: number): void {
    this.#sweptAt = startedAt;
    this.#soon(0);
  }

  /** A trade update of an order of ours, or of a leg of one. */
  async executed(update: TradeUpdate, owner: Pick<Entry, 'agent' | 'seq'>): Promise<void> {
    const account = this.#o.account();
    if (account === null || update.executions.length === 0) return;
    const ledger = { account, rate: (coin: string) => this.#rate(coin) };
    const of: Owner = { agent: owner.agent, seq: owner.seq };
    await this.#book(
      account,
      null,
      update.executions.flatMap((told) => fillEntries(ledger, told, of)),
    );
    this.#soon(Math.max(AFTER_FILL_MS, this.#provedAt + SPACING_MS - this.#o.clock.monotonic()));
  }

  #soon(ms: number): void {
    this.#timer?.();
    if (this.#stopped) return;
    this.#timer = this.#o.clock.after(ms, () => {
      this.#timer = null;
      this.#chain = this.#chain
        .then(() => this.#prove())
        .catch((error: unknown) => {
          if (!this.#stopped) this.#o.fatal(error);
        });
    });
  }

  async #book(account: string, activity: string | null, entries: readonly BookEntry[]): Promise<void> {
    if (entries.length === 0 && activity === null) return;
    const [booked = []] = await this.#o.journal.book([{ account, activity, entries }]);
    this.#booked += booked.filter((one) => one !== null).length;
  }

  #rate(coin: string): Decimal {
    return this.#prices.get(`${coin}USD`) ?? ('1' as Decimal);
  }

  // The account's history

  /** Books what the history tells and the books do not know. False when the broker did not answer. */
  async #read(account: string): Promise<boolean> {
    const { journal, clock } = this.#o;
    const began = await this.#begin(account);
    const readFrom = clock.now();
    const known = fromRfc3339((await journal.fact(`activities:${account}`)) ?? '');
    const from = micros((known ?? began) - (known === null ? BEFORE_US : OVERLAP_US));
    const rows = await this.#rows({ after: isoMicros(from) });
    if (rows === null) return false;
    const late = this.#hasReadLate ? [] : await this.#rows(lateRows(began, clock.now()));
    if (late === null) return false;
    this.#hasReadLate = true;
    const all = asBooked([...late, ...rows]);
    const done = new Set<string>();
    const waiting = new Map<string, number>();
    let held: Micros | null = null;
    let newest = known;
    const ledger: Ledger = {
      journal,
      account,
      rate: (coin) => this.#rate(coin),
      ownerOf: (orderId) => this.#ownerOf(orderId),
      waits: (row) => clock.monotonic() - (this.#firstSeen.get(row.id) ?? clock.monotonic()) < PATIENCE_MS,
    };
    for (const row of all) {
      const at = fromRfc3339(row.at);
      // What the date says was before the books is in what they began with.
      if (at === null || at < began - BEFORE_US) continue;
      const entries = this.#done.has(row.id) ? [] : await activityEntries(ledger, row);
      if (entries === null) {
        waiting.set(row.id, this.#firstSeen.get(row.id) ?? clock.monotonic());
        held = held === null || at < held ? at : held;
        continue;
      }
      if (!this.#done.has(row.id)) await this.#book(account, row.id, entries);
      done.add(row.id);
      if (newest === null || at > newest) newest = at;
    }
    this.#isHolding = held !== null;
    this.#done = done;
    this.#firstSeen = waiting;
    const until = held !== null && newest !== null && held < newest ? held : newest;
    if (until !== null && until !== known) await journal.setFact(`activities:${account}`, isoMicros(until));
    if (held === null) await journal.settled(account, micros(readFrom - TOLD_AFTER_US));
    this.#readAt = clock.monotonic();
    return true;
  }

  /** When the books of this account began: before anything was sent by a tower that keeps them. */
  async #begin(account: string): Promise<Micros> {
    const known = await this.#o.journal.fact(`books:${account}`);
    if (known !== null) return micros(Number(known));
    const now = this.#o.clock.now();
    await this.#o.journal.setFact(`books:${account}`, String(now));
    return now;
  }

  async #rows(query: ActivityQuery): Promise<readonly Activity[] | null> {
    const rows: Activity[] = [];
    for (let pageToken: string | undefined; ; ) {
      const token = pageToken;
      const page = await this.#o.ask(() =>
        this.#o.broker.activities(token === undefined ? query : { ...query, pageToken: token }),
      );
      if (page?.kind !== 'done') return this.#unread('activities', page);
      rows.push(...page.value);
      const last = page.value.at(-1);
      if (page.value.length < ACTIVITY_PAGE || last === undefined || last.id === token) return rows;
      pageToken = last.id;
    }
  }

  /** Told when it changes, and only what time does not mend: the list of orders tells of a broker that is away. */
  #unread(what: string, outcome: Outcome<unknown> | null): null {
    if (outcome?.kind !== 'rejected' && outcome?.kind !== 'misconfigured') return null;
    const reason = outcome.kind === 'rejected' ? outcome.rejection.message : outcome.reason;
    const text = `the ${what} (${this.#o.broker.mode}) cannot be read, so the books are not compared: ${reason}`;
    if (text !== this.#lastFault)
      this.#o.notice('warn', text, 'check that the keys may read the account; it is tried again by itself');
    this.#lastFault = text;
    return null;
  }

  async #ownerOf(orderId: string): Promise<Owner | null> {
    const entry = await this.#o.journal.find({ brokerId: orderId });
    const seenAt = this.#strangers.get(orderId) ?? this.#o.clock.monotonic();
    const isForeign = entry === null && seenAt < this.#sweptAt;
    if (entry === null && !isForeign) {
      // A leg, or an order in doubt, may be one of ours: the next list of orders tells.
      this.#strangers.set(orderId, seenAt);
      return null;
    }
    this.#strangers.delete(orderId);
    return entry !== null && entry.mode === this.#o.broker.mode ? { agent: entry.agent, seq: entry.seq } : NOBODY;
  }

  // The proof

  async #prove(): Promise<void> {
    const account = this.#o.account();
    if (account === null || this.#stopped) return;
    this.#provedAt = this.#o.clock.monotonic();
    await this.#recall(account);
    const isFirst = (await this.#o.journal.fact(`opened:${account}`)) === null;
    const isSettling = (await this.#o.journal.fact(`settled:${account}`)) === null;
    this.#settlingSince ??= this.#provedAt;
    let hasRead = false;
    if (isSettling || this.#o.clock.monotonic() - this.#readAt >= READ_EVERY_MS) {
      if (!(await this.#read(account))) return;
      hasRead = true;
    }
    for (let nth = 0; nth < TRIES; nth++) {
      const before = this.#booked;
      const shownAt = this.#o.clock.now();
      const snapshot = await this.#snapshot(account);
      if (snapshot === null || this.#stopped) return;
      const differences = await this.#compare(account, snapshot);
      if (differences.length === 0 && !isFirst) {
        // A row that waits may be of a fill that is in what the books began with.
        if (isSettling && !this.#isHolding && this.#provedAt - this.#settlingSince >= SETTLING_MS)
          await this.#o.journal.setFact(`settled:${account}`, 'yes');
        if (!this.#isHolding) await this.#o.journal.settled(account, micros(shownAt - SHOWN_AFTER_US));
        return this.#agrees(account);
      }
      if (!hasRead || isFirst) {
        // Reading after the snapshot tells whether anything happened before it that was not booked.
        if (!(await this.#read(account))) return;
        hasRead = true;
      }
      if (this.#booked !== before) continue;
      if (this.#isHolding) return;
      if (isFirst) return this.#open(account, snapshot, differences);
      if (this.#isReal(differences))
        return isSettling ? this.#open(account, snapshot, differences) : this.#raise(account, differences);
      return;
    }
  }

  async #snapshot(account: string): Promise<Snapshot | null> {
    const { ask, broker, clock, journal } = this.#o;
    const told = await ask(() => broker.account());
    if (told?.kind !== 'done') return this.#unread('account', told);
    if (told.value.accountNumber !== account) return null;
    const listed = await ask(() => broker.positions());
    if (listed?.kind !== 'done') return this.#unread('positions', listed);
    const cash = decimalOf(fieldsOf(told.value.json)['cash']);
    if (cash === null) return null;
    const [positions, prices, costs] = [1, 2, 3].map(() => new Map<string, Decimal>());
    if (positions === undefined || prices === undefined || costs === undefined) return null;
    for (const { json } of listed.value) {
      const fields = fieldsOf(json);
      const symbol = fields['symbol'];
      const [qty, price, cost] = ['qty', 'current_price', 'avg_entry_price'].map((key) => decimalOf(fields[key]));
      if (typeof symbol !== 'string' || qty === null || qty === undefined) return null;
      positions.set(symbol, qty);
      if (price) prices.set(symbol, price);
      if (cost) costs.set(symbol, cost);
    }
    this.#prices = prices;
    const now = clock.now();
    if (prices.size > 0 && now - this.#pricesAt >= PRICES_EVERY_US) {
      this.#pricesAt = now;
      await journal.setPrices(account, now, prices);
    }
    return { cash, positions, prices, costs };
  }

  async #compare(account: string, snapshot: Snapshot): Promise<readonly Difference[]> {
    const books = await this.#o.journal.books(account);
    const now = this.#o.clock.now();
    const none: Uncharged = { coins: new Map(), proceeds: NONE };
    const differences = compare(books, snapshot, none, now);
    if (!differences.some(({ expected }) => expected === null)) return differences;
    return compare(books, snapshot, await this.#uncharged(account, now), now);
  }

  /** Coins bought and sold whose fee the broker has not told of yet. */
  async #uncharged(account: string, now: Micros): Promise<Uncharged> {
    const since = micros(now - UNCHARGED_US);
    const fills = await this.#o.journal.booked(account, { kinds: ['fill'], of: 'all', since, most: MOST_UNCHARGED });
    const coins = new Map<string, Decimal>();
    let proceeds = exact('0');
    for (const { posting, followed } of fills) {
      const isCoin = posting.symbol.length >= 6 && /(?:USD|USDT|USDC|BTC)$/.test(posting.symbol);
      if (followed || !isCoin) continue;
      if (exact(posting.qty).gt('0'))
        coins.set(posting.symbol, decimal(exact(coins.get(posting.symbol) ?? NONE).plus(posting.qty)));
      else proceeds = proceeds.plus(posting.cash);
    }
    return { coins, proceeds: decimal(proceeds) };
  }

  /**
   * What the account held when its books began is in no agent's book. Until a minute has passed without a correction also what
   * comes to light late: a fill may have been in that and be told only then.
   */
  async #open(account: string, snapshot: Snapshot, differences: readonly Difference[]): Promise<void> {
    const at = await this.#begin(account);
    const now = this.#o.clock.now();
    const entries = differences.map(({ symbol, difference }): BookEntry => {
      const price = snapshot.costs.get(symbol) ?? NONE;
      const posting =
        symbol === MONEY ? money('opening', difference, at) : carried('opening', symbol, difference, price, at);
      return { key: `${account}:opening:${symbol}:${now}`, ...NOBODY, orderId: null, posting };
    });
    await this.#book(account, `opening:${now}`, entries);
    await this.#o.journal.setFact(`opened:${account}`, String(at));
    // A fill that is in this, and has not been told yet, has the whole time from now on.
    this.#settlingSince = this.#o.clock.monotonic();
    await this.#agrees(account);
  }

  async #agrees(account: string): Promise<void> {
    const { clock, journal, notice, broker } = this.#o;
    const { provenAt, differences } = this.#proof;
    if (differences.some(({ expected }) => expected === null))
      notice('info', `the books (${broker.mode}) agree with Alpaca again`, '');
    this.#suspected = null;
    this.#lastFault = '';
    const now = clock.now();
    this.#proof = { provenAt: now, since: null, differences: [] };
    if (differences.length > 0 || provenAt === null || now - this.#toldAt >= TOLD_EVERY_US) {
      this.#toldAt = now;
      await journal.setFact(`proof:${account}`, JSON.stringify(this.#proof));
    }
  }

  /** How they stood when an earlier run ended. */
  async #recall(account: string): Promise<void> {
    if (this.#recalled === account) return;
    this.#recalled = account;
    const text = await this.#o.journal.fact(`proof:${account}`);
    if (text !== null) this.#proof = JSON.parse(text);
  }

  /** It was there before, and nothing was booked since. */
  #isReal(differences: readonly Difference[]): boolean {
    const mono = this.#o.clock.monotonic();
    const text = JSON.stringify(differences);
    const seen = this.#suspected;
    const isSame = seen?.text === text && seen.booked === this.#booked;
    if (isSame && mono - seen.mono >= CONFIRM_MS) return true;
    if (!isSame) this.#suspected = { text, mono, booked: this.#booked };
    this.#soon(CONFIRM_MS);
    return false;
  }

  /** Told once for each difference, and shown until it is gone. */
  async #raise(account: string, differences: readonly Difference[]): Promise<void> {
    const { journal, clock, broker, notice } = this.#o;
    const isKnown = JSON.stringify(this.#proof.differences) === JSON.stringify(differences);
    if (isKnown) return;
    const { provenAt, since } = this.#proof;
    this.#proof = { provenAt, since: since ?? clock.now(), differences };
    const unexplained = differences.filter(({ expected }) => expected === null);
    const suspects = await this.#suspects(account, unexplained);
    const detail = { books: account, differences, suspects: Object.fromEntries(suspects) };
    await journal.setFact(
      `proof:${account}`,
      JSON.stringify(this.#proof),
      ...(unexplained.length === 0 ? [] : [{ kind: 'anomaly', detail: JSON.stringify(detail) }]),
    );
    if (unexplained.length === 0) return;
    const parts = unexplained.map(
      ({ symbol, books, broker: told }) => `${symbol}: books ${books}, Alpaca ${told}${orders(suspects.get(symbol))}`,
    );
    notice(
      'error',
      `the books (${broker.mode}) differ from Alpaca: ${parts.join('; ')}`,
      'compare the orders named with the activities of the account at Alpaca; tower report shows the books',
    );
  }

  /** Orders that could have to do with a difference: those executed since the books last agreed, or still open. */
  async #suspects(
    account: string,
    differences: readonly Difference[],
  ): Promise<ReadonlyMap<string, readonly string[]>> {
    const { journal, clock, broker } = this.#o;
    const since = micros((this.#proof.provenAt ?? clock.now()) - LOOK_BACK_US);
    const open = (await journal.unfinished(['working', 'in_doubt'])).filter(({ mode }) => mode === broker.mode);
    const found = new Map<string, readonly string[]>();
    for (const { symbol } of differences) {
      const of = symbol === MONEY ? null : symbol;
      const booked = await journal.booked(account, {
        kinds: ['fill', 'fee', 'delivery'],
        of: of === null ? 'all' : { symbol: of },
        since,
        most: MOST_SUSPECTS,
      });
      const ids = new Set(booked.map(({ orderId, key }) => orderId ?? key));
      for (const { clientOrderId, wire } of open)
        if (of === null || wire?.replaceAll('/', '').includes(`"${of}"`)) ids.add(clientOrderId);
      found.set(symbol, [...ids].slice(-MOST_SUSPECTS));
    }
    return found;
  }
}

const LOOK_BACK_US = 600_000_000;
const MOST_SUSPECTS = 8;

const orders = (ids: readonly string[] | undefined): string =>
  ids === undefined || ids.length === 0
    ? ' (no order of the last minutes explains it)'
    : ` (orders: ${ids.join(', ')})`;

const lateRows = (began: Micros, now: Micros): ActivityQuery => ({
  after: isoMicros(micros(Math.max(began - BEFORE_US, now - LATE_ROWS_US))),
  category: 'non_trade_activity',
});

const fieldsOf = (json: string): Readonly<Record<string, unknown>> => JSON.parse(json);

const decimalOf = (value: unknown): Decimal | null =>
  typeof value === 'string' && isPlainDecimal(value) ? canonical(value) : null;
