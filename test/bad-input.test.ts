/**
 * Bad input outside the payload: names, bytes, JSON and envelope, case by case. What is wrong gets the one code that the
 * table names for it.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Problem } from '../src/order/errors.ts';
import { type OrderType, orderName, parseName } from '../src/order/name.ts';
import { completeness, parse } from '../src/order/parse.ts';
import {
  bytes,
  type Case,
  cases,
  envelope,
  GOOD,
  type Input,
  RECEIVED,
  STAMP,
  stock,
  text,
} from './bad-input/check.ts';

test('what the cases start from is accepted', () => {
  for (const type of Object.keys(GOOD) as OrderType[]) {
    const name = orderName('paper', 'agent', type, STAMP);
    assert.ok(name);
    const result = parse({ fileName: name, bytes: envelope({}, type).bytes, receivedAt: RECEIVED });
    assert.ok(result.ok, JSON.stringify(result));
  }
});

describe('file names', () => {
  const bad: readonly [name: string, field: string][] = [
    [`paper_agent_stockbuy_${STAMP}.JSON`, 'file_name'],
    [`paper_agent_stockbuy_${STAMP}.json.txt`, 'file_name'],
    [`paper_agent_stockbuy_${STAMP}.jsonl`, 'file_name'],
    [`paper_agent_stockbuy_${STAMP}`, 'file_name'],
    ['..json', 'file_name'],
    ['-rf.json', 'file_name'],
    ['CON.json', 'file_name'],
    ['a b.json', 'file_name'],
    ['', 'file_name'],
    [`paper_my_agent_stockbuy_${STAMP}.json`, 'file_name'],
    [`PAPER_agent_stockbuy_${STAMP}.json`, 'file_name.mode'],
    [`demo_agent_stockbuy_${STAMP}.json`, 'file_name.mode'],
    [`paper_Agent_stockbuy_${STAMP}.json`, 'file_name.agentid'],
    [`paper__stockbuy_${STAMP}.json`, 'file_name.agentid'],
    [`paper_${'a'.repeat(21)}_stockbuy_${STAMP}.json`, 'file_name.agentid'],
    [`paper_agént_stockbuy_${STAMP}.json`, 'file_name.agentid'],
    [`paper_agent\n_stockbuy_${STAMP}.json`, 'file_name.agentid'],
    [`paper_../../etc_stockbuy_${STAMP}.json`, 'file_name.agentid'],
    [`paper_agent_stockBuy_${STAMP}.json`, 'file_name.ordertype'],
    [`paper_agent_buy_${STAMP}.json`, 'file_name.ordertype'],
    ['paper_agent_stockbuy_2026021314302212345.json', 'file_name.timestamp'],
    ['paper_agent_stockbuy_202602131430221234567.json', 'file_name.timestamp'],
    ['paper_agent_stockbuy_20260230143022123456.json', 'file_name.timestamp'],
    ['paper_agent_stockbuy_20260229143022123456.json', 'file_name.timestamp'],
    ['paper_agent_stockbuy_20261313143022123456.json', 'file_name.timestamp'],
    ['paper_agent_stockbuy_20260213243022123456.json', 'file_name.timestamp'],
    ['paper_agent_stockbuy_20260213146022123456.json', 'file_name.timestamp'],
    ['paper_agent_stockbuy_20260213143060123456.json', 'file_name.timestamp'],
    ['paper_agent_stockbuy_2026021314302212345６.json', 'file_name.timestamp'],
    [`paper_agent_stockbuy_${STAMP}\n.json`, 'file_name.timestamp'],
  ];
  for (const [name, field] of bad) {
    test(JSON.stringify(name), () => {
      const result = parseName(name);
      assert.ok(!result.ok);
      assert.ok(
        result.problems.some((each) => each.code === 'file_name' && each.field === field),
        JSON.stringify(result),
      );
    });
  }
});

const START = '{"agent_id":"agent","x":"';
cases('bytes and JSON', [
  ['no byte', text(''), 'file_empty'],
  ['more than 64 KiB', text(`{"a":"${'x'.repeat(70_000)}"}`), 'file_too_large', undefined, /limit 65,536/],
  ['only blanks', text('  \n'), 'json_incomplete'],
  ['ends inside a string', text(START), 'json_incomplete', undefined, /ends at byte 25 inside a string/],
  ['ends inside a character', bytes(START, [0xe2, 0x82]), 'json_incomplete'],
  ['ends inside a word', text('{"a":tru'), 'json_incomplete'],
  ['ends inside a number', text('{"a":-'), 'json_incomplete'],
  ['byte 0xff', bytes(START, [0xff]), 'encoding', undefined, /byte 25 is not UTF-8/],
  ['a surrogate as UTF-8', bytes(START, [0xed, 0xa0, 0x80], '"}'), 'encoding'],
  ['an overlong character', bytes(START, [0xc0, 0xaf], '"}'), 'encoding'],
  ['half a character outside a string', bytes('{', [0xe2, 0x82]), 'encoding'],
  ['UTF-16 with mark', bytes([0xff, 0xfe, 0x7b, 0]), 'encoding', undefined, /UTF-16/],
  ['UTF-16 big endian', bytes([0xfe, 0xff, 0, 0x7b]), 'encoding', undefined, /UTF-16/],
  ['UTF-16 without mark', bytes([0x7b, 0, 0x7d, 0]), 'encoding', undefined, /UTF-16/],
  ['UTF-8 with mark', bytes([0xef, 0xbb, 0xbf], '{}'), 'encoding', undefined, /byte order mark/],
  ['gzip', { type: 'stockbuy', bytes: gzipSync('{}') }, 'encoding', undefined, /gzip/],
  ['YAML', text('mode: paper'), 'json_syntax', undefined, /line 1 column 1: expected `{`/],
  ['CSV', text('mode,symbol\npaper,AAPL'), 'json_syntax'],
  ['XML', text('<order/>'), 'json_syntax'],
  ['single quotes', text("{'a':1}"), 'json_syntax', undefined, /line 1 column 2: expected `"`/],
  ['trailing comma', text('{"a":1,}'), 'json_syntax'],
  ['trailing comma in an array', text('{"a":[1,]}'), 'json_syntax'],
  ['comment', text('{"a":1 /* one */}'), 'json_syntax'],
  ['NaN', text('{"a":NaN}'), 'json_syntax'],
  ['Infinity', text('{"a":-Infinity}'), 'json_syntax'],
  ['hex number', text('{"a":0x10}'), 'json_syntax'],
  ['leading zero', text('{"a":01}'), 'json_syntax'],
  ['leading point', text('{"a":.5}'), 'json_syntax'],
  ['trailing point', text('{"a":1.}'), 'json_syntax'],
  ['leading plus', text('{"a":+1}'), 'json_syntax'],
  ['no colon', text('{"a" 1}'), 'json_syntax'],
  ['unknown escape', text('{"a":"\\x41"}'), 'json_syntax'],
  ['two objects', text('{"a":1}{"b":2}'), 'json_trailing', undefined, /at byte 7/],
  ['JSON lines', text('{"a":1}\n{"b":2}'), 'json_trailing'],
  ['rest of a longer file', text('{"a":1}ay"}}'), 'json_trailing'],
  ['NUL bytes at the end', text('{"a":1}\0\0'), 'json_trailing'],
  ['an array', text('[{}]'), 'json_root'],
  ['a string', text('"x"'), 'json_root'],
  ['a number', text('17'), 'json_root'],
  ['null', text('null'), 'json_root'],
  ['nesting of 9', text(`${'{"a":'.repeat(9)}1${'}'.repeat(9)}`), 'json_depth', undefined, /nesting 9; limit 8/],
  ['nesting of 30,000', text(`{"a":${'['.repeat(30_000)}`), 'json_depth'],
  ['65 keys', text(`{${Array.from({ length: 65 }, (_, i) => `"k${i}":1`).join(',')}}`), 'json_keys'],
  ['600 items', text(`{"a":[${'1,'.repeat(599)}1]}`), 'json_keys'],
  ['a key of 10 kB', text(`{"${'k'.repeat(10_000)}":1}`), 'json_string', undefined, /10000 characters; limit 256/],
  ['a string of 60 kB', text(`{"note":"${'x'.repeat(60_000)}"}`), 'json_string', 'note', /60000 characters/],
  ['a key twice', text('{"side":"buy","side":"sell"}'), 'json_duplicate_key', 'side', /appears twice \(buy, sell\)/],
  ['a key twice, deep', text('{"a":[{"b":1,"b":1}]}'), 'json_duplicate_key', 'a[0].b'],
  ['a key twice, escaped', text('{"si\\u0064e":"buy","side":"sell"}'), 'json_duplicate_key', 'side'],
  ['__proto__', text('{"__proto__":{"mode":"live"}}'), 'field_forbidden', '__proto__'],
  ['__proto__, escaped', text('{"a":{"\\u005f_proto__":1}}'), 'field_forbidden', 'a.__proto__'],
  ['constructor', text('{"a":{"constructor":1}}'), 'field_forbidden'],
  ['prototype', text('{"prototype":1}'), 'field_forbidden'],
  ['a lone surrogate', text('{"a":"\\ud800"}'), 'json_string', 'a', /surrogate/],
  ['a reversed pair', text('{"a":"\\udc00\\ud800"}'), 'json_string'],
  ['escaped NUL', text('{"a":"\\u0000"}'), 'json_string', 'a', /U\+0000/],
  ['raw newline', text('{"a":"x\ny"}'), 'json_string', 'a', /U\+000A/],
  ['ANSI escape', text('{"a":"\\u001b[31m"}'), 'json_string', 'a', /U\+001B/],
  ['bidirectional override', text('{"a":"\u202eLPAA"}'), 'json_string', 'a', /U\+202E/],
  ['isolate', text('{"a":"\\u2066x"}'), 'json_string'],
  ['C1 control', text('{"a":"\u0085"}'), 'json_string'],
  ['control character in a key', text('{"a\\u0007":1}'), 'json_string'],
]);

