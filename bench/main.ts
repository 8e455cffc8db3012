/**
 * `npm run bench`: how fast the tower is and what it costs, against its aims and against floors measured in the same run.
 * Prints a table, and leaves the figures as JSON and as one page for the browser. Must never judge times: machines are
 * noisy, so a figure that misses its aim is marked, what could not be measured is told with the reason, and the exit code is
 * 0. Where it is asked to compare, a ratio that got worse than it may ends it with 1. Each part is a process of its own with
 * a bound: what hangs is ended, with all that it has started, and the others go on.
 */
import { fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { compared, type Earlier, earlierOf, isWorse, keptOf } from './compare.ts';
import { machine } from './machine.ts';
import { page } from './page.ts';
import type { Order, Told } from './part.ts';
import { AMOUNTS, BOUNDS, PARTS, type Part, type Plan } from './plan.ts';
import { isBusy, type Results, type Section, unmeasured } from './result.ts';
import { monotonicMs, ROOT } from './rig.ts';
import { table } from './table.ts';

/** The ratios that the tower had when somebody last kept them. */
const REFERENCE = 'bench/reference.json';

interface Flags {
  readonly quick?: true;
  readonly full?: true;
  readonly only?: readonly Part[];
  readonly rows?: number;
  readonly seed: string;
  readonly out: string;
  readonly json?: true;
  readonly profile?: true;
  readonly against?: string;
  readonly guard?: true;
  readonly keep?: string;
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('must be a whole number from 1.');
  return value;
}

const partsOf = (text: string): readonly Part[] =>
  text.split(',').map((name) => {
    const part = PARTS.find((known) => known === name.trim());
    if (part === undefined) throw new InvalidArgumentError(`must be some of ${PARTS.join(',')}.`);
    return part;
  });

const flags: Flags = new Command('bench')
  .description('Measures the tower as a process of its own; takes a few minutes. --full takes half an hour and 30 GB.')
  .option('--quick', 'a rough look, in about a minute')
  .option('--full', 'ten million journaled orders, 100,000 waiting files to the last one, the budget of the contract')
  .option('--only <parts>', `some of ${PARTS.join(',')}`, partsOf)
  .option('--rows <n>', 'finished orders in the longest journal', whole)
  .option('--seed <text>', 'what the jitter between orders is drawn from', 'bench')
  .option('--out <folder>', 'where bench.json and bench.html are written', 'bench-results')
  .option('--json', 'print the JSON instead of the table')
  .option('--against <file>', 'compare the ratios with those of an earlier bench.json; exit code 1 when one got worse')
  .option('--guard', `the same, with ${REFERENCE}`)
  .option('--keep <file>', 'write the ratios down for later runs to be compared with')
  .option('--profile', 'leave processor profiles of the tower (.cpuprofile) in the current folder')
  .parse()
  .opts();

const began = monotonicMs();
const seconds = (): number => Math.round((monotonicMs() - began) / 1000);
const size = flags.full ? 'full' : flags.quick ? 'quick' : 'normal';
const amounts = AMOUNTS[size];
const parts = PARTS.filter((part) => flags.only?.includes(part) ?? true);
const bounds = BOUNDS[size];
/** Ratios of a longer journal are others. */
const sizeName = flags.rows === undefined ? size : `${size}, ${flags.rows} rows`;

/** The run to compare with, read before anything is measured. */
function earlier(): { readonly file: string; readonly run: Earlier } | null {
  const file = flags.against ?? (flags.guard ? join(ROOT, REFERENCE) : null);
  if (file === null) return null;
  try {
    return { file, run: earlierOf(readFileSync(file, 'utf8'), sizeName) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(
      `${file} cannot be compared with: ${reason}. Name a bench.json of a run with the same flags, or make one with --keep.\n`,
    );
    process.exit(2);
  }
}
const before = earlier();
const plan: Omit<Plan, 'say'> = {
  ...amounts,
  ...(flags.rows === undefined ? {} : { rows: [amounts.rows[0] ?? 1000, flags.rows] }),
  size,
  seed: flags.seed,
  profile: flags.profile === true,
};
const say = (part: Part, text: string): void =>
  void process.stderr.write(
    `${String(seconds()).padStart(5)} s  ${parts.indexOf(part) + 1}/${parts.length} ${part}: ${text}\n`,
  );

/** A part and everything that it starts: a group of processes, and one folder for all its files. */
async function measured(name: Part): Promise<Section> {
  // Parts that were asked for one by one share no time.
  const left = flags.only === undefined ? bounds.all - seconds() : bounds[name];
  const bound = Math.min(bounds[name], left);
  if (bound < 5) return unmeasured(name, `no time was left: the whole may take ${bounds.all} s`);
  const temps = mkdtempSync(join(tmpdir(), 'bench-part-'));
  const child = fork(fileURLToPath(new URL('./part.ts', import.meta.url)), {
    detached: true,
    env: { ...process.env, TMPDIR: temps },
  });
  const end = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // Nobody of the group is left.
    }
    rmSync(temps, { recursive: true, force: true, maxRetries: 10 });
  };
  process.once('exit', end);
  try {
    return await new Promise<Section>((resolve) => {
      const timer = setTimeout(
        () => resolve(unmeasured(name, `it was ended after ${Math.round(bound)} s`)),
        bound * 1000,
      );
      const done = (section: Section): void => {
        clearTimeout(timer);
        resolve(section);
      };
      child.on('message', ({ say: text, section }: Told) => {
        if (text !== undefined) say(name, text);
        if (section !== undefined) done(section);
      });
      child.once('error', (error) => done(unmeasured(name, error.message)));
      child.once('exit', (code, signal) => done(unmeasured(name, `it ended by itself (${signal ?? code})`)));
      const order: Order = { name, plan };
      child.send(order);
    });
  } finally {
    process.off('exit', end);
    end();
  }
}

