/**
 * The books in the SQLite journal: postings, and the holdings, lots and sums that they add up to, moved in the same
 * transaction. How a posting moves a book is reckoned by `books`; here it is only kept. Must never read more than what a
 * posting touches: the ten-millionth costs what the first did.
 */
import type { Database } from 'better-sqlite3';
import { addUp, type Sums } from '../books/book.ts';
import { emptyHolding, type Holding, type Lot, type LotChange, type Posting, post } from '../books/holding.ts';
import { type Micros, micros } from '../lib/clock.ts';
import type { Decimal } from '../order/decimal.ts';
import type { AgentBook, BookEntry, Booked, BookedEntry, BookedQuery, Booking } from './journal.ts';

/** What this file wrote may be read back under its own types: its only casts. */
const trusted = <T>(value: unknown): T => value as T;

const HOUR_US = 3_600_000_000;
const NO_SUMS = emptyHolding('') satisfies Sums;

type BookedRow = Posting &
  Pick<BookEntry, 'key' | 'agent' | 'seq'> & { readonly order_id: string | null; readonly followed: number };

export class BookTables {
  readonly #sql: ReturnType<typeof statements>;

  constructor(db: Database) {
    this.#sql = statements(db);
  }

  /** Inside the caller's transaction. */
  book({ account, activity, entries }: Booking): readonly Booked[] {
    if (activity !== null && this.#sql.activity.run(account, activity).changes === 0) return entries.map(() => null);
    return entries.map((entry) => this.#post(account, activity, entry));
  }

  #post(account: string, activity: string | null, entry: BookEntry): Booked {
    const { key, agent, posting, orderId, seq } = entry;
    if (this.#sql.posted.get(key) !== undefined) return null;
    const { symbol } = posting;
    const before = trusted<Holding | undefined>(this.#sql.holding.get(account, agent, symbol)) ?? emptyHolding(symbol);
    const { holding: after, lots: change, realised } = post(before, posting, this.#lots(account, agent, symbol));
    this.#sql.posting.run({
      ...posting,
      key,
      account,
      agent,
      realised,
      held: after.qty,
      basis: after.basis,
      order_id: orderId,
      seq,
      activity,
    });
    this.#sql.setHolding.run({ ...after, account, agent });
    this.#change(account, agent, symbol, change);
    const sums = trusted<Sums | undefined>(this.#sql.sums.get(account, agent)) ?? NO_SUMS;
    this.#sql.setSums.run({ ...addUp(sums, before, after), account, agent });
    return { entry, before, after };
  }

  /** Read one by one, and only as far as somebody asks. */
  *#lots(account: string, agent: string, symbol: string): Generator<Lot> {
    yield* trusted<Iterable<Lot>>(this.#sql.lots.iterate(account, agent, symbol));
  }

  #change(account: string, agent: string, symbol: string, { closed, rest, opened, all }: LotChange): void {
    const of = { account, agent, symbol };
    if (all !== null) {
      this.#sql.dropLots.run({ ...of, closed: -1 });
      all.forEach((lot, n) => {
        this.#sql.lot.run({ ...of, n, ...lot });
      });
      return;
    }
    if (closed > 0) this.#sql.dropLots.run({ ...of, closed });
    if (rest !== null) this.#sql.restOfLot.run({ ...of, qty: rest.qty, cost: rest.cost });
    if (opened !== null) {
      const last = trusted<{ n: number | null }>(this.#sql.lastLot.get(account, agent, symbol)).n ?? -1;
      this.#sql.lot.run({ ...of, n: last + 1, ...opened });
    }
  }

  all(account: string): readonly AgentBook[] {
    return trusted<(Sums & { readonly agent: AgentBook['agent'] })[]>(this.#sql.books.all(account)).map(
      ({ agent, ...sums }) => ({
        agent,
        sums,
        holdings: trusted<Holding[]>(this.#sql.open.all(account, agent)),
      }),
    );
  }

  booked(account: string, { kinds, of, since, most }: BookedQuery): readonly BookedEntry[] {
    const wanted = { account, since, kinds: JSON.stringify(kinds), most };
    const rows = trusted<BookedRow[]>(
      of === 'all' ? this.#sql.bookedSince.all(wanted) : this.#sql.bookedOf.all({ ...wanted, ...rangeOf(of) }),
    );
    return rows.reverse().map(({ key, agent, order_id, seq, followed, ...posting }) => ({
      key,
      agent,
      posting,
      orderId: order_id,
      seq,
      followed: followed === 1,
    }));
  }

  setPrices(account: string, at: Micros, prices: ReadonlyMap<string, Decimal>): void {
    const hour = micros(at / HOUR_US);
    for (const [symbol, price] of prices) this.#sql.price.run(account, symbol, hour, at, price);
  }
}

/** Contracts are named by their underlying and digits; `:` follows `9`. */
const rangeOf = (of: Exclude<BookedQuery['of'], 'all'>): { readonly from: string; readonly until: string } =>
  'symbol' in of
    ? { from: of.symbol, until: `${of.symbol} ` }
    : { from: `${of.contractsOn}0`, until: `${of.contractsOn}:` };

function statements(db: Database) {
  const booked = `SELECT key, agent, symbol, kind, qty, price, cash, fee, at, order_id, seq,
    EXISTS (SELECT 1 FROM postings AS next WHERE next.key = 'of:' || entry.key) AS followed
    FROM postings AS entry WHERE account = @account AND at >= @since AND kind IN (SELECT value FROM json_each(@kinds))`;
  return {
    activity: db.prepare('INSERT OR IGNORE INTO activities VALUES (?, ?)'),
    posted: db.prepare('SELECT 1 FROM postings WHERE key = ?'),
    holding: db.prepare(`SELECT symbol, qty, basis, cost, realised, fees, income, cash, turnover FROM holdings
      WHERE account = ? AND agent = ? AND symbol = ?`),
    setHolding: db.prepare(`INSERT OR REPLACE INTO holdings
      VALUES (@account, @agent, @symbol, @qty, @basis, @cost, @realised, @fees, @income, @cash, @turnover)`),
    open: db.prepare(`SELECT symbol, qty, basis, cost, realised, fees, income, cash, turnover
      FROM holdings INDEXED BY holdings_open WHERE account = ? AND agent = ? AND qty <> '0' ORDER BY symbol`),
    lots: db.prepare('SELECT qty, cost, at FROM lots WHERE account = ? AND agent = ? AND symbol = ? ORDER BY n'),
    // The `closed` oldest of them; all when it is negative.
    dropLots: db.prepare(`DELETE FROM lots WHERE account = @account AND agent = @agent AND symbol = @symbol AND n IN
      (SELECT n FROM lots WHERE account = @account AND agent = @agent AND symbol = @symbol ORDER BY n LIMIT @closed)`),
    restOfLot: db.prepare(`UPDATE lots SET qty = @qty, cost = @cost
      WHERE account = @account AND agent = @agent AND symbol = @symbol AND n =
      (SELECT min(n) FROM lots WHERE account = @account AND agent = @agent AND symbol = @symbol)`),
    lastLot: db.prepare('SELECT max(n) AS n FROM lots WHERE account = ? AND agent = ? AND symbol = ?'),
    lot: db.prepare('INSERT INTO lots VALUES (@account, @agent, @symbol, @n, @qty, @cost, @at)'),
    posting: db.prepare(`INSERT INTO postings
      (key, account, agent, symbol, kind, qty, price, cash, fee, at, realised, held, basis, order_id, seq, activity) VALUES
      (@key, @account, @agent, @symbol, @kind, @qty, @price, @cash, @fee, @at, @realised, @held, @basis, @order_id, @seq,
      @activity)`),
    sums: db.prepare('SELECT realised, fees, income, cash, turnover FROM books WHERE account = ? AND agent = ?'),
    setSums: db.prepare(
      'INSERT OR REPLACE INTO books VALUES (@account, @agent, @realised, @fees, @income, @cash, @turnover)',
    ),
    books: db.prepare(
      'SELECT agent, realised, fees, income, cash, turnover FROM books WHERE account = ? ORDER BY agent',
    ),
    bookedOf: db.prepare(`${booked} AND symbol >= @from AND symbol < @until ORDER BY at DESC, id DESC LIMIT @most`),
    bookedSince: db.prepare(`${booked} ORDER BY at DESC, id DESC LIMIT @most`),
    price: db.prepare(`INSERT INTO prices VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (account, symbol, hour) DO UPDATE SET at = excluded.at, price = excluded.price`),
  };
}
