import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonical, exact, isPlainDecimal, scaleOf } from './decimal.ts';

test('one text for one value, every digit kept', () => {
  const texts = {
    '200.00': '200',
    '0.10': '0.1',
    '-1.50': '-1.5',
    '9007199254740993': '9007199254740993',
    '0.000000001': '0.000000001',
    '123456789012345678901234567890': '123456789012345678901234567890',
  };
  for (const [text, value] of Object.entries(texts)) assert.equal(canonical(text), value);
});

test('only plain decimals are values', () => {
  for (const text of ['', ' 1', '1e3', '0x10', '+1', '.5', '1.', '01', '1_000', '١', 'NaN', '1\n']) {
    assert.ok(!isPlainDecimal(text), text);
    assert.throws(() => exact(text), TypeError, text);
  }
});

test('digits after the point', () => {
  assert.equal(scaleOf('1.500'), 1);
  assert.equal(scaleOf('100'), 0);
});
