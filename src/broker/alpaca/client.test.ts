/** What each answer of the broker proves, and what goes over the wire, on a network that answers as told. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Clock, micros } from '../../lib/clock.ts';
import { seededRandom } from '../../lib/random.ts';
import type { Broker, Budget, Outcome, Wire } from '../broker.ts';
import { alpacaBroker } from './client.ts';
import type { HttpRequest, HttpResult, Network } from './network.ts';

const NOW = Date.UTC(2026, 1, 13, 14, 30, 0);
const clock: Clock = { now: () => micros(NOW * 1000), monotonic: () => 0, after: () => () => {} };
const SECRET = 'very-secret-key';
const CID = 'bot_20260213143022123456_stockbuy';
const ID = '61e69015-8549-4bfd-b9c3-01e75843f47d';

const wire: Wire = {
  method: 'POST',
  path: '/v2/orders',
  body: `{"symbol":"AAPL","qty":"10","side":"buy","type":"limit","limit_price":"150.25","time_in_force":"day","client_order_id":"${CID}"}`,
};
const ORDER = `{"id":"${ID}","client_order_id":"${CID}","updated_at":"2026-02-13T14:30:00.123456789Z","submitted_at":"2026-02-13T14:30:00.1Z","symbol":"AAPL","qty":"10","filled_qty":"0.000000001","side":"buy","type":"limit","limit_price":"150.250","order_class":"","status":"hibernating","unheard_of":{"big":12345678901234567890.10},"replaced_by":null}`;

interface Rig {
  readonly broker: Broker;
  readonly requests: HttpRequest[];
  /** What was told of each host's budget. */
  readonly budgets: Budget[];
  readonly dataBudgets: Budget[];
}

function rig(answer: HttpResult | ((request: HttpRequest) => HttpResult), baseUrl = 'https://paper-api.example'): Rig {
  const requests: HttpRequest[] = [];
  const network: Network = {
    async request(request) {
      requests.push(request);
      return typeof answer === 'function' ? answer(request) : answer;
    },
    socket: () => assert.fail('no socket wanted'),
    async close() {},
  };
  const budgets: Budget[] = [];
  const dataBudgets: Budget[] = [];
  const broker = alpacaBroker({
    mode: 'paper',
    baseUrl,
    dataUrl: 'https://data.example/',
    keys: { id: 'PKTEST', secret: SECRET },
    network,
    clock,
    random: seededRandom(1),
  });
  broker.onBudget((budget, host) => (host === 'trading' ? budgets : dataBudgets).push(budget));
  return { broker, requests, budgets, dataBudgets };
}

const answer = (status: number, body: string, headers: Record<string, string> = {}): HttpResult => ({
  kind: 'answer',
  status,
  headers,
  body,
});
const refusal = (status: number, message: string, headers: Record<string, string> = {}): HttpResult =>
  answer(status, JSON.stringify({ code: status * 100_000, message }), headers);

/** `kind`, or for a refusal `rejected NAME`, for not_sent its why, for unknown whether an order must exist. */
function verdict(outcome: Outcome<unknown>): string {
  if (outcome.kind === 'rejected') return `rejected ${outcome.rejection.name}`;
  if (outcome.kind === 'not_sent') return outcome.why;
  return outcome.kind === 'unknown' && outcome.duplicate ? 'duplicate' : outcome.kind;
}

