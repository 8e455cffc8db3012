/**
 * `npm run bench`: how fast the tower is and what it costs, against its aims and against floors measured in the same run.
 * Prints a table, and leaves the figures as JSON and as one page for the browser. Must never judge: machines are noisy, so
 * a figure that misses its aim is marked and the exit code stays 0; it is 1 when something could not be measured.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { machine } from './machine.ts';
import { measureBudget } from './measure/budget.ts';
import { measureExchange } from './measure/exchange.ts';
import { measureGrowth } from './measure/growth.ts';
import { measureLatency } from './measure/latency.ts';
import { measureQueries } from './measure/queries.ts';
import { measureRest } from './measure/rest.ts';
import { measureThroughput } from './measure/throughput.ts';
import { page } from './page.ts';
import { AMOUNTS, type Plan } from './plan.ts';
import type { Results, Section } from './result.ts';
import { monotonicMs } from './rig.ts';
import { table } from './table.ts';

const PARTS = {
  latency: measureLatency,
  throughput: measureThroughput,
  queries: measureQueries,
  budget: measureBudget,
  growth: measureGrowth,
  rest: measureRest,
  exchange: measureExchange,
} as const satisfies Readonly<Record<string, (plan: Plan) => Promise<Section>>>;
type Part = keyof typeof PARTS;
const ALL = Object.keys(PARTS) as Part[];

interface Flags {
  readonly quick?: true;
  readonly full?: true;
  readonly only?: readonly Part[];
  readonly rows?: number;
  readonly seed: string;
  readonly out: string;
  readonly json?: true;
  readonly profile?: true;
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('must be a whole number from 1.');
  return value;
}

const partsOf = (text: string): readonly Part[] =>
  text.split(',').map((name) => {
    const part = ALL.find((known) => known === name.trim());
    if (part === undefined) throw new InvalidArgumentError(`must be some of ${ALL.join(',')}.`);
    return part;
  });

const flags: Flags = new Command('bench')
  .description('Measures the tower as a process of its own; takes a few minutes. --full takes half an hour and 30 GB.')
  .option('--quick', 'a rough look, in about a minute')
  .option('--full', 'ten million journaled orders, 100,000 waiting files to the last one, the budget of the contract')
  .option('--only <parts>', `some of ${ALL.join(',')}`, partsOf)
  .option('--rows <n>', 'finished orders in the longest journal', whole)
  .option('--seed <text>', 'what the jitter between orders is drawn from', 'bench')
  .option('--out <folder>', 'where bench.json and bench.html are written', 'bench-results')
  .option('--json', 'print the JSON instead of the table')
  .option('--profile', 'leave processor profiles of the tower (.cpuprofile) in the current folder')
  .parse()
  .opts();

const began = monotonicMs();
const seconds = (): number => Math.round((monotonicMs() - began) / 1000);
const size = flags.full ? 'full' : flags.quick ? 'quick' : 'normal';
const amounts = AMOUNTS[size];
const parts = flags.only ?? ALL;
let current = '';
const plan: Plan = {
  ...amounts,
  ...(flags.rows === undefined ? {} : { rows: [amounts.rows[0] ?? 1000, flags.rows] }),
  size,
  seed: flags.seed,
  profile: flags.profile === true,
  say: (text) => void process.stderr.write(`${String(seconds()).padStart(5)} s  ${current}: ${text}\n`),
};

process.once('SIGTERM', () => process.exit(143));
process.once('SIGINT', () => process.exit(130));
const before = loadavg();
const sections: Section[] = [];
for (const [index, name] of parts.entries()) {
  current = `${index + 1}/${parts.length} ${name}`;
  try {
    sections.push(await PARTS[name](plan));
  } catch (error) {
    // One thing that cannot be measured must not cost the others.
    const fault = error instanceof Error ? error.message : String(error);
    plan.say(`could not be measured: ${fault}`);
    sections.push({ title: name, what: '', figures: [], charts: [], fault });
  }
}
const results: Results = {
  bench: 'tower',
  at: new Date().toISOString(),
  seconds: seconds(),
  seed: flags.seed,
  size,
  machine: machine(before),
  busy: { load: before[0] ?? 0, processors: availableParallelism() },
  sections,
};
const out = resolve(flags.out);
mkdirSync(out, { recursive: true });
const json = JSON.stringify(results, null, 1);
writeFileSync(join(out, 'bench.json'), `${json}\n`);
writeFileSync(join(out, 'bench.html'), page(results));
console.log(flags.json ? json : table(results).join('\n'));
process.stderr.write(`${join(out, 'bench.json')}\n${join(out, 'bench.html')}\n`);
process.exit(sections.some(({ fault }) => fault !== undefined) ? 1 : 0);
