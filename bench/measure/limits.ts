/**
 * What limits cost: two towers that differ in nothing else, the same orders in turns. Must never compare bursts of which one
 * was refused: the limits are set, all of them are asked, and none is reached.
 */
import type { Plan } from '../plan.ts';
import { type Figure, median } from '../result.ts';
import { type Ask, Rig, startStub } from '../rig.ts';
import { burst } from './drops.ts';

const WARM_UP = 500;
const ORDERS = 1000;

/** Filled at once, and worth something without a quote. */
const BUY: Ask = {
  type: 'stockbuy',
  payload: { symbol: 'AAPL', qty: '1', order_class: 'limit', limit_price: '101.00', time_in_force: 'day' },
};

/** Each limit that these orders can be held to without a quote. */
const SET = {
  order_qty: '1000',
  order_value: '1000000',
  position_qty: '10000000',
  position_value: '900000000',
  gross_value: '9000000000',
  open_orders: 1_000_000,
  orders_per_minute: 1_000_000,
  orders_per_day: 1_000_000_000,
  day_value: '900000000000',
  day_loss: '9000000000',
  symbols: ['AAPL', 'MSFT'],
  symbols_barred: ['TSLA'],
  asset_classes: ['us_equity'],
  sides: ['buy', 'sell'],
  shorting: false,
  in_doubt: 'refuse',
  repeat_orders: 1_000_000,
  repeat_seconds: 60,
};
const CONFIG = { limits: { account: SET, agent: SET, conflicts: 'refuse' } };

/** Processor time per order with every limit set over without any. */
export async function measureLimits(plan: Plan): Promise<readonly Figure[]> {
  const stub = await startStub();
  const without = new Rig();
  const limited = new Rig({ config: CONFIG });
  const ratios: number[] = [];
  try {
    for (const rig of [without, limited]) {
      await rig.start(stub);
      await burst(rig, stub, WARM_UP, BUY);
    }
    for (let n = 1; n <= plan.limits.pairs; n++) {
      plan.say(`limits, pair ${n} of ${plan.limits.pairs}: ${ORDERS} orders with them, ${ORDERS} without`);
      const cost = async (rig: Rig): Promise<number> => {
        const done = await burst(rig, stub, ORDERS, BUY);
        const refused = done.staged.map((one) => rig.answerTo(one)).find((answer) => answer['status'] !== 'success');
        if (refused !== undefined) throw new Error(`an order was refused: ${JSON.stringify(refused['error'])}`);
        return done.cpuSecondsPer1000;
      };
      // Each is the first as often as the other: what one leaves to be written, the next may have to wait for.
      const first = await cost(n % 2 === 0 ? limited : without);
      const second = await cost(n % 2 === 0 ? without : limited);
      ratios.push(n % 2 === 0 ? first / second : second / first);
    }
  } finally {
    await without.end();
    await limited.end();
    await stub.stop();
  }
  return [
    {
      name: 'processor time per order with all limits set over none',
      value: median(ratios),
      unit: '×',
      guard: { better: 'less', margin: 0.15, everywhere: true, fine: 1.1 },
      aim: { op: '≤', limit: 1.15 },
      note: `median of ${ratios.length} pairs of ${ORDERS.toLocaleString('en-US')} limit orders that are filled at once`,
    },
  ];
}
