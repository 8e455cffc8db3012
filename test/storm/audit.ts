/**
 * The judge of a run at its still moments: after a power cut, and at the end. Journal, files and the broker's book must
 * tell one story. Must read the journal with its own statements only.
 */
import type { Database } from 'better-sqlite3';
import { TEMP_PREFIX } from '../../src/lib/files.ts';
import { type Book, isEnded, type Venue } from './book.ts';
import type { Disk } from './disk.ts';
import { statement } from './journal.ts';
import { type Oracle, parseObject } from './oracle.ts';

interface Row {
  readonly seq: number;
  readonly client_order_id: string;
  readonly receipt: string;
  readonly mode: string;
  readonly agent: string;
  readonly type: string;
  readonly timestamp: string;
  readonly raw: Buffer | null;
  readonly wire: string | null;
  readonly state: string;
  readonly final: number;
  readonly broker_id: string | null;
  readonly broker_status: string | null;
  readonly filled_qty: string | null;
  readonly version: number;
  readonly published: number;
  readonly archived: number;
}

interface StrayRow {
  readonly receipt: string;
  readonly raw: Buffer | null;
  readonly response_path: string;
  readonly archive_path: string;
  readonly archived: number;
}

const requests = (db: Database): readonly Row[] =>
  hasTables(db) ? (statement(db, 'SELECT * FROM requests ORDER BY seq').all() as Row[]) : [];
const strays = (db: Database): readonly StrayRow[] =>
  hasTables(db) ? (statement(db, 'SELECT * FROM strays').all() as StrayRow[]) : [];
const hasTables = (db: Database): boolean =>
  statement(db, "SELECT 1 FROM sqlite_master WHERE name = 'requests'").get() !== undefined;

const stemOf = ({ mode, agent, type, timestamp }: Row): string => `${mode}_${agent}_${type}_${timestamp}`;
const answerOf = (row: Row): string =>
  `responses/${row.agent}/${row.mode}/${row.timestamp.slice(0, 8)}/response_${stemOf(row)}.json`;
const versionAt = (disk: Disk, path: string): number => {
  const inode = disk.at(path);
  return inode === undefined ? 0 : Number(parseObject(Buffer.from(inode.bytes).toString())?.['version'] ?? 0);
};

/** After a power cut: what the journal calls published or archived is there. */
export function checkDurable(disk: Disk, db: Database, oracle: Oracle): void {
  // A file whose own rename was lost is its agent's to send again.
  for (const { inode, name } of oracle.drops)
    if (disk.at(`orders/incoming/.${name}.tmp`) === inode) disk.harmed.add(inode.id);
  for (const row of requests(db)) {
    const path = answerOf(row);
    if (row.published > 0 && !oracle.mayBeMissing(path, row.published) && versionAt(disk, path) < row.published)
      oracle.fail('durable', `${path}: version ${row.published} is published, and after the power cut it is not there`);
    if (row.archived === 1 && row.raw !== null && !isArchived(disk, stemOf(row), row.receipt, row.raw))
      oracle.fail('durable', `${stemOf(row)} is archived, and after the power cut its file is not there`);
  }
  for (const row of strays(db)) {
    if (row.archived === 0) continue;
    if (!oracle.mayBeMissing(row.response_path, 1) && disk.at(row.response_path) === undefined)
      oracle.fail('durable', `${row.response_path} is published, and after the power cut it is not there`);
  }
}

function isArchived(disk: Disk, stem: string, receipt: string, raw: Buffer): boolean {
  return archivesOf(stem, receipt).some((path) => {
    const inode = disk.at(path);
    return inode !== undefined && raw.equals(inode.bytes);
  });
}

const archivesOf = (stem: string, receipt: string): readonly string[] =>
  ['completed', 'failed'].flatMap((folder) => [
    `orders/${folder}/${stem}.json`,
    `orders/${folder}/${stem}.${receipt}.json`,
  ]);

