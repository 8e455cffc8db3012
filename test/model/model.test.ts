/**
 * The tower's rules for sending, cancelling and replacing, checked in every order of events that the models can bring
 * about. The rules as planned hold; each known mistake is found, so a model that has gone blind fails here.
 * `node --test-reporter=spec test/model/model.test.ts` shows the number of states and a shortest way to each mistake.
 */
import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { explore, type Model, type Verdict } from './checker.ts';
import {
  REPLACE_PLAN,
  REPLACE_WORLD,
  type ReplaceRules,
  type ReplaceWorld,
  type ReplaceWrong,
  replaceModel,
} from './replace-model.ts';
import { towerModel } from './tower-model.ts';
import { PLAN, type Rules, WORLD, type World, type Wrong } from './tower-rules.ts';

interface Row<Rule, Place, Fault> {
  readonly name: string;
  /** Where the tower differs from the plan. */
  readonly rules?: Partial<Rule>;
  readonly world?: Partial<Place>;
  /** What must be found; absent for a row in which nothing may be wrong and rest is always within reach. */
  readonly finds?: Fault | 'no rest';
  /** All that is looked for, where that is not everything. */
  readonly only?: readonly Fault[];
}

// The promise "there is and will be no order" assumes one journal per account, so twins are asked about orders only.
const ORDERS_ONLY: readonly Wrong[] = ['two orders', 'accepted without an order'];
const TWINS = { towers: 2, cancels: false, attemptsMax: 2 } as const;

const towerRows: readonly Row<Rules, World, Wrong>[] = [
  { name: 'the plan' },
  { name: 'the plan; the broker checks buying power first', world: { broker: 'power_first' } },
  { name: 'the plan; refused orders use up their id', world: { refusalBurnsId: true } },
  { name: 'the plan, looking up only; ids not unique', rules: { resend: false }, world: { broker: 'not_unique' } },
  { name: 'the plan, looking up only; ids taken late', rules: { resend: false }, world: { broker: 'unique_late' } },
  { name: 'the plan; journal lost once', world: { journalLoss: 'file_from_agent' } },
  {
    name: 'the plan; journal lost once, buying power first, refused orders use up their id',
    world: { journalLoss: 'file_from_agent', broker: 'power_first', refusalBurnsId: true },
  },
  {
    name: 'the plan, looking up only; journal lost once, ids not unique',
    rules: { resend: false },
    world: { journalLoss: 'file_from_agent', broker: 'not_unique' },
  },
  { name: 'the plan; journal lost once, file back from a backup', world: { journalLoss: 'file_from_backup' } },
  { name: 'the plan; twin towers', world: TWINS, only: ORDERS_ONLY },

  // What the plan rests on: without it the promises fall.
  { name: 'a copy outlives the longest delay', world: { delayBounded: false }, finds: 'false statement' },
  { name: 'look-ups lag for more than a minute', world: { lagBounded: false }, finds: 'false statement' },
  { name: 'a 429 after the order was taken', world: { busyIsUnread: false }, finds: 'false statement' },
  { name: 'twin towers, statements judged too', world: TWINS, finds: 'false statement' },
  { name: 'resend; ids taken late', world: { broker: 'unique_late' }, finds: 'two orders' },
  { name: 'resend; ids not unique', world: { broker: 'not_unique' }, finds: 'two orders' },
  {
    name: 'twin towers, looking up only; ids not unique',
    rules: { resend: false },
    world: { ...TWINS, broker: 'not_unique' },
    finds: 'two orders',
    only: ORDERS_ONLY,
  },

  // Mistakes in sending.
  { name: 'nothing found means rejected', rules: { notFound: 'means_rejected' }, finds: 'false statement' },
  { name: 'a refusal in doubt is final', rules: { refusalInDoubt: 'is_final' }, finds: 'false statement' },
  {
    name: 'a refusal in doubt is final; buying power first',
    rules: { refusalInDoubt: 'is_final' },
    world: { broker: 'power_first' },
    finds: 'false statement',
  },
  { name: 'a duplicate means rejected', rules: { duplicate: 'means_rejected' }, finds: 'false statement' },
  {
    name: 'a duplicate means accepted; refused orders use up their id',
    rules: { duplicate: 'means_accepted' },
    world: { refusalBurnsId: true },
    finds: 'accepted without an order',
  },
  { name: 'a 504 means rejected', rules: { serverError: 'means_rejected' }, finds: 'false statement' },
  { name: 'a timeout means unsent', rules: { timeout: 'means_unsent' }, finds: 'false statement' },
  { name: 'a new id per attempt', rules: { orderId: 'new_per_attempt' }, finds: 'two orders' },
  {
    name: 'a 504 is sent anew under a new id',
    rules: { orderId: 'new_per_attempt', serverError: 'send_anew' },
    finds: 'two orders',
    only: ['two orders'],
  },
  { name: 'a 504 is sent anew, the doubt forgotten', rules: { serverError: 'send_anew' }, finds: 'false statement' },
  { name: 'sent before journaled, same id', rules: { journal: 'after_send' }, finds: 'false statement' },
  {
    name: 'sent before journaled, new id',
    rules: { journal: 'after_send', orderId: 'new_per_attempt' },
    finds: 'two orders',
    only: ['two orders'],
  },
  { name: 'not executed once settled', rules: { notExecuted: 'after_settling' }, finds: 'false statement' },
  {
    name: 'not executed once settled, looking up only',
    rules: { notExecuted: 'after_settling', resend: false },
    world: { broker: 'not_unique' },
    finds: 'false statement',
  },
  {
    name: 'another attempt does not start the longest delay anew',
    rules: { doubtClock: 'first_attempt' },
    finds: 'false statement',
  },
  { name: 'not executed after a single look-up', rules: { lastLookups: 1 }, finds: 'false statement' },
  { name: 'doubt without an end', rules: { notExecuted: 'never' }, finds: 'no rest' },
  {
    name: 'journal lost, started clean',
    rules: { newJournal: 'clean' },
    world: { journalLoss: 'file_from_agent' },
    finds: 'false statement',
  },
  {
    name: 'journal lost, started clean if the broker lists no order of ours',
    rules: { newJournal: 'by_list' },
    world: { journalLoss: 'file_from_agent' },
    finds: 'false statement',
  },
  {
    name: 'journal lost, file back from a backup, old answers ignored',
    rules: { oldAnswers: 'ignored' },
    world: { journalLoss: 'file_from_backup' },
    finds: 'false statement',
  },

  // Mistakes in cancelling.
  {
    name: 'a cancel in doubt is answered as done',
    rules: { cancelInDoubt: 'is_answered_done' },
    finds: 'false cancel',
  },
  { name: 'stage checked before the commit, not in it', rules: { sendGuard: 'before_it' }, finds: 'false cancel' },
  { name: 'cancelled because the DELETE was taken', rules: { cancelled: 'when_taken' }, finds: 'false cancel' },
  { name: 'cancelled because the DELETE was refused', rules: { cancelled: 'when_refused' }, finds: 'false cancel' },
  { name: 'cancelled because the DELETE got no answer', rules: { cancelled: 'when_silent' }, finds: 'false cancel' },
];

