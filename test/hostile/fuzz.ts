/**
 * Fuzzing of the reader: hostile inputs by the hundred thousand, in a thread that is watched. Must never call a run clean that
 * did not get through.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

export interface Tally {
  inputs: number;
  answers: number;
  /** Inputs that were right after all, or became right by chance. */
  accepted: number;
  crashes: number;
  /** Inputs that would have been sent although they can be no order. */
  requests: number;
  canaries: number;
  slowestMs: number;
  readonly wrong: string[];
}

export interface Job {
  readonly seed: string;
  readonly from: number;
  readonly to: number;
  /** Where the worker is. */
  readonly at: SharedArrayBuffer;
}

/** An input that takes so long is a hang. */
const HANG_MS = 15_000;

export interface Fuzzed extends Tally {
  hangs: number;
}

/** Runs inputs `0` to `runs` of the seed. `progress` hears how many are done. */
export async function fuzz(seed: string, runs: number, progress: (done: number) => void): Promise<Fuzzed> {
  const sum: Fuzzed = {
    ...{ inputs: 0, answers: 0, accepted: 0, crashes: 0, requests: 0, canaries: 0, slowestMs: 0, hangs: 0 },
    wrong: [],
  };
  for (let from = 0; from < runs; ) {
    const at = new SharedArrayBuffer(8);
    const job: Job = { seed, from, to: runs, at };
    const end = await stretch(job, (done) => progress(done + job.from));
    if ('tally' in end) {
      add(sum, end.tally);
      break;
    }
    // What the stretch had counted is lost with it: done again up to the input that hangs, which counts as one without answer.
    const again = await stretch({ ...job, to: end.hangsAt }, () => {});
    if (!('tally' in again)) throw new Error(`input ${again.hangsAt} hangs now and then`);
    add(sum, again.tally);
    sum.inputs++;
    sum.hangs++;
    sum.wrong.push(`input ${end.hangsAt} of seed ${seed}: hangs`);
    from = end.hangsAt + 1;
  }
  return sum;
}

function add(sum: Fuzzed, part: Tally): void {
  sum.inputs += part.inputs;
  sum.answers += part.answers;
  sum.accepted += part.accepted;
  sum.crashes += part.crashes;
  sum.requests += part.requests;
  sum.canaries += part.canaries;
  sum.slowestMs = Math.max(sum.slowestMs, part.slowestMs);
  sum.wrong.push(...part.wrong);
}

type End = { readonly tally: Tally } | { readonly hangsAt: number };

async function stretch(job: Job, progress: (done: number) => void): Promise<End> {
  const worker = new Worker(new URL('./fuzz-worker.ts', import.meta.url), { workerData: job });
  const place = new BigInt64Array(job.at);
  let tally: Tally | null = null;
  worker.on('message', (message: { kind: 'progress'; done: number } | { kind: 'done'; tally: Tally }) => {
    if (message.kind === 'progress') progress(message.done);
    else tally = message.tally;
  });
  let last = -1n;
  let since = performance.now();
  let isHung = false;
  const watch = setInterval(() => {
    const now = Atomics.load(place, 0);
    if (now !== last) {
      last = now;
      since = performance.now();
    } else if (performance.now() - since > HANG_MS) {
      isHung = true;
      worker.terminate().catch(() => {});
    }
  }, 500);
  await once(worker, 'exit');
  clearInterval(watch);
  if (tally !== null) return { tally };
  if (isHung) return { hangsAt: Number(last) };
  throw new Error(`the worker ended at input ${Atomics.load(place, 0)} of seed ${job.seed} without a word`);
}
