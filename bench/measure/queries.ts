/**
 * Queries: answers per second and latency, and how many of them the broker was asked for. Must never count an answer
 * that is an error.
 */
import { seededRandom } from '../../src/lib/random.ts';
import type { Plan } from '../plan.ts';
import { quantile, type Section, spread } from '../result.ts';
import { type Ask, Rig, startStub } from '../rig.ts';
import { burst, paced, perSecond } from './drops.ts';

const RESTING_ORDERS = 100;
const ASKS: readonly Ask[] = [
  { type: 'accountinfo', payload: {} },
  { type: 'positions', payload: {} },
  { type: 'openorders', payload: {} },
];

export async function measureQueries(plan: Plan): Promise<Section> {
  const stub = await startStub();
  const rig = new Rig({ profile: plan.profile });
  const random = seededRandom(plan.seed);
  try {
    await rig.start(stub);
    await burst(rig, stub, RESTING_ORDERS);
    plan.say(`${plan.queries} queries at once: account, positions, open orders in turn`);
    const many = await burst(
      rig,
      stub,
      plan.queries,
      (index) => ASKS[index % ASKS.length] ?? { type: '', payload: {} },
    );
    const answers = many.staged.map((staged) => rig.answerTo(staged));
    const wrong = answers.find((answer) => answer['status'] !== 'success');
    if (wrong !== undefined) throw new Error(`a query was refused: ${JSON.stringify(wrong['error'])}`);
    const mirrored = answers.filter((answer) => answer['source'] === 'mirror').length;
    plan.say('queries one by one');
    const single = await paced(rig, stub, plan.paced.orders, random, { type: 'openorders', payload: {} });
    const rate = perSecond(plan.queries, many.answerMs.at(-1) ?? Number.NaN);
    return {
      title: 'Queries',
      what: `${plan.queries} queries dropped at once by four agents, then ${plan.paced.orders} one by one. What the tower's own mirror answers costs no request to the broker.`,
      figures: [
        { name: 'answers per second', value: rate, unit: '/s' },
        ...spread('one query, file → response', single.fileToResponse),
        { name: 'all at once: p99 of file → response', value: quantile(many.tripMs, 0.99), unit: 'ms' },
        { name: 'answered from the mirror', value: (mirrored / answers.length) * 100, unit: '%' },
        {
          name: 'requests to the broker per query',
          value: many.moments.length / plan.queries,
          unit: '',
          note: 'less than one when queries share an answer or the mirror has it',
        },
        { name: 'processor time of 1,000 queries', value: many.cpuSecondsPer1000, unit: 's' },
      ],
      charts: [
        {
          kind: 'quantiles',
          title: 'Share of single queries within a time',
          series: [{ name: 'file → response', role: 'tower', values: single.fileToResponse }],
        },
      ],
    };
  } finally {
    await rig.end();
    await stub.stop();
  }
}
