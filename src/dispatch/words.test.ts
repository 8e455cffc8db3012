import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusedByBroker } from './words.ts';

test('a refusal shows the broker’s words and keeps them verbatim, whatever they are', () => {
  const message = 'no\n\u001b[2J\u202eevil\u200b é';
  const answer = refusedByBroker({
    status: 403,
    code: 1,
    message,
    body: { message },
    requestId: null,
    name: 'forbidden',
  });
  assert.ok('error' in answer);
  assert.equal(answer.error.message, 'Alpaca refused: no\\u000a\\u001b[2J\\u202eevil\\u200b é');
  assert.equal(answer.error.details['alpaca_message'], message);
  const long = refusedByBroker({
    status: 403,
    code: 1,
    message: 'x'.repeat(5000),
    body: '',
    requestId: null,
    name: 'forbidden',
  });
  assert.ok('error' in long && long.error.message.length < 400);
});
