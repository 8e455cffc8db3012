/**
 * Reads hostile inputs as the tower does, in a thread of its own: whoever watches it sees a hang, and can go on behind it.
 * Must never send anything.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { ERRORS, type ErrorCode, type Problem } from '../../src/order/errors.ts';
import { parseName } from '../../src/order/name.ts';
import { completeness, parse } from '../../src/order/parse.ts';
import { RECEIVED } from '../bad-input/catalogue.ts';
import type { Job, Tally } from './fuzz.ts';
import { HUSH, type Input, inputOf, isSurelyBad } from './inputs.ts';

const { seed, from, to, at } = workerData as Job;
const place = new BigInt64Array(at);
const tally: Tally = {
  inputs: 0,
  answers: 0,
  accepted: 0,
  crashes: 0,
  requests: 0,
  canaries: 0,
  slowestMs: 0,
  wrong: [],
};

/** What a person's terminal or another reader would obey. */
const UNSAFE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

const wrong = (index: number, what: string): void => {
  if (tally.wrong.length < 20) tally.wrong.push(`input ${index} of seed ${seed}: ${what}`);
};

function judgeProblems(index: number, problems: readonly Problem[]): void {
  tally.answers++;
  if (problems.length === 0) wrong(index, 'refused without a problem');
  for (const { code, message, field, got, hint } of problems) {
    if (!ERRORS.has(code as ErrorCode)) wrong(index, `${code} is not in the table`);
    const shown = `${message} ${field} ${got} ${hint}`;
    if (UNSAFE.test(shown)) wrong(index, `shows a control character: ${JSON.stringify(shown)}`);
    if (shown.includes(HUSH)) tally.canaries++;
  }
}

function judge(index: number, input: Input): void {
  const name = parseName(input.name);
  if (!name.ok) {
    judgeProblems(index, name.problems);
    return;
  }
  const whole = completeness(input.bytes);
  const result = parse({ fileName: name.name, bytes: input.bytes, receivedAt: RECEIVED });
  if (!result.ok) {
    if (JSON.stringify(result.error).length > 40_000) wrong(index, 'an answer of more than 40,000 characters');
    judgeProblems(index, (result.error.details['problems'] ?? []) as readonly Problem[]);
    return;
  }
  tally.answers++;
  tally.accepted++;
  if (whole !== 'whole') wrong(index, `accepted although ${whole}`);
  // What is accepted is sent.
  if (isSurelyBad(input)) tally.requests++;
}

for (let index = from; index < to; index++) {
  Atomics.store(place, 0, BigInt(index));
  const input = inputOf(seed, index);
  tally.inputs++;
  const began = performance.now();
  try {
    judge(index, input);
  } catch (error) {
    tally.crashes++;
    wrong(index, `threw ${error instanceof Error ? error.stack : String(error)}`);
  }
  tally.slowestMs = Math.max(tally.slowestMs, performance.now() - began);
  if (index % 10_000 === 0) {
    if (Object.keys(Object.prototype).length > 0) wrong(index, 'the prototype of all objects was changed');
    parentPort?.postMessage({ kind: 'progress', done: index - from });
  }
}
parentPort?.postMessage({ kind: 'done', tally });
