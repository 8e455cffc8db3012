import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../lib/random.ts';
import { type Answer, decide, deliver, Faults, faultPlan, type RequestFault, reachesExchange } from './faults.ts';

const POST = { method: 'POST', path: '/v2/orders', body: '{"symbol":"AAPL"}' };
const GET = { method: 'GET', path: '/v2/orders/abc', body: '' };
const ANSWER: Answer = { status: 200, headers: { 'Content-Type': 'application/json' }, body: '{"id":"1"}' };

const plan = (value: unknown) => faultPlan.parse(value);
const fault = (value: unknown): RequestFault => {
  const rule = plan({ requests: [{ fault: value }] }).requests[0];
  assert.ok(rule);
  return rule.fault;
};

function faultsOf(requests: unknown[], seed = 'x'): Faults {
  const faults = new Faults(seededRandom(seed));
  faults.set(plan({ requests }));
  return faults;
}

test('a rule strikes by method, path pattern, body and the number of its own matches', () => {
  const faults = faultsOf([{ method: 'post', path: '/v2/*', body_includes: 'AAPL', on: [2], fault: { kind: 'lose' } }]);
  assert.equal(faults.forRequest(POST).fault, null);
  assert.equal(faults.forRequest(GET).fault, null);
  assert.equal(faults.forRequest({ ...POST, body: 'MSFT' }).fault, null);
  assert.equal(faults.forRequest(POST).fault?.kind, 'lose');
  assert.equal(faults.forRequest(POST).fault, null);
  assert.deepEqual(faults.counts().requests, [{ seen: 3, struck: 1 }]);
});

test('the first rule that strikes decides, and every concerned rule counts', () => {
  const faults = faultsOf([
    { on: [1], fault: { kind: 'refuse' } },
    { every: 2, times: 1, fault: { kind: 'html' } },
  ]);
  assert.deepEqual(
    [1, 2, 3, 4].map(() => faults.forRequest(GET).fault?.kind ?? null),
    ['refuse', 'html', null, null],
  );
});

test('chance is repeatable from its seed', () => {
  const run = () => {
    const faults = faultsOf([{ chance: 0.5, fault: { kind: 'refuse' } }], 'seed');
    return Array.from({ length: 64 }, () => faults.forRequest(GET).fault !== null);
  };
  assert.deepEqual(run(), run());
  assert.ok(run().includes(true) && run().includes(false));
});

test('decide is pure: the same arguments give the same fault', () => {
  const [rule] = plan({ requests: [{ on: [3], fault: { kind: 'cut', bytes: 5 } }] }).requests;
  assert.ok(rule);
  assert.equal(decide(rule, POST, 2, seededRandom(1)), null);
  assert.deepEqual(decide(rule, POST, 3, seededRandom(1)), { kind: 'cut', bytes: 5 });
});

test('which faults keep a request away from the exchange', () => {
  for (const kind of ['refuse', 'rate_limited']) assert.equal(reachesExchange(fault({ kind })), false, kind);
  assert.equal(reachesExchange(fault({ kind: 'redirect', location: 'http://127.0.0.1:1/' })), false);
  assert.equal(reachesExchange(fault({ kind: 'status', status: 503 })), false);
  assert.equal(reachesExchange(fault({ kind: 'status', status: 504, accept: true })), true);
  for (const kind of ['lose', 'cut', 'html', 'huge', 'slow', 'content_type', 'latency', 'reject_later'])
    assert.equal(reachesExchange(fault({ kind })), true, kind);
  assert.equal(reachesExchange(null), true);
});

test('what each fault makes of an answer', () => {
  const of = (value: unknown, answer: Answer | null = ANSWER) => deliver(fault(value), answer, { 'X-Common': '1' });
  assert.deepEqual(deliver(null, ANSWER), { answer: ANSWER });
  assert.deepEqual(of({ kind: 'lose', how: 'reset' }), { answer: null, end: 'reset' });
  assert.deepEqual(of({ kind: 'refuse' }, null), { answer: null, end: 'close' });
  assert.equal(of({ kind: 'cut', bytes: 3 }).cutAfter, 3);
  assert.equal(of({ kind: 'slow' }).bytesPerSecond, 1);
  assert.equal(of({ kind: 'latency', answer_delay_ms: 9 }).answerDelayMs, 9);
  assert.equal(of({ kind: 'huge', bytes: 1000 }).answer?.body.length, 1000);
  assert.equal(of({ kind: 'content_type' }).answer?.headers['Content-Type'], 'text/plain');
  const html = of({ kind: 'html' }).answer;
  assert.ok(html?.status === 200 && html.body.startsWith('<html>'));
  assert.equal(of({ kind: 'body', body: '{"id":' }).answer?.body, '{"id":');
  const limited = of({ kind: 'rate_limited' }, null).answer;
  assert.ok(limited?.status === 429 && limited.headers['X-Common'] === '1' && limited.body.includes('42910000'));
  assert.equal(of({ kind: 'rate_limited', headers: false }, null).answer?.headers['X-Common'], undefined);
  assert.equal(
    of({ kind: 'redirect', location: 'http://127.0.0.1:1/' }, null).answer?.headers['Location'],
    'http://127.0.0.1:1/',
  );
  const status = of({ kind: 'status', status: 503 }, null).answer;
  assert.ok(status?.status === 503 && status.body.includes('service unavailable'));
});

test('a plan with a wrong field is refused by name', () => {
  assert.throws(() => plan({ requests: [{ fault: { kind: 'explode' } }] }), /kind|Invalid/);
  assert.throws(() => plan({ reqests: [] }), /reqests/);
});

test('stream events meet their own rules', () => {
  const faults = new Faults(seededRandom(1));
  faults.set(plan({ stream: [{ event: 'fill', on: [2], fault: { kind: 'drop' } }] }));
  assert.deepEqual(
    ['new', 'fill', 'new', 'fill', 'fill'].map((event) => faults.forEvent(event)?.kind ?? null),
    [null, null, null, 'drop', null],
  );
});
