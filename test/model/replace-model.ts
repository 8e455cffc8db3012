/**
 * One replace request (PATCH) on a working order, between tower, network and broker, as a model for the checker.
 * The old order may fill first, the successor may be refused after the 200, copies may arrive late or twice.
 * Must never let the two orders be told apart by anything but what the broker would show.
 *
 * Sizes count what was filled before the replace, as in FIX: a successor of 3 after a fill of 1 can fill 2 more.
 * The simplifications are those of the tower model.
 */
import type { Model, Step } from './checker.ts';

export interface ReplaceRules {
  readonly method: 'patch' | 'cancel_and_post';
  readonly replacementId: 'fixed' | 'new_per_attempt';
  /** What a 200 to the PATCH means. */
  readonly taken: 'undecided' | 'means_replaced';
  readonly notFound: 'tells_nothing' | 'means_kept';
  readonly refusalInDoubt: 'tells_nothing' | 'is_final';
  /** A successor that the broker shows as refused, after more than one attempt. */
  readonly refusedSuccessor: 'tells_nothing' | 'is_final';
  readonly decided: 'after_longest_delay' | 'after_settling';
  readonly lastLookups: 1 | 2;
  /** Which of the two sizes counts towards the limits while the replace is open. */
  readonly exposure: 'larger' | 'old' | 'new';
  /** When a cancel of the order that is being replaced is answered as done. */
  readonly cancelled: 'when_last_is_canceled' | 'when_old_is_gone';
}

export const REPLACE_PLAN: ReplaceRules = {
  method: 'patch',
  replacementId: 'fixed',
  taken: 'undecided',
  notFound: 'tells_nothing',
  refusalInDoubt: 'tells_nothing',
  refusedSuccessor: 'tells_nothing',
  decided: 'after_longest_delay',
  lastLookups: 2,
  exposure: 'larger',
  cancelled: 'when_last_is_canceled',
};

export interface ReplaceWorld {
  /** Whole units. */
  readonly oldSize: number;
  readonly newSize: number;
  /** Does a successor that was refused keep its id? */
  readonly refusalBurnsId: boolean;
  readonly delayBounded: boolean;
  /** Do look-ups find a successor within the minute between the last two of them? */
  readonly lagBounded: boolean;
  readonly attemptsMax: number;
}

export const REPLACE_WORLD: ReplaceWorld = {
  oldSize: 2,
  newSize: 3,
  refusalBurnsId: false,
  delayBounded: true,
  lagBounded: true,
  attemptsMax: 3,
};

export type ReplaceWrong =
  | 'two orders working'
  | 'filled too much'
  | 'false statement'
  | 'exposure too low'
  | 'false cancel';
const ALL_REPLACE_WRONGS: readonly ReplaceWrong[] = [
  'two orders working',
  'filled too much',
  'false statement',
  'exposure too low',
  'false cancel',
];

/** `undecided`: taken by the broker. `kept`: the old order was not replaced and will not be. */
type Stage = 'admitted' | 'sending' | 'in_doubt' | 'undecided' | 'replaced' | 'kept';

interface Old {
  readonly life: 'open' | 'pending_replace' | 'replaced' | 'filled' | 'canceled';
  readonly filled: number;
}

interface Successor {
  readonly id: number;
  readonly life: 'pending' | 'open' | 'rejected' | 'filled' | 'canceled';
  readonly filled: number;
  /** Look-ups may find it. */
  readonly visible: boolean;
}

interface State {
  // In the journal: survives a crash.
  readonly stage: Stage;
  readonly attempts: number;
  /** The replacement id last journaled; a fixed one is 1. */
  readonly id: number;
  readonly doubt: boolean;
  readonly cancel: 'none' | 'asked' | 'yes' | 'no';
  // In memory: a crash takes it.
  readonly sender: 'idle' | 'committed' | 'waiting';
  readonly answer: '' | 'ok' | 'refused' | 'duplicate' | 'busy' | 'server_error';
  readonly waited: 'not' | 'settled' | 'longest_delay' | 'looked_once' | 'a_minute_more';
  // On the way: outlives both.
  /** The id on the copy whose answer is awaited; 0 for none. */
  readonly awaited: number;
  readonly strays: readonly number[];
  readonly deletion: '' | 'of_old' | 'of_new';
  // The world.
  readonly expired: boolean;
  readonly old: Old;
  readonly successors: readonly Successor[];
}