const SMALLER = { oldSize: 3, newSize: 2 } as const;

const replaceRows: readonly Row<ReplaceRules, ReplaceWorld, ReplaceWrong>[] = [
  { name: 'the plan, to a larger size' },
  { name: 'the plan, to a smaller size', world: SMALLER },
  { name: 'the plan, larger; refused successors use up their id', world: { refusalBurnsId: true } },
  { name: 'the plan, smaller; refused successors use up their id', world: { ...SMALLER, refusalBurnsId: true } },
  {
    name: 'a refused successor is final; it uses up its id',
    rules: { refusedSuccessor: 'is_final' },
    world: { refusalBurnsId: true },
  },

  { name: 'a copy outlives the longest delay', world: { delayBounded: false }, finds: 'false statement' },
  { name: 'look-ups lag for more than a minute', world: { lagBounded: false }, finds: 'false statement' },
  {
    name: 'a refused successor is final; its id is free again',
    rules: { refusedSuccessor: 'is_final' },
    finds: 'false statement',
  },
  { name: 'a new replacement id per attempt', rules: { replacementId: 'new_per_attempt' }, finds: 'false statement' },
  { name: 'a 200 means replaced', rules: { taken: 'means_replaced' }, finds: 'false statement' },
  { name: 'nothing found means kept', rules: { notFound: 'means_kept' }, finds: 'false statement' },
  { name: 'a refusal in doubt is final', rules: { refusalInDoubt: 'is_final' }, finds: 'false statement' },
  { name: 'kept once settled', rules: { decided: 'after_settling' }, finds: 'false statement' },
  { name: 'kept after a single look-up', rules: { lastLookups: 1 }, finds: 'false statement' },
  { name: 'only the old size counts', rules: { exposure: 'old' }, finds: 'exposure too low' },
  { name: 'only the new size counts', rules: { exposure: 'new' }, world: SMALLER, finds: 'exposure too low' },
  { name: 'cancelled because the old order is gone', rules: { cancelled: 'when_old_is_gone' }, finds: 'false cancel' },
  { name: 'cancel and a new order at once', rules: { method: 'cancel_and_post' }, finds: 'two orders working' },
  {
    name: 'cancel and a new order at once, fills',
    rules: { method: 'cancel_and_post' },
    finds: 'filled too much',
    only: ['filled too much'],
  },
];