describe('an order on its way', () => {
  test('goes out as journaled, with the keys in headers only', async () => {
    const { broker, requests } = rig(answer(200, ORDER), 'http://127.0.0.1:8080/alpaca/');
    const mayLeave = (): boolean => true;
    await broker.submit(wire, mayLeave);
    assert.deepEqual(requests, [
      {
        method: 'POST',
        origin: 'http://127.0.0.1:8080',
        path: '/alpaca/v2/orders',
        headers: {
          'APCA-API-KEY-ID': 'PKTEST',
          'APCA-API-SECRET-KEY': SECRET,
          accept: 'application/json',
          'content-type': 'application/json',
        },
        body: wire.body,
        timeoutMs: 10_000,
        maxBytes: 4 * 1024 * 1024,
        mayLeave,
      },
    ]);
  });

  test('accepted: the JSON is kept to the last digit, fields unknown and unknown statuses too', async () => {
    for (const status of [200, 201]) {
      const outcome = await rig(answer(status, `${ORDER}\n`)).broker.submit(wire, () => true);
      assert.deepEqual(outcome, {
        kind: 'done',
        value: {
          json: ORDER,
          id: ID,
          clientOrderId: CID,
          status: 'hibernating',
          filledQty: '0.000000001',
          updatedAt: '2026-02-13T14:30:00.123456789Z',
          submittedAt: '2026-02-13T14:30:00.1Z',
          legs: [],
          replacedBy: null,
        },
      });
    }
  });

  const doubts: Record<string, string> = {
    'an empty body': '',
    'an HTML page': '<html>proxy</html>',
    null: 'null',
    'an array': '[]',
    'a number': '1',
    'a cut body': ORDER.slice(0, -1),
    'trailing garbage': `${ORDER}x`,
    'no id': ORDER.replace(`"id":"${ID}",`, ''),
    'no status': ORDER.replace('"status":"hibernating",', ''),
    'another client_order_id': ORDER.replace(CID, `${CID}x`),
    'another quantity': ORDER.replace('"qty":"10"', '"qty":"100"'),
    'another symbol': ORDER.replace('AAPL', 'MSFT'),
    'a filled_qty that is no number': ORDER.replace('0.000000001', 'some'),
    'a nest of arrays': `${'['.repeat(200_000)}${']'.repeat(200_000)}`,
    'an unknown field that nests': `${ORDER.slice(0, -1)},"x":${'['.repeat(2_000)}"]"${']'.repeat(2_000)}}`,
    'a nest of legs': `${'{"legs":['.repeat(50)}${']}'.repeat(50)}`,
  };
  for (const [name, body] of Object.entries(doubts)) {
    test(`200 with ${name} proves nothing`, async () => {
      const outcome = await rig(answer(200, body)).broker.submit(wire, () => true);
      assert.equal(verdict(outcome), 'unknown');
    });
  }

  test('the right body under another content type proves nothing', async () => {
    assert.equal(
      verdict(await rig(answer(200, ORDER, { 'Content-Type': 'text/html' })).broker.submit(wire, () => true)),
      'unknown',
    );
    const json = { 'Content-Type': 'application/json; charset=UTF-8' };
    assert.equal(verdict(await rig(answer(200, ORDER, json)).broker.submit(wire, () => true)), 'done');
  });

  const table: readonly (readonly [HttpResult, string])[] = [
    [{ kind: 'unsent', reason: 'ECONNREFUSED' }, 'unreachable'],
    [{ kind: 'unsent', reason: 'CERT_HAS_EXPIRED', untrusted: true }, 'misconfigured'],
    [{ kind: 'lost', reason: 'ECONNRESET' }, 'unknown'],
    [refusal(400, 'bracket orders require take_profit.limit_price'), 'rejected validation_failed'],
    [refusal(401, 'unauthorized.'), 'misconfigured'],
    [answer(401, '<html>401 Authorization Required</html>'), 'misconfigured'],
    [refusal(403, 'insufficient buying power'), 'rejected insufficient_buying_power'],
    [answer(403, ''), 'rejected forbidden'],
    [refusal(404, 'endpoint not found'), 'misconfigured'],
    [refusal(404, 'order not found'), 'misconfigured'],
    [answer(404, '<html>not here</html>'), 'misconfigured'],
    [refusal(404, 'asset not found for XYZ'), 'rejected asset_not_found'],
    [answer(405, ''), 'rejected method_not_allowed'],
    [answer(413, ''), 'rejected body_too_large'],
    [answer(415, ''), 'rejected validation_failed'],
    [refusal(422, 'client_order_id must be unique'), 'duplicate'],
    [refusal(422, 'failed to parse after'), 'rejected validation_failed'],
    // Alpaca's code for a used id stands for other refusals, too.
    [answer(422, '{"code":40010001,"message":"failed to parse after"}'), 'rejected validation_failed'],
    [refusal(422, 'order is already in "canceled" state'), 'rejected not_cancelable'],
    [refusal(429, 'rate limit exceeded'), 'rate_limited'],
    ...[301, 302, 304, 307, 308].map((status) => [answer(status, ''), 'misconfigured'] as const),
    ...[100, 408, 409, 418, 425, 451, 500, 502, 503, 504, 599].map((s) => [answer(s, ''), 'unknown'] as const),
  ];
  for (const [result, expected] of table) {
    test(`${JSON.stringify(result).slice(0, 90)} → ${expected}`, async () => {
      const { broker, requests } = rig(result);
      const outcome = await broker.submit(wire, () => true);
      assert.equal(verdict(outcome), expected);
      assert.equal(requests.length, 1);
      assert.ok(!JSON.stringify(outcome).includes(SECRET));
    });
  }

  test('a refusal keeps the whole body, its digits and the request id', async () => {
    const body = '{"code":40310000,"message":"insufficient buying power","buying_power":0.10,"cost_basis":"1502.5"}';
    const outcome = await rig(answer(403, body, { 'X-Request-ID': 'abc' })).broker.submit(wire, () => true);
    assert.ok(outcome.kind === 'rejected');
    const { body: kept, ...rest } = outcome.rejection;
    assert.equal(JSON.stringify(kept), body);
    assert.deepEqual(rest, {
      status: 403,
      code: 40310000,
      message: 'insufficient buying power',
      requestId: 'abc',
      name: 'insufficient_buying_power',
    });
    const page = await rig(answer(403, `<html>${'x'.repeat(9_000)}`)).broker.submit(wire, () => true);
    assert.ok(page.kind === 'rejected' && typeof page.rejection.body === 'string');
    assert.equal(page.rejection.body.length, 2_000);
    assert.equal(page.rejection.code, null);
    const long = await rig(answer(403, JSON.stringify({ message: 'no', more: 'x'.repeat(60_000) }))).broker.submit(
      wire,
      () => true,
    );
    assert.ok(long.kind === 'rejected' && typeof long.rejection.body === 'string' && long.rejection.message === 'no');
  });

  const waits: readonly (readonly [Record<string, string>, number | null])[] = [
    [{ 'Retry-After': '2' }, 2_000],
    [{ 'retry-after': '0.5' }, 500],
    [{ 'retry-after': 'Fri, 13 Feb 2026 14:30:07 GMT' }, 7_000],
    [{ 'retry-after': 'Fri, 13 Feb 2026 14:29:00 GMT' }, null],
    [{ 'retry-after': '-1' }, null],
    [{ 'retry-after': '0' }, null],
    [{ 'retry-after': '1e9' }, 60_000],
    [{ 'retry-after': 'soon' }, null],
    [{ 'retry-after': 'soon', 'X-Ratelimit-Reset': String(NOW / 1000 + 12) }, 12_000],
    [{ 'x-ratelimit-reset': String(NOW / 1000 - 12) }, null],
    [{ 'x-ratelimit-reset': '99999999999' }, 60_000],
    [{}, null],
  ];
  for (const [headers, expected] of waits) {
    test(`429 with ${JSON.stringify(headers)} asks for ${expected} ms`, async () => {
      const outcome = await rig(refusal(429, 'rate limit exceeded', headers)).broker.submit(wire, () => true);
      assert.ok(outcome.kind === 'not_sent');
      assert.equal(outcome.retryAfterMs, expected);
    });
  }
});