/** Cheap: is there nothing left to do? */
export function isSettled(disk: Disk, db: Database, oracle: Oracle, venue: Venue): boolean {
  if (disk.names('orders/processing').length > 0) return false;
  if (disk.names('orders/incoming').some((name) => !name.startsWith('.'))) return false;
  const open = statement(
    db,
    "SELECT count(*) AS n FROM requests WHERE (final = 0 AND state <> 'working') OR version > published OR (archived = 0 AND (final = 1 OR state = 'working'))",
  ).get() as { n: number };
  const left = statement(db, 'SELECT count(*) AS n FROM strays WHERE archived = 0').get() as { n: number };
  return (
    open.n === 0 &&
    left.n === 0 &&
    differences(db, oracle, venue.book).length === 0 &&
    leftOpen(db, oracle, venue.book).length === 0 &&
    bookDifferences(db, venue).length === 0
  );
}

/** Orders that came late and are still open, although the owner wants such orders cancelled. */
function leftOpen(db: Database, { cancelsLate }: Oracle, book: Book): readonly string[] {
  if (!cancelsLate || !hasTables(db)) return [];
  const late = statement(
    db,
    "SELECT DISTINCT r.broker_id AS id FROM events AS e JOIN requests AS r ON r.seq = e.seq WHERE e.kind = 'unwanted'",
  ).all() as { readonly id: string }[];
  return late.flatMap(({ id }) => {
    const order = book.byId.get(id);
    return order === undefined || isEnded(order.states.at(-1)) ? [] : [`${order.clientOrderId} (${id})`];
  });
}

/** Where journal and broker's book tell different stories. */
function differences(db: Database, oracle: Oracle, book: Book): readonly string[] {
  const found: string[] = [];
  const known = new Set<string>();
  for (const row of requests(db)) {
    if (row.wire === null) continue;
    known.add(row.client_order_id);
    const orders = book.byClientId.get(row.client_order_id) ?? [];
    const order = orders[0];
    const state = order?.states.at(-1);
    const told = row.state === 'working' || row.state === 'closed';
    if (order === undefined || state === undefined) {
      if (told) found.push(`${row.client_order_id} is ${row.state} in the journal, and the broker does not have it`);
    } else if (!told) {
      found.push(`${row.client_order_id} is ${row.state} in the journal, and ${state.status} at the broker`);
    } else if (row.broker_id !== order.id || row.broker_status !== state.status || row.filled_qty !== state.filledQty) {
      found.push(
        `${row.client_order_id}: journal ${row.broker_status} ${row.filled_qty}, broker ${state.status} ${state.filledQty}`,
      );
    } else if (row.state === 'closed' ? !isEnded(state) : isEnded(state) && !hasExits(row)) {
      found.push(`${row.client_order_id} is ${row.state}, and ${state.status} at the broker`);
    }
  }
  // A journal that was lost cannot know them all; an intact one must.
  if (oracle.generation === 0) {
    for (const [id, orders] of book.byClientId) {
      if (orders.some(({ body }) => body !== null) && !known.has(id)) found.push(`the journal does not know ${id}`);
    }
  }
  return found;
}

