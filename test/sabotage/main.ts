/**
 * `npm run sabotage`: builds the tower wrongly on purpose, one way after the other, and sees whether the tests notice.
 * Exits 1 when a single mutant survives, when a catcher fails on the source as it is, or when nothing was tried.
 *
 *   npm run sabotage                              every mutant against its test, and the storm where it must find it too
 *   npm run sabotage -- read-then-unlink 12 7     some of them, by id or number
 *   npm run sabotage -- --tests                   without the storm
 *   npm run sabotage -- --seeds 2000 --jobs 2 --json --out FILE
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Catcher, Mutant } from './mutant.ts';
import { MUTANTS, NOT_APPLICABLE } from './mutants.ts';
import { figuresOf, type Line, lineText, verdictOf } from './report.ts';
import { isOnPath, type Run, runStorm, runTest } from './run.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tests: { type: 'boolean', default: false },
    seeds: { type: 'string', default: '1500' },
    jobs: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    out: { type: 'string' },
  },
});

const fail = (words: string): never => {
  console.error(words);
  process.exit(2);
};
const number = (name: 'seeds' | 'jobs'): number => {
  const value = Number(values[name]);
  return Number.isSafeInteger(value) && value > 0
    ? value
    : fail(`--${name} ${values[name]} must be a whole number from 1`);
};
const seeds = number('seeds');
const isNamed = (mutant: Mutant, name: string): boolean => mutant.id === name || mutant.number === name;
for (const name of positionals) {
  if (!MUTANTS.some((mutant) => isNamed(mutant, name)))
    fail(
      `there is no mutant ${name}; there are ${MUTANTS.map((mutant) => `${mutant.number} ${mutant.id}`).join(', ')}`,
    );
}
const chosen = MUTANTS.filter(
  (mutant) => positionals.length === 0 || positionals.some((name) => isNamed(mutant, name)),
);

interface Job {
  readonly mutant: Mutant;
  readonly catcher: string;
  run(mutant: string | null): Promise<Run>;
}

const nameOf = ({ test, only }: Catcher): string => (only === undefined ? test : `${test} "${only}"`);
const jobs: readonly Job[] = [
  ...chosen.map(
    (mutant): Job => ({
      mutant,
      catcher: nameOf(mutant.catcher),
      run: (id) => runTest(id, mutant.catcher.test, mutant.catcher.only),
    }),
  ),
  ...chosen
    .filter(({ storm }) => storm && !values.tests)
    .map((mutant): Job => ({ mutant, catcher: `storm, at most ${seeds} seeds`, run: (id) => runStorm(id, seeds) })),
];

/** A catcher is tried on the source as it is once, however many mutants it is for. */
const controls = new Map<string, Promise<Run>>();

async function carryOut(job: Job): Promise<Line> {
  const { mutant, catcher } = job;
  const { needs } = mutant.catcher;
  if (needs !== undefined && !isOnPath(needs)) return { mutant, catcher, control: null, run: null, verdict: 'skipped' };
  let control = controls.get(catcher);
  if (control === undefined) {
    control = job.run(null);
    controls.set(catcher, control);
  }
  const known = await control;
  const run = known.verdict === 'passed' ? await job.run(mutant.id) : null;
  return { mutant, catcher, control: known, run, verdict: verdictOf(known, run) };
}

const lines: Line[] = [];
const queue = [...jobs];
await Promise.all(
  Array.from({ length: number('jobs') }, async () => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      const line = await carryOut(job);
      lines.push(line);
      console.error(lineText(line));
    }
  }),
);
lines.sort((a, b) => jobs.findIndex(isOf(a)) - jobs.findIndex(isOf(b)));
function isOf(line: Line): (job: Job) => boolean {
  return ({ mutant, catcher }) => mutant === line.mutant && catcher === line.catcher;
}

const figures = figuresOf(lines);
const json = `${JSON.stringify(figures, null, 2)}\n`;
if (values.out !== undefined) writeFileSync(values.out, json);
if (values.json) process.stdout.write(json);
else {
  const rest = NOT_APPLICABLE.map(
    ({ number: n, name, reason }) => `${n.padStart(4)}  ${name}: not applicable, ${reason}`,
  );
  process.stdout.write(`\n${lines.map(lineText).join('\n')}\n\n${rest.join('\n')}\n\n`);
  process.stdout.write(`caught ${figures.caught} of ${figures.mutants} mutants`);
  if (figures.skipped.length > 0) process.stdout.write(`; skipped ${figures.skipped.join(', ')}`);
  process.stdout.write(figures.survived.length > 0 ? `; NOT CAUGHT: ${figures.survived.join(', ')}\n` : '\n');
}
process.exitCode = figures.mutants > 0 && figures.caught === figures.mutants ? 0 : 1;
