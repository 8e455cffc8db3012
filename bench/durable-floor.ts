/**
 * What an order costs without a tower: the least that its promises need, one order after the other. Read the file, journal
 * it, journal the sending, post it, journal the answer, write the answer durably. Must never skip one of the syncs that
 * the tower owes, or the ratio to it would say nothing.
 */
import {
  closeSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { Pool } from 'undici';
import { monotonicMs } from './rig.ts';

/** Milliseconds that each of `count` orders took, from the file to its answer. */
export async function durableFloor(url: string, count: number): Promise<readonly number[]> {
  const home = mkdtempSync(join(tmpdir(), 'bench-floor-'));
  const pool = new Pool(url, { connections: 1, pipelining: 1 });
  const db = new Sqlite(join(home, 'floor.db'));
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.exec('CREATE TABLE steps (id TEXT NOT NULL, step INTEGER NOT NULL, text TEXT NOT NULL) STRICT');
  const insert = db.prepare('INSERT INTO steps VALUES (?, ?, ?)');
  const folder = openSync(home, 'r');
  const took: number[] = [];
  try {
    for (let n = 0; n < count; n++) {
      const id = `floor-${process.pid}-${n}`;
      const file = join(home, `${id}.json`);
      const body = { symbol: 'AAPL', qty: '1', side: 'buy', type: 'market', time_in_force: 'day', client_order_id: id };
      writeFileSync(file, JSON.stringify(body));
      const began = monotonicMs();
      const text = readFileSync(file, 'utf8');
      insert.run(id, 1, text);
      insert.run(id, 2, text);
      const answer = await pool.request({ method: 'POST', path: '/v2/orders', body: text });
      const order = await answer.body.text();
      insert.run(id, 3, order);
      const fd = openSync(`${file}.tmp`, 'wx');
      writeSync(fd, order);
      fsyncSync(fd);
      closeSync(fd);
      renameSync(`${file}.tmp`, `${file}.answer`);
      fsyncSync(folder);
      took.push(monotonicMs() - began);
    }
  } finally {
    closeSync(folder);
    db.close();
    await pool.close();
    rmSync(home, { recursive: true, force: true });
  }
  return took;
}
