/**
 * A tower that is asked for far more than its budget, for hours: what leaves and what arrives, how much of the budget is
 * used, what a cancel waits, and how it is shared between a greedy agent and the others.
 */
import { fraction } from '../../src/lib/random.ts';
import { evenness, mostIn, perMinute, shown, type Waits, waitOf } from './figures.ts';
import { type Ask, MINUTE_US, SECOND_US, World, type WorldOptions } from './world.ts';

export interface SaturateOptions extends Partial<WorldOptions> {
  readonly minutes: number;
}

export interface Saturated {
  readonly minutes: number;
  readonly kills: number;
  readonly requests: number;
  readonly arrivedIn60s: number;
  readonly arrivedIn1s: number;
  readonly leftIn60s: number;
  readonly leftIn1s: number;
  /** Share of the broker's limit that was used, from the second minute on. */
  readonly used: number;
  readonly refused: number;
  readonly cancels: Waits;
  readonly burstCancels: Waits;
  readonly orders: Waits;
  /** Orders that make a position smaller. */
  readonly reductions: Waits;
  /** Orders sent for each of the modest agents, fewest and most, and how even; and for the greedy one. */
  readonly fewest: number;
  readonly most: number;
  readonly evenness: number;
  readonly greedy: number;
  readonly foreignTold: number;
}

const SYMBOLS = ['AAPL', 'MSFT', 'SPY', 'TSLA', 'NVDA', 'AMZN'];
const MODEST = Array.from({ length: 20 }, (_, n) => `agent${n}`);
const EXITED = { symbol: 'GLD', qty: '1' };
const GREEDY = 'greedy';
const RISK = 'risk';
const EXIT = 'exit';
const WAITING = { modest: 3, greedy: 80 };
const RESTING = { symbol: 'AAPL', qty: '1', order_class: 'limit', limit_price: '1.00', time_in_force: 'gtc' };

export async function saturate({ minutes, ...more }: SaturateOptions): Promise<Saturated> {
  const world = new World({
    seed: 1,
    perMinute: 200,
    perSecond: 10,
    jitterMs: 40,
    killedEveryMs: 0,
    downMs: 3000,
    headerSurprises: false,
    foreignPerMinute: 0,
    ...more,
  });
  const fill = (agent: string): void => {
    const symbol = SYMBOLS[MODEST.indexOf(agent) % SYMBOLS.length] ?? 'QQQ';
    world.drop(agent, 'stockbuy', { symbol, notional: '1', order_class: 'market', time_in_force: 'day' });
  };
  const bursts = new Set<Ask>();
  const resting: Ask[] = [];
  world.onAnswer((ask) => {
    if (ask.agent === EXIT) {
      world.time.in(5 * SECOND_US, () => exit(ask.type === 'stockbuy' ? 'stocksell' : 'stockbuy'));
      return;
    }
    if (ask.agent === RISK) {
      if (ask.type === 'stockbuy' && ask.error === null) resting.push(ask);
      return;
    }
    fill(ask.agent);
  });
  for (const agent of MODEST) for (let n = 0; n < WAITING.modest; n++) fill(agent);
  for (let n = 0; n < WAITING.greedy; n++) fill(GREEDY);
  const cancel = (): Ask | null => {
    const order = resting.shift();
    if (order === undefined) return null;
    return world.drop(RISK, 'cancelorder', { client_order_id: order.clientOrderId }, order.clientOrderId);
  };
  world.every(6 * SECOND_US, () => world.drop(RISK, 'stockbuy', RESTING));
  world.every(8 * SECOND_US, () => world.time.in(4 * SECOND_US * fraction(world.random), cancel));
  // All at once, as after a bad piece of news.
  world.every(5 * MINUTE_US, () => {
    for (let n = 0; n < 10; n++) {
      const ask = cancel();
      if (ask !== null) bursts.add(ask);
    }
  });
  // Buys in the same line as all, and sells again out of turn, because that makes its position smaller.
  const exit = (type: string): Ask =>
    world.drop(EXIT, type, { ...EXITED, order_class: 'market', time_in_force: 'day' });
  exit('stockbuy');
  await world.run(minutes * MINUTE_US);
  const { left, arrived, refused, kills, notices } = world;
  world.close();
  const asks = [...world.asks.values()];
  const sentFor = (agent: string): number => asks.filter((ask) => ask.agent === agent && ask.leftAt !== null).length;
  const modest = MODEST.map(sentFor);
  return {
    minutes,
    kills,
    requests: arrived.trading.length,
    arrivedIn60s: mostIn(arrived.trading, MINUTE_US),
    arrivedIn1s: mostIn(arrived.trading, SECOND_US),
    leftIn60s: mostIn(left.trading, MINUTE_US),
    leftIn1s: mostIn(left.trading, SECOND_US),
    used: perMinute(arrived.trading, MINUTE_US, minutes * MINUTE_US) / (more.perMinute ?? 200),
    refused: refused.trading + refused.data,
    cancels: waitOf(asks, (ask) => ask.type === 'cancelorder' && !bursts.has(ask)),
    burstCancels: waitOf(bursts, () => true),
    orders: waitOf(asks, (ask) => MODEST.includes(ask.agent)),
    reductions: waitOf(asks, (ask) => ask.agent === EXIT && ask.type === 'stocksell'),
    fewest: Math.min(...modest),
    most: Math.max(...modest),
    evenness: evenness(modest),
    greedy: sentFor(GREEDY),
    foreignTold: notices.filter((text) => text.startsWith('foreign traffic')).length,
  };
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

export const saturatedText = (one: Saturated): readonly string[] => [
  `${one.minutes} virtual minutes, ${one.kills} kills, ${one.requests} requests at the exchange's socket`,
  `most in any 60 s: ${one.arrivedIn60s} arrived, ${one.leftIn60s} left; in any 1 s: ${one.arrivedIn1s} arrived, ${one.leftIn1s} left`,
  `used ${percent(one.used)} of the limit; 429s ${one.refused}; foreign traffic told of ${one.foreignTold} times`,
  `cancel, from its file to its request: ${shown(one.cancels)}`,
  `ten cancels at once:                  ${shown(one.burstCancels)}`,
  `order of a modest agent:              ${shown(one.orders)}`,
  `order that reduces a position:        ${shown(one.reductions)}`,
  `orders sent for each of ${MODEST.length} modest agents: ${one.fewest} to ${one.most} (evenness ${one.evenness.toFixed(4)}), for the greedy one ${one.greedy}`,
];
