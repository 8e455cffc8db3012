import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import Sqlite, { type Database } from 'better-sqlite3';
import { systemClock } from '../lib/clock.ts';
import { systemRandom } from '../lib/random.ts';
import { SqliteJournal } from './sqlite.ts';

/** What may be walked through: indexes over what is open or unpublished, and tables that do not grow with the orders. */
const SMALL = [
  'requests_unfinished',
  'requests_outgoing',
  'strays_outgoing',
  // Pruned to ten minutes.
  'spends',
  'facts',
  'json_each',
  'CONSTANT ROW',
];

test('no statement of the journal reads more the longer the journal is', async () => {
  const texts: string[] = [];
  const db: Database = new Sqlite(':memory:');
  const prepare = db.prepare.bind(db);
  mock.method(db, 'prepare', (text: string) => {
    texts.push(text);
    return prepare(text);
  });
  const journal = new SqliteJournal(db, { file: ':memory:', clock: systemClock, random: systemRandom });
  const walks = texts
    .filter((text) => /^\s*(?:SELECT|UPDATE|DELETE|WITH)/i.test(text))
    .flatMap((text) => {
      const rows = prepare(`EXPLAIN QUERY PLAN ${text}`).all(...blanks(text));
      return rows.map((row) => ({ text, step: String(Object(row).detail) }));
    })
    .filter(({ step }) => step.startsWith('SCAN') && !SMALL.some((name) => step.includes(name)));
  await journal.close();
  assert.ok(texts.length > 30, `${texts.length} statements were seen`);
  assert.deepEqual(walks, []);
});

/** Something for each parameter of a statement. */
function blanks(text: string): unknown[] {
  const names = [...text.matchAll(/@(\w+)/g)].map(([, name = '']) => [name, null]);
  const asked = text.replace(/'[^']*'/g, '').split('?').length - 1;
  return [...Array.from({ length: asked }, () => null), ...(names.length > 0 ? [Object.fromEntries(names)] : [])];
}
