import assert from 'node:assert/strict';
import { test } from 'node:test';
import { micros } from '../lib/clock.ts';
import { credentialsOf, KeyRing, pairOf } from './keys.ts';
import { RateLimit } from './rate-limit.ts';

const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });

test('credentials in every form that Alpaca takes', () => {
  assert.equal(credentialsOf({}), 'none');
  assert.deepEqual(credentialsOf({ 'apca-api-key-id': 'K', 'apca-api-secret-key': 'S' }), { key: 'K', secret: 'S' });
  assert.deepEqual(credentialsOf({ 'apca-api-key-id': 'K' }), { key: 'K', secret: '' });
  assert.deepEqual(credentialsOf(basic('K:S:with:colons')), { key: 'K', secret: 'S:with:colons' });
  assert.deepEqual(credentialsOf({ authorization: 'Bearer token' }), pairOf('oauth', 'token'));
  assert.equal(credentialsOf({ authorization: 'Digest x' }), 'none');
});

test('an open house takes any pair, but not an empty one and not another secret', () => {
  const ring = new KeyRing(null);
  const first = ring.judge({ key: 'K', secret: 'S' });
  assert.ok(first.kind === 'new');
  assert.ok(!first.secretHash.includes('S'), 'the secret is not kept');
  ring.add({ key: 'K', secretHash: first.secretHash, accountId: 'a' });
  for (let i = 0; i < 2; i++)
    assert.deepEqual(ring.judge({ key: 'K', secret: 'S' }), { kind: 'known', accountId: 'a' });
  assert.equal(ring.judge({ key: 'K', secret: 'other' }).kind, 'refused');
  assert.equal(ring.judge({ key: '', secret: 'S' }).kind, 'refused');
  assert.equal(ring.judge({ key: 'K', secret: '' }).kind, 'refused');
});

test('a list of pairs refuses all others', () => {
  const ring = new KeyRing([{ key: 'K', secret: 'S', cash: '5' }]);
  assert.equal(ring.judge({ key: 'X', secret: 'Y' }).kind, 'refused');
  assert.equal(ring.judge({ key: 'K', secret: 'wrong' }).kind, 'refused');
  const verdict = ring.judge({ key: 'K', secret: 'S' });
  assert.ok(verdict.kind === 'new' && verdict.cash === '5');
});

test('a budget counts down in its headers and starts anew after a minute', () => {
  let seconds = 1_000;
  const clock = { now: () => micros(seconds * 1e6), monotonic: () => seconds * 1000, after: () => () => {} };
  const limit = new RateLimit(clock, { perMinute: 2, enforce: true });
  const remaining = () => limit.take('a').headers['X-Ratelimit-Remaining'];
  assert.deepEqual(limit.take('a').headers, {
    'X-Ratelimit-Limit': '2',
    'X-Ratelimit-Remaining': '1',
    'X-Ratelimit-Reset': '1060',
  });
  assert.equal(remaining(), '0');
  assert.equal(limit.take('a').granted, false);
  assert.equal(limit.take('b').granted, true, 'accounts have budgets of their own');
  seconds = 1_060;
  assert.equal(limit.take('a').granted, true);
  const lax = new RateLimit(clock, { perMinute: 1, enforce: false });
  lax.take('a');
  assert.equal(lax.take('a').granted, true);
});
