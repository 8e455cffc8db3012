/**
 * `npm run storm`: many seeds, or one again.
 *
 *   --runs K [--from N] [--jobs J] [--keep-going]   K seeds from N on, in J processes
 *   --seed N [--trace]                              one seed, twice; `--trace` shows every step
 *   --broker ledger|exchange|mixed                  the small broker, the project's own exchange, or some seeds with each
 *
 * Must end with a status that is not 0 when a single seed fails, and print how to see it again.
 */
import { parseArgs } from 'node:util';
import { runJobs, type Word } from './jobs.ts';
import { report, runMany, type Totals } from './many.ts';
import { type BrokerChoice, isBroker, runSeed, watchRejections } from './storm.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    runs: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '1' },
    broker: { type: 'string', default: 'mixed' },
    'keep-going': { type: 'boolean', default: false },
    share: { type: 'boolean', default: false },
  },
});

const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

function whole(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`--${name} ${text}: give a whole number from 1`);
  return value;
}

function brokerOf(text: string): BrokerChoice {
  if (isBroker(text)) return text;
  throw new RangeError(`--broker ${text}: give ledger, exchange or mixed`);
}

const broker = brokerOf(values.broker);
const more = broker === 'mixed' ? [] : ['--broker', broker];
/** What the command that shows a seed again needs beside the seed. */
const replay = more.map((text) => ` ${text}`).join('');
const keepsGoing = values['keep-going'];
const from = whole('from', values.from);
const runs = whole('runs', values.runs);

async function one(seed: number): Promise<void> {
  const first = await runSeed(seed, { broker, trace: true });
  const second = await runSeed(seed, { broker });
  const fails = first.violations.length > 0;
  if (values.trace || fails) for (const line of first.trace) print(line);
  print(`drawn    ${JSON.stringify(first.plan)}`);
  print(`figures  ${JSON.stringify(first.figures)}`);
  for (const { invariant, text } of first.violations) print(`${invariant}: ${text}`);
  print(`seed ${seed} ${fails ? 'FAILS' : 'holds'}, hash ${first.hash}`);
  const isRepeatable = first.hash === second.hash;
  if (!isRepeatable) print(`NOT REPEATABLE: the second run has hash ${second.hash}`);
  process.exitCode = fails || !isRepeatable ? 1 : 0;
}

/** A share of a run in several processes: told in lines of JSON. */
async function share(): Promise<void> {
  const tell = (word: Word): void => print(JSON.stringify(word));
  let toldAt = 0;
  const totals = await runMany({
    from,
    runs,
    keepsGoing,
    seed: { broker },
    failed: (result) => tell({ kind: 'failed', seed: result.seed, text: report(result, replay) }),
    progress(soFar) {
      if (soFar.seeds - toldAt < 50) return;
      toldAt = soFar.seeds;
      tell({ kind: 'totals', totals: soFar.json() });
    },
  });
  tell({ kind: 'totals', totals: totals.json() });
  process.exitCode = totals.failures === 0 ? 0 : 1;
}

async function many(): Promise<void> {
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  let shownAt = 0;
  const progress = (totals: Totals): void => {
    if (seconds() - shownAt < (process.stderr.isTTY ? 1 : 30)) return;
    shownAt = seconds();
    const rate = (totals.seeds / shownAt).toFixed(1);
    process.stderr.write(`${totals.seeds} of ${runs} seeds, ${rate} per second, ${totals.failures} violations\n`);
  };
  const jobs = whole('jobs', values.jobs);
  const pass = keepsGoing ? [...more, '--keep-going'] : more;
  const totals =
    jobs > 1
      ? await runJobs({ from, runs, jobs, more: pass, progress, failed: ({ text }) => print(text) })
      : await runMany({
          from,
          runs,
          keepsGoing,
          seed: { broker },
          progress,
          failed: (result) => print(report(result, replay)),
        });
  print(totals.text(seconds()));
  process.exitCode = totals.failures === 0 ? 0 : 1;
}

watchRejections();
if (values.seed !== undefined) await one(whole('seed', values.seed));
else if (values.share) await share();
else await many();