describe('reading', () => {
  test('a look-up by client_order_id escapes it and believes only the order it asked for', async () => {
    const { broker, requests } = rig(answer(200, ORDER));
    assert.equal((await broker.lookup(CID)).kind, 'done');
    assert.equal((await broker.lookup('other&x=/ü')).kind, 'unknown');
    assert.deepEqual(
      requests.map(({ method, path }) => `${method} ${path}`),
      [
        `GET /v2/orders:by_client_order_id?client_order_id=${CID}`,
        'GET /v2/orders:by_client_order_id?client_order_id=other%26x%3D%2F%C3%BC',
      ],
    );
    assert.equal(requests[0]?.headers['content-type'], undefined);
  });

  test('not found is Alpaca saying so; a page of a proxy is not', async () => {
    assert.equal(verdict(await rig(refusal(404, 'order not found')).broker.lookup(CID)), 'rejected not_found');
    assert.equal(verdict(await rig(refusal(404, 'endpoint not found')).broker.lookup(CID)), 'misconfigured');
    assert.equal(verdict(await rig(answer(404, '<html>')).broker.lookup(CID)), 'unknown');
    assert.equal(verdict(await rig(answer(500, '')).broker.lookup(CID)), 'unknown');
    assert.equal(verdict(await rig({ kind: 'lost', reason: 'x' }).broker.order(ID)), 'unknown');
    assert.equal(verdict(await rig(refusal(401, 'unauthorized.')).broker.order(ID)), 'misconfigured');
  });

  test('an order by id comes with its legs nested', async () => {
    const leg = '{"id":"leg","client_order_id":"c","status":"held","filled_qty":0}';
    const body = `${ORDER.slice(0, -1)},"legs":[${leg}]}`;
    const { broker, requests } = rig(answer(200, body));
    const outcome = await broker.order(ID);
    assert.ok(outcome.kind === 'done');
    assert.equal(requests[0]?.path, `/v2/orders/${ID}?nested=true`);
    assert.deepEqual(
      outcome.value.legs.map(({ id, json }) => ({ id, json })),
      [{ id: 'leg', json: leg }],
    );
    // An id can never reach another endpoint.
    await broker.order('../account?x');
    assert.equal(requests[1]?.path, '/v2/orders/..%2Faccount%3Fx?nested=true');
  });

  test('a list keeps each order to the last digit', async () => {
    const { broker, requests } = rig(answer(200, ` [ ${ORDER} , ${ORDER} ] `));
    const outcome = await broker.orders({
      status: 'all',
      limit: 500,
      after: '2026-02-13T00:00:00.123456789Z',
      direction: 'asc',
      symbols: ['BTC/USD', 'AAPL'],
      nested: true,
    });
    assert.ok(outcome.kind === 'done');
    assert.deepEqual(
      outcome.value.map(({ json }) => json),
      [ORDER, ORDER],
    );
    assert.equal(
      requests[0]?.path,
      '/v2/orders?status=all&after=2026-02-13T00%3A00%3A00.123456789Z&direction=asc&limit=500&nested=true&symbols=BTCUSD%2CAAPL',
    );
    assert.equal((await rig(answer(200, '[]')).broker.orders({})).kind, 'done');
    assert.equal((await rig(answer(200, `[${ORDER},{}]`)).broker.orders({})).kind, 'unknown');
    assert.equal((await rig(answer(200, '{}')).broker.orders({})).kind, 'unknown');
  });

  test('account and positions', async () => {
    const account = '{"account_number":"PA123","status":"ACTIVE","cash":"1.10","trading_blocked":false}';
    const good = await rig(answer(200, account)).broker.account();
    assert.deepEqual(good, {
      kind: 'done',
      value: { json: account, accountNumber: 'PA123', status: 'ACTIVE', blocked: false },
    });
    for (const flag of ['trading_blocked', 'account_blocked', 'trade_suspended_by_user']) {
      const blocked = await rig(
        answer(200, `{"account_number":"PA123","status":"ACTIVE","${flag}":true}`),
      ).broker.account();
      assert.ok(blocked.kind === 'done' && blocked.value.blocked);
    }
    assert.equal((await rig(answer(200, '{}')).broker.account()).kind, 'unknown');
    const position = '{"symbol":"BTCUSD","asset_class":"crypto","qty":1.50}';
    assert.deepEqual(await rig(answer(200, `[${position}]`)).broker.positions(), {
      kind: 'done',
      value: [{ json: position, assetClass: 'crypto' }],
    });
    assert.equal((await rig(answer(200, '[null]')).broker.positions()).kind, 'unknown');
  });

  test('activities: what was executed and what was booked, page by page, strange rows kept', async () => {
    const fill =
      '{"activity_type":"FILL","id":"1::a","cum_qty":"3","price":"1.50","qty":"2","side":"sell_short","symbol":"TSLA","order_id":"o","transaction_time":"T"}';
    const fee =
      '{"activity_type":"CFEE","id":"2::b","date":"2026-02-13","net_amount":"-0.5","status":"executed","symbol":"BTC/USD"}';
    const strange = '{"activity_type":"FILL","id":"3::c","created_at":"C"}';
    const { broker, requests } = rig(answer(200, `[${fill},${fee},${strange}]`));
    const outcome = await broker.activities({ after: '2026-02-13T00:00:00Z', pageToken: '0::z' });
    assert.equal(
      requests[0]?.path,
      '/v2/account/activities?direction=asc&page_size=100&after=2026-02-13T00%3A00%3A00Z&page_token=0%3A%3Az',
    );
    assert.ok(outcome.kind === 'done');
    const [first, second, third] = outcome.value;
    assert.deepEqual(first?.execution, {
      orderId: 'o',
      symbol: 'TSLA',
      side: 'sell',
      qty: '2',
      price: '1.50',
      filledQty: '3',
      at: 'T',
    });
    assert.deepEqual(
      [second?.type, second?.at, second?.date, second?.netAmount, second?.execution, second?.qty],
      ['CFEE', '2026-02-13T00:00:00Z', '2026-02-13', '-0.5', null, null],
    );
    assert.deepEqual([third?.at, third?.execution], ['C', null]);
    assert.equal((await rig(answer(200, '[{"id":"x"}]')).broker.activities({ after: 'A' })).kind, 'unknown');
  });

  test('market data comes from its own host and does not speak for the trading budget', async () => {
    const { broker, requests, budgets, dataBudgets } = rig(
      answer(200, '{"quotes":{"AAPL":{"t":"T","ap":172.70,"as":1,"bp":1e-9,"bs":2}}}', {
        'X-RateLimit-Remaining': '3',
      }),
    );
    const symbols = new Map([['AAPL', 'AAPL']]);
    const outcome = await broker.marketData({ kind: 'stock', dataType: 'quote', symbols });
    assert.equal(requests[0]?.origin, 'https://data.example');
    assert.ok(outcome.kind === 'done');
    assert.deepEqual(outcome.value.get('AAPL'), {
      bid_price: '0.000000001',
      bid_size: '2',
      ask_price: '172.70',
      ask_size: '1',
      timestamp: 'T',
    });
    assert.deepEqual(budgets, []);
    assert.deepEqual(dataBudgets, [{ remaining: 3, resetAt: null, limit: null }]);
  });

  test('rate headers are told in any casing, also from refusals; nonsense in them is nothing', async () => {
    const { broker, budgets } = rig(
      refusal(422, 'no', { 'X-Ratelimit-Remaining': '17', 'X-RateLimit-Reset': '1770993060' }),
    );
    await broker.submit(wire, () => true);
    assert.deepEqual(budgets, [{ remaining: 17, resetAt: 1770993060, limit: null }]);
    const nonsense = rig(answer(200, ORDER, { 'x-ratelimit-remaining': 'many', 'x-ratelimit-reset': '-1' }));
    await nonsense.broker.submit(wire, () => true);
    assert.deepEqual(nonsense.budgets, []);
  });
});

