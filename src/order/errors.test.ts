import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiError, ERROR_TYPES, ERRORS, orderError, type Problem, problemsError } from './errors.ts';

const problem = (code: Problem['code'], field: string): Problem => ({
  code,
  field,
  message: `${field} is wrong`,
  got: '1',
  allowed: '2',
  hint: null,
});

test('every code has a known type, words and a status; every type has a code', () => {
  for (const [code, entry] of ERRORS) {
    assert.match(code, /^[a-z]+(?:_[a-z]+)*$/);
    assert.ok(ERROR_TYPES.includes(entry.type));
    assert.match(entry.meaning, /^[A-Z`].*\.$/, code);
    assert.match(entry.remedy, /\S/, code);
    assert.ok(entry.status >= 200 && entry.status < 600, code);
  }
  const types = new Set([...ERRORS.values()].map(({ type }) => type));
  assert.deepEqual([...types].sort(), [...ERROR_TYPES].sort());
});

test('only what may have been placed, or was, is unsafe to send again', () => {
  const unsafe = [...ERRORS].filter(([, entry]) => !entry.safeToResubmit).map(([code]) => code);
  assert.deepEqual(unsafe, ['duplicate', 'in_doubt', 'conflict_at_broker', 'internal']);
});

test('the first problem by precedence is the headline, and the order of equals is kept', () => {
  const error = problemsError([
    problem('price_missing', 'a'),
    problem('qty_range', 'b'),
    problem('qty_range', 'c'),
    problem('mode_mismatch', 'd'),
  ]);
  assert.equal(error.type, 'validation_error');
  assert.equal(error.code, 'mode_mismatch');
  assert.equal(error.message, 'd is wrong');
  const {
    field,
    got,
    allowed,
    hint,
    safe_to_resubmit: safe,
    problems,
  } = error.details as typeof error.details & { problems: Problem[] };
  assert.deepEqual([field, got, allowed, safe], ['d', '1', '2', true]);
  assert.equal(hint, ERRORS.get('mode_mismatch')?.remedy);
  assert.deepEqual(
    problems.map((each) => each.field),
    ['d', 'b', 'c', 'a'],
  );
});

test('an error needs a problem', () => {
  assert.throws(() => problemsError([]), RangeError);
});

test("Alpaca's refusals are api errors, known by name or not", () => {
  assert.equal(apiError('wash_trade', 'potential wash trade detected').type, 'api_error');
  const unheard = apiError('moon_phase', 'not today', { more: { http_status: 422 } });
  assert.equal(unheard.type, 'api_error');
  assert.equal(unheard.code, 'moon_phase');
  assert.equal(unheard.details['http_status'], 422);
  // A name that is another type's code does not change the type.
  assert.equal(apiError('internal', 'x').type, 'api_error');
});

test('further details stand beside the usual ones', () => {
  const error = orderError('duplicate', 'used before', { field: 'client_order_id', more: { first: { at: 'x' } } });
  assert.deepEqual(Object.keys(error.details), ['field', 'got', 'allowed', 'hint', 'safe_to_resubmit', 'first']);
  assert.equal(error.details.safe_to_resubmit, false);
});