cases('envelope', [
  ...(['agent_id', 'client_order_id', 'order_type', 'mode', 'payload'] as const).map(
    (field): Case => [`no ${field}`, envelope({ [field]: null }), 'field_missing', field],
  ),
  ['other agent', envelope({ agent_id: '"other"' }), 'agent_mismatch', 'agent_id'],
  ['agent in upper case', envelope({ agent_id: '"AGENT"' }), 'agent_mismatch'],
  ['agent with a foreign letter', envelope({ agent_id: '"аgent"' }), 'agent_mismatch', 'agent_id', /U\+0430/],
  ['agent with a zero width space', envelope({ agent_id: '"agent\u200b"' }), 'agent_mismatch', 'agent_id', /U\+200B/],
  ['other mode', envelope({ mode: '"live"' }), 'mode_mismatch', 'mode', /paper/],
  ['mode in upper case', envelope({ mode: '"PAPER"' }), 'mode_mismatch'],
  ['other order type', envelope({ order_type: '"stocksell"' }), 'order_type_mismatch', 'order_type'],
  ['own client_order_id', envelope({ client_order_id: '"mine"' }), 'client_order_id_mismatch', 'client_order_id'],
  [
    'client_order_id a number',
    envelope({ client_order_id: '17' }),
    'type_of_field',
    'client_order_id',
    /must be a string, not a number/,
  ],
  ['payload a string', envelope({ payload: '"x"' }), 'type_of_field', 'payload'],
  ['payload an array', envelope({ payload: '[]' }), 'type_of_field', 'payload'],
  ['payload null', envelope({ payload: 'null' }), 'type_of_field', 'payload'],
  ['payload a number', envelope({ payload: '5' }), 'type_of_field', 'payload'],
  ['unknown field', envelope({ shape: '1' }), 'field_unknown', 'shape'],
  ...['toString', 'valueOf', 'hasOwnProperty'].map(
    (field): Case => [`a field that every object has: ${field}`, envelope({ [field]: '1' }), 'field_unknown', field],
  ),
  ['key in another case', envelope({ Mode: '"paper"' }), 'field_unknown', 'Mode', /did you mean mode\?/],
  ['payload field outside', envelope({ symbol: '"AAPL"' }), 'field_unknown', 'symbol', /belongs inside payload/],
  ['foreign letter in a key', envelope({ mоde: '1' }), 'field_unknown', 'm\\u043ede', /U\+043E.*mode/],
  ...['account', 'account_id', 'base_url', 'api_key', 'apiKey', 'secret_key', 'headers', 'password', 'auth_token'].map(
    (field): Case => [field, envelope({ [field]: '"hush-1234"' }), 'field_forbidden', field],
  ),
  ['empty request_order_id', envelope({ request_order_id: '""' }), 'request_order_id'],
  ['long request_order_id', envelope({ request_order_id: `"${'x'.repeat(129)}"` }), 'request_order_id'],
  ['invisible request_order_id', envelope({ request_order_id: '"a\u200bb"' }), 'request_order_id'],
  ['request_order_id a number', envelope({ request_order_id: '17' }), 'type_of_field', 'request_order_id'],
  ...[
    '"2026-02-30T00:00:00Z"',
    '"2026-02-13T25:00:00Z"',
    '"2026-12-13T14:31:00"',
    '"2026-12-13"',
    '"tomorrow"',
    '"2026-12-13T14:31:00+25:00"',
    '"2026-12-13 14:31:00Z"',
  ].map((value): Case => [`send_by ${value}`, envelope({ send_by: value }), 'send_by', 'send_by', /RFC 3339/]),
  [
    'send_by at the moment of receipt',
    envelope({ send_by: '"2026-02-13T14:30:23Z"' }),
    'send_by',
    'send_by',
    /is past/,
  ],
  [
    'send_by past',
    envelope({ send_by: '"2026-02-13T14:30:22Z"' }),
    'send_by',
    'send_by',
    /is past; received 2026-02-13T14:30:23/,
  ],
  [
    'send_by past in another zone',
    envelope({ send_by: '"2026-02-13T15:30:22+01:00"' }),
    'send_by',
    'send_by',
    /is past/,
  ],
  ['send_by a number', envelope({ send_by: '1770993023' }), 'type_of_field', 'send_by'],
  ['meta an array', envelope({ meta: '[]' }), 'type_of_field', 'meta'],
  ['meta nested', envelope({ meta: '{"a":{"b":1}}' }), 'meta', 'meta', /a is an object/],
  ['meta with a boolean', envelope({ meta: '{"a":true}' }), 'meta'],
  [
    'meta too large',
    envelope({ meta: `{"a":"${'x'.repeat(4000)}","b":"${'x'.repeat(200)}"}` }),
    'meta',
    'meta',
    /at most 4096/,
  ],
]);

