/**
 * A hundred agents that ask for positions, orders and quotes every second while some of them trade: what of it reaches
 * Alpaca, how old the answers are, and what orders and cancels wait meanwhile.
 */
import { evenness, mostIn, quantile, shown, type Waits, waitOf } from './figures.ts';
import { type Ask, MINUTE_US, SECOND_US, World, type WorldOptions } from './world.ts';

export interface CrowdOptions extends Partial<WorldOptions> {
  readonly minutes: number;
  readonly agents: number;
  /** How many of them trade. */
  readonly traders: number;
}

export interface Crowded {
  readonly minutes: number;
  readonly agents: number;
  readonly traders: number;
  /** Polls that the agents would have made, those that had an answer, and those that got an error instead. */
  readonly wanted: number;
  readonly answered: number;
  readonly failed: number;
  /** Requests to Alpaca for all of it. */
  readonly trading: number;
  readonly data: number;
  readonly tradingIn60s: number;
  readonly dataIn60s: number;
  readonly refused: number;
  /** Milliseconds; null when no answer told its age. */
  readonly ageP50Ms: number | null;
  readonly ageP99Ms: number | null;
  readonly orders: Waits;
  readonly cancels: Waits;
  readonly fewest: number;
  readonly most: number;
  readonly evenness: number;
  readonly savedByMirror: number;
}

const POLLS = [
  ['positions', {}],
  ['openorders', {}],
  ['marketdata', { symbols: ['AAPL', 'SPY'], data_type: 'quote' }],
] as const;

export async function crowd({ minutes, agents, traders, ...more }: CrowdOptions): Promise<Crowded> {
  const world = new World({
    seed: 2,
    perMinute: 200,
    perSecond: 10,
    jitterMs: 40,
    killedEveryMs: 0,
    downMs: 3000,
    headerSurprises: false,
    foreignPerMinute: 0,
    ...more,
  });
  const names = Array.from({ length: agents }, (_, n) => `agent${n}`);
  const open = new Set<string>();
  const resting = new Map<string, Ask[]>();
  const isPoll = (ask: Ask): boolean => POLLS.some(([type]) => type === ask.type);
  let wanted = 0;
  world.onAnswer((ask) => {
    open.delete(`${ask.agent} ${ask.type}`);
    if (ask.type === 'stockbuy' && ask.error === null) resting.get(ask.agent)?.push(ask);
  });
  for (const agent of names) {
    for (const [type, payload] of POLLS) {
      // Whoever still waits for an answer does not ask again.
      world.every(SECOND_US, () => {
        wanted++;
        const key = `${agent} ${type}`;
        if (open.has(key)) return;
        open.add(key);
        world.drop(agent, type, payload);
      });
    }
  }
  for (const [n, agent] of names.slice(0, traders).entries()) {
    resting.set(agent, []);
    const buy = { symbol: 'AAPL', notional: '1', order_class: 'market', time_in_force: 'day' };
    const rest = { symbol: 'SPY', qty: '1', order_class: 'limit', limit_price: '1.00', time_in_force: 'gtc' };
    world.every(20 * SECOND_US, () => world.drop(agent, 'stockbuy', n % 2 === 0 ? rest : buy));
    if (n % 2 > 0) continue;
    world.every(20 * SECOND_US, () => {
      const order = resting.get(agent)?.shift();
      if (order !== undefined)
        world.drop(agent, 'cancelorder', { client_order_id: order.clientOrderId }, order.clientOrderId);
    });
  }
  await world.run(minutes * MINUTE_US);
  const savedByMirror = world.budgets().reduce((sum, budget) => sum + budget.saved_by_mirror, 0);
  world.close();
  const asks = [...world.asks.values()];
  const polls = asks.filter((ask) => isPoll(ask) && ask.answeredAt !== null);
  const good = polls.filter((ask) => ask.error === null);
  const ages = good.flatMap(({ ageUs }) => (ageUs === null ? [] : [ageUs]));
  const age = (share: number): number | null => {
    const value = quantile(ages, share);
    return value === null ? null : Math.round(value / 1000);
  };
  const each = names.map((agent) => good.filter((ask) => ask.agent === agent).length);
  const { arrived, refused } = world;
  return {
    minutes,
    agents,
    traders,
    wanted,
    answered: good.length,
    failed: polls.length - good.length,
    trading: arrived.trading.length,
    data: arrived.data.length,
    tradingIn60s: mostIn(arrived.trading, MINUTE_US),
    dataIn60s: mostIn(arrived.data, MINUTE_US),
    refused: refused.trading + refused.data,
    ageP50Ms: age(0.5),
    ageP99Ms: age(0.99),
    orders: waitOf(asks, (ask) => ask.type === 'stockbuy'),
    cancels: waitOf(asks, (ask) => ask.type === 'cancelorder'),
    fewest: Math.min(...each),
    most: Math.max(...each),
    evenness: evenness(each),
    savedByMirror,
  };
}

export const crowdedText = (one: Crowded): readonly string[] => [
  `${one.agents} agents ask for positions, orders and quotes every second for ${one.minutes} virtual minutes, ${one.traders} of them trade`,
  `wanted ${one.wanted} polls: ${one.answered} answered (${((100 * one.answered) / one.wanted).toFixed(1)} %), ${one.failed} with an error; saved by the mirror ${one.savedByMirror}`,
  `requests to Alpaca: ${one.trading} for trading (at most ${one.tradingIn60s} in any 60 s), ${one.data} for data (${one.dataIn60s}); 429s ${one.refused}`,
  `age of an answer: p50 ${one.ageP50Ms} ms · p99 ${one.ageP99Ms} ms`,
  `order, from its file to its request:  ${shown(one.orders)}`,
  `cancel, from its file to its request: ${shown(one.cancels)}`,
  `polls answered for each agent: ${one.fewest} to ${one.most} (evenness ${one.evenness.toFixed(4)})`,
];
