/** What a file in the halt folder means by its name, and whom it holds back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Haltable, haltAgainst, haltError, haltName, haltOf } from './halt.ts';

const buy = (more: Partial<Haltable> = {}): Haltable => ({
  agent: 'alpha',
  symbols: ['AAPL'],
  reduces: false,
  ...more,
});
const stops = (name: string, order: Haltable): boolean => haltAgainst([haltOf(name, null)], order) !== null;

test('the name alone says what stands still', () => {
  assert.ok(stops('all', buy()));
  assert.ok(stops('agent.alpha', buy()));
  assert.ok(!stops('agent.alpha', buy({ agent: 'alphab' })));
  assert.ok(stops('symbol.AAPL', buy()));
  assert.ok(!stops('symbol.AAPL', buy({ symbols: ['AAPLW'] })));
  assert.ok(stops('symbol.AAPL', buy({ symbols: ['MSFT', 'AAPL270115C00150000'] })), 'options on it');
  assert.ok(stops('symbol.BTCUSD', buy({ symbols: ['BTC/USD'] })));
  assert.ok(stops('symbol.BRK.B', buy({ symbols: ['BRK.B'] })));
});

test('a name that is not understood halts everything', () => {
  for (const name of [
    'HALT',
    'stop',
    'agent.',
    'agent.Alpha',
    'symbol.',
    'all.reduced',
    'agent.alpha.later',
    'ALL',
    'x'.repeat(200),
  ]) {
    const halt = haltOf(name, null);
    assert.deepEqual([halt.scope.kind, halt.reduceOnly, halt.cancels], ['all', false, false], name);
  }
});

test('reduce-only lets reductions pass, and a whole halt beside it does not', () => {
  const sell = buy({ reduces: true });
  assert.ok(!stops('all.reduce', sell));
  assert.ok(stops('all.reduce', buy()));
  const both = [haltOf('all.reduce.cancel', null), haltOf('agent.alpha', null)];
  assert.equal(haltAgainst(both, sell)?.name, 'agent.alpha');
  assert.equal(haltError(haltOf('all.reduce', null)).code, 'reduce_only');
  assert.equal(haltError(haltOf('all', null)).code, 'halted');
});

test('names are read back as they were made', () => {
  for (const scope of [
    { kind: 'all' },
    { kind: 'agent', agent: 'a1' },
    { kind: 'symbol', symbol: 'BTC/USD' },
  ] as const) {
    for (const flags of [{}, { reduceOnly: true }, { cancels: true }, { reduceOnly: true, cancels: true }]) {
      const halt = haltOf(haltName(scope, flags), null);
      assert.equal(haltName(halt.scope, halt), haltName(scope, flags));
    }
  }
});

test('whatever the file holds, it is text for people and nothing more', () => {
  assert.deepEqual(
    (({ by, at, reason }) => ({ by, at, reason }))(
      haltOf('all', '{"by":"eve","at":"2026-02-13T00:00:00Z","reason":"odd fills"}\n'),
    ),
    { by: 'eve', at: '2026-02-13T00:00:00Z', reason: 'odd fills' },
  );
  assert.equal(haltOf('all', 'prices look wrong\n').reason, 'prices look wrong');
  for (const text of ['', '{', 'null', '[]', '"x"', '{"reason":5}', '\u0000'])
    assert.equal(haltOf('all', text).scope.kind, 'all', text);
});