/** Runs a row and shows what it found: `N states, depth D: finding`, then the way there. */
function judge<State>(model: Model<State>, expected: string | undefined, show: (line: string) => void): void {
  const verdict = explore(model);
  const found = verdict.violation?.what ?? (verdict.stuck === null ? undefined : 'no rest');
  const lines = [`${summary(verdict)}: ${found ?? 'no violation'}`, ...wayThere(verdict)];
  equal(found, expected, lines.join('\n'));
  for (const line of lines) show(line);
}

const summary = ({ states, depth }: Verdict): string => `${states} states, depth ${depth}`;
const wayThere = ({ violation, stuck }: Verdict): readonly string[] => (violation ?? stuck)?.trace ?? [];

for (const { name, rules, world, finds, only } of towerRows) {
  test(`order: ${name}: ${finds ?? 'no violation'}`, (t) => {
    const model = towerModel({ ...PLAN, ...rules }, { ...WORLD, ...world }, only);
    judge(model, finds, (line) => t.diagnostic(line));
  });
}

for (const { name, rules, world, finds, only } of replaceRows) {
  test(`replace: ${name}: ${finds ?? 'no violation'}`, (t) => {
    const model = replaceModel({ ...REPLACE_PLAN, ...rules }, { ...REPLACE_WORLD, ...world }, only);
    judge(model, finds, (line) => t.diagnostic(line));
  });
}

/** Every change from one stage to another that a model can make, sorted. */
function moves<State>(model: Model<State>, stage: (state: State) => string | undefined): readonly string[] {
  const seen = new Set<string>();
  const steps = (state: State): ReturnType<Model<State>['steps']> => {
    const found = model.steps(state);
    for (const { next } of found) if (stage(state) !== stage(next)) seen.add(`${stage(state)} > ${stage(next)}`);
    return found;
  };
  equal(explore({ ...model, steps }).violation, null);
  return [...seen].sort();
}

test('the plan goes through every stage, by these moves and no others', () => {
  deepEqual(
    moves(towerModel(PLAN, WORLD), (state) => state.towers[0]?.stage),
    [
      'admitted > cancelled_unsent',
      'admitted > expired_unsent',
      'admitted > sending',
      'dropped > admitted',
      'in_doubt > not_executed',
      'in_doubt > sending',
      'in_doubt > unresolved',
      'in_doubt > working',
      'sending > admitted',
      'sending > in_doubt',
      'sending > rejected',
      'sending > working',
      'unresolved > not_executed',
      'unresolved > working',
      'working > closed',
    ],
  );
});

test('the plan for a replace goes through every stage, by these moves and no others', () => {
  deepEqual(
    moves(replaceModel(REPLACE_PLAN, REPLACE_WORLD), (state) => state.stage),
    [
      'admitted > kept',
      'admitted > sending',
      'in_doubt > kept',
      'in_doubt > replaced',
      'in_doubt > sending',
      'in_doubt > undecided',
      'sending > admitted',
      'sending > in_doubt',
      'sending > kept',
      'sending > undecided',
      'undecided > in_doubt',
      'undecided > kept',
      'undecided > replaced',
    ],
  );
});

/** A walk over small numbers, for the checker itself. */
function walk(
  next: Readonly<Record<number, readonly number[]>>,
  wrong: number,
  rest: number,
  faults = '',
): Model<number> {
  return {
    start: 0,
    key: String,
    steps: (at) =>
      (next[at] ?? []).map((to) => ({ label: `${at}${to}`, next: to, fault: faults.includes(`${at}${to}`) })),
    violation: (at) => (at === wrong ? 'wrong' : null),
    atRest: (at) => at === rest,
    describe: (at) => `at ${at}`,
  };
}

test('the checker finds a shortest way to a violation', () => {
  const { violation, states } = explore(walk({ 0: [1, 2], 1: [3], 2: [4], 3: [4] }, 4, 0));
  deepEqual(
    violation?.trace.map((line) => line.replace(/ +/g, ' ')),
    [' 1. 02 at 2', ' 2. 24 at 4'],
  );
  equal(states, 5);
});

test('the checker sees a wrong start', () => {
  deepEqual(explore(walk({}, 0, 0)).violation, { what: 'wrong', trace: [] });
});

test('the checker sees where rest is out of reach without faults', () => {
  const edges = { 0: [1, 2], 1: [0, 3], 2: [1] };
  equal(explore(walk(edges, 9, 3)).stuck, null);
  equal(explore(walk(edges, 9, 3, '21')).stuck?.trace.length, 1);
  equal(explore(walk({ 0: [1, 2], 1: [3] }, 9, 3)).stuck?.trace.length, 1);
});

test('the checker refuses to stop half way', () => {
  const endless: Model<number> = { ...walk({}, -1, 0), steps: (at) => [{ label: 'on', next: at + 1, fault: false }] };
  throws(() => explore(endless, 100), /more than 100 states/);
});
