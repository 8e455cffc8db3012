import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foreignCharacter, nearest } from './hint.ts';

const FIELDS = ['symbol', 'qty', 'notional', 'order_class', 'limit_price', 'stop_price', 'time_in_force'];

test('nearest names by spelling, case and custom', () => {
  const hints = {
    quantity: 'qty',
    type: 'order_class',
    price: 'limit_price',
    tif: 'time_in_force',
    Symbol: 'symbol',
    limitPrice: 'limit_price',
    'stop-price': 'stop_price',
    symbl: 'symbol',
    TIME_IN_FORCE: 'time_in_force',
    qt: 'qty',
    ticker: 'symbol',
  };
  for (const [name, near] of Object.entries(hints)) assert.equal(nearest(name, FIELDS), `did you mean ${near}?`);
});

test('nothing near, no hint', () => {
  for (const name of ['x', 'strategy', 'abc', '', 'constructor', 'toString'])
    assert.equal(nearest(name, FIELDS), null, name);
});

test('a character that only looks like ASCII is named', () => {
  assert.equal(foreignCharacter('ѕymbol'), 'contains U+0455 at character 1');
  assert.equal(foreignCharacter('ab\u200bc'), 'contains U+200B at character 3');
  assert.equal(foreignCharacter('symbol'), null);
});
