/**
 * Dropping orders at a tower and reading off the clock: one by one at a pace, or all at once. Must never disturb what it
 * measures: nothing is written, listed or asked for between the first drop and the last answer.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { fraction, type Random } from '../../src/lib/random.ts';
import { type Ask, type Counterpart, type Moment, monotonicMs, type Rig, type Staged } from '../rig.ts';

const PACE_MS = 20;
/** Between rounds, so that what the last one left (deleted files, marks) is over. */
const REST_MS = 300;

export interface Paced {
  readonly fileToWire: readonly number[];
  readonly answerToResponse: readonly number[];
  readonly fileToResponse: readonly number[];
}

export const joined = (rounds: readonly Paced[]): Paced => ({
  fileToWire: rounds.flatMap((round) => round.fileToWire),
  answerToResponse: rounds.flatMap((round) => round.answerToResponse),
  fileToResponse: rounds.flatMap((round) => round.fileToResponse),
});

/** One order about every 20 ms, with a jitter from the seed so that nothing falls into step with a timer. */
export async function paced(
  rig: Rig,
  counterpart: Counterpart,
  count: number,
  random: Random,
  ask?: Ask,
): Promise<Paced> {
  await counterpart.take();
  const staged = rig.stage(count, ask);
  await sleep(REST_MS);
  const dropped = new Map<string, number>();
  const done = rig.answers(count);
  let due = monotonicMs();
  for (const { id, file } of staged) {
    due += PACE_MS * (0.75 + fraction(random) / 2);
    await sleep(Math.max(1, due - monotonicMs()));
    dropped.set(id, rig.drop(file));
  }
  await done;
  const moments = new Map((await counterpart.take()).map((moment) => [moment.id, moment]));
  const result = { fileToWire: [] as number[], answerToResponse: [] as number[], fileToResponse: [] as number[] };
  for (const { id, file } of staged) {
    const moment = moments.get(id);
    const drop = dropped.get(id);
    if (drop === undefined) throw new Error(`${id} was not dropped`);
    result.fileToResponse.push(rig.seenAt(file) - drop);
    if (moment === undefined) continue;
    result.fileToWire.push(moment.arrived - drop);
    result.answerToResponse.push(rig.seenAt(file) - moment.answered);
  }
  return result;
}

export interface Burst {
  readonly staged: readonly Staged[];
  readonly moments: readonly Moment[];
  /** Milliseconds from the first drop to each request on the wire, and to each answer; sorted. */
  readonly wireMs: readonly number[];
  readonly answerMs: readonly number[];
  /** Milliseconds from the drop of a file to its answer. */
  readonly tripMs: readonly number[];
  /** Milliseconds from the first drop until everything is archived, and until every answer is final. */
  readonly archivedMs: number;
  readonly finalMs: number;
  readonly cpuSecondsPer1000: number;
}

/** All at once. Resolves when everything is answered, archived and final. */
export async function burst(
  rig: Rig,
  counterpart: Counterpart,
  count: number,
  ask?: Ask | ((index: number) => Ask),
): Promise<Burst> {
  await counterpart.take();
  const staged = rig.stage(count, ask);
  await sleep(REST_MS);
  const archived = rig.archived();
  const done = rig.answers(count);
  const cpu = rig.cpuSeconds();
  const began = monotonicMs();
  const dropped = staged.map(({ file }) => rig.drop(file));
  await done;
  while (rig.archived() < archived + count) await sleep(2);
  const archivedMs = monotonicMs() - began;
  await rig.final(staged);
  const finalMs = monotonicMs() - began;
  await sleep(REST_MS);
  const cpuSecondsPer1000 = ((rig.cpuSeconds() - cpu) / count) * 1000;
  const moments = await counterpart.take();
  const sorted = (values: readonly number[]): readonly number[] => values.toSorted((a, b) => a - b);
  return {
    staged,
    moments,
    wireMs: sorted(moments.map(({ arrived }) => arrived - began)),
    answerMs: sorted(staged.map(({ file }) => rig.seenAt(file) - began)),
    tripMs: staged.map(({ file }, index) => rig.seenAt(file) - (dropped[index] ?? began)),
    archivedMs,
    finalMs,
    cpuSecondsPer1000,
  };
}

export const perSecond = (count: number, ms: number): number => (count / ms) * 1000;
