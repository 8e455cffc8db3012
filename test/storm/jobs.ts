/** Many seeds in several processes: each takes a share, and tells its totals and failures in lines of JSON. Must lose none. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Totals, type TotalsJson } from './many.ts';

/** What a share tells its parent, one line each. */
export type Word =
  | { readonly kind: 'totals'; readonly totals: TotalsJson }
  | { readonly kind: 'failed'; readonly seed: number; readonly text: string };

export interface JobsOptions {
  readonly from: number;
  readonly runs: number;
  readonly jobs: number;
  /** Further arguments for every share. */
  readonly more: readonly string[];
  failed(word: Extract<Word, { kind: 'failed' }>): void;
  progress(totals: Totals): void;
}

/** Resolves with the sum of all shares. Rejects when one of them ends before its time. */
export async function runJobs(options: JobsOptions): Promise<Totals> {
  const { from, runs, jobs } = options;
  const newest: Totals[] = [];
  const sum = (): Totals => newest.reduce((all, one) => all.plus(one), new Totals());
  const size = Math.ceil(runs / jobs);
  await Promise.all(
    Array.from({ length: jobs }, (_, index) => {
      const first = from + index * size;
      const count = Math.max(0, Math.min(size, from + runs - first));
      const args = ['--from', String(first), '--runs', String(count), '--share', ...options.more];
      const child = spawn(process.execPath, [fileURLToPath(new URL('main.ts', import.meta.url)), ...args], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      return told(child, (word) => {
        if (word.kind === 'failed') options.failed(word);
        else {
          newest[index] = Totals.from(word.totals);
          options.progress(sum());
        }
      });
    }),
  );
  return sum();
}

function told(child: ChildProcess, hear: (word: Word) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let rest = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') hear(JSON.parse(line) as Word);
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0 || code === 1) resolve();
      else reject(new Error(`a share of the seeds ended with ${code}`));
    });
  });
}
