/**
 * The main job: the 13 order types dropped as files into a running tower, each answered with what the exchange did.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Harness } from './harness.ts';

describe('the 13 order types', () => {
  const tower = new Harness({ config: { agents: { riskbot: { controller: true } } } });
  before(() => tower.start());
  after(() => tower.end());

  it('buys and sells a stock at the market', async () => {
    const bought = await tower.answer(
      tower.drop(
        'sentiment',
        'stockbuy',
        { symbol: 'AAPL', qty: 10, order_class: 'market', time_in_force: 'day' },
        { request_order_id: 'mine-1' },
      ),
      (answer) => answer.data?.status === 'filled',
    );
    assert.equal(bought.status, 'success');
    assert.equal(bought.request_order_id, 'mine-1');
    assert.equal(bought.agent_id, 'sentiment');
    assert.equal(bought.data.symbol, 'AAPL');
    assert.equal(bought.data.filled_qty, '10');
    assert.equal(bought.data.client_order_id, bought.client_order_id);
    assert.equal(bought.error, null);
    assert.equal(bought.final, true);
    assert.equal(bought.sent, 'yes');
    const sold = await tower.answer(
      tower.drop('sentiment', 'stocksell', { symbol: 'AAPL', qty: '3', order_class: 'market', time_in_force: 'day' }),
      (answer) => answer.final,
    );
    assert.equal(sold.data.status, 'filled');
    assert.equal(sold.data.side, 'sell');
  });

  it('keeps the received file, byte for byte, in the archive, and nothing in between', async () => {
    const timestamp = tower.timestamp();
    const stem = `paper_keeper_stockbuy_${timestamp}`;
    const text = `${tower.text('keeper', 'stockbuy', { symbol: 'MSFT', qty: 1.5, order_class: 'market', time_in_force: 'day' }, timestamp)}  \n`;
    tower.dropText(`${stem}.json`, text);
    assert.equal((await tower.final(stem)).data.status, 'filled');
    await tower.until(
      () => (tower.list('orders/completed').includes(`${stem}.json`) ? true : null),
      () => 'not archived',
    );
    assert.equal(readFileSync(join(tower.home, 'orders/completed', `${stem}.json`), 'utf8'), text);
    await tower.until(
      () => (tower.list('orders/processing').length === 0 ? true : null),
      () => 'left in processing',
    );
    assert.deepEqual(tower.list('orders/incoming'), []);
  });

  it('rests a limit order, shows it, and cancels it for its owner', async () => {
    const stem = tower.drop('sentiment', 'stockbuy', {
      symbol: 'TSLA',
      qty: 5,
      order_class: 'limit',
      limit_price: 20.0,
      time_in_force: 'gtc',
    });
    const resting = await tower.answer(
      stem,
      (answer) => answer.data?.status === 'new' || answer.data?.status === 'accepted',
    );
    assert.equal(resting.final, false);
    assert.equal(resting.data.limit_price, '20');
    const open = await tower.ask('monitor', 'openorders', { status: 'open', limit: 100 });
    assert.ok(
      open.data.some((order: { client_order_id: string }) => order.client_order_id === resting.client_order_id),
    );
    assert.equal(open.source, 'mirror');
    assert.match(open.as_of ?? '', /Z$/);
    const status = await tower.ask('monitor', 'orderstatus', { client_order_id: resting.client_order_id });
    assert.equal(status.data.id, resting.data.id);
    const byId = await tower.ask('monitor', 'orderstatus', { alpaca_order_id: resting.data.id });
    assert.equal(byId.data.client_order_id, resting.client_order_id);
    const cancelled = await tower.ask('sentiment', 'cancelorder', { client_order_id: resting.client_order_id });
    assert.equal(cancelled.data.cancelled, true);
    assert.equal(cancelled.data.order_id, resting.data.id);
    assert.equal(cancelled.data.order.status, 'canceled');
    const ended = await tower.final(stem);
    assert.equal(ended.status, 'success');
    assert.equal(ended.data.status, 'canceled');
    assert.ok(ended.version > resting.version);
  });

  it('lets a controller cancel what another agent placed, and nobody else', async () => {
    const stem = tower.drop('sentiment', 'stockbuy', {
      symbol: 'NVDA',
      qty: 1,
      order_class: 'limit',
      limit_price: '10',
      time_in_force: 'day',
    });
    const resting = await tower.answer(stem, (answer) => answer.status === 'success');
    // Whether somebody else's order exists is not told: both answers are the same but for what was asked.
    const absent = { client_order_id: 'sentiment_20260213143022123456_stockbuy', alpaca_order_id: randomUUID() };
    const theirs = { client_order_id: resting.client_order_id ?? '', alpaca_order_id: String(resting.data.id) };
    for (const [key, code] of [
      ['client_order_id', 'not_owner'],
      ['alpaca_order_id', 'not_found'],
    ] as const) {
      const said = async (id: string): Promise<string> => {
        const { status, data, error, sent, final } = await tower.ask('nosy', 'cancelorder', { [key]: id });
        assert.deepEqual([error?.code, sent, final], [code, 'no', true]);
        return JSON.stringify([status, data, error]).replaceAll(id, 'ID');
      };
      assert.equal(await said(theirs[key]), await said(absent[key]));
    }
    const cancelled = await tower.ask('riskbot', 'cancelorder', { client_order_id: resting.client_order_id });
    assert.equal(cancelled.data.cancelled, true);
    assert.equal((await tower.final(stem)).data.status, 'canceled');
  });

  it('carries out a cancel and a status query that come before their order', async () => {
    const timestamp = tower.timestamp();
    const target = { client_order_id: `hasty_${timestamp}_stockbuy` };
    const cancel = tower.drop('hasty', 'cancelorder', target);
    const status = tower.drop('hasty', 'orderstatus', target);
    await tower.ask('hasty', 'accountinfo', {});
    const stem = `paper_hasty_stockbuy_${timestamp}`;
    const payload = { symbol: 'KO', qty: 1, order_class: 'limit', limit_price: 10, time_in_force: 'day' };
    tower.dropText(`${stem}.json`, tower.text('hasty', 'stockbuy', payload, timestamp));
    assert.equal((await tower.answer(cancel)).data?.cancelled, true);
    // It was kept back, or went out in the same moment and was cancelled at once.
    const ended = await tower.final(stem);
    assert.equal(ended.error?.code ?? ended.data.status, ended.sent === 'no' ? 'cancelled_unsent' : 'canceled');
    assert.equal((await tower.answer(status)).status, ended.sent === 'no' ? 'error' : 'success');
    const never = await tower.ask('hasty', 'cancelorder', { client_order_id: `hasty_${tower.timestamp()}_stockbuy` });
    assert.equal(never.error?.code, 'not_found');
  });

  it('trades crypto in both spellings', async () => {
    const one = await tower.final(
      tower.drop('cryptobot', 'cryptobuy', {
        symbol: 'BTCUSD',
        qty: 0.01,
        order_class: 'market',
        time_in_force: 'gtc',
      }),
    );
    assert.equal(one.data.symbol, 'BTC/USD');
    assert.equal(one.data.status, 'filled');
    const two = await tower.final(
      tower.drop('cryptobot', 'cryptobuy', {
        symbol: 'ETH/USD',
        notional: '250.50',
        order_class: 'market',
        time_in_force: 'ioc',
      }),
    );
    assert.equal(two.data.notional, '250.5');
    const sold = await tower.final(
      tower.drop('cryptobot', 'cryptosell', {
        symbol: 'BTC/USD',
        qty: '0.005',
        order_class: 'market',
        time_in_force: 'gtc',
      }),
    );
    assert.equal(sold.data.side, 'sell');
    assert.equal(sold.data.status, 'filled');
  });

  it('enters with a bracket, and the answer lives on with the exits', async () => {
    const quotes = await tower.ask('spreadbot', 'marketdata', { symbols: ['AMD'], data_type: 'quote' });
    const price = Math.round(Number(quotes.data.quotes.AMD.ask_price));
    const stem = tower.drop('spreadbot', 'stockbuy', {
      symbol: 'AMD',
      qty: 2,
      order_class: 'market',
      time_in_force: 'gtc',
      take_profit: { limit_price: price * 2 },
      stop_loss: { stop_price: Math.floor(price / 2) },
    });
    const filled = await tower.answer(stem, (answer) => answer.data?.status === 'filled');
    assert.equal(filled.data.order_class, 'bracket');
    assert.equal(filled.data.legs.length, 2);
    assert.equal(filled.final, false, 'the exits are still open');
    const [leg] = filled.data.legs;
    const cancelled = await tower.ask('spreadbot', 'cancelorder', { alpaca_order_id: leg.id });
    assert.equal(cancelled.data?.cancelled, true, JSON.stringify(cancelled));
    const ended = await tower.final(stem);
    assert.deepEqual(
      ended.data.legs.map((one: { status: string }) => one.status),
      ['canceled', 'canceled'],
    );
  });

  it('reads quotes, bars and trades of stocks, crypto and options in one file', async () => {
    const expiry = await listedOption(tower);
    const symbols = ['AAPL', 'BTCUSD', 'ETH/USD', expiry, 'NOSUCH'];
    const quote = await tower.ask('scout', 'marketdata', { symbols, data_type: 'quote' });
    assert.deepEqual(Object.keys(quote.data.quotes), symbols.slice(0, 4));
    assert.deepEqual(quote.data.missing, ['NOSUCH']);
    for (const field of ['bid_price', 'bid_size', 'ask_price', 'ask_size', 'timestamp'])
      assert.equal(typeof quote.data.quotes.AAPL[field], 'string', field);
    const bar = await tower.ask('scout', 'marketdata', { symbols: ['AAPL', 'BTC/USD'], data_type: 'bar' });
    for (const field of ['open', 'high', 'low', 'close', 'volume', 'vwap', 'trade_count'])
      assert.match(bar.data.bars.AAPL[field], /^\d/, field);
    const trade = await tower.ask('scout', 'marketdata', { symbols: ['AAPL'], data_type: 'trade' });
    assert.match(trade.data.trades.AAPL.price, /^\d+(\.\d+)?$/);
  });

  it('trades options, one leg and several', async () => {
    const symbol = await listedOption(tower);
    const single = await tower.final(
      tower.drop('optionbot', 'optionsingle', {
        symbol,
        qty: 1,
        side: 'buy',
        order_class: 'market',
        time_in_force: 'day',
      }),
    );
    assert.equal(single.data.status, 'filled', JSON.stringify(single));
    const strike = Number(symbol.slice(-8)) + 5000;
    const higher = `${symbol.slice(0, -8)}${String(strike).padStart(8, '0')}`;
    const multi = await tower.final(
      tower.drop('spreadbot', 'optionmulti', {
        order_class: 'mleg',
        type: 'limit',
        limit_price: '5.00',
        time_in_force: 'day',
        legs: [
          { symbol, side: 'buy', ratio_qty: 1 },
          { symbol: higher, side: 'sell', ratio_qty: 1 },
        ],
      }),
    );
    assert.equal(multi.status, 'success', JSON.stringify(multi));
    assert.equal(multi.data.status, 'filled');
    assert.equal(multi.data.legs.length, 2);
    assert.equal(multi.data.strategy, 'vertical');
    const positions = await tower.ask('portfolio', 'positions', { asset_class: 'us_option' });
    assert.ok(positions.data.length >= 2);
    assert.ok(positions.data.every((position: { asset_class: string }) => position.asset_class === 'us_option'));
  });

  it('tells the account and all orders', async () => {
    const account = await tower.ask('dashboard', 'accountinfo', {});
    assert.equal(account.data.status, 'ACTIVE');
    assert.match(account.data.cash, /^-?\d+(\.\d+)?$/);
    const all = await tower.ask('monitor', 'allorders', { agent: 'sentiment', direction: 'asc' });
    assert.ok(all.data.length >= 4);
    assert.ok(all.data.every((order: { client_order_id: string }) => order.client_order_id.startsWith('sentiment_')));
    const one = await tower.ask('monitor', 'allorders', { limit: 1, side: 'sell' });
    assert.equal(one.data.length, 1);
    assert.equal(one.data[0].side, 'sell');
  });
});

/** A call on AAPL that the exchange lists: more than a month away, near the money. */
async function listedOption(tower: Harness): Promise<string> {
  const { data } = await tower.ask('scout', 'marketdata', { symbols: ['AAPL'], data_type: 'trade' });
  const strike = Math.round(Number(data.trades.AAPL.price) / 10) * 10;
  const month = new Date();
  month.setUTCMonth(month.getUTCMonth() + 2, 1);
  // The third Friday.
  while (month.getUTCDay() !== 5) month.setUTCDate(month.getUTCDate() + 1);
  month.setUTCDate(month.getUTCDate() + 14);
  const day = month.toISOString().slice(2, 10).replaceAll('-', '');
  return `AAPL${day}C${String(strike * 1000).padStart(8, '0')}`;
}
