/**
 * Bad input at random, with fixed seeds: good files with bytes changed, cut, doubled and exchanged. Parsing never throws, always
 * answers with a code of the table, and what it accepts means what any JSON reader would read in it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { micros } from '../../src/lib/clock.ts';
import { isJsonObject, JsonNumber, type JsonValue, parseLossless, stringifyLossless } from '../../src/lib/json.ts';
import { canonical, isPlainDecimal } from '../../src/order/decimal.ts';
import { ERRORS, type ErrorCode } from '../../src/order/errors.ts';
import { parseStrict } from '../../src/order/json-strict.ts';
import { parseName } from '../../src/order/name.ts';
import { completeness, contentOf, parse } from '../../src/order/parse.ts';
import { samples } from '../../src/order/samples.ts';
import { PIECES } from '../hostile/inputs.ts';

const NOW = micros(Date.UTC(2026, 1, 13, 14, 30, 22) * 1000 + 123456);
const SAMPLES = samples(NOW);
const RUNS = { numRuns: 6000, seed: 20260213 };

type Mutation = {
  readonly kind: 'set' | 'cut' | 'double' | 'insert' | 'digit';
  readonly at: number;
  readonly length: number;
  readonly piece: string;
  readonly byte: number;
};
const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom('set', 'cut', 'double', 'insert', 'digit', 'digit'),
  at: fc.nat(2000),
  length: fc.integer({ min: 1, max: 30 }),
  piece: fc.constantFrom(...PIECES),
  byte: fc.integer({ min: 0, max: 255 }),
});

function mutated(bytes: Buffer, { kind, at, length, piece, byte }: Mutation): Buffer {
  const start = at % (bytes.length + 1);
  const [before, after] = [bytes.subarray(0, start), bytes.subarray(start)];
  switch (kind) {
    case 'set':
      return Buffer.concat([before, Buffer.from([byte]), after.subarray(1)]);
    case 'cut':
      return Buffer.concat([before, after.subarray(length)]);
    case 'double':
      return Buffer.concat([before, after.subarray(0, length), after]);
    case 'insert':
      return Buffer.concat([before, Buffer.from(piece), after]);
    case 'digit': {
      const next = after.toString('latin1').replace(/[0-9.]/, () => '0123456789.'.charAt(byte % 11));
      return Buffer.concat([before, Buffer.from(next, 'latin1')]);
    }
  }
}

/** Every decimal of a value, in canonical text. Ids and symbols are no decimals. */
function decimals(value: unknown): readonly string[] {
  if (value instanceof JsonNumber) return [canonical(value.text)];
  if (typeof value === 'string') return isPlainDecimal(value) ? [canonical(value)] : [];
  if (typeof value === 'number') return [canonical(String(value))];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(decimals) : [];
}

test('mutated files: no throw, a code of the table, and no second meaning', () => {
  let accepted = 0;
  const property = fc.property(
    fc.nat(SAMPLES.length - 1),
    fc.array(mutation, { minLength: 1, maxLength: 3 }),
    (which, mutations) => {
      const sample = SAMPLES[which];
      assert.ok(sample);
      const name = parseName(sample.fileName);
      assert.ok(name.ok);
      const bytes = mutations.reduce(mutated, Buffer.from(sample.text));
      const result = parse({ fileName: name.name, bytes, receivedAt: NOW });
      if (!result.ok) {
        assert.equal(result.error.type, 'validation_error');
        assert.ok(ERRORS.has(result.error.code as ErrorCode), result.error.code);
        assert.ok(Buffer.byteLength(JSON.stringify(result.error)) < 20_000);
        return;
      }
      accepted += 1;
      assert.equal(completeness(bytes), 'whole');
      // The usual reader of the platform reads the same object …
      const strict = parseStrict(bytes);
      const usual: JsonValue = parseLossless(bytes.toString('utf8'));
      assert.ok(strict.ok && isJsonObject(usual));
      assert.equal(stringifyLossless(strict.value), stringifyLossless(usual));
      // … and the request holds every digit of the payload, and none that is not there but the defaults.
      const { name: _name, ...request } = result.request;
      const left = [...decimals(request)];
      for (const digits of decimals(usual['payload'])) {
        const index = left.indexOf(digits);
        assert.notEqual(index, -1, `${digits} is lost in ${JSON.stringify(request)}`);
        left.splice(index, 1);
      }
      assert.ok(
        left.every((digits) => digits === '100' || digits === '1'),
        `${left} came from nowhere`,
      );
      const again = parse({ fileName: name.name, bytes: Buffer.from(stringifyLossless(usual)), receivedAt: NOW });
      assert.ok(again.ok);
      assert.equal(contentOf(again.request), contentOf(result.request));
    },
  );
  fc.assert(property, RUNS);
  assert.ok(accepted > 300, `only ${accepted} of the mutated files were still valid: the test sees too little`);
});

test('any bytes and any JSON: no throw, and nothing but an order is accepted', () => {
  const name = parseName(SAMPLES[0]?.fileName ?? '');
  assert.ok(name.ok);
  const refuses = (bytes: Uint8Array): void => {
    const result = parse({ fileName: name.name, bytes, receivedAt: NOW });
    assert.ok(!result.ok);
    assert.ok(ERRORS.has(result.error.code as ErrorCode));
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), refuses), { ...RUNS, numRuns: 1500 });
  fc.assert(
    fc.property(fc.json({ noUnicodeString: false, maxDepth: 10 }), (json) => refuses(Buffer.from(json))),
    { ...RUNS, numRuns: 1500 },
  );
  const object = fc.dictionary(fc.constantFrom('agent_id', 'mode', 'payload', 'meta', 'send_by', 'x'), fc.jsonValue());
  fc.assert(
    fc.property(object, (value) => refuses(Buffer.from(JSON.stringify(value)))),
    { ...RUNS, numRuns: 1500 },
  );
});

test('names of any kind: no throw, and a good name is nothing but its parts', () => {
  const part = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.constantFrom('paper', 'live', 'a1', 'stockbuy', '20260213143022123456'),
  );
  fc.assert(
    fc.property(
      fc.array(part, { minLength: 1, maxLength: 5 }),
      fc.constantFrom('.json', '.JSON', ''),
      (parts, extension) => {
        const result = parseName(parts.join('_') + extension);
        if (!result.ok) return assert.ok(result.problems.length > 0);
        const { mode, agent, type, timestamp, clientOrderId } = result.name;
        assert.equal(`${mode}_${agent}_${type}_${timestamp}${extension}`, parts.join('_') + extension);
        assert.equal(clientOrderId, `${agent}_${timestamp}_${type}`);
      },
    ),
    { ...RUNS, numRuns: 3000 },
  );
});

test('no proper prefix of a good file is taken for a whole one, or for a wrong one', () => {
  for (const { text, type } of SAMPLES) {
    const bytes = Buffer.from(text.trim().replace('"payload"', '"request_order_id":"π€😀\\u00e9","payload"'));
    assert.equal(completeness(bytes), 'whole');
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(completeness(bytes.subarray(0, length)), 'incomplete', `${type}, ${length} bytes`);
    }
  }
});
