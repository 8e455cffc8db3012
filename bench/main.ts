/**
 * `npm run bench`: how fast the tower is and what it costs, against its budget and against a floor measured in the same
 * run. Must never judge: machines are noisy, so a figure over its budget is marked and the exit code stays 0.
 */
import { spawnSync } from 'node:child_process';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { type Burst, type Figures, measureTower, type Plan, type Spread } from './tower.ts';

const OTHERS = {
  'exchange-engine.ts': 'the exchange engine in process',
  'exchange-http.ts': 'the exchange over HTTP',
} as const;

interface Flags {
  readonly json?: true;
  readonly quick?: true;
  readonly all?: true;
  readonly profile?: true;
  readonly rows?: number;
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('must be a whole number from 1.');
  return value;
}

const flags: Flags = new Command('bench')
  .description(
    'Measures the tower as a process of its own: latency, throughput, cost, and the price of a long journal.',
  )
  .option('--quick', 'a rough look, in less than 20 seconds')
  .option('--rows <n>', 'finished orders in the long journal (default: 200000, quick 20000)', whole)
  .option('--json', 'print one JSON object instead of text')
  .option('--all', `run ${Object.keys(OTHERS).join(' and ')} as well`)
  .option('--profile', 'leave processor profiles of the tower (.cpuprofile) in the current folder')
  .parse()
  .opts();

const load = (): readonly number[] => loadavg().map((value) => Number(value.toFixed(2)));

const plan: Plan = {
  ...(flags.quick
    ? { paced: 50, rounds: 2, burst: 2000, bursts: 1, rows: flags.rows ?? 20_000 }
    : { paced: 100, rounds: 5, burst: 2000, bursts: 3, rows: flags.rows ?? 200_000 }),
  profile: flags.profile === true,
  say: (text) => {
    if (!flags.json) process.stderr.write(`· ${text}\n`);
  },
};

/** A line: what, how much, and what was planned. A figure over its plan is marked. */
function line(name: string, value: string, planned = '', isOver = false): string {
  return `${isOver ? '!' : ' '} ${name.padEnd(34)} ${value}${planned === '' ? '' : `   (plan: ${planned})`}`;
}

const ms = (value: number | null): string => (value === null ? '–' : `${value.toFixed(value < 100 ? 2 : 0)} ms`);
const three = ({ p50, p99, max }: Spread): string => `p50 ${ms(p50)}, p99 ${ms(p99)}, max ${ms(max)}`;
const rate = (value: number | null): string => (value === null ? '–' : `${Math.round(value)}/s`);
const burst = (result: Burst): string =>
  `${rate(result.perSecond)} to the last answer after ${ms(result.lastAnswerMs)}` +
  (result.lastWireMs === null
    ? ''
    : `; wire: first ${ms(result.firstWireMs)}, last ${ms(result.lastWireMs)} (${rate(result.perSecondOnWire)})`);

function report(figures: Figures): readonly string[] {
  const { fileToWire, answerToResponse, startMs, startRssMb, longToShort } = figures;
  return [
    line('file → wire', three(fileToWire), 'p50 ≤ 3 ms, p99 ≤ 10 ms', fileToWire.p50 > 3 || fileToWire.p99 > 10),
    line('answer → response', three(answerToResponse), 'p50 ≤ 2 ms', answerToResponse.p50 > 2),
    line('file → response', three(figures.fileToResponse)),
    line('floor: the same without a tower', three(figures.floor)),
    line('latency over the floor', `× ${figures.toFloor.toFixed(2)}`),
    line(`${plan.burst} at once`, burst(figures.burst), '≥ 1000/s', figures.burst.perSecond < 1000),
    line('rate over the floor', `× ${figures.burstToFloor.toFixed(2)}`),
    line('processor time of 1,000 orders', `${figures.burst.cpuSecondsPer1000.toFixed(2)} s`),
    line(
      `${plan.burst} at once, at the exchange`,
      `${burst(figures.burstAtExchange)}; ${rate(figures.burstAtExchange.perSecondFinal)} to the last fill, ` +
        `${figures.burstAtExchange.cpuSecondsPer1000.toFixed(2)} s of processor time for 1,000`,
    ),
    line('memory', `${figures.rssMb} MB, at most ${figures.peakRssMb} MB`),
    line('journal', `${Math.round(figures.journalBytesPerOrder)} bytes per order`),
    line('start, empty journal', `${ms(startMs.empty)}, ${startRssMb.empty} MB`),
    line(`start, ${figures.rows} orders`, `${ms(startMs.long)}, ${startRssMb.long} MB`, 'about as with an empty one'),
    line(
      `latency with ${figures.rows} orders`,
      `file → wire × ${longToShort.fileToWire.toFixed(2)}, file → response × ${longToShort.fileToResponse.toFixed(2)}`,
      'flat',
    ),
  ];
}

process.once('SIGTERM', () => process.exit(143));
process.once('SIGINT', () => process.exit(130));
const before = load();
const figures = await measureTower(plan);
const after = load();
if (flags.json) {
  const { paced, rounds, burst: size, bursts } = plan;
  console.log(
    JSON.stringify({
      bench: 'tower',
      plan: { paced, rounds, burst: size, bursts },
      load: { before, after },
      ...figures,
    }),
  );
} else {
  console.log(
    `load average ${before.join(' ')} before, ${after.join(' ')} after; the plan is for an idle machine of two cores`,
  );
  for (const text of report(figures)) console.log(text);
}

for (const [file, what] of Object.entries(OTHERS)) {
  if (flags.all) spawnSync(process.execPath, [fileURLToPath(new URL(file, import.meta.url))], { stdio: 'inherit' });
  else if (!flags.json) console.log(`also: node bench/${file} (${what})`);
}
