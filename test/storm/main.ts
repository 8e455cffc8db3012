/**
 * `npm run storm`: seeds in a row, many at once, or one again. `--seed N [--trace]`, `--runs K [--from N] [--jobs J]`.
 * Must end with a status that is not 0 when a single seed fails, and print how to see it again.
 */
import { parseArgs } from 'node:util';
import { report, runMany, type Totals } from './many.ts';
import { runSeed, type SeedResult, watchRejections } from './storm.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    runs: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '1' },
    'keep-going': { type: 'boolean', default: false },
  },
});

const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

watchRejections();

if (values.seed !== undefined) {
  const first = await runSeed(Number(values.seed), { trace: true });
  const second = await runSeed(Number(values.seed), { trace: false });
  if (values.trace || first.violations.length > 0) for (const line of first.trace) print(line);
  print(JSON.stringify(first.plan));
  print(JSON.stringify(first.figures));
  for (const { invariant, text } of first.violations) print(`${invariant}: ${text}`);
  print(`seed ${values.seed}: ${first.violations.length === 0 ? 'holds' : 'FAILS'}, hash ${first.hash}`);
  if (first.hash !== second.hash) print(`NOT REPEATABLE: the second run has hash ${second.hash}`);
  process.exitCode = first.violations.length === 0 && first.hash === second.hash ? 0 : 1;
} else {
  const started = performance.now();
  const totals: Totals = await runMany({
    from: Number(values.from),
    runs: Number(values.runs),
    keepsGoing: values['keep-going'],
    failed: (result: SeedResult) => print(report(result)),
    progress: (totalsSoFar) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${totalsSoFar.seeds} seeds`);
    },
  });
  const seconds = (performance.now() - started) / 1000;
  print(totals.text(seconds));
  process.exitCode = totals.failures === 0 ? 0 : 1;
}
