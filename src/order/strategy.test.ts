import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Decimal } from './decimal.ts';
import type { OptionLeg } from './request.ts';
import { strategyOf } from './strategy.ts';

/** `+2 C100 0320`: buys 2 calls struck at 100 that end on 20 March. */
function leg(text: string): OptionLeg {
  const [, sign, ratio = '', type, strike = '', expiry] = /^([+-])(\d) ([CP])(\d+) (\d{4})$/.exec(text) ?? [];
  const symbol = `SPY26${expiry}${type}${strike.padStart(5, '0')}000`;
  return { symbol, side: sign === '+' ? 'buy' : 'sell', ratioQty: ratio as Decimal, positionIntent: null };
}

const KNOWN: readonly [name: string | null, ...legs: string[]][] = [
  ['vertical', '+1 C100 0320', '-1 C110 0320'],
  ['vertical', '-1 P100 0320', '+1 P90 0320'],
  ['ratio_spread', '+1 C100 0320', '-2 C110 0320'],
  ['calendar', '-1 C100 0320', '+1 C100 0417'],
  ['diagonal', '-1 C110 0320', '+1 C100 0417'],
  ['straddle', '+1 C100 0320', '+1 P100 0320'],
  ['strangle', '-1 C110 0320', '-1 P90 0320'],
  ['synthetic', '+1 C100 0320', '-1 P100 0320'],
  ['risk_reversal', '+1 C110 0320', '-1 P90 0320'],
  ['butterfly', '+1 C100 0320', '-2 C110 0320', '+1 C120 0320'],
  ['butterfly', '-2 P110 0320', '+1 P120 0320', '+1 P100 0320'],
  ['broken_wing_butterfly', '+1 C100 0320', '-2 C110 0320', '+1 C130 0320'],
  ['condor', '+1 C100 0320', '-1 C110 0320', '-1 C120 0320', '+1 C130 0320'],
  ['iron_condor', '+1 P90 0320', '-1 P95 0320', '-1 C105 0320', '+1 C110 0320'],
  ['iron_condor', '+1 C105 0320', '-1 C110 0320', '+1 P95 0320', '-1 P90 0320'],
  ['iron_butterfly', '+1 P90 0320', '-1 C100 0320', '-1 P100 0320', '+1 C110 0320'],
  ['box', '+1 C100 0320', '-1 C110 0320', '+1 P110 0320', '-1 P100 0320'],
  [null, '+1 C100 0320', '+1 C110 0320'],
  [null, '+1 C100 0320', '+2 P100 0320'],
  [null, '+1 C100 0320', '-1 C110 0320', '+1 C120 0320'],
  [null, '+1 P90 0320', '-1 P95 0320', '-1 C105 0320', '+1 C110 0417'],
  [null, '+1 P90 0320', '-1 P95 0320', '+1 C105 0320', '-1 C110 0320'],
];

for (const [name, ...legs] of KNOWN) {
  test(`${name}: ${legs.join(', ')}`, () => {
    assert.equal(strategyOf(legs.map(leg)), name);
    assert.equal(strategyOf(legs.map(leg).reverse()), name, 'the order of the legs does not matter');
  });
}