describe('cancel', () => {
  const table: readonly (readonly [HttpResult, string])[] = [
    [answer(204, ''), 'done'],
    [answer(200, '{}'), 'done'],
    [answer(200, '<html>proxy</html>'), 'unknown'],
    [refusal(422, 'order is already in "canceled" state'), 'done'],
    [refusal(422, 'order pending cancel'), 'done'],
    [refusal(422, 'order is already in "filled" state'), 'rejected not_cancelable'],
    [refusal(404, 'order not found for x'), 'rejected not_found'],
    [answer(404, '<html>'), 'unknown'],
    [answer(500, ''), 'unknown'],
    [refusal(429, 'rate limit exceeded'), 'rate_limited'],
    [refusal(401, 'unauthorized.'), 'misconfigured'],
    [{ kind: 'lost', reason: 'x' }, 'unknown'],
    [{ kind: 'unsent', reason: 'x' }, 'unreachable'],
  ];
  for (const [result, expected] of table) {
    test(`${JSON.stringify(result).slice(0, 90)} → ${expected}`, async () => {
      const { broker, requests } = rig(result);
      assert.equal(verdict(await broker.cancel(ID)), expected);
      assert.deepEqual(
        requests.map(({ method, path, body }) => [method, path, body]),
        [['DELETE', `/v2/orders/${ID}`, '']],
      );
    });
  }
});

test('options that cannot work are refused by name, without repeating a secret', () => {
  const make = (more: Record<string, unknown>): Broker =>
    alpacaBroker({
      mode: 'paper',
      baseUrl: 'https://x.example',
      dataUrl: 'https://x.example',
      keys: { id: 'a', secret: 'b' },
      network: { request: () => assert.fail(), socket: () => assert.fail(), close: async () => {} },
      clock,
      random: seededRandom(1),
      ...more,
    });
  assert.throws(() => make({ baseUrl: 'paper-api.alpaca.markets' }), /baseUrl is no http/);
  assert.throws(
    () => make({ dataUrl: 'https://user:hush@x.example' }),
    (error) => error instanceof TypeError && /dataUrl/.test(error.message) && !/hush/.test(error.message),
  );
  for (const secret of ['', 'hush\n', 'hush hush', 'hüsh']) {
    assert.throws(
      () => make({ keys: { id: 'a', secret } }),
      (error) => error instanceof TypeError && /keys\.secret/.test(error.message) && !/h.sh/.test(error.message),
    );
  }
});
