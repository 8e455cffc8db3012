/**
 * A journal with a long past: any number of finished orders, written by SQL. Must never be used for anything but speed and
 * memory: the rows have the shape and the size of real ones, and no story.
 */
import { rmSync } from 'node:fs';
import Sqlite from 'better-sqlite3';
import { openSqliteJournal } from '../src/journal/sqlite.ts';
import { tipOf } from '../src/journal/tip.ts';
import { systemClock } from '../src/lib/clock.ts';
import { systemRandom } from '../src/lib/random.ts';

const CHUNK = 100_000;
/** Lengths of the texts of a market order as the tower journals them. */
const RAW_BYTES = 260;
const DATA_BYTES = 1_050;

/** Makes the journal `file` with `rows` finished, published and archived orders; `each` is told how many there are. */
export async function fillJournal(file: string, rows: number, each: (done: number) => void): Promise<void> {
  await openSqliteJournal({ file, clock: systemClock, random: systemRandom }).close();
  const db = new Sqlite(file);
  // Nobody reads it meanwhile, and what breaks off is thrown away: no log, no syncs.
  db.pragma('journal_mode = OFF');
  db.pragma('synchronous = OFF');
  db.pragma('cache_size = -1000000');
  const from = (Date.now() - 90 * 86_400_000) * 1000;
  const numbers = 'WITH RECURSIVE n(i) AS (SELECT @low UNION ALL SELECT i + 1 FROM n WHERE i + 1 < @high)';
  const requests = db.prepare(`${numbers}
    INSERT INTO requests (seq, rev, client_order_id, receipt, mode, agent, type, timestamp, raw, sha256, received_at,
      request_order_id, send_by, wire, state, final, doubted, attempts, broker_id, broker_status, filled_qty,
      broker_updated_at, data, error, version, answered_at, published, archived, settled)
    SELECT i + 1, 4, 'past_20260101' || printf('%012d', i) || '_stockbuy', 'r' || printf('%025d', i),
      'paper', 'past', 'stockbuy', '20260101' || printf('%012d', i), CAST(printf('%-${RAW_BYTES}s', '{') AS BLOB),
      printf('%064x', i), @from + i, NULL, @from + i + 60000000, printf('%-150s', '{'), 'closed', 1, 0, 1,
      lower(hex(randomblob(16))), 'filled', '1', '2026-01-01T00:00:00Z', printf('%-${DATA_BYTES}s', '{'), NULL, 1, @from + i, 1, 1, 1
    FROM n`);
  const events = (kind: string, key: string): Sqlite.Statement =>
    db.prepare(`${numbers} INSERT INTO events (seq, at, kind, key, detail)
      SELECT i + 1, @from + i, '${kind}', ${key}, '{"order":"00000000-0000-4000-8000-000000000000"}' FROM n`);
  const steps = [
    requests,
    events('admitted', 'NULL'),
    events('sending', "'sending:' || (i + 1) || ':1'"),
    events('outcome', 'NULL'),
    events('order', 'NULL'),
  ];
  for (let low = 0; low < rows; low += CHUNK) {
    const high = Math.min(rows, low + CHUNK);
    db.transaction(() => {
      for (const step of steps) step.run({ low, high, from });
    })();
    each(high);
  }
  db.close();
  // Its tip is of the empty journal; it is left as a tower leaves one.
  rmSync(tipOf(file));
  await openSqliteJournal({ file, clock: systemClock, random: systemRandom }).close();
}
