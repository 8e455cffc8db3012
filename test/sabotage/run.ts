/**
 * Runs one catcher in a process of its own, with a mutant or without. Must never call a build caught that did not run:
 * a process that fails without a failed test is broken, not caught.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { ROOT } from './text.ts';

const HOOK = new URL('./hook.ts', import.meta.url).href;
const REPORTER = new URL('./reporter.ts', import.meta.url).href;
const NODE = process.execPath;

export interface Run {
  /** `failed`: a test said no. `hung`: it had to be ended. `broken`: it ended badly, and no test said why. */
  readonly verdict: 'passed' | 'failed' | 'hung' | 'broken';
  /** What the first failed test, or the broken process, said. */
  readonly said: string;
  readonly seconds: number;
}

export interface RunOptions {
  /** Null: the source as it is. */
  readonly mutant: string | null;
  readonly args: readonly string[];
  readonly limitMs: number;
  readonly env?: Readonly<Record<string, string>>;
  /** The verdict on what it printed, once it has ended by itself. */
  judge(output: string, code: number | null): Omit<Run, 'seconds'>;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export function run({ mutant, args, limitMs, judge, env: more }: RunOptions): Promise<Run> {
  // A child of a test runner would report to that runner instead of to us.
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: options = '', ...env } = process.env;
  const startedAt = performance.now();
  const child = spawn(NODE, [...args], {
    cwd: ROOT,
    env: {
      ...env,
      TOWER_TEST: '1',
      ...(mutant === null ? {} : { TOWER_SABOTAGE: mutant, NODE_OPTIONS: `${options} --import ${HOOK}`.trim() }),
      ...more,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let output = '';
  const take = (chunk: Buffer): void => {
    if (output.length < 1_000_000) output += chunk.toString('utf8');
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  let hung = false;
  const timer = setTimeout(() => {
    hung = true;
    child.kill('SIGKILL');
  }, limitMs);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      running.delete(child);
      const seconds = Math.round(performance.now() - startedAt) / 1000;
      if (hung) resolve({ verdict: 'hung', said: `did not end within ${limitMs / 1000} s`, seconds });
      else resolve({ ...judge(output, code), seconds });
    });
  });
}

/** What a mutant that cannot even be loaded, or breaks in its own text, makes a test say. */
const NOT_A_CATCH =
  /SyntaxError|ReferenceError|\bis not (?:defined|a function)\b|ERR_MODULE_NOT_FOUND|\bmutant\b.* occurs /;

export function runTest(mutant: string | null, test: string, only: string | undefined): Promise<Run> {
  return run({
    mutant,
    args: [
      '--test-force-exit',
      `--test-reporter=${REPORTER}`,
      '--test-reporter-destination=stdout',
      ...(only === undefined ? [] : [`--test-name-pattern=${only}`]),
      test,
    ],
    limitMs: 60_000,
    judge(output, code) {
      const said = /^FAILED (.*)$/m.exec(output)?.[1] ?? '';
      const passed = Number(/^PASSED (\d+)$/m.exec(output)?.[1] ?? 0);
      if (said !== '' && !NOT_A_CATCH.test(said)) return { verdict: 'failed', said };
      if (code === 0 && passed > 0) return { verdict: 'passed', said: `${passed} passed` };
      const why = said || lastLines(output);
      return { verdict: 'broken', said: passed === 0 && code === 0 ? 'no test ran' : why };
    },
  });
}

/** Seeds of the storm, one after the other until one fails. */
export function runStorm(mutant: string | null, seeds: number): Promise<Run> {
  return run({
    mutant,
    args: ['test/storm/main.ts', '--from', '1', '--runs', String(seeds)],
    limitMs: 30_000 + seeds * 1000,
    judge(output, code) {
      const [, seed, first = ''] = /^seed (\d+) FAILS\n\s*(.*)$/m.exec(output) ?? [];
      if (seed !== undefined && !NOT_A_CATCH.test(first)) {
        return { verdict: 'failed', said: `seed ${seed}: ${first}` };
      }
      if (code === 0) return { verdict: 'passed', said: `${seeds} seeds hold` };
      return { verdict: 'broken', said: first || lastLines(output) };
    },
  });
}

const lastLines = (output: string): string =>
  /^\w*Error: .*$/m.exec(output)?.[0] ?? output.trim().split('\n').slice(-3).join(' ').slice(-300);

export const isOnPath = (program: string): boolean => spawnSync('which', [program]).status === 0;
