/** Fixed-point numbers against the project's exact decimals. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decimal, exact } from '../../order/decimal.ts';
import { divDown, fixed, mul, parseFixed, text } from './fixed.ts';

const amount = fc.bigInt({ min: -(10n ** 21n), max: 10n ** 21n });

test('text and value are the same thing', () => {
  fc.assert(fc.property(amount, (value) => parseFixed(text(value)) === value));
  fc.assert(fc.property(amount, (value) => text(value) === decimal(exact(text(value)))));
});

test('numbers are read as clients write them, and nothing is lost', () => {
  const good = {
    '1': '1',
    '01.50': '1.5',
    '.5': '0.5',
    '5.': '5',
    '1e-7': '0.0000001',
    '2.5E3': '2500',
    '-0.1': '-0.1',
  };
  for (const [source, canonical] of Object.entries(good)) assert.equal(text(fixed(source)), canonical);
  for (const bad of ['', '.', '1,5', '0x1', 'NaN', '1e', '0.0000000001', '1e-10', ' 1', '--1', '1'.repeat(65)]) {
    assert.equal(parseFixed(bad), undefined, bad);
  }
});

test('products and quotients agree with exact decimals', () => {
  const small = fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n });
  fc.assert(
    fc.property(small, small, (a, b) => {
      // big.js rounds half up in magnitude, as the engine does.
      assert.equal(
        text(mul(a, b)),
        decimal(
          exact(text(a))
            .times(exact(text(b)))
            .round(9, 1),
        ),
      );
      if (b === 0n) return;
      assert.equal(
        text(divDown(a, b)),
        decimal(
          exact(text(a))
            .div(exact(text(b)))
            .round(9, 0),
        ),
      );
    }),
  );
});
