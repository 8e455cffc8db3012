/**
 * One part of the bench as a process of its own, so that one that hangs can be ended with everything that it has started.
 * Started by main.ts with an IPC channel: hears `{ name, plan }`, tells `{ say }` as it goes and `{ section }` at the end.
 * Must never end without having told one of the two, unless it is ended from outside.
 */
import { measureBudget } from './measure/budget.ts';
import { measureExchange } from './measure/exchange.ts';
import { measureGrowth } from './measure/growth.ts';
import { measureLatency } from './measure/latency.ts';
import { measureQueries } from './measure/queries.ts';
import { measureRest } from './measure/rest.ts';
import { measureThroughput } from './measure/throughput.ts';
import type { Part, Plan } from './plan.ts';
import { type Section, unmeasured } from './result.ts';

const MEASURES: Readonly<Record<Part, (plan: Plan) => Promise<Section>>> = {
  latency: measureLatency,
  throughput: measureThroughput,
  queries: measureQueries,
  budget: measureBudget,
  rest: measureRest,
  exchange: measureExchange,
  growth: measureGrowth,
};

/** What main.ts sends: functions do not travel. */
export interface Order {
  readonly name: Part;
  readonly plan: Omit<Plan, 'say'>;
}

export interface Told {
  readonly say?: string;
  readonly section?: Section;
}

const tell = (told: Told, then: () => void = () => {}): void => void process.send?.(told, then);

async function measured({ name, plan }: Order): Promise<Section> {
  try {
    return await MEASURES[name]({ ...plan, say: (text) => tell({ say: text }) });
  } catch (error) {
    return unmeasured(name, error instanceof Error ? error.message : String(error));
  }
}

process.once('message', async (order: Order) => {
  const section = await measured(order);
  tell({ section }, () => process.exit());
});
process.once('SIGTERM', () => process.exit(143));
// Nobody is left to hear it.
process.once('disconnect', () => process.exit());
