/**
 * A small explicit-state model checker: visits every state a model can reach, breadth first, so the first violation
 * found has a shortest path. Also tells whether some state can no longer come to rest once nothing fails any more.
 * Must never cut a search short silently: more states than the limit is a broken invariant, not an answer.
 */
import { assert, defined } from '../../src/lib/assert.ts';

export interface Step<State> {
  readonly label: string;
  readonly next: State;
  /** A mishap (crash, loss, refusal). The check for rest follows only the other steps. */
  readonly fault: boolean;
}

export interface Model<State> {
  readonly start: State;
  /** Canonical: equal texts mean equal states. */
  key(state: State): string;
  /** Every step possible from here, always in the same order. */
  steps(state: State): readonly Step<State>[];
  /** What is wrong with this state, or null. */
  violation(state: State): string | null;
  /** Nothing is owed any more: what was published is final. */
  atRest(state: State): boolean;
  /** One short line for the trace. */
  describe(state: State): string;
}

interface Finding {
  readonly what: string;
  /** A shortest way there, one line per step. */
  readonly trace: readonly string[];
}

export interface Verdict {
  readonly states: number;
  /** Steps to the farthest state visited. */
  readonly depth: number;
  readonly violation: Finding | null;
  /** A state from which no fault-free way leads to rest; looked for only where nothing is violated. */
  readonly stuck: Finding | null;
}

/** Searches until the first violation, or through the whole space. Throws when there are more than `limit` states. */
export function explore<State>(model: Model<State>, limit = 2_000_000): Verdict {
  const ids = new Map<string, number>([[model.key(model.start), 0]]);
  const parents: number[] = [-1];
  const stepIndexes: number[] = [-1];
  const resting: number[] = model.atRest(model.start) ? [0] : [];
  // The fault-free steps as pairs of state numbers.
  const from: number[] = [];
  const to: number[] = [];
  const finding = (what: string, id: number): Finding => ({ what, trace: replay(model, parents, stepIndexes, id) });

  const startsWrong = model.violation(model.start);
  if (startsWrong !== null) return { states: 1, depth: 0, violation: finding(startsWrong, 0), stuck: null };

  let level: State[] = [model.start];
  let firstId = 0;
  let depth = 0;
  for (;;) {
    const found: State[] = [];
    for (const [offset, state] of level.entries()) {
      for (const [index, step] of model.steps(state).entries()) {
        const key = model.key(step.next);
        let id = ids.get(key);
        if (id === undefined) {
          id = ids.size;
          assert(id < limit, `the model has more than ${limit} states`);
          ids.set(key, id);
          parents.push(firstId + offset);
          stepIndexes.push(index);
          const what = model.violation(step.next);
          if (what !== null) {
            return { states: ids.size, depth: depth + 1, violation: finding(what, id), stuck: null };
          }
          if (model.atRest(step.next)) resting.push(id);
          found.push(step.next);
        }
        if (!step.fault) {
          from.push(firstId + offset);
          to.push(id);
        }
      }
    }
    if (found.length === 0) break;
    firstId += level.length;
    level = found;
    depth += 1;
  }
  const lost = cannotReach(ids.size, from, to, resting);
  return {
    states: ids.size,
    depth,
    violation: null,
    stuck: lost === null ? null : finding('nothing leads to rest from here', lost),
  };
}

/** The lowest state number from which no path of the given edges leads to a goal; null when all do. */
function cannotReach(
  count: number,
  from: readonly number[],
  to: readonly number[],
  goals: readonly number[],
): number | null {
  // The edges backwards, sorted by target: the sources of target t stand at starts[t] … starts[t + 1].
  const starts = new Int32Array(count + 1);
  for (const target of to) starts[target + 1] = defined(starts[target + 1], 'count') + 1;
  for (let i = 0; i < count; i++) starts[i + 1] = defined(starts[i + 1], 'start') + defined(starts[i], 'start');
  const fill = starts.slice();
  const sources = new Int32Array(to.length);
  for (const [edge, target] of to.entries()) {
    const place = defined(fill[target], 'place');
    sources[place] = defined(from[edge], 'source');
    fill[target] = place + 1;
  }
  const reaches = new Uint8Array(count);
  const queue = [...goals];
  for (const goal of goals) reaches[goal] = 1;
  for (let target = queue.pop(); target !== undefined; target = queue.pop()) {
    for (const source of sources.subarray(starts[target], starts[target + 1])) {
      if (reaches[source] === 1) continue;
      reaches[source] = 1;
      queue.push(source);
    }
  }
  const lost = reaches.indexOf(0);
  return lost === -1 ? null : lost;
}

/** Walks again from the start to a state, since only the steps were kept. */
function replay<State>(
  model: Model<State>,
  parents: readonly number[],
  stepIndexes: readonly number[],
  id: number,
): readonly string[] {
  const path: number[] = [];
  for (let at = id; at > 0; at = defined(parents[at], 'parent')) path.push(defined(stepIndexes[at], 'step'));
  let state = model.start;
  return path.reverse().map((index, i) => {
    const step = defined(model.steps(state)[index], 'step of a repeatable model');
    state = step.next;
    return `${String(i + 1).padStart(3)}. ${step.label.padEnd(66)} ${model.describe(state)}`;
  });
}
