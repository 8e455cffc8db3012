/** JSON of the broker: every digit is kept; and values in messages. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { clipped, isJsonObject, JsonNumber, parseLossless, stringifyLossless } from './json.ts';

describe('lossless', () => {
  test('writes what it read, number for number', () => {
    const text = '{"price":1.10,"big":12345678901234567890,"small":1e-10,"list":[0.0,-0,{"s":"1.0"}],"n":null}';
    assert.equal(stringifyLossless(parseLossless(text)), text);
  });

  test('numbers are texts, not values', () => {
    const value = parseLossless('{"a":9007199254740993}');
    assert.ok(isJsonObject(value));
    assert.deepEqual(value['a'], new JsonNumber('9007199254740993'));
  });

  test('a number is kept wherever it stands', () => {
    for (const text of ['1.10', ' -0.0', '[1.0]', '[ "a" ,\n2.50]', '{"a" :\t-3.0}', '{"a":{"b":[[],[7.70]]}}']) {
      assert.equal(stringifyLossless(parseLossless(text)), text.replace(/\s/g, ''));
    }
  });

  test('takes any JSON and throws on anything else', () => {
    assert.equal(parseLossless('null'), null);
    assert.deepEqual(parseLossless('[]'), []);
    assert.throws(() => parseLossless('<html>'), SyntaxError);
  });
});

test('clipped values are short printable ASCII', () => {
  assert.equal(clipped('AАPL'), 'A\\u0410PL');
  assert.equal(clipped(new JsonNumber('1.50')), '1.50');
  assert.equal(clipped({ a: [true, null] }), '{"a":[true,null]}');
  assert.equal(clipped({ a: [{ api_key: 'hush' }, new JsonNumber('1.0')] }), '{"a":[{"api_key":"[secret]"},1.0]}');
  assert.equal(clipped('x'.repeat(100)).length, 64);
  assert.equal(clipped('\u001b'.repeat(100)).length, 64);
  assert.match(clipped('x'.repeat(100)), /\.\.\.$/);
});
