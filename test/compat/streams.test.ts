/**
 * The websockets as the official client speaks them: trade updates, and market data in MessagePack.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Compat, inbox, openCompat } from './client.ts';

let compat: Compat;
before(async () => {
  compat = await openCompat();
  compat.hold('AAPL', '200');
});
after(() => compat.close());

test('trade updates from new to filled, and a cancel', async () => {
  const stream = compat.alpaca.trading.stream({ url: compat.ws('/stream') });
  const updates = inbox<{ event: string; order: { id?: string }; price?: string; positionQty?: string }>();
  const listening = inbox<string>();
  stream.onTradeUpdate((update) => updates.push(update));
  stream.on('subscription', () => listening.push('listening'));
  stream.onConnect(() => stream.subscribeTradeUpdates());
  stream.connect();
  assert.equal(await stream.waitForAuthentication(4_000), true);
  await listening.next('listening', () => true);
  const { orders } = compat.alpaca.trading;
  const bought = await orders.market({ symbol: 'AAPL', side: 'buy', qty: 3, timeInForce: 'day' });
  const fill = await updates.next('the fill', (each) => each.event === 'fill' && each.order.id === bought.id);
  assert.equal(fill.price, '200');
  assert.equal(fill.positionQty, '3');
  const events = updates.all.filter((each) => each.order.id === bought.id).map((each) => each.event);
  assert.ok(events.indexOf('new') >= 0 && events.indexOf('new') < events.indexOf('fill'));
  const resting = await orders.limit({ symbol: 'AAPL', side: 'buy', qty: 1, limitPrice: 100, timeInForce: 'day' });
  await orders.deleteOrderByOrderID({ orderId: resting.id ?? '' });
  await updates.next('the cancel', (each) => each.event === 'canceled' && each.order.id === resting.id);
  stream.disconnect();
});

test('submitAndWait sees its order through', async () => {
  const stream = compat.alpaca.trading.stream({ url: compat.ws('/stream') });
  stream.connect();
  const order = await compat.alpaca.trading.submitAndWait(
    { symbol: 'AAPL', side: 'sell', type: 'market', qty: 3, timeInForce: 'day' },
    { stream, timeoutMs: 4_000 },
  );
  assert.equal(order.status, 'filled');
  assert.equal(order.filledAvgPrice, '200');
  stream.disconnect();
});

test('a wrong secret is refused on the stream', async () => {
  const { TradingStream } = (await import('@alpacahq/alpaca-trade-api')).streaming;
  const stream = new TradingStream({
    credentials: { keyId: 'compat', secret: 'wrong' },
    url: compat.ws('/stream'),
  });
  stream.onError(() => {});
  stream.connect();
  assert.equal(await stream.waitForAuthentication(4_000), false);
  stream.disconnect();
});

test('stock and crypto data arrive in MessagePack, with their times', async () => {
  const { marketData } = compat.alpaca;
  const stocks = marketData.stockStream({ url: compat.ws('/v2/test') });
  const quotes = inbox<{ symbol: string; bidPrice?: number }>();
  stocks.onQuote((quote) => quotes.push(quote as never));
  stocks.onConnect(() => stocks.subscribeForQuotes(['FAKEPACA']));
  stocks.connect();
  const crypto = marketData.cryptoStream({ url: compat.ws('/v1beta3/crypto/us') });
  const pairs = inbox<Record<string, unknown>>();
  crypto.onQuote((quote) => pairs.push(quote as never));
  crypto.onConnect(() => crypto.subscribeForQuotes(['BTC/USD']));
  crypto.connect();
  const quote = await quotes.next('a quote', () => true);
  assert.match(JSON.stringify(quote), /FAKEPACA/);
  const pair = await pairs.next('a crypto quote', () => true);
  assert.match(JSON.stringify(pair), /BTC\/USD/);
  stocks.disconnect();
  crypto.disconnect();
});
