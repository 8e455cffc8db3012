/** Market data asked by many: one request for all that waits, no symbol in the way of another agent's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MarketDataAnswer, MarketDataPart, Outcome } from '../broker/broker.ts';
import { type Clock, micros } from '../lib/clock.ts';
import { MarketDataBook, type Ticks } from './market-data.ts';
import { Steps } from './moment.ts';

const part = (...symbols: string[]): MarketDataPart => ({
  kind: 'stock',
  dataType: 'quote',
  symbols: new Map(symbols.map((symbol) => [symbol, symbol])),
});
const price = (symbol: string) => ({ bid_price: String(symbol.length), timestamp: null });

function scene(refused: readonly string[] = []) {
  let ms = 0;
  const clock: Clock = { now: () => micros(ms * 1000), monotonic: () => ms, after: () => () => {} };
  const book = new MarketDataBook(new Steps(clock));
  const sent: string[][] = [];
  const budget = Promise.withResolvers<void>();
  const ask = async (made: () => MarketDataPart): Promise<Outcome<MarketDataAnswer>> => {
    await budget.promise;
    const symbols = [...made().symbols.keys()];
    sent.push(symbols);
    await new Promise((resolve) => setImmediate(resolve));
    if (symbols.some((symbol) => refused.includes(symbol))) {
      const rejection = { status: 400, code: null, message: 'invalid symbol', body: '', requestId: null, name: 'bad' };
      return { kind: 'rejected', rejection };
    }
    // Of what begins with X there is no data.
    return { kind: 'done', value: new Map(symbols.filter((s) => !s.startsWith('X')).map((s) => [s, price(s)])) };
  };
  return {
    sent,
    later: (by: number) => {
      ms += by;
    },
    read: (maxAgeMs: number, ...symbols: string[]) =>
      book.read(part(...symbols), { mono: ms - maxAgeMs, step: 0 }, ask),
    flows: budget.resolve,
  };
}

const keys = (ticks: Ticks): unknown =>
  'ticks' in ticks ? [[...ticks.ticks.keys()], ticks.effort] : ticks.failed?.kind;

test('what waits for the budget takes in whatever is asked meanwhile', async () => {
  const { sent, read, flows, later } = scene();
  const all = [read(1000, 'SPY'), read(1000, 'SPY', 'AAPL'), read(1000, 'QQQ', 'XX')];
  flows();
  assert.deepEqual((await Promise.all(all)).map(keys), [
    [['SPY'], 'asked'],
    [['SPY', 'AAPL'], 'joined'],
    [['QQQ'], 'joined'],
  ]);
  assert.deepEqual(sent, [['SPY', 'AAPL', 'QQQ', 'XX']]);
  assert.deepEqual(keys(await read(1000, 'AAPL', 'XX')), [['AAPL'], 'held']);
  later(1001);
  assert.deepEqual(keys(await read(1000, 'AAPL')), [['AAPL'], 'asked']);
});

test('an answer is as old as the oldest of what is in it', async () => {
  const { read, flows, later } = scene();
  flows();
  await read(1000, 'SPY');
  later(600);
  await read(1000, 'AAPL');
  const both = await read(1000, 'SPY', 'AAPL');
  assert.ok('asOf' in both);
  assert.equal(both.asOf.mono, 0);
});

test('the symbol of one agent does not spoil the answer of another', async () => {
  const { sent, read, flows } = scene(['BAD']);
  const all = [read(1000, 'BAD'), read(1000, 'SPY')];
  flows();
  assert.deepEqual((await Promise.all(all)).map(keys), ['rejected', [['SPY'], 'asked']]);
  assert.deepEqual(sent, [['BAD', 'SPY'], ['BAD'], ['SPY']]);
});

test('more symbols than one request takes are two requests', async () => {
  const { sent, read, flows } = scene();
  const first = read(0, ...Array.from({ length: 100 }, (_, n) => `A${n}`));
  const second = read(0, 'SPY');
  flows();
  await Promise.all([first, second]);
  assert.deepEqual(
    sent.map(({ length }) => length),
    [100, 1],
  );
});
