/**
 * How fast the exchange's engine is in process: orders per second with many orders resting, and what a tick costs.
 * Prints one readable line and one JSON line. Must never assert: a bench measures, tests judge.
 * `node bench/exchange-engine.ts [resting] [orders]`
 */
import { Engine } from '../src/exchange/engine/engine.ts';
import { newYork, stock, ToyMarket } from '../src/exchange/engine/testing/toy-market.ts';

const RESTING = Number(process.argv[2] ?? 10_000);
const ORDERS = Number(process.argv[3] ?? 300_000);
const SYMBOLS = 100;

const symbols = Array.from({ length: SYMBOLS }, (_, i) => `S${i}`);
const account = '11111111-1111-4111-8111-111111111111';
const market = new ToyMarket();
for (const symbol of symbols) market.add(stock(symbol)).show(symbol, '99.99', '100.01');
let at = newYork('2026-01-07 10:00');
const engine = new Engine(market, { seed: 'bench' });
engine.openAccount({ id: account, cash: '1000000000' }, at);

const resting: string[] = [];
function place(i: number): void {
  at += 1000n;
  const body = {
    symbol: symbols[i % SYMBOLS] ?? '',
    qty: String(1 + (i % 10)),
    side: 'buy',
    type: 'limit',
    limit_price: `${80 + (i % 15)}.${10 + (i % 90)}`,
    time_in_force: 'gtc',
    client_order_id: `bench-${i}`,
  };
  const result = engine.submit(account, body, at);
  if (!result.ok) throw new Error(result.error.message);
  resting.push(result.value.id);
}

const seconds = (run: () => void): number => {
  const start = performance.now();
  run();
  return (performance.now() - start) / 1000;
};
/** Processor time of this process, collector threads included: what an otherwise busy machine does not distort. */
const cpuSeconds = (since: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
};

for (let i = 0; i < RESTING; i++) place(i);
const firstLeft = RESTING;

const cpu = process.cpuUsage();
const placing = seconds(() => {
  for (let i = firstLeft; i < firstLeft + ORDERS; i++) place(i);
});
const placingCpu = cpuSeconds(cpu);
// Back to RESTING orders, oldest first.
const cancelling = seconds(() => {
  for (let i = 0; i < ORDERS; i++) {
    at += 1000n;
    engine.cancel(account, resting[i] ?? '', at);
  }
});
resting.splice(0, ORDERS);
// A steady book: every order that is placed replaces one that is cancelled.
const steady = seconds(() => {
  for (let i = 0; i < ORDERS; i++) {
    place(firstLeft + ORDERS + i);
    engine.cancel(account, resting[i] ?? '', at);
  }
});
const fills = seconds(() => {
  for (let i = 0; i < ORDERS / 10; i++) {
    at += 1000n;
    const side = i % (2 * SYMBOLS) < SYMBOLS ? 'buy' : 'sell';
    const body = { symbol: symbols[i % SYMBOLS] ?? '', qty: '1', side, type: 'market', time_in_force: 'day' };
    // Sales wash against the resting buys: only the purchases fill, the refusals cost as much as on a real day.
    engine.submit(account, body, at);
  }
});
const TICKS = 1000;
const ticks = seconds(() => {
  for (let i = 0; i < TICKS; i++) {
    at += 1_000_000n;
    engine.tick(at);
  }
});

const result = {
  bench: 'exchange-engine',
  resting: RESTING,
  orders_per_second: Math.round(ORDERS / placing),
  orders_per_cpu_second: Math.round(ORDERS / placingCpu),
  cancels_per_second: Math.round(ORDERS / cancelling),
  steady_orders_per_second: Math.round(ORDERS / steady),
  market_orders_per_second: Math.round(ORDERS / 10 / fills),
  idle_tick_us: Math.round((ticks / TICKS) * 1e6),
};
console.log(
  `engine: ${result.orders_per_second} orders/s placed (${result.orders_per_cpu_second} per processor second), ${result.steady_orders_per_second} place+cancel pairs/s over ` +
    `${RESTING} resting, ${result.cancels_per_second} cancels/s, ${result.market_orders_per_second} market orders/s, ` +
    `idle tick over ${SYMBOLS} symbols ${result.idle_tick_us} µs`,
);
console.log(JSON.stringify(result));