const IDLE = { sender: 'idle', answer: '', waited: 'not', awaited: 0 } as const satisfies Partial<State>;

const isOpen = (successor: Successor): boolean => successor.life === 'open';
const isOld = (old: Old): boolean => old.life === 'open' || old.life === 'pending_replace';
const adrift = (state: State): readonly number[] =>
  state.awaited === 0 ? state.strays : [...state.strays, state.awaited].sort((a, b) => a - b);

export function replaceModel(
  rules: ReplaceRules,
  world: ReplaceWorld,
  wrongs: readonly ReplaceWrong[] = ALL_REPLACE_WRONGS,
): Model<State> {
  const { oldSize, newSize } = world;
  const larger = Math.max(oldSize, newSize);
  const start: State = {
    stage: 'admitted',
    attempts: 0,
    id: 0,
    doubt: false,
    cancel: 'none',
    ...IDLE,
    strays: [],
    deletion: '',
    expired: false,
    old: { life: 'open', filled: 0 },
    successors: [],
  };

  type Move = (label: string, change: Partial<State>, fault?: boolean) => void;

  function steps(state: State): readonly Step<State>[] {
    const found: Step<State>[] = [];
    const move: Move = (label, change, fault = false) => {
      found.push({ label, next: { ...state, ...change }, fault });
    };
    sending(state, move);
    answering(state, move);
    looking(state, move);
    waiting(state, move);
    cancelling(state, move);
    if (state.stage === 'sending') move('crash and restart', toDoubt(state), true);
    else if (state.waited !== 'not') move('crash and restart', { waited: 'not' }, true);
    arriving(state, move);
    trading(state, move);
    return found;
  }

  const toDoubt = (state: State): Partial<State> => ({
    ...IDLE,
    stage: 'in_doubt',
    doubt: true,
    strays: adrift(state),
  });
  const decide = (state: State, stage: 'replaced' | 'kept'): Partial<State> => ({
    ...IDLE,
    stage,
    strays: adrift(state),
  });
  const nextId = (state: State): number => (rules.replacementId === 'fixed' ? 1 : state.id + 1);

  function sending(state: State, move: Move): void {
    if (state.stage === 'admitted') {
      if (state.expired) move('tower: send_by has passed, never sent', { stage: 'kept' });
      const deletion = rules.method === 'patch' ? '' : 'of_old';
      move('tower: journal the attempt', {
        stage: 'sending',
        sender: 'committed',
        attempts: 1,
        id: nextId(state),
        deletion,
      });
    }
    if (state.sender === 'committed') {
      move('tower: PATCH leaves', { sender: 'waiting', awaited: state.id });
      move('network: no connection, no byte left', notSent(state), true);
    }
  }

  const notSent = (state: State): Partial<State> =>
    state.doubt ? toDoubt(state) : { ...IDLE, stage: 'admitted', attempts: 0, id: 0, strays: adrift(state) };

  function answering(state: State, move: Move): void {
    if (state.sender !== 'waiting') return;
    switch (state.answer) {
      case '':
        move('tower: no answer in time, connection closed', toDoubt(state), state.awaited !== 0);
        return;
      case 'ok':
        if (rules.taken === 'undecided')
          move('tower: answer 200, undecided', { ...IDLE, stage: 'undecided', strays: adrift(state) });
        else move('tower: answer 200, replaced', decide(state, 'replaced'));
        break;
      case 'refused':
        if (!state.doubt || rules.refusalInDoubt === 'is_final')
          move('tower: answer 422, final', decide(state, 'kept'));
        else move('tower: answer 422, tells nothing of the earlier copy', toDoubt(state));
        break;
      case 'duplicate':
        move('tower: answer 422 duplicate, look it up', toDoubt(state));
        break;
      case 'busy':
        move('tower: answer 429, not carried out', notSent(state));
        break;
      case 'server_error':
        move('tower: answer 504, in doubt', toDoubt(state));
        break;
    }
    move('network: the answer is lost', { answer: '' }, true);
  }

  /** Both orders are looked up: the successor by its id, the old one by the broker's. An event tells the same sooner. */
  function looking(state: State, move: Move): void {
    if (state.stage !== 'in_doubt' && state.stage !== 'undecided') return;
    const successor = state.successors.findLast(({ id }) => id === state.id);
    switch (successor?.life) {
      case 'open':
      case 'filled':
      case 'canceled':
        move('tower: sees the successor in force', decide(state, 'replaced'));
        break;
      case 'pending':
        if (state.stage === 'in_doubt') move('tower: sees the successor pending', { ...IDLE, stage: 'undecided' });
        break;
      case 'rejected':
        // With one attempt its only copy is used up; with more, another copy may still be on its way.
        if (state.attempts === 1 || rules.refusedSuccessor === 'is_final') {
          move('tower: sees the successor refused, final', decide(state, 'kept'));
        } else if (state.stage === 'undecided') move('tower: sees the successor refused, in doubt', toDoubt(state));
        break;
      case undefined:
        break;
    }
    // No copy can replace an order that has ended by itself.
    if (state.old.life === 'filled' || state.old.life === 'canceled') {
      move(`tower: sees the old order ${state.old.life}`, decide(state, 'kept'));
    }
  }

  function waiting(state: State, move: Move): void {
    if (!state.expired) move('time: send_by passes', { expired: true });
    if (state.stage !== 'in_doubt') return;
    const successor = state.successors.findLast(({ id }) => id === state.id);
    if (state.waited === 'not') move('time: the settle time passes', { waited: 'settled' });
    if (state.waited === 'settled' && (state.strays.length === 0 || !world.delayBounded)) {
      move('time: the longest delay passes', { waited: 'longest_delay' });
    }
    if (state.waited === 'looked_once' && (state.successors.every(({ visible }) => visible) || !world.lagBounded)) {
      move('time: a minute more passes', { waited: 'a_minute_more' });
    }
    if (successor?.visible === true && successor.life !== 'rejected') return;
    if (rules.notFound === 'means_kept') {
      move('tower: look-up finds no successor, final', decide(state, 'kept'));
      return;
    }
    if (state.waited !== 'not' && state.cancel !== 'asked' && !state.expired && state.attempts < world.attemptsMax) {
      const again = { stage: 'sending', sender: 'committed', attempts: state.attempts + 1, id: nextId(state) } as const;
      move('tower: no successor, journal another attempt', { ...again, waited: 'not' });
    }
    const lastLook =
      state.waited === 'a_minute_more' ||
      (state.waited === 'longest_delay' && rules.lastLookups === 1) ||
      (state.waited === 'settled' && rules.decided === 'after_settling');
    // Nothing is decided while the broker shows the old order as being replaced.
    if (lastLook && state.old.life !== 'pending_replace')
      move('tower: no successor, so the old order is kept', decide(state, 'kept'));
    if (!lastLook && state.waited === 'longest_delay')
      move('tower: no successor after the longest delay', { waited: 'looked_once' });
  }

  /** The agent cancels the order that it is replacing: whichever of the two is in force must go. */
  function cancelling(state: State, move: Move): void {
    if (state.cancel === 'none') {
      const withdrawn = state.stage === 'admitted' ? ({ stage: 'kept' } as const) : {};
      move('agent: cancel', { ...withdrawn, cancel: 'asked' });
    }
    if (state.cancel !== 'asked') return;
    const successor = state.successors.findLast(({ id }) => id === state.id);
    const seen = state.stage === 'replaced' ? successor?.life : state.stage === 'kept' ? state.old.life : undefined;
    if (seen === 'canceled') move('tower: sees the last order canceled', { cancel: 'yes' });
    if (seen === 'filled') move('tower: sees the last order filled', { cancel: 'no' });
    // Kept, though somebody else replaced it: not ours to cancel.
    if (seen === 'replaced') move('tower: sees the order replaced by another hand', { cancel: 'no' });
    if (rules.cancelled === 'when_old_is_gone' && (state.old.life === 'replaced' || state.old.life === 'canceled')) {
      move('tower: sees the old order gone, answers cancelled', { cancel: 'yes' });
    }
    if (state.deletion === '') {
      if (state.stage !== 'replaced') move('tower: DELETE of the old order leaves', { deletion: 'of_old' });
      else move('tower: DELETE of the successor leaves', { deletion: 'of_new' });
    }
  }

  /** Copies reach the broker, in any order, or perish. */
  function arriving(state: State, move: Move): void {
    if (state.awaited !== 0) {
      const { verdict, answer, change } = judged(state, state.awaited);
      move(`broker: ${verdict}`, { ...change, awaited: 0, answer });
      if (answer === 'ok') {
        move('broker: takes the PATCH, a gateway answers 504', { ...change, awaited: 0, answer: 'server_error' }, true);
      }
      move('broker: answers 504, takes nothing', { awaited: 0, answer: 'server_error' }, true);
      move('broker: answers 429', { awaited: 0, answer: 'busy' }, true);
      move('broker: refuses the PATCH for another reason', { awaited: 0, answer: 'refused' }, true);
      move('network: the copy perishes', { awaited: 0 }, true);
    }
    for (const [place, id] of state.strays.entries()) {
      if (state.strays[place - 1] === id) continue;
      const strays = state.strays.toSpliced(place, 1);
      const { verdict, change } = judged(state, id);
      move(`broker: ${verdict}, from a stray copy`, { ...change, strays });
      move('network: a stray copy perishes', { strays }, true);
    }
    if (state.deletion === '') return;
    move('network: the DELETE perishes', { deletion: '' }, true);
    const old: Old = state.old.life === 'open' ? { ...state.old, life: 'canceled' } : state.old;
    const successors = state.successors.map((one): Successor => (isOpen(one) ? { ...one, life: 'canceled' } : one));
    if (state.deletion === 'of_old') move('broker: the DELETE of the old order arrives', { deletion: '', old });
    else move('broker: the DELETE of the successor arrives', { deletion: '', successors });
  }

  const idTaken = ({ successors }: State, id: number): boolean =>
    successors.some((one) => one.id === id && (one.life !== 'rejected' || world.refusalBurnsId));

  function judged(state: State, id: number): { verdict: string; answer: State['answer']; change: Partial<State> } {
    if (idTaken(state, id)) {
      return { verdict: 'refuses, the replacement id is taken', answer: 'duplicate', change: {} };
    }
    // A refused attempt under the same id leaves no order behind; the newest one is what look-ups show.
    const others = state.successors.filter((one) => one.id !== id);
    const successor: Successor = { id, life: 'pending', filled: 0, visible: false };
    if (rules.method === 'cancel_and_post') {
      return {
        verdict: 'takes the new order',
        answer: 'ok',
        change: { successors: [...others, { ...successor, life: 'open' }] },
      };
    }
    if (state.old.life !== 'open' || newSize <= state.old.filled) {
      return { verdict: 'refuses, the order cannot be replaced', answer: 'refused', change: {} };
    }
    const change = { old: { ...state.old, life: 'pending_replace' }, successors: [...others, successor] } as const;
    return { verdict: 'takes the PATCH, undecided', answer: 'ok', change };
  }

  /** Fills, ends, and the broker's decision on a replace it has taken. */
  function trading(state: State, move: Move): void {
    const { old, successors } = state;
    const settle = (life: 'open' | 'rejected'): readonly Successor[] =>
      successors.map((one) => (one.life === 'pending' ? { ...one, life } : one));
    if (old.life === 'pending_replace') {
      if (old.filled < newSize) {
        move('broker: the old order is replaced', { old: { ...old, life: 'replaced' }, successors: settle('open') });
      }
      move('broker: the replace is refused after all', {
        old: { ...old, life: 'open' },
        successors: settle('rejected'),
      });
    }
    if (isOld(old)) {
      const filled = old.filled + 1;
      if (filled < oldSize) move('market: the old order fills in part', { old: { ...old, filled } });
      else move('market: the old order is filled', { old: { life: 'filled', filled }, successors: settle('rejected') });
      const ended = { old: { ...old, life: 'canceled' }, successors: settle('rejected') } as const;
      move('broker: the old order ends unfilled', ended);
    }
    for (const [place, one] of successors.entries()) {
      const turn = (label: string, change: Partial<Successor>): void =>
        move(label, { successors: successors.with(place, { ...one, ...change }) });
      if (!one.visible) turn('broker: look-ups now find the successor', { visible: true });
      if (!isOpen(one)) continue;
      const before = rules.method === 'patch' ? old.filled : 0;
      const filled = one.filled + 1;
      if (before + filled < newSize) turn('market: the successor fills in part', { filled });
      else turn('market: the successor is filled', { life: 'filled', filled });
      turn('broker: the successor ends unfilled', { life: 'canceled' });
    }
  }

  function violation(state: State): string | null {
    const { old, successors, stage } = state;
    const wrong = (kind: ReplaceWrong): boolean => wrongs.includes(kind);
    const working = (isOld(old) ? 1 : 0) + successors.filter(isOpen).length;
    if (wrong('two orders working') && working > 1) return 'two orders working';
    const filled = successors.reduce((sum, one) => sum + one.filled, old.filled);
    if (wrong('filled too much') && filled > larger) return 'filled too much';

    const exists = successors.some(({ life }) => life !== 'rejected');
    const canCome = old.life === 'open' && old.filled < newSize && adrift(state).some((id) => !idTaken(state, id));
    if (wrong('false statement')) {
      if (stage === 'kept' && (exists || canCome)) return 'false statement';
      const inForce = successors.some(({ id, life }) => id === state.id && life !== 'rejected' && life !== 'pending');
      if (stage === 'replaced' && !inForce) return 'false statement';
    }
    if (wrong('false cancel') && state.cancel === 'yes') {
      const left = isOld(old) || old.life === 'filled' || canCome;
      if (left || successors.some(({ life }) => life !== 'canceled' && life !== 'rejected')) return 'false cancel';
    }
    if (wrong('exposure too low')) {
      const reachable = Math.max(isOld(old) ? oldSize : 0, exists || canCome ? newSize : 0, filled);
      if (counted(stage) < reachable) return 'exposure too low';
    }
    return null;
  }

  /** The size that the tower counts towards the limits. */
  function counted(stage: Stage): number {
    if (stage === 'admitted' || stage === 'kept') return oldSize;
    if (stage === 'replaced') return newSize;
    return { larger, old: oldSize, new: newSize }[rules.exposure];
  }

  const atRest = ({ stage, cancel }: State): boolean =>
    (stage === 'replaced' || stage === 'kept') && cancel !== 'asked';

  const key = (s: State): string => {
    const successors = s.successors.map((one) => `${one.id}${one.life}${one.filled}${one.visible ? 'v' : ''}`);
    const tower = `${s.stage},${s.attempts}${s.id}${s.doubt ? 'd' : ''}${s.expired ? 'e' : ''},${s.cancel},${s.sender},${s.answer},${s.waited}`;
    return `${tower},${s.awaited}.${s.strays.join('')},${s.deletion}/${s.old.life}${s.old.filled}/${successors.join()}`;
  };

  const describe = (state: State): string => {
    const copies = adrift(state);
    const cancel = state.cancel === 'none' ? '' : `, cancel ${state.cancel}`;
    const tower = `${state.stage}${cancel}${copies.length === 0 ? '' : `, copies ${copies.join(' ')}`}`;
    const old = `old ${state.old.life} ${state.old.filled}/${oldSize}`;
    const successors = state.successors.map((one) => `new ${one.id} ${one.life} ${one.filled}`);
    return `[${[tower, old, ...successors].join(' | ')}]`;
  };

  return { start, key, steps, violation, atRest, describe };
}
