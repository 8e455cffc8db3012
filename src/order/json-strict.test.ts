/** JSON as agents write it: one meaning, or a problem with its place. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { JsonNumber, stringifyLossless } from '../lib/json.ts';
import { type JsonLimits, parseStrict } from './json-strict.ts';

const strict = (text: string, limits?: JsonLimits) => parseStrict(Buffer.from(text), limits);
function problemOf(text: string) {
  const result = strict(text);
  assert.ok(!result.ok, 'accepted');
  return result.problem;
}

describe('strict', () => {
  test('reads every kind of value', () => {
    const text = ' {"a":null,"b":[true,false,[]],"c":"\\u00e9\\n\\/é😀\\ud83d\\ude00","d":{"e":-1.50e+3,"f":{}}}\r\n';
    const result = strict(text.replace('\\n', ''));
    assert.ok(result.ok);
    assert.equal(
      stringifyLossless(result.value),
      '{"a":null,"b":[true,false,[]],"c":"é/é😀😀","d":{"e":-1.50e+3,"f":{}}}',
    );
  });

  test('keeps the digits of numbers', () => {
    for (const digits of ['9007199254740993', '0.10', '200.00', '1e400', '-0', '1.0000000000000000001', '1E-7']) {
      const result = strict(`{"n":${digits}}`);
      assert.ok(result.ok);
      assert.ok(result.value['n'] instanceof JsonNumber);
      assert.equal(result.value['n'].text, digits);
      assert.equal(stringifyLossless(result.value), `{"n":${digits}}`);
    }
  });

  test('objects have no prototype to reach', () => {
    const result = strict('{"toString":1}');
    assert.ok(result.ok);
    assert.equal(Object.getPrototypeOf(result.value), null);
    assert.equal(result.value['valueOf'], undefined);
  });

  test('tells the place in bytes, lines and columns', () => {
    const { at, field, message } = problemOf('{\n  "é": {\n    "b": x }}');
    assert.deepEqual(at, { byte: 21, line: 3, column: 10 });
    assert.equal(field, '\\u00e9.b');
    assert.equal(message, 'line 3 column 10: expected a value, found `x`');
    const { at: unsafe } = problemOf('{"a":"😀\\n\\u0041",\n "b":"\\u0042\\n\\u001b"}');
    assert.deepEqual([unsafe.line, unsafe.column], [1, 8]);
    const { at: half } = problemOf('{"a":"\\u0042😀\\ud800"}');
    assert.deepEqual([half.line, half.column], [1, 14]);
  });

  test('limits are the ones given', () => {
    const limits: JsonLimits = { depth: 1, keysPerObject: 1, itemsPerArray: 1, stringLength: 2, keyLength: 1 };
    assert.ok(strict('{"a":"xy"}', limits).ok);
    for (const text of ['{"a":{}}', '{"a":1,"b":1}', '{"a":"xyz"}', '{"ab":1}'])
      assert.ok(!strict(text, limits).ok, text);
  });

  test('a proper prefix is incomplete, everything else is wrong', () => {
    const whole = '{"a":[1.5e-3,-2],"b":"x\\u00e9\\\\","c":true,"d":null,"e":{"f":false}}';
    assert.ok(strict(whole).ok);
    for (let length = 0; length < whole.length; length++)
      assert.ok(problemOf(whole.slice(0, length)).incomplete, `${length}`);
    const wrong = [
      'x',
      '{a',
      '{"a"x',
      '{"a":trx',
      '{"a":1.x',
      '{"a":1 2',
      '{"a":"\\q',
      '{"a":"\\u00x',
      '{"a":--',
      '{"a":00',
      '{"a":1}}',
      '{"a":1,"a":2,',
      '{]',
    ];
    for (const text of wrong) assert.ok(!problemOf(text).incomplete, text);
  });

  test('a character cut in two is incomplete inside a string only', () => {
    const bytes = Buffer.from('{"a":"€"}');
    const inside = parseStrict(bytes.subarray(0, 8));
    assert.ok(!inside.ok && inside.problem.incomplete);
    const outside = parseStrict(Buffer.concat([Buffer.from('{'), Buffer.from('€').subarray(0, 2)]));
    assert.ok(!outside.ok && !outside.problem.incomplete);
    assert.equal(outside.problem.code, 'encoding');
  });
});