process.once('SIGTERM', () => process.exit(143));
process.once('SIGINT', () => process.exit(130));
const loadBefore = loadavg();
const sections: Section[] = [];
for (const name of parts) {
  const section = await measured(name);
  if (section.fault !== undefined) say(name, `could not be measured: ${section.fault}`);
  sections.push(section);
}
const measuredAll: Results = {
  bench: 'tower',
  at: new Date().toISOString(),
  seconds: seconds(),
  seed: flags.seed,
  size: sizeName,
  machine: machine(loadBefore),
  busy: { load: loadBefore[0] ?? 0, processors: availableParallelism() },
  sections,
};
const against = before === null ? null : compared(before.file, before.run, measuredAll);
const results: Results = against === null ? measuredAll : { ...measuredAll, against };
const out = resolve(flags.out);
mkdirSync(out, { recursive: true });
const json = JSON.stringify(results, null, 1);
writeFileSync(join(out, 'bench.json'), `${json}\n`);
writeFileSync(join(out, 'bench.html'), page(results));
/** Why the ratios of this run are not to be kept; null when they are. */
function unfit(): string | null {
  if (sections.some(({ fault }) => fault !== undefined)) return 'a part could not be measured';
  return isBusy(results) ? 'the machine had other work, which moves ratios as well' : null;
}
const fault = flags.keep === undefined ? null : unfit();
if (flags.keep !== undefined && fault === null)
  writeFileSync(flags.keep, `${JSON.stringify(keptOf(results), null, 2)}\n`);
console.log(flags.json ? json : table(results).join('\n'));
process.stderr.write(`${join(out, 'bench.json')}\n${join(out, 'bench.html')}\n`);
if (fault !== null) process.stderr.write(`${flags.keep} is not written: ${fault}. Run it again on an idle machine.\n`);
process.exit(fault !== null || (against !== null && isWorse(against)) ? 1 : 0);
