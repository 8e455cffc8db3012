/** Where everybody stands: sums that are made late are those that were made at once, and orders are found by what they are for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { exact } from '../order/decimal.ts';
import { ACCOUNT, type OpenPart, Standings, worstOf } from './standing.ts';

const part = (seq: number, symbol: string, side: 'buy' | 'sell', left: number, agent = 'a'): OpenPart => ({
  seq,
  clientOrderId: `order-${seq}`,
  mode: 'paper',
  agent,
  symbol,
  side,
  left: exact(String(left)),
  unit: exact('2.5'),
  isExit: false,
  meeting: { symbol, side, limit: null, isExempt: false },
  isDoubtful: false,
  hasEnded: false,
});

const step = fc.record({
  what: fc.constantFrom('open', 'leave', 'close', 'hold', 'ask'),
  seq: fc.integer({ min: 1, max: 5 }),
  symbol: fc.constantFrom('AAPL', 'MSFT'),
  side: fc.constantFrom<'buy' | 'sell'>('buy', 'sell'),
  qty: fc.integer({ min: 1, max: 9 }),
});

test('the sums of a scope are those of its symbols, whenever they are asked for', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const standings = new Standings();
      const check = (): void => {
        for (const scope of ['a', 'b', ACCOUNT]) {
          const symbols = [...standings.symbols('paper', scope).values()];
          const { gross, openBuys } = standings.totals('paper', scope, 0);
          const sum = (of: (one: (typeof symbols)[number]) => ReturnType<typeof exact>): string =>
            symbols.reduce((total, one) => total.plus(of(one)), exact('0')).toFixed();
          assert.equal(
            gross.toFixed(),
            sum((one) => worstOf(one).value),
          );
          assert.equal(
            openBuys.toFixed(),
            sum((one) => one.buyValue),
          );
        }
      };
      for (const { what, seq, symbol, side, qty } of steps) {
        const agent = seq % 2 === 0 ? 'a' : 'b';
        if (what === 'open' && !standings.isOpen(seq)) standings.open([part(seq, symbol, side, qty, agent)]);
        if (what === 'leave') standings.leave(seq, 0, exact(String(qty)));
        if (what === 'close') standings.close(seq);
        const signed = exact(side === 'buy' ? String(qty) : `-${qty}`);
        if (what === 'hold') standings.hold('paper', agent, symbol, { qty: signed, basis: signed.times('3') });
        if (what === 'ask') check();
      }
      check();
    }),
  );
});

test('open orders are found by symbol and side, and those in doubt by themselves', () => {
  const standings = new Standings();
  const seqs = (found: Iterable<OpenPart>): number[] => [...found].map(({ seq }) => seq);
  for (let seq = 1; seq <= 100; seq++) standings.open([part(seq, 'AAPL', 'buy', 1)]);
  standings.open([part(101, 'AAPL', 'sell', 1)]);
  standings.open([part(102, 'MSFT', 'sell', 1)]);
  assert.deepEqual(seqs(standings.meeting('paper', 'AAPL', 'sell')), [101]);
  assert.equal(seqs(standings.meeting('paper', 'AAPL', 'buy')).length, 100);
  assert.deepEqual(seqs(standings.meeting('live', 'AAPL', 'buy')), []);
  standings.doubt(7, true);
  standings.doubt(9, true);
  standings.doubt(9, false);
  assert.deepEqual(seqs(standings.doubtful('paper', 'AAPL', 'buy')), [7]);
  assert.deepEqual(seqs(standings.doubtful('paper', 'AAPL', 'sell')), []);
  standings.close(7);
  standings.close(101);
  assert.deepEqual(seqs(standings.doubtful('paper', 'AAPL', 'buy')), []);
  assert.deepEqual(seqs(standings.meeting('paper', 'AAPL', 'sell')), []);
});