/** Billionths; exact, and no code of the tower's. */
function units(text: string): bigint {
  const [, sign = '', whole = '0', part = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  return BigInt(`${sign}${whole}${part.padEnd(18, '0').slice(0, 18)}`);
}
const CENT = 10n ** 16n;

/** Where the sum of all books is not the account; to the last digit in units, to the cent in money. */
function bookDifferences(db: Database, venue: Venue): readonly string[] {
  const account = venue.account();
  const off = new Map([...account.positions].map(([symbol, qty]) => [symbol, units(qty)]));
  let cash = units(account.cash);
  for (const row of statement(db, 'SELECT symbol, qty, cash FROM postings').iterate() as IterableIterator<
    Readonly<Record<'symbol' | 'qty' | 'cash', string>>
  >) {
    off.set(row.symbol, (off.get(row.symbol) ?? 0n) - units(row.qty));
    cash -= units(row.cash);
  }
  const found = [...off].filter(([, qty]) => qty !== 0n).map(([symbol, qty]) => `${symbol} by ${qty}`);
  return cash < CENT && cash > -CENT ? found : [...found, `cash by ${cash}`];
}

/** Whose an execution is, is written in the client_order_id of its order. */
function strangeOwners(db: Database, book: Book, journalsLost: number): readonly string[] {
  const rows = statement(db, 'SELECT agent, order_id, seq FROM postings WHERE order_id IS NOT NULL').all() as {
    readonly agent: string;
    readonly order_id: string;
    readonly seq: number | null;
  }[];
  return rows.flatMap(({ agent, order_id: id, seq }) => {
    const order = book.byId.get(id);
    // Somebody else's, or a leg, which has an id of the broker's own.
    if (order === undefined || order.body === null) return [];
    // What an earlier journal has sent, and a second order under one id, are not known to be ours.
    const isForgotten = journalsLost > 0 || (book.byClientId.get(order.clientOrderId)?.length ?? 0) > 1;
    const owner = seq === null && isForgotten ? '' : order.clientOrderId.split('_')[0];
    return owner === agent ? [] : [`${order.clientOrderId} (${id}) is booked for ${agent || 'nobody'}`];
  });
}

/** An entry with exits goes on while they do. */
const hasExits = ({ wire }: Row): boolean => wire?.includes('"take_profit"') ?? false;

/** At the end: everything is answered, archived, and equal to the broker's book. */
export function checkEnd(disk: Disk, db: Database, oracle: Oracle, venue: Venue): void {
  const { book } = venue;
  for (const text of differences(db, oracle, book)) oracle.fail('I8', text);
  for (const text of bookDifferences(db, venue)) oracle.fail('books', `the books differ from the account: ${text}`);
  for (const text of strangeOwners(db, book, oracle.generation)) oracle.fail('books', text);
  for (const text of leftOpen(db, oracle, book)) oracle.fail('late', `${text} came late, and is open for good`);
  const rows = requests(db);
  for (const row of rows) {
    if (row.final === 0 && row.state !== 'working') oracle.fail('I15', `${row.client_order_id} is still ${row.state}`);
    const path = answerOf(row);
    // A journal that was replaced by an older copy may know less than the answer that its successor has left.
    const told = versionAt(disk, path);
    const isTold = oracle.isOfLostJournal(path) ? told >= row.version : told === row.version;
    if (!oracle.mayBeMissing(path, row.version) && !isTold)
      oracle.fail('I15', `${path} has version ${versionAt(disk, path)}, the journal ${row.version}`);
    if (row.raw !== null) checkArchive(disk, oracle, stemOf(row), row.receipt, row.raw);
  }
  const repeats = strays(db);
  for (const row of repeats) {
    if (!oracle.mayBeMissing(row.response_path, 1) && disk.at(row.response_path) === undefined)
      oracle.fail('I15', `${row.response_path} is not there`);
    const kept = disk.at(row.archive_path);
    const beside = disk.at(row.archive_path.replace(/\.json$/, `.${row.receipt}.json`));
    if (row.raw !== null && ![kept, beside].some((inode) => inode !== undefined && row.raw?.equals(inode.bytes)))
      oracle.fail('I9', `${row.archive_path} does not hold what was received`);
  }
  checkDrops(disk, oracle, new Set([...rows, ...repeats].map(({ receipt }) => receipt)));
  for (const folder of ['orders', 'responses']) {
    for (const [path] of disk.all(folder))
      if (path.includes(`/${TEMP_PREFIX}`)) oracle.fail('temp', `${path} was left behind`);
  }
  for (const name of disk.names('orders/processing')) oracle.fail('I15', `orders/processing/${name} was left behind`);
}

function checkArchive(disk: Disk, oracle: Oracle, stem: string, receipt: string, raw: Buffer): void {
  const there = archivesOf(stem, receipt).filter((path) => {
    const inode = disk.at(path);
    return inode !== undefined && raw.equals(inode.bytes);
  });
  if (there.length === 0) oracle.fail('I9', `${stem} (${receipt}) is not in the archive with the bytes as received`);
  if (there.length > 1 && oracle.generation === 0) oracle.fail('I9', `${stem} is archived twice: ${there.join(', ')}`);
}

/** Every file that an agent dropped, and that the disk did not lose, was taken and answered. */
function checkDrops(disk: Disk, oracle: Oracle, journaled: ReadonlySet<string>): void {
  for (const { inode, name, isVoid } of oracle.drops) {
    if (isVoid || disk.harmed.has(inode.id)) continue;
    const receipt = oracle.receipts.get(inode.id);
    if (receipt === undefined) oracle.fail('I15', `${name} (#${inode.id}) was never taken`);
    else if (!journaled.has(receipt) && oracle.generation === 0)
      oracle.fail('I15', `${name} (#${inode.id}) was claimed as ${receipt}, and the journal does not know it`);
  }
}
