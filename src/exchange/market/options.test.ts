/** Options: symbols and ids read back, listings that last until expiry, prices that obey the theory. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { dayOf, dayText, hoursOf, newYorkTime, weekday } from './calendar.ts';
import { Market } from './market.ts';
import {
  blackScholes,
  contractId,
  contractOf,
  expiries,
  occSymbol,
  parseOcc,
  symbolOfContractId,
  valuation,
} from './options.ts';
import { UNIVERSE } from './universe.ts';

const TODAY = dayOf(2026, 11, 23);
const NOW = newYorkTime(TODAY, 720);
const market = new Market({ seed: 'one', hours: false });

test('symbols are read and written back', () => {
  assert.deepEqual(parseOcc('AAPL250321C00150000'), {
    root: 'AAPL',
    expiry: dayOf(2025, 3, 21),
    type: 'call',
    strike: 150_000,
  });
  for (const bad of [
    'AAPL',
    'AAPL250230C00150000',
    'AAPL 250321C00150000',
    'aapl250321C00150000',
    'AAPL250321X00150000',
    'TOOLONG250321C00150000',
  ])
    assert.equal(parseOcc(bad), null, bad);
});

test('an id holds its symbol, and no other text is an id', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('F', 'AMD', 'AAPL', 'SPY'),
      fc.integer({ min: dayOf(2020, 1, 1), max: dayOf(2029, 12, 31) }),
      fc.constantFrom('call' as const, 'put' as const),
      fc.integer({ min: 1, max: 99_999_999 }),
      (root, expiry, type, strike) => {
        const id = contractId({ root, expiry, type, strike });
        assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        assert.equal(symbolOfContractId(id), occSymbol({ root, expiry, type, strike }));
        assert.equal(symbolOfContractId(`${id.slice(0, -1)}${id.endsWith('0') ? '1' : '0'}`), null);
      },
    ),
  );
  assert.equal(symbolOfContractId('b0b6dd9d-8b9b-48a9-ba46-b9d54906e415'), null);
});

test('a listed contract stays listed until it expires', () => {
  for (const root of ['AAPL', 'SPY']) {
    for (let today = TODAY; today < TODAY + 60; today++) {
      const tomorrow = new Set(expiries(root, today + 1, today + 1, today + 500));
      for (const expiry of expiries(root, today, today, today + 500)) {
        if (expiry > today)
          assert.ok(tomorrow.has(expiry), `${root} ${dayText(expiry)} vanished after ${dayText(today)}`);
        assert.ok(hoursOf(expiry), `${dayText(expiry)} is a trading day`);
        if (root === 'AAPL') assert.ok(weekday(expiry) === 5 || hoursOf(expiry + (5 - weekday(expiry))) === null);
      }
    }
  }
});

test('chains reach from days to a year, with strikes on both sides of the price', () => {
  for (const root of 'AAPL SPY QQQ TSLA NVDA MSFT AMZN META AMD GOOGL'.split(' ')) {
    const spot = (market.instrument(root)?.price(NOW) ?? 0) * 1000;
    const chain = [...market.chain(root, TODAY, TODAY, TODAY + 400)];
    const days = new Set(chain.map(({ occ }) => occ.expiry));
    assert.ok(Math.min(...days) <= TODAY + 7 && Math.max(...days) >= TODAY + 330, root);
    for (const type of ['call', 'put'] as const) {
      const strikes = chain
        .filter(({ occ }) => occ.type === type && occ.expiry === dayOf(2026, 12, 18))
        .map(({ occ }) => occ.strike);
      assert.ok(
        strikes.filter((strike) => strike < spot).length >= 5 && strikes.filter((strike) => strike > spot).length >= 5,
        root,
      );
    }
  }
  assert.equal([...market.chain('BRK.A', TODAY, TODAY, TODAY + 400)].length, 0);
});

test('an expired contract is known as expired; one that never was is not known', () => {
  const old = market.listed('AAPL250321C00150000');
  assert.ok(old && market.expired(old, BigInt(NOW) * 1_000_000n));
  const next = market.listed('AAPL261218C00270000');
  assert.ok(next && !market.expired(next, BigInt(NOW) * 1_000_000n));
  assert.ok(market.expired(next, BigInt(newYorkTime(dayOf(2026, 12, 18), 960)) * 1_000_000n));
  assert.equal(market.contract(next.contract.id), next.contract);
  for (const symbol of [
    'AAPL261217C00270000',
    'AAPL261218C00270500',
    'AAPL261218C09990000',
    'BRK.A261218C00270000',
    'EQX261218C00012000',
  ])
    assert.equal(contractOf(symbol), null, symbol);
});

test('greeks are the slopes of the price', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('call' as const, 'put' as const),
      fc.double({ min: 60, max: 160, noNaN: true }),
      fc.double({ min: 0.05, max: 1.5, noNaN: true }),
      fc.double({ min: 0.1, max: 0.9, noNaN: true }),
      (type, spot, years, volatility) => {
        const value = (s: number, y: number, v: number, r: number): number => blackScholes(type, s, 100, y, v, r).value;
        const { greeks } = blackScholes(type, spot, 100, years, volatility, 0.04);
        const near = (actual: number, expected: number, name: string): void =>
          assert.ok(
            Math.abs(actual - expected) < 2e-3 * Math.max(1, Math.abs(expected)),
            `${name} ${actual} ${expected}`,
          );
        const h = 0.05;
        near(
          greeks.delta,
          (value(spot + h, years, volatility, 0.04) - value(spot - h, years, volatility, 0.04)) / (2 * h),
          'delta',
        );
        near(
          greeks.vega,
          (value(spot, years, volatility + 0.001, 0.04) - value(spot, years, volatility - 0.001, 0.04)) / 0.2,
          'vega',
        );
        near(greeks.rho, (value(spot, years, volatility, 0.041) - value(spot, years, volatility, 0.039)) / 0.2, 'rho');
        const day = 1 / 3650;
        near(
          greeks.theta,
          (value(spot, years - day, volatility, 0.04) - value(spot, years + day, volatility, 0.04)) / 0.2,
          'theta',
        );
        const other = blackScholes(type === 'call' ? 'put' : 'call', spot, 100, years, volatility, 0.04).value;
        const parity = (spot - 100 * Math.exp(-0.04 * years)) * (type === 'call' ? 1 : -1);
        near(value(spot, years, volatility, 0.04) - other, parity, 'parity');
      },
    ),
    { numRuns: 200 },
  );
});

test('a contract is never worth less than its exercise, and nothing after its end', () => {
  const listing = UNIVERSE.listings.get('AAPL');
  assert.ok(listing);
  const occ = { root: 'AAPL', expiry: dayOf(2026, 12, 18), type: 'put' as const, strike: 400_000 };
  assert.ok(valuation(listing, occ, 250, NOW).value >= 150);
  assert.equal(valuation(listing, occ, 250, newYorkTime(occ.expiry, 960)).value, 0);
  const later = { ...occ, strike: 270_000, expiry: dayOf(2027, 6, 17) };
  assert.ok(
    valuation(listing, later, 270, NOW).value > valuation(listing, { ...occ, strike: 270_000 }, 270, NOW).value,
  );
  const smile = [200, 270].map((strike) => valuation(listing, { ...occ, strike: strike * 1000 }, 270, NOW).volatility);
  assert.ok((smile[0] ?? 0) > (smile[1] ?? 0), 'low strikes carry more volatility');
});
