/**
 * `npm run budget`: what the request budget allows, uses and keeps, over hours of virtual time before the project's own
 * exchange. Exits 1 when a limit was broken, a clean run was refused, or too little of the budget was used.
 *
 *   --minutes N    virtual minutes of each saturated run (default 120); the crowd has ten
 *   --seed N
 *   --json
 */
import { parseArgs } from 'node:util';
import { crowd, crowdedText } from './crowd.ts';
import { type Saturated, type SaturateOptions, saturate, saturatedText } from './saturate.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '120' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
});

function whole(name: 'minutes' | 'seed'): number {
  const value = Number(values[name]);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  console.error(`--${name} ${values[name]}: give a whole number from 1`);
  process.exit(2);
}

const minutes = whole('minutes');
const seed = whole('seed');
const LIMIT = { perMinute: 200, perSecond: 10 };

interface Run {
  readonly name: string;
  readonly more: Partial<SaturateOptions>;
  /** Nothing may be refused. */
  readonly clean: boolean;
  /** At least this share of the budget must be used: a tower that is down uses none. */
  readonly used: number;
  /** Jitter within which the limit of a second must hold at the exchange, too. */
  readonly perSecond: boolean;
}

const RUNS: readonly Run[] = [
  { name: 'undisturbed', more: {}, clean: true, used: 0.97, perSecond: true },
  {
    name: 'killed every minute or so',
    more: { killedEveryMs: 60_000, jitterMs: 300 },
    clean: true,
    used: 0.95,
    perSecond: true,
  },
  {
    name: 'up to 0.8 s of jitter each way',
    more: { jitterMs: 800, killedEveryMs: 600_000 },
    clean: true,
    used: 0.97,
    perSecond: false,
  },
  {
    name: 'headers that say what is not so, and kills',
    more: { headerSurprises: true, killedEveryMs: 300_000 },
    clean: false,
    used: 0.9,
    perSecond: true,
  },
  { name: 'another program spends half', more: { foreignPerMinute: 100 }, clean: false, used: 0.45, perSecond: true },
];

const print = (text: string): void => {
  if (!values.json) process.stdout.write(`${text}\n`);
};

function wrongWith(run: Run, figures: Saturated): readonly string[] {
  return [
    ...(figures.arrivedIn60s > LIMIT.perMinute ? [`${figures.arrivedIn60s} requests arrived in 60 s`] : []),
    ...(figures.leftIn1s > LIMIT.perSecond ? [`${figures.leftIn1s} requests left in 1 s`] : []),
    ...(run.perSecond && figures.arrivedIn1s > LIMIT.perSecond ? [`${figures.arrivedIn1s} arrived in 1 s`] : []),
    ...(run.clean && figures.refused > 0 ? [`${figures.refused} were refused`] : []),
    ...(figures.used < run.used ? [`only ${figures.used.toFixed(3)} of the budget was used`] : []),
  ];
}

const told: Record<string, unknown> = {};
for (const run of RUNS) {
  const figures = await saturate({ ...LIMIT, minutes, seed, ...run.more });
  const wrong = wrongWith(run, figures);
  told[run.name] = { ...figures, wrong };
  print(`\n${run.name}`);
  for (const line of saturatedText(figures)) print(`  ${line}`);
  for (const line of wrong) print(`  FAILS: ${line}`);
  if (wrong.length > 0) process.exitCode = 1;
}
const crowded = await crowd({ ...LIMIT, minutes: 10, agents: 100, traders: 20, seed });
told['crowd'] = crowded;
print('\na crowd that polls');
for (const line of crowdedText(crowded)) print(`  ${line}`);
if (Math.max(crowded.tradingIn60s, crowded.dataIn60s) > LIMIT.perMinute || crowded.refused > 0) process.exitCode = 1;
if (values.json) process.stdout.write(`${JSON.stringify({ seed, minutes, ...told }, null, 2)}\n`);
