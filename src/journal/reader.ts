/**
 * The books as anybody may read them, beside a running tower or without one: a connection that cannot write. Must never
 * hold up the journal; what it reads is one moment of it.
 */
import { existsSync } from 'node:fs';
import Sqlite, { type Database } from 'better-sqlite3';
import type { PostedRow, PriceRow } from '../books/report.ts';
import type { Micros } from '../lib/clock.ts';
import type { Mode } from '../order/name.ts';
import { misfitOfContent, misfitOfFile, NotAJournal } from './recognise.ts';

/** The first schema that keeps books. */
const HAS_BOOKS = 2;
const trusted = <T>(value: unknown): T => value as T;

export interface BooksReader {
  /** Account number of each mode that this home serves. */
  accounts(): readonly { readonly mode: Mode; readonly account: string }[];
  fact(key: string): string | null;
  /** The moment of the earliest posting; null when there is none. */
  firstAt(account: string): Micros | null;
  /** From the first moment, up to and without the second; in the order of time. */
  postings(account: string, from: Micros, to: Micros): Iterable<PostedRow>;
  /** The last price before the first moment of each symbol, and all up to the second; in the order of time. */
  prices(account: string, from: Micros, to: Micros): Iterable<PriceRow>;
  /** The bytes of the file of a request; null when there is no such request, or it had none. */
  raw(clientOrderId: string): Uint8Array | null;
  close(): void;
}

/** Null when no journal that keeps books is there. Throws NotAJournal when it is something else. */
export function openBooksReader(file: string): BooksReader | null {
  if (!existsSync(file)) return null;
  const misfit = misfitOfFile(file, true);
  if (misfit !== null) throw new NotAJournal(misfit);
  const db = new Sqlite(file, { readonly: true, fileMustExist: true });
  const stranger = misfitOfContent(db, file);
  if (stranger !== null) {
    db.close();
    throw new NotAJournal(stranger);
  }
  if (Number(db.pragma('user_version', { simple: true })) < HAS_BOOKS) {
    db.close();
    return null;
  }
  // Everything that is read is of this moment.
  db.exec('BEGIN');
  return readerOf(db);
}

const readerOf = (db: Database): BooksReader => ({
  accounts: () =>
    trusted<{ mode: Mode; account: string }[]>(
      db
        .prepare(
          `SELECT substr(key, 9) AS mode, value AS account FROM facts
           WHERE key IN ('account:paper', 'account:live') AND value <> '' ORDER BY key DESC`,
        )
        .all(),
    ),
  fact: (key) =>
    trusted<{ value: string } | undefined>(db.prepare('SELECT value FROM facts WHERE key = ?').get(key))?.value ?? null,
  firstAt: (account) =>
    trusted<{ at: Micros | null }>(db.prepare('SELECT min(at) AS at FROM postings WHERE account = ?').get(account)).at,
  postings: (account, from, to) =>
    trusted<Iterable<PostedRow>>(
      db
        .prepare(
          `SELECT p.agent, p.symbol, p.kind, p.qty, p.price, p.cash, p.fee, p.at, p.realised, p.held, p.basis,
             p.order_id AS orderId, r.client_order_id AS clientOrderId, p.activity
           FROM postings AS p LEFT JOIN requests AS r ON r.seq = p.seq
           WHERE p.account = ? AND p.at >= ? AND p.at < ? ORDER BY p.at, p.id`,
        )
        .iterate(account, from, to),
    ),
  prices: (account, from, to) =>
    trusted<PriceRow[]>(
      db
        .prepare(
          `SELECT symbol, at, price FROM (SELECT symbol, max(at) AS at, price FROM prices
             WHERE account = @account AND at < @from GROUP BY symbol)
           UNION ALL SELECT symbol, at, price FROM prices WHERE account = @account AND at >= @from AND at < @to
           ORDER BY at`,
        )
        .all({ account, from, to }),
    ),
  raw: (clientOrderId) =>
    trusted<{ raw: Uint8Array | null } | undefined>(
      db.prepare('SELECT raw FROM requests WHERE client_order_id = ?').get(clientOrderId),
    )?.raw ?? null,
  close: () => db.close(),
});