test('all problems of a file are told at once, the weightiest first, at most 20', () => {
  const name = orderName('paper', 'agent', 'stockbuy', STAMP);
  assert.ok(name);
  const read = (input: Input): readonly Problem[] => {
    const result = parse({ fileName: name, bytes: input.bytes, receivedAt: RECEIVED });
    assert.ok(!result.ok);
    const problems = result.error.details['problems'] as readonly Problem[];
    assert.equal(problems[0]?.code, result.error.code);
    assert.equal(problems[0]?.message, result.error.message);
    return problems;
  };
  const four = read(
    envelope({ mode: '"live"', payload: '{"symbol":"aapl","qty":0,"order_class":"limit","time_in_force":"day"}' }),
  );
  assert.deepEqual(
    four.map(({ code }) => code),
    ['mode_mismatch', 'symbol_format', 'qty_range', 'price_missing'],
  );
  const many = read(stock(Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`zz${i}`, '1']))));
  assert.equal(many.length, 20);
});

test('secrets in forbidden fields are not repeated', () => {
  const name = orderName('paper', 'agent', 'stockbuy', STAMP);
  assert.ok(name);
  const result = parse({ fileName: name, bytes: envelope({ api_secret: '"hush-1234"' }).bytes, receivedAt: RECEIVED });
  assert.ok(!JSON.stringify(result).includes('hush'));
});

test('a file that may still grow is told from one that cannot be mended', () => {
  assert.equal(completeness(stock({}).bytes), 'whole');
  assert.equal(completeness(Buffer.from('')), 'incomplete');
  assert.equal(completeness(Buffer.from('{"a":1')), 'incomplete');
  assert.equal(completeness(Buffer.from('{"a":1}x')), 'wrong');
  assert.equal(completeness(Buffer.from('{a')), 'wrong');
});
