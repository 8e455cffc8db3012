/**
 * The quick part of `npm run prove`, with every run of the tests: real processes, real SQLite, the real auditor.
 * Must never grow past half a minute; the whole is one command away.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { quickRows } from './rows.ts';
import { run } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'tower-prove-'));
const rows = quickRows(1);
const results = await run(rows, { stands: 2, folder, done: () => {} });

for (const { id, title, outcome, reason } of results) {
  test(`${id}: ${title}`, () => assert.equal(outcome, 'passed', reason));
}

test('every row was run', () => {
  assert.equal(results.length, rows.length);
  // Kept for a look when something failed.
  if (results.every(({ outcome }) => outcome === 'passed')) rmSync(folder, { recursive: true, force: true });
});
