/** The market as its users see it: repeatable, realistic, consistent between quotes, trades and bars, and changeable by hand. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTimeframe } from './bars.ts';
import { dayOf, dayText, hoursOf, newYorkTime } from './calendar.ts';
import type { Instrument } from './instrument.ts';
import { Market } from './market.ts';
import { readRecording } from './recording.ts';
import { join, MINUTE, quotes, trades } from './tape.ts';

const at = (text: string): bigint => BigInt(Date.parse(text)) * 1_000_000n;
const us = (text: string): number => Date.parse(text) * 1000;
const NOON = '2026-11-23T17:00:00Z';

const always = (seed = 'one'): Market => new Market({ seed, hours: false });
const kept = (seed = 'one'): Market => new Market({ seed, hours: true });

function instrument(market: Market, symbol: string): Instrument {
  const found = market.instrument(symbol);
  assert.ok(found, symbol);
  return found;
}

function quote(market: Market, symbol: string, time: bigint) {
  const found = market.quote(symbol, time);
  assert.ok(found, symbol);
  return found;
}

const OPTIONS = ['AAPL261218C00270000', 'AAPL270319P00250000', 'SPY261218C00680000', 'F261218P00013000'];

test('one seed is one market, whatever was asked before; another seed is another', () => {
  const first = always();
  for (let hour = 0; hour < 50; hour++) quote(first, 'AAPL', at(NOON) - BigInt(hour) * 3_600_000_000_000n);
  const second = always();
  for (const symbol of ['AAPL', 'BTC/USD', 'ETH/BTC', ...OPTIONS])
    assert.deepEqual(first.quote(symbol, at(NOON)), second.quote(symbol, at(NOON)), symbol);
  assert.notDeepEqual(quote(first, 'AAPL', at(NOON)), quote(always('two'), 'AAPL', at(NOON)));
});

test('every quote is on the tick, uncrossed, and near its level for years', () => {
  const market = always();
  for (const { asset, character, against } of market.assets()) {
    if (asset.status === 'inactive') {
      assert.equal(market.quote(asset.symbol, at(NOON)), undefined);
      continue;
    }
    const anchor = character.anchor / (against?.anchor ?? 1);
    for (const day of ['2019-03-04', '2024-07-01', '2026-11-23', '2027-05-09', '2029-12-30']) {
      const { bid, ask, last, bidSize, askSize } = quote(market, asset.symbol, at(`${day}T15:31:07.250Z`));
      const tick = asset.priceIncrement ?? (bid < 1_000_000_000n ? 100_000n : 10_000_000n);
      const where = `${asset.symbol} ${day} ${bid} ${ask}`;
      assert.ok(bid > 0n && bid < ask, where);
      assert.ok(bid % tick === 0n && ask % tick === 0n, where);
      assert.ok(bidSize > 0n && askSize > 0n && last > 0n, where);
      assert.ok(Math.abs(Math.log(Number(bid) / 1e9 / anchor)) < 2, where);
      assert.ok(Number(ask - bid) / Number(bid) < 0.03 || ask - bid <= 2n * tick, where);
    }
  }
});

test('prices move, but a limit 20 % away rests for hours', () => {
  for (const seed of ['one', 'two', 'three']) {
    const market = always(seed);
    for (const symbol of ['AAPL', 'TSLA', 'SPY', 'SOXL', 'BTC/USD', 'DOGE/USD', 'PEPE/USD']) {
      const start = Number(quote(market, symbol, at(NOON)).bid);
      let moved = false;
      for (let minute = 1; minute <= 180; minute++) {
        const price = Number(quote(market, symbol, at(NOON) + BigInt(minute) * 60_000_000_000n).bid);
        assert.ok(Math.abs(price / start - 1) < 0.15, `${seed} ${symbol} ${start} ${price}`);
        moved ||= price !== start;
      }
      assert.ok(moved, symbol);
    }
    assert.ok(quote(market, 'AAPL', at(NOON)).ask < 1_000_000_000_000n);
  }
});

test('stocks of one day move like a market: busy at the open and the close, together with it', () => {
  const market = kept();
  const day = dayOf(2026, 11, 20);
  const volume = (minutes: number): number => {
    let sum = 0;
    for (let i = 0; i < 15; i++) sum += instrument(market, 'AAPL').volume(newYorkTime(day, minutes + i));
    return sum;
  };
  assert.ok(volume(570) > 2 * volume(750) && volume(945) > 2 * volume(750) && volume(300) < volume(750) / 5);
  let products = 0;
  let [squaresA, squaresB] = [0, 0];
  const closes = (symbol: string): number[] =>
    market.bars
      .list(instrument(market, symbol), { unit: 'day', count: 1 }, stretch('2026-01-01', NOON), us(NOON), false)
      .map((bar) => Math.log(bar.close));
  const [a, b] = [closes('SPY'), closes('QQQ')];
  assert.ok(a.length > 200 && a.length === b.length);
  for (let i = 1; i < a.length; i++) {
    const [x, y] = [(a[i] ?? 0) - (a[i - 1] ?? 0), (b[i] ?? 0) - (b[i - 1] ?? 0)];
    products += x * y;
    squaresA += x * x;
    squaresB += y * y;
  }
  assert.ok(products / Math.sqrt(squaresA * squaresB) > 0.9, 'SPY and QQQ move together');
  const yearly = Math.sqrt((squaresA / a.length) * 252);
  assert.ok(yearly > 0.07 && yearly < 0.3, `SPY moves ${yearly} a year`);
});

const stretch = (from: string, to: string, limit = 10_000, descending = false) => ({
  from: us(from),
  to: us(to),
  limit,
  descending,
});

test('the latest quote and trade are the last ones of the history, in both directions', () => {
  for (const market of [always(), kept()]) {
    for (const symbol of ['AAPL', 'BTC/USD', 'AAPL261218C00270000']) {
      const it = instrument(market, symbol);
      const asc = quotes(it, market.hours, stretch('2026-11-23T16:00:00Z', NOON));
      const desc = quotes(it, market.hours, stretch('2026-11-23T16:00:00Z', NOON, 10_000, true));
      assert.ok(asc.length > 1000);
      assert.deepEqual(asc, desc.toReversed());
      assert.deepEqual(asc.at(-1), market.quoteRow(symbol, at(NOON)));
      const traded = trades(it, market.hours, stretch('2026-11-23T12:00:00Z', NOON, 100_000));
      assert.deepEqual(traded.at(-1), market.tradeRow(symbol, at(NOON)));
      for (let i = 1; i < asc.length; i++) assert.ok((asc[i]?.at ?? 0) > (asc[i - 1]?.at ?? 0));
    }
  }
});

test('days that were made ahead, a step each, leave nothing to be made for their bars', () => {
  for (const frame of ['1Day', '1Week', '1Month']) {
    for (const descending of [false, true]) {
      const market = kept();
      const real = instrument(market, 'AAPL');
      let asked = 0;
      const counted: Instrument = Object.create(real, {
        price: {
          value: (ms: number) => {
            asked++;
            return real.price(ms);
          },
        },
      });
      const timeframe = readTimeframe(frame);
      assert.ok(timeframe);
      const wanted = stretch('2026-09-07T00:00:00Z', '2026-10-30T23:00:00Z', 20, descending);
      const steps = [...market.bars.prepare(counted, timeframe, wanted, us(NOON), false)].length;
      assert.ok(frame === '1Day' ? steps >= 12 && steps <= 20 : steps >= 30, `${frame}: ${steps} steps`);
      assert.ok(asked > 0);
      asked = 0;
      const bars = market.bars.list(
        counted,
        timeframe,
        { ...wanted, limit: frame === '1Day' ? 12 : 20 },
        us(NOON),
        false,
      );
      assert.equal(asked, 0);
      const { bars: unprepared } = kept();
      assert.deepEqual(bars, unprepared.list(real, timeframe, { ...wanted, limit: bars.length }, us(NOON), false));
    }
  }
});

test('bars of every length are made of the same minutes', () => {
  for (const market of [always(), kept()]) {
    const list = (symbol: string, frame: string, from: string, descending = false) => {
      const timeframe = readTimeframe(frame);
      assert.ok(timeframe);
      return market.bars.list(
        instrument(market, symbol),
        timeframe,
        stretch(from, NOON, 10_000, descending),
        us(NOON),
        false,
      );
    };
    for (const symbol of ['AAPL', 'BTC/USD']) {
      const minutes = list(symbol, '1Min', '2026-11-20T00:00:00Z');
      const fives = list(symbol, '5Min', '2026-11-20T00:00:00Z');
      const folded = minutes.filter((bar) => Math.floor(bar.at / (5 * MINUTE)) * 5 * MINUTE === fives[3]?.at);
      const [first, ...others] = folded;
      assert.ok(first);
      assert.deepEqual(others.reduce(join, { ...first, at: fives[3]?.at ?? 0 }), fives[3]);
      assert.deepEqual(
        list(symbol, '15Min', '2026-11-20T00:00:00Z', true).reverse(),
        list(symbol, '15Min', '2026-11-20T00:00:00Z'),
      );
      const days = list(symbol, '1Day', '2026-11-01T00:00:00Z');
      assert.ok(days.length >= (market.keepsHours && symbol === 'AAPL' ? 15 : 22), `${symbol} ${days.length}`);
      for (const bar of days)
        assert.ok(bar.high >= Math.max(bar.open, bar.close) && bar.low <= Math.min(bar.open, bar.close));
      const day = days.at(-1);
      const window = market.hours.barWindow(
        instrument(market, symbol).gate,
        day ? market.hours.dayAt(instrument(market, symbol).gate, day.at) : 0,
      );
      assert.ok(day && window);
      const inside = minutes.filter((bar) => bar.at >= window[0] && bar.at < window[1]);
      assert.equal(day.high, Math.max(...inside.map((bar) => bar.high)));
      assert.equal(day.low, Math.min(...inside.map((bar) => bar.low)));
      assert.equal(day.close, inside.at(-1)?.close);
      assert.ok(Math.abs(day.volume - inside.reduce((sum, bar) => sum + bar.volume, 0)) < 0.01);
      const month = list(symbol, '1Month', '2026-11-01T00:00:00Z');
      assert.ok(month.length <= 1);
    }
  }
});

test('a contract far from the money has the bars of its trades', () => {
  const market = kept();
  const contract = instrument(market, 'AAPL261218C00135000');
  const day = { from: us('2026-11-19T05:00:00Z'), to: us('2026-11-20T04:59:59Z'), limit: 10_000, descending: false };
  assert.ok(trades(contract, market.hours, day).length > 0);
  const [frame, minute] = [readTimeframe('1Day'), readTimeframe('1Min')];
  assert.ok(frame && minute);
  const now = us(NOON);
  const [bar] = market.bars.list(contract, frame, day, now, false);
  assert.ok(bar && bar.volume > 0);
  assert.ok(market.bars.list(contract, minute, day, now, false).length > 0);
});

test('daily bars begin at midnight, New York for stocks and UTC for coins', () => {
  const market = kept();
  const starts = (symbol: string): string[] =>
    market.bars
      .list(
        instrument(market, symbol),
        { unit: 'day', count: 1 },
        stretch('2026-10-28', '2026-11-04T12:00:00Z'),
        us(NOON),
        false,
      )
      .map((bar) => new Date(bar.at / 1000).toISOString().slice(5, 16));
  assert.deepEqual(starts('AAPL'), [
    '10-28T04:00',
    '10-29T04:00',
    '10-30T04:00',
    '11-02T05:00',
    '11-03T05:00',
    '11-04T05:00',
  ]);
  assert.deepEqual(starts('BTC/USD').slice(0, 2), ['10-28T00:00', '10-29T00:00']);
  assert.equal(starts('BTC/USD').length, 8);
});

test('timeframes are those of Alpaca', () => {
  for (const good of ['1Min', '59T', '23Hour', '4H', '1Day', '1D', '1Week', '1W', '12Month', '3M'])
    assert.ok(readTimeframe(good), good);
  for (const bad of ['60Min', '0Min', '24H', '2Day', '2W', '5M', '1', 'Day', '1Year', '-1Min', ''])
    assert.equal(readTimeframe(bad), null, bad);
});

test('with market hours, nothing happens while the market is closed', () => {
  const market = kept();
  const saturday = at('2026-11-21T15:00:00Z');
  const row = market.quoteRow('AAPL', saturday);
  assert.ok(
    row && row.at < us('2026-11-21T01:00:00Z') && row.at > us('2026-11-21T00:59:58Z'),
    'the last quote is of Friday 20:00',
  );
  assert.equal(market.session(saturday), 'closed');
  assert.equal(market.session(at('2026-11-23T15:00:00Z')), 'core');
  assert.equal(market.session(at('2026-11-24T03:00:00Z')), 'overnight');
  assert.ok((market.quoteRow('BTC/USD', saturday)?.at ?? 0) > us('2026-11-21T14:59:58Z'), 'coins trade on');
  assert.ok((market.quoteRow('AAPL261218C00270000', at('2026-11-23T22:00:00Z'))?.at ?? 0) < us('2026-11-23T21:00:00Z'));
  assert.deepEqual(
    market.quoteRow('AAPL', at('2026-11-24T03:00:00Z'), 'regular')?.at,
    market.quoteRow('AAPL', at('2026-11-24T01:00:00Z'), 'regular')?.at,
  );
  const bars = market.bars.list(
    instrument(market, 'AAPL'),
    { unit: 'minute', count: 60 },
    stretch('2026-11-21T03:00:00Z', '2026-11-22T23:00:00Z'),
    us(NOON),
    false,
  );
  assert.deepEqual(bars, []);
});

test('open round the clock, it is always the core session and prices move on Sundays', () => {
  const market = always();
  const sunday = at('2026-11-22T09:00:00Z');
  assert.equal(market.session(sunday), 'core');
  assert.equal(market.keepsHours, false);
  assert.notEqual(quote(market, 'TSLA', sunday).bid, quote(market, 'TSLA', sunday + 600_000_000_000n).bid);
  assert.ok((market.quoteRow('AAPL261218C00270000', sunday)?.at ?? 0) > us('2026-11-22T08:59:57Z'));
});

test('the trading day is today until its last session ends', () => {
  const market = always();
  assert.equal(market.tradingDay(at('2026-11-23T12:00:00Z')).date, '2026-11-23');
  assert.equal(market.tradingDay(at('2026-11-24T01:00:00Z')).date, '2026-11-24');
  assert.equal(market.tradingDay(at('2026-11-25T23:00:00Z')).date, '2026-11-25');
  const half = market.tradingDay(at('2026-11-26T12:00:00Z'));
  assert.deepEqual(
    [half.date, half.close, half.postClose],
    ['2026-11-27', at('2026-11-27T18:00:00Z'), at('2026-11-27T22:00:00Z')],
  );
});

test('the previous close is the close of the last daily bar', () => {
  for (const market of [always(), kept()]) {
    for (const symbol of ['AAPL', 'BTC/USD']) {
      const [, previous] = market.bars.latestDays(instrument(market, symbol), us(NOON));
      assert.equal(quote(market, symbol, at(NOON)).prevClose, BigInt(previous?.close ?? 0));
    }
  }
});

test('a held quote holds at once, for options as well, until it is released', () => {
  const market = always();
  const before = quote(market, 'AAPL', at(NOON));
  const call = quote(market, 'AAPL261218C00270000', at(NOON)).bid;
  assert.equal(market.apply({ kind: 'hold', symbol: 'AAPL', bid: '400.5', ask: '400.51' }, at(NOON)), null);
  const held = quote(market, 'AAPL', at(NOON));
  assert.deepEqual([held.bid, held.ask], [400_500_000_000n, 400_510_000_000n]);
  assert.ok(held.last === held.bid || held.last === held.ask);
  assert.deepEqual(
    quote(market, 'AAPL', at(NOON) - 1_000_000_000n).bid,
    quote(always(), 'AAPL', at(NOON) - 1_000_000_000n).bid,
    'the past stays',
  );
  assert.ok(
    quote(market, 'AAPL261218C00270000', at(NOON) + 2_000_000_000n).bid > call + 80_000_000_000n,
    'the call follows',
  );
  assert.equal(quote(market, 'AAPL', at('2026-11-25T00:00:00Z')).bid, held.bid);
  market.apply({ kind: 'release', symbol: 'AAPL' }, at('2026-11-25T00:00:00Z'));
  assert.ok(Math.abs(Number(quote(market, 'AAPL', at('2026-11-25T00:00:00Z')).bid) / Number(before.bid) - 1) < 0.2);
});

test('a moved price goes on from where it was put', () => {
  const market = always();
  assert.equal(market.apply({ kind: 'move', symbol: 'BTC/USD', price: '50000' }, at(NOON)), null);
  assert.ok(Math.abs(Number(quote(market, 'BTC/USD', at(NOON)).bid) / 5e13 - 1) < 0.002);
  const later = quote(market, 'BTC/USD', at(NOON) + 3_600_000_000_000n);
  assert.ok(Math.abs(Number(later.bid) / 5e13 - 1) < 0.1 && later.bid !== quote(market, 'BTC/USD', at(NOON)).bid);
});

test('a halt freezes the quote and is seen until trading resumes', () => {
  const market = always();
  market.apply({ kind: 'halt', symbol: 'TSLA' }, at(NOON));
  const frozen = market.quoteRow('TSLA', at(NOON) + 3_600_000_000_000n);
  assert.ok(frozen && frozen.at < us(NOON));
  assert.equal(market.halted('TSLA', at(NOON)), true);
  assert.equal(market.halted('TSLA', at(NOON) - 1000n), false);
  market.apply({ kind: 'resume', symbol: 'TSLA' }, at('2026-11-23T18:00:00Z'));
  assert.equal(market.halted('TSLA', at('2026-11-23T18:00:00Z')), false);
  assert.ok((market.quoteRow('TSLA', at('2026-11-23T18:00:05Z'))?.at ?? 0) > us('2026-11-23T18:00:00Z'));
  const bars = market.bars.list(
    instrument(market, 'TSLA'),
    { unit: 'minute', count: 1 },
    stretch('2026-11-23T17:00:00Z', '2026-11-23T18:10:00Z'),
    us('2026-11-23T18:10:00Z'),
    false,
  );
  assert.equal(bars[0]?.at, us('2026-11-23T18:00:00Z'));
});

test('a split divides the price, its previous close and adjusted history, not what a contract is worth', () => {
  const market = always();
  const before = quote(market, 'NVDA', at(NOON));
  const put = Number(quote(market, 'NVDA261218P00185000', at(NOON)).bid);
  const raw = market.bars.list(
    instrument(market, 'NVDA'),
    { unit: 'day', count: 1 },
    stretch('2026-11-20', NOON),
    us(NOON),
    false,
  );
  market.apply({ kind: 'split', symbol: 'NVDA', numerator: 4, denominator: 1 }, at(NOON));
  const after = quote(market, 'NVDA', at(NOON) + 1_000_000_000n);
  assert.ok(Math.abs(Number(before.bid) / Number(after.bid) - 4) < 0.02);
  assert.ok(Math.abs(Number(before.prevClose) / Number(after.prevClose) - 4) < 0.001);
  assert.ok(Math.abs(Number(quote(market, 'NVDA261218P00185000', at(NOON) + 2_000_000_000n).bid) / put - 1) < 0.1);
  const list = (adjusted: boolean) =>
    market.bars.list(
      instrument(market, 'NVDA'),
      { unit: 'day', count: 1 },
      stretch('2026-11-20', '2026-11-22T12:00:00Z'),
      us(NOON) + 1e6,
      adjusted,
    );
  assert.equal(list(false)[0]?.close, raw[0]?.close);
  assert.ok(Math.abs((raw[0]?.close ?? 0) / (list(true)[0]?.close ?? 1) - 4) < 0.001);
});

test('a split divides a held quote as well', () => {
  const market = always();
  market.apply({ kind: 'hold', symbol: 'AAPL', bid: '400', ask: '400.1' }, at(NOON));
  market.apply({ kind: 'split', symbol: 'AAPL', numerator: 2, denominator: 1 }, at(NOON) + 1_000n);
  const { bid, ask } = quote(market, 'AAPL', at(NOON) + 1_000n);
  assert.deepEqual([bid, ask], [200_000_000_000n, 200_050_000_000n]);
});

test('a change that cannot be made says why and changes nothing', () => {
  const market = always();
  const before = quote(market, 'AAPL', at(NOON));
  const refusals = [
    market.apply({ kind: 'hold', symbol: 'NOPE', bid: '1', ask: '2' }, at(NOON)),
    market.apply({ kind: 'hold', symbol: 'AAPL', bid: '2', ask: '1' }, at(NOON)),
    market.apply({ kind: 'hold', symbol: 'AAPL', bid: '1e3', ask: '2000' }, at(NOON)),
    market.apply({ kind: 'move', symbol: 'AAPL', price: '0' }, at(NOON)),
    market.apply({ kind: 'split', symbol: 'AAPL', numerator: 1.5, denominator: 1 }, at(NOON)),
  ];
  for (const reason of refusals) assert.match(reason ?? '', / is .*(must|cannot)/);
  assert.deepEqual(quote(market, 'AAPL', at(NOON)), before);
});

test('the same changes make the same market again', () => {
  const make = (): Market => {
    const market = always();
    market.apply({ kind: 'move', symbol: 'AAPL', price: '200' }, at(NOON));
    market.apply({ kind: 'split', symbol: 'AAPL', numerator: 2, denominator: 1 }, at(NOON) + 5n);
    market.apply({ kind: 'hold', symbol: 'SPY', bid: '600', ask: '600' }, at(NOON) + 7n);
    return market;
  };
  for (const symbol of ['AAPL', 'SPY', 'AAPL261218C00270000'])
    assert.deepEqual(
      make().quote(symbol, at('2026-11-24T10:00:00Z')),
      make().quote(symbol, at('2026-11-24T10:00:00Z')),
    );
});

test('recorded quotes replace the process for the symbols that they name', () => {
  const csv =
    'timestamp,symbol,bid_price,ask_price,bid_size,ask_size\n2026-11-23T14:30:00Z,AAPL,200.01,200.03,300,100\n2026-11-23T14:31:00.5Z,AAPL,201,201.02,1,2\n';
  const json =
    '{"t":"2026-11-23T14:30:00Z","S":"AAPL","bp":200.01,"ap":200.03,"bs":300,"as":100}\n{"t":"2026-11-23T14:31:00.500Z","S":"AAPL","bp":201,"ap":201.02,"bs":1,"as":2}';
  for (const text of [csv, json]) {
    const market = new Market({ seed: 'one', hours: false, recording: readRecording(text) });
    assert.equal(market.quote('AAPL', at('2026-11-23T14:29:00Z')), undefined);
    const first = quote(market, 'AAPL', at('2026-11-23T14:30:30Z'));
    assert.deepEqual([first.bid, first.ask, first.bidSize], [200_010_000_000n, 200_030_000_000n, 300_000_000_000n]);
    assert.equal(quote(market, 'AAPL', at('2026-11-23T15:00:00Z')).ask, 201_020_000_000n);
    assert.deepEqual(market.quote('SPY', at(NOON)), always().quote('SPY', at(NOON)));
  }
});

test('a recording that is not understood is refused with its line', () => {
  assert.throws(
    () => readRecording('timestamp,symbol,bid_price,ask_price\nyesterday,AAPL,1,2'),
    /line 2: timestamp is "yesterday"/,
  );
  assert.throws(
    () => readRecording('timestamp,symbol,bid_price,ask_price\n2026-11-23T14:30:00Z,AAPL,3,2'),
    /line 2: bid_price/,
  );
  assert.throws(
    () => readRecording('{"t":"2026-11-23T14:30:00Z","S":"AAPL","bp":"x","ap":2}'),
    /line 1: bid_price is "x"/,
  );
  assert.throws(() => readRecording('timestamp,symbol\n'), /no quotes/);
  assert.throws(() => readRecording('{"t":1}\nnonsense'), /line 1: symbol/);
});

test('markets are cheap: thousands are built in a simulation', () => {
  const started = performance.now();
  for (let i = 0; i < 500; i++) new Market({ seed: String(i), hours: i % 2 === 0 });
  assert.ok((performance.now() - started) / 500 < 2, 'milliseconds per market');
  const market = always();
  const asked = performance.now();
  for (let i = 0n; i < 20_000n; i++) market.quote('AAPL', at(NOON) + i * 100_000_000n);
  assert.ok((performance.now() - asked) / 20 < 50, 'microseconds per quote, with room for a slow machine');
});

test('the universe holds what its users rely on', () => {
  const market = always();
  assert.equal(market.asset('AAPL')?.id, 'b0b6dd9d-8b9b-48a9-ba46-b9d54906e415');
  assert.equal(market.asset('276e2673-764b-4ab6-a611-caf665ca6340')?.symbol, 'BTC/USD');
  assert.equal(market.asset('BTCUSD'), market.asset('BTC/USD'));
  assert.equal(market.asset('AAPL'), market.asset('AAPL'));
  const all = [...market.assets()].map((listing) => listing.asset);
  assert.equal(new Set(all.map((asset) => asset.id)).size, all.length);
  assert.ok(all.length > 300);
  const some = (check: (asset: (typeof all)[number]) => boolean): boolean => all.some(check);
  assert.ok(some((a) => a.status === 'inactive') && some((a) => a.leverage === 2) && some((a) => a.leverage === 3));
  assert.ok(
    some((a) => a.tradable && !a.shortable && a.class === 'us_equity') && some((a) => a.tradable && !a.fractionable),
  );
  for (const symbol of ['BTC/USD', 'ETH/BTC', 'SOL/USDT', 'BTC/USDC']) assert.ok(market.asset(symbol), symbol);
  assert.equal(hoursOf(dayOf(2026, 11, 23)) !== null, true);
  assert.equal(dayText(dayOf(2026, 11, 23)), '2026-11-23');
});
