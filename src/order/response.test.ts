import assert from 'node:assert/strict';
import { test } from 'node:test';
import { micros } from '../lib/clock.ts';
import { orderError } from './errors.ts';
import { type ResponseFacts, renderResponse, withStrategy } from './response.ts';

const FACTS: ResponseFacts = {
  requestOrderId: 'r-1 "é"',
  agent: 'sentiment',
  clientOrderId: 'sentiment_20260213143022123456_stockbuy',
  at: micros(1_770_993_025_789_012),
  outcome: { dataJson: '{"id":"x", "qty" : 10.00,"big":12345678901234567890}' },
  version: 3,
  final: true,
  sent: 'yes',
};

test('a success, with the data byte for byte', () => {
  assert.equal(
    renderResponse(FACTS),
    `{
  "request_order_id": "r-1 \\"é\\"",
  "agent_id": "sentiment",
  "client_order_id": "sentiment_20260213143022123456_stockbuy",
  "timestamp": "2026-02-13T14:30:25.789012Z",
  "status": "success",
  "data": {"id":"x", "qty" : 10.00,"big":12345678901234567890},
  "error": null,
  "version": 3,
  "final": true,
  "sent": "yes"
}
`,
  );
});

test('an error of a file without an agent', () => {
  const error = orderError('file_name', 'the name has 1 part');
  const text = renderResponse({ ...FACTS, agent: null, clientOrderId: null, outcome: { error }, sent: 'no' });
  const read = JSON.parse(text);
  assert.deepEqual(read.error, error);
  assert.deepEqual([read.status, read.data, read.agent_id, read.client_order_id], ['error', null, null, null]);
  assert.equal(Object.keys(read)[6], 'error');
  assert.match(text, /\n {2}"error": \{\n {4}"type": "validation_error",\n/);
  assert.ok(text.endsWith('}\n'));
});

test('text of an error keeps its line breaks escaped', () => {
  const error = orderError('internal', 'two\nlines');
  assert.equal(JSON.parse(renderResponse({ ...FACTS, outcome: { error } })).error.message, 'two\nlines');
});

test('a query tells its moment and its source', () => {
  const text = renderResponse({
    ...FACTS,
    outcome: { dataJson: '[]' },
    query: { asOf: FACTS.at, source: 'mirror' },
    extra: { note: 'x' },
  });
  const read = JSON.parse(text);
  assert.deepEqual(Object.keys(read).slice(7), ['version', 'final', 'sent', 'as_of', 'source', 'note']);
  assert.equal(read.as_of, '2026-02-13T14:30:25.789012Z');
  assert.deepEqual(read.data, []);
});

test('the strategy is added and nothing else changes', () => {
  assert.equal(
    withStrategy('{"id":"x","legs":[{"a":1.0}]}', 'vertical'),
    '{"id":"x","legs":[{"a":1.0}],"strategy":"vertical"}',
  );
  assert.equal(withStrategy('{\n  "id": "x"\n}\n', null), '{\n  "id": "x","strategy":null}\n');
  assert.equal(withStrategy('{}', null), '{"strategy":null}');
  for (const text of ['null', '[{}]']) assert.throws(() => withStrategy(text, 'x'), TypeError);
});
