/** Generated pages are what their source says, and names that live in two places agree. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { stalePages } from '../docs/generate.ts';
import { refusalName } from '../src/broker/alpaca/refusals.ts';
import { ERRORS, type ErrorCode } from '../src/order/errors.ts';

test('generated pages are up to date (npm run docs writes them)', () => {
  assert.deepEqual(stalePages(), []);
});

test("the broker's names of refusals are in the table of codes", () => {
  const source = readFileSync(new URL('../src/broker/alpaca/refusals.ts', import.meta.url), 'utf8');
  const names = [...source.matchAll(/(?:\], |, |\?\? |return )'([a-z_]+)'/g)].map((match) => match[1] ?? '');
  assert.ok(names.includes(refusalName(403, 'insufficient buying power')), 'the names are read from the source');
  const unlisted = names.filter((name) => ERRORS.get(name as ErrorCode)?.type !== 'api_error');
  assert.deepEqual(unlisted, []);
});
