/**
 * Bad input, line by line of the catalogue: every line gets the code, the field, the message and the hint that it names.
 * What needs a real folder and a whole tower is in bad-input/tower.test.ts.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ERRORS, type ErrorCode, type OrderError, type Problem } from '../src/order/errors.ts';
import { type OrderType, orderName, parseName } from '../src/order/name.ts';
import { completeness, parse } from '../src/order/parse.ts';
import {
  bytesOf,
  CATALOGUE,
  type Change,
  ELSEWHERE,
  FILE_ROWS,
  GOOD,
  LAST_ROW,
  NAME_ROWS,
  RECEIVED,
  reads,
  STAMP,
} from './bad-input/catalogue.ts';

const change = (members: Change, type: OrderType = 'stockbuy'): Uint8Array => bytesOf({ type, change: members });

function judge(type: OrderType, bytes: Uint8Array): OrderError | null {
  const name = orderName('paper', 'agent', type, STAMP);
  assert.ok(name);
  const result = parse({ fileName: name, bytes, receivedAt: RECEIVED });
  return result.ok ? null : result.error;
}

const problemsOf = (error: OrderError): readonly Problem[] => error.details['problems'] as readonly Problem[];

/** The problem that the row names is among those that were found; fails with all of them. */
function holds(
  row: Pick<Problem, 'field' | 'message' | 'hint'> & { readonly code: string },
  found: readonly Problem[],
) {
  const told = found.map(({ code, field, message, hint }) => JSON.stringify({ code, field, message, hint })).join('\n');
  const fits = found.some(
    ({ code, field, message, hint }) =>
      code === row.code && field === row.field && reads(message, row.message) && reads(hint, row.hint),
  );
  assert.ok(fits, `the answer was\n${told}`);
  for (const { got } of found) assert.match(got ?? '', /^[\x20-\x7e]{0,64}$/);
}

test('every number of the catalogue has a line, or a reason for having none', () => {
  const lines = new Set([...CATALOGUE, ...ELSEWHERE].map(({ row }) => row));
  const missing = Array.from({ length: LAST_ROW }, (_, index) => index + 1).filter((row) => !lines.has(row));
  assert.deepEqual(missing, []);
  const titles = CATALOGUE.map(({ title }) => title);
  assert.equal(new Set(titles).size, titles.length, 'two lines have one title');
});

test('what the catalogue changes is accepted as it is', () => {
  for (const type of Object.keys(GOOD) as OrderType[]) assert.equal(judge(type, change({}, type)), null, type);
});

describe('files', () => {
  for (const row of FILE_ROWS) {
    test(`${row.row ?? ''} ${row.title}`, () => {
      const error = judge(row.type, bytesOf(row));
      if (row.accepted === true) return assert.equal(error, null);
      assert.ok(error !== null, 'accepted');
      assert.equal(error.type, 'validation_error');
      assert.ok(ERRORS.has(error.code as ErrorCode), `${error.code} is not in the table`);
      assert.equal(error.details.safe_to_resubmit, true);
      return holds(row, problemsOf(error));
    });
  }
});

describe('names', () => {
  for (const row of NAME_ROWS) {
    test(`${row.row ?? ''} ${row.title}`, () => {
      const result = parseName(row.name);
      assert.ok(!result.ok);
      holds(row, result.problems);
    });
  }
});

test('all problems of a file are told at once, the weightiest first, at most 20', () => {
  const read = (members: Change): readonly Problem[] => {
    const error = judge('stockbuy', change(members));
    assert.ok(error !== null);
    const problems = problemsOf(error);
    assert.equal(problems[0]?.code, error.code);
    assert.equal(problems[0]?.message, error.message);
    return problems;
  };
  const four = read({
    mode: '"live"',
    payload: '{"symbol":"aapl","qty":0,"order_class":"limit","time_in_force":"day"}',
  });
  assert.deepEqual(
    four.map(({ code }) => code),
    ['mode_mismatch', 'symbol_format', 'qty_range', 'price_missing'],
  );
  assert.equal(read(Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`payload.zz${i}`, '1']))).length, 20);
});

test('what stands in a forbidden field is not repeated', () => {
  for (const field of ['api_secret', 'payload.api_key', 'base_url', 'headers']) {
    const error = judge('stockbuy', change({ [field]: '"hush-1234"' }));
    assert.ok(error !== null);
    assert.ok(!JSON.stringify(error).includes('hush'), field);
  }
});

test('a file that may still grow is told from one that cannot be mended', () => {
  assert.equal(completeness(change({})), 'whole');
  assert.equal(completeness(Buffer.from('')), 'incomplete');
  assert.equal(completeness(Buffer.from('{"a":1')), 'incomplete');
  assert.equal(completeness(Buffer.from('{"a":1}x')), 'wrong');
  assert.equal(completeness(Buffer.from('{a')), 'wrong');
});
