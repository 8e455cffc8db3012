/**
 * One order request between tower, network and broker, as a model for the checker: every order of events that crashes,
 * losses, delays and other people's trades can bring about. Stages carry the names of `src/order/states.ts`.
 * Must never grow softer than the world: an assumption it makes about the broker or the network is a field of `World`.
 *
 * Simplifications, each without loss: a crash and the restart after it are one step, since the world moves on before
 * and after it anyway; receiving an answer and journaling it are one step, since a crash between the two leaves what a
 * lost answer leaves; a look-up that fails is no step, since it tells nothing. What is journaled counts as told.
 */
import type { Model, Step } from './checker.ts';
import { ALL_WRONGS, type Rules, type World, type Wrong } from './tower-rules.ts';

type Stage =
  | 'dropped'
  | 'admitted'
  | 'sending'
  | 'in_doubt'
  | 'unresolved'
  | 'working'
  | 'closed'
  | 'rejected'
  | 'not_executed'
  | 'expired_unsent'
  | 'cancelled_unsent';

/** Stages in which the agent is told that there is no order. */
const SAYS_NO_ORDER: ReadonlySet<Stage> = new Set<Stage>([
  'admitted',
  'expired_unsent',
  'cancelled_unsent',
  'rejected',
  'not_executed',
]);
const FINAL: ReadonlySet<Stage> = new Set<Stage>([
  'closed',
  'rejected',
  'not_executed',
  'expired_unsent',
  'cancelled_unsent',
]);

type Answer = '' | 'ok' | 'refused' | 'duplicate' | 'busy' | 'server_error';

interface Tower {
  // In the journal: survives a crash.
  readonly stage: Stage;
  /** Attempts that may have left. */
  readonly attempts: number;
  /** The order id last journaled; 0 for none. A fixed id is 1. */
  readonly id: number;
  /** An earlier attempt may have arrived. */
  readonly doubt: boolean;
  /** `late` is the tower's own cancel of an order that turned up after it gave up. */
  readonly cancel: 'none' | 'late' | 'asked' | 'yes' | 'no';
  // In memory: a crash takes it.
  readonly sender: 'idle' | 'chosen' | 'committed' | 'waiting';
  readonly answer: Answer;
  /** How long the doubt has lasted on the clock of this run. */
  readonly waited: 'not' | 'settled' | 'longest_delay' | 'looked_once' | 'a_minute_more';
  readonly deletion: '' | 'sent' | 'taken' | 'refused';
  // On the way: outlives both.
  /** The id on the copy whose answer is awaited; 0 for none. */
  readonly awaited: number;
  /** Ids on the copies that nobody awaits any more, in ascending order. */
  readonly strays: readonly number[];
  readonly strayDeletion: boolean;
}

interface Order {
  readonly id: number;
  readonly life: 'open' | 'cancelling' | 'canceled' | 'filled';
  /** Look-ups may find it. */
  readonly visible: boolean;
}

export interface State {
  readonly towers: readonly Tower[];
  /** Enough for one more order; others take it and give it back. */
  readonly power: boolean;
  readonly orders: readonly Order[];
  readonly idBurned: boolean;
  readonly expired: boolean;
  readonly journalLost: boolean;
  /** Told before the journal was lost, and still binding: that there is no order. */
  readonly toldNoOrder: boolean;
}

const FRESH: Tower = {
  stage: 'dropped',
  attempts: 0,
  id: 0,
  doubt: false,
  cancel: 'none',
  sender: 'idle',
  answer: '',
  waited: 'not',
  deletion: '',
  awaited: 0,
  strays: [],
  strayDeletion: false,
};

const IDLE = { sender: 'idle', answer: '', waited: 'not', awaited: 0 } as const satisfies Partial<Tower>;

const flying = (tower: Tower): boolean => tower.awaited !== 0 || tower.strays.length > 0;
const adrift = (tower: Tower): readonly number[] =>
  tower.awaited === 0 ? tower.strays : [...tower.strays, tower.awaited].sort((a, b) => a - b);
const without = (ids: readonly number[], id: number): readonly number[] => ids.toSpliced(ids.indexOf(id), 1);

export function towerModel(rules: Rules, world: World, wrongs: readonly Wrong[] = ALL_WRONGS): Model<State> {
  const start: State = {
    towers: Array.from({ length: world.towers }, () => FRESH),
    power: true,
    orders: [],
    idBurned: false,
    expired: false,
    journalLost: false,
    toldNoOrder: false,
  };

  function steps(state: State): readonly Step<State>[] {
    const found: Step<State>[] = [];
    const add = (label: string, next: State, fault = false): void => {
      found.push({ label, next, fault });
    };
    for (const [place, tower] of state.towers.entries()) {
      const whose = world.towers === 1 ? '' : place === 0 ? ' (first tower)' : ' (second tower)';
      const move = (label: string, change: Partial<Tower>, fault = false, rest: Partial<State> = {}): void =>
        add(
          `${label}${whose}`,
          { ...state, ...rest, towers: state.towers.with(place, { ...tower, ...change }) },
          fault,
        );
      intake(state, tower, move);
      sending(state, tower, move);
      answering(tower, move);
      doubting(state, tower, move);
      following(state, tower, move);
      if (world.cancels) cancelling(tower, move);
      crashing(state, tower, move);
      arriving(state, tower, move);
    }
    environment(state, add);
    return found;
  }

  type Move = (label: string, change: Partial<Tower>, fault?: boolean, rest?: Partial<State>) => void;

  const nextId = (tower: Tower): number =>
    rules.orderId === 'fixed' ? 1 : Math.max(tower.id, ...adrift(tower), 0) + 1;

  function intake(state: State, tower: Tower, move: Move): void {
    if (tower.stage !== 'dropped' || answeredBefore(state)) return;
    const doubtful =
      state.journalLost &&
      (rules.newJournal === 'in_doubt' ||
        (rules.newJournal === 'by_list' && state.orders.some((order) => order.visible)));
    if (doubtful) move('tower: admit, in doubt', { stage: 'in_doubt', doubt: true, id: 1 });
    else move('tower: admit', { stage: 'admitted' });
  }

  const answeredBefore = (state: State): boolean => rules.oldAnswers === 'heeded' && state.toldNoOrder;

  /** From the queue to the wire. The commit before the send is what the rest of the safety hangs on. */
  function sending(state: State, tower: Tower, move: Move): void {
    const commit = { stage: 'sending', sender: 'committed', attempts: tower.attempts + 1, id: nextId(tower) } as const;
    if (tower.stage === 'admitted' && tower.sender === 'idle') {
      if (tower.cancel === 'asked')
        move('tower: cancelled before it was sent', { stage: 'cancelled_unsent', cancel: 'yes' });
      else if (state.expired) move('tower: send_by has passed, never sent', { stage: 'expired_unsent' });
      else if (rules.journal === 'after_send') {
        if (adrift(tower).length >= world.attemptsMax) return;
        const id = rules.orderId === 'fixed' ? 1 : Math.max(0, ...adrift(tower), ...state.orders.map((o) => o.id)) + 1;
        move('tower: POST leaves, not journaled', { sender: 'waiting', awaited: id });
      } else if (rules.sendGuard === 'before_it') move('tower: choose the order to send', { sender: 'chosen' });
      else move('tower: journal the attempt', commit);
    }
    if (tower.sender === 'chosen') move('tower: journal the attempt, stage not checked again', commit);
    if (tower.sender === 'committed') {
      move('tower: POST leaves', { sender: 'waiting', awaited: tower.id });
      move('network: no connection, no byte left', notSent(tower), true);
    }
    if (tower.stage === 'admitted' && tower.sender === 'waiting') {
      const id = tower.awaited === 0 ? Math.max(tower.id, 1) : tower.awaited;
      move('tower: journal the attempt after sending it', { stage: 'sending', attempts: tower.attempts + 1, id });
    }
  }

  const toDoubt = (tower: Tower): Partial<Tower> => ({
    ...IDLE,
    stage: 'in_doubt',
    doubt: true,
    strays: adrift(tower),
    waited: clock(tower),
  });

  /** How long the doubt has lasted once there is another attempt. */
  const clock = (tower: Tower): Tower['waited'] => (rules.doubtClock === 'last_attempt' ? 'not' : tower.waited);

  /** Proven unsent: back to the queue, unless an earlier attempt is still open. */
  const notSent = (tower: Tower): Partial<Tower> =>
    tower.doubt
      ? toDoubt(tower)
      : { ...IDLE, stage: 'admitted', attempts: tower.attempts - 1, id: 0, strays: adrift(tower) };

  const accepted = (tower: Tower): Partial<Tower> => ({ ...IDLE, stage: 'working', strays: adrift(tower) });
  const end = (tower: Tower, stage: Stage): Partial<Tower> => ({
    ...IDLE,
    stage,
    strays: adrift(tower),
    ...(tower.cancel === 'asked' ? { cancel: 'no' } : {}),
  });

  function answering(tower: Tower, move: Move): void {
    if (tower.stage !== 'sending' || tower.sender !== 'waiting') return;
    switch (tower.answer) {
      case '':
        move(
          'tower: no answer in time, connection closed',
          rules.timeout === 'doubt' ? toDoubt(tower) : notSent(tower),
          tower.awaited !== 0,
        );
        return;
      case 'ok':
        move('tower: answer 200', accepted(tower));
        break;
      case 'refused':
        if (!tower.doubt || rules.refusalInDoubt === 'is_final')
          move('tower: answer 403, final', end(tower, 'rejected'));
        else move('tower: answer 403, tells nothing of the earlier copy', toDoubt(tower));
        break;
      case 'duplicate':
        if (rules.duplicate === 'look_up') move('tower: answer 422 duplicate, look it up', toDoubt(tower));
        else if (rules.duplicate === 'means_accepted') move('tower: answer 422 duplicate, accepted', accepted(tower));
        else move('tower: answer 422 duplicate, final', end(tower, 'rejected'));
        break;
      case 'busy':
        move('tower: answer 429, not carried out', notSent(tower));
        break;
      case 'server_error':
        if (rules.serverError === 'means_rejected') move('tower: answer 504, final', end(tower, 'rejected'));
        else if (rules.serverError === 'send_anew' && tower.attempts < world.attemptsMax) {
          const anew = { sender: 'committed', answer: '', attempts: tower.attempts + 1, id: nextId(tower) } as const;
          move('tower: answer 504, journal another attempt', anew);
        } else move('tower: answer 504, in doubt', toDoubt(tower));
        break;
    }
    move('network: the answer is lost', { answer: '' }, true);
  }

  function doubting(state: State, tower: Tower, move: Move): void {
    const known = state.orders.find((order) => order.id === tower.id);
    const findable = tower.stage === 'in_doubt' || tower.stage === 'unresolved' || tower.stage === 'sending';
    if (findable && known !== undefined) {
      const late = tower.stage === 'unresolved' && tower.cancel === 'none' ? ({ cancel: 'late' } as const) : {};
      const adopted = { ...accepted(tower), ...late };
      if (tower.stage !== 'sending' && known.visible) move('tower: look-up or sweep finds it', adopted);
      move('stream: an event tells of it', adopted);
    }
    if (tower.stage !== 'in_doubt' && tower.stage !== 'unresolved') return;
    if (tower.waited === 'not') move('time: the settle time passes', { waited: 'settled' });
    // Copies that may still travel put the end of the longest delay off, unless the world breaks that promise.
    if (tower.waited === 'settled' && (!flying(tower) || !world.delayBounded)) {
      move('time: the longest delay passes', { waited: 'longest_delay' });
    }
    // So does an order that look-ups do not find yet.
    if (tower.waited === 'looked_once' && (state.orders.every((order) => order.visible) || !world.lagBounded)) {
      move('time: a minute more passes', { waited: 'a_minute_more' });
    }
    if (known?.visible === true) return;
    if (rules.notFound === 'means_rejected') {
      move('tower: look-up finds nothing, final', end(tower, 'rejected'));
      return;
    }
    const mayResend =
      rules.resend &&
      tower.stage === 'in_doubt' &&
      tower.cancel !== 'asked' &&
      !state.expired &&
      tower.attempts < world.attemptsMax;
    if (tower.stage === 'in_doubt' && tower.waited !== 'not') {
      const again = { stage: 'sending', sender: 'committed', attempts: tower.attempts + 1, id: nextId(tower) } as const;
      if (mayResend) move('tower: not found, journal another attempt', { ...again, waited: clock(tower) });
      else move('tower: not found, no more attempts', { stage: 'unresolved' });
    }
    const lastLook =
      tower.waited === 'a_minute_more' ||
      (tower.waited === 'longest_delay' && rules.lastLookups === 1) ||
      (tower.waited === 'settled' && rules.notExecuted === 'after_settling' && !mayResend);
    if (lastLook && rules.notExecuted !== 'never')
      move('tower: not found, so never executed', end(tower, 'not_executed'));
    else if (tower.waited === 'longest_delay')
      move('tower: not found after the longest delay', { waited: 'looked_once' });
  }

  /** An accepted order to its end, with the agent's cancel or the tower's own. */
  function following(state: State, tower: Tower, move: Move): void {
    if (tower.stage !== 'working') return;
    const order = state.orders.find(({ id }) => id === tower.id);
    if (order?.visible && (order.life === 'canceled' || order.life === 'filled')) {
      const answered = tower.cancel === 'asked' ? ({ cancel: order.life === 'canceled' ? 'yes' : 'no' } as const) : {};
      move(`tower: sees the order ${order.life}`, { ...answered, stage: 'closed', deletion: '' });
    }
    const done = (when: Rules['cancelled']): Partial<Tower> =>
      tower.cancel === 'asked' && rules.cancelled === when ? { cancel: 'yes' } : {};
    switch (tower.deletion) {
      case '':
        if (tower.cancel === 'asked' || tower.cancel === 'late') move('tower: DELETE leaves', { deletion: 'sent' });
        break;
      case 'sent':
        move('network: no answer to DELETE', { ...done('when_silent'), deletion: '', strayDeletion: true }, true);
        break;
      case 'taken':
        move('tower: DELETE answers 204', { ...done('when_taken'), deletion: '' });
        move('network: the answer to DELETE is lost', { ...done('when_silent'), deletion: '' }, true);
        break;
      case 'refused':
        move('tower: DELETE answers 422', { ...done('when_refused'), deletion: '' });
        break;
    }
  }

  function cancelling(tower: Tower, move: Move): void {
    if (tower.cancel !== 'none' && tower.cancel !== 'late') return;
    switch (tower.stage) {
      case 'admitted':
        move('agent: cancel; not sent, so cancelled', { stage: 'cancelled_unsent', cancel: 'yes' });
        break;
      case 'sending':
      case 'in_doubt':
      case 'unresolved':
        if (rules.cancelInDoubt === 'waits') move('agent: cancel; waits for the outcome', { cancel: 'asked' });
        else move('agent: cancel; answered as done', { cancel: 'yes' });
        break;
      case 'working':
        move('agent: cancel', { cancel: 'asked' });
        break;
    }
  }

  function crashing(state: State, tower: Tower, move: Move): void {
    const gone = {
      ...IDLE,
      strays: adrift(tower),
      deletion: '',
      strayDeletion: tower.strayDeletion || tower.deletion === 'sent',
    } as const;
    const inMemory = tower.sender !== 'idle' || tower.waited !== 'not' || tower.deletion !== '';
    const doubtful = tower.stage === 'sending' ? ({ stage: 'in_doubt', doubt: true } as const) : {};
    if (inMemory || tower.stage === 'sending') move('crash and restart', { ...gone, ...doubtful }, true);
    if (world.journalLoss === 'never' || state.journalLost || tower.stage === 'dropped') return;
    // An agent that drops the file again asks again: what it was told before binds no more.
    const saidNo = FINAL.has(tower.stage) && SAYS_NO_ORDER.has(tower.stage);
    const toldNoOrder = world.journalLoss === 'file_from_backup' && saidNo;
    const empty = { ...FRESH, strays: gone.strays, strayDeletion: gone.strayDeletion };
    const label = 'crash, the journal is lost, the file is dropped again';
    move(label, empty, true, { journalLost: true, toldNoOrder });
  }

  /** Copies reach the broker, in any order, or perish. */
  function arriving(state: State, tower: Tower, move: Move): void {
    const { strays, awaited } = tower;
    if (awaited !== 0) {
      const { verdict, change, answer } = judged(state, awaited);
      move(`broker: ${verdict}`, { awaited: 0, answer }, false, change);
      if (answer === 'ok') {
        move('broker: takes the order, a gateway answers 504', { awaited: 0, answer: 'server_error' }, true, change);
        if (!world.busyIsUnread) {
          move('broker: takes the order, a limiter answers 429', { awaited: 0, answer: 'busy' }, true, change);
        }
      }
      move('broker: answers 504, takes nothing', { awaited: 0, answer: 'server_error' }, true);
      move('broker: answers 429', { awaited: 0, answer: 'busy' }, true);
      const refused = { idBurned: state.idBurned || world.refusalBurnsId };
      move('broker: refuses the order for another reason', { awaited: 0, answer: 'refused' }, true, refused);
      move('network: the copy perishes', { awaited: 0 }, true);
    }
    for (const [place, id] of strays.entries()) {
      if (strays[place - 1] === id) continue;
      const { verdict, change } = judged(state, id);
      move(`broker: ${verdict}, from a stray copy`, { strays: without(strays, id) }, false, change);
      move('network: a stray copy perishes', { strays: without(strays, id) }, true);
    }
    const cancelled = state.orders.map(
      (order): Order => (order.life === 'open' ? { ...order, life: 'cancelling' } : order),
    );
    if (tower.deletion === 'sent') {
      const open = state.orders.some(({ id, life }) => id === tower.id && life === 'open');
      move(`broker: ${open ? 'takes' : 'refuses'} the DELETE`, { deletion: open ? 'taken' : 'refused' }, false, {
        orders: cancelled,
      });
    }
    if (tower.strayDeletion)
      move('broker: a stray DELETE arrives', { strayDeletion: false }, false, { orders: cancelled });
  }

  function judged(state: State, id: number): { verdict: string; answer: Answer; change: Partial<State> } {
    const known = (order: Order): boolean => order.id === id && (order.visible || world.broker !== 'unique_late');
    const duplicate = world.broker !== 'not_unique' && (state.idBurned || state.orders.some(known));
    if (!state.power && !(duplicate && world.broker !== 'power_first')) {
      const change = { idBurned: state.idBurned || world.refusalBurnsId };
      return { verdict: 'refuses the order, buying power', answer: 'refused', change };
    }
    if (duplicate) return { verdict: 'refuses the order, its id is taken', answer: 'duplicate', change: {} };
    const order: Order = { id, life: 'open', visible: false };
    return { verdict: 'takes the order', answer: 'ok', change: { power: false, orders: [...state.orders, order] } };
  }

  function environment(state: State, add: (label: string, next: State, fault?: boolean) => void): void {
    if (state.power) add('others take the buying power', { ...state, power: false }, true);
    else add('buying power comes free', { ...state, power: true });
    if (!state.expired) add('time: send_by passes', { ...state, expired: true });
    for (const [place, order] of state.orders.entries()) {
      const turn = (label: string, change: Partial<Order>): void =>
        add(label, { ...state, orders: state.orders.with(place, { ...order, ...change }) });
      if (!order.visible) turn('broker: look-ups now find the order', { visible: true });
      if (order.life === 'open' || order.life === 'cancelling') {
        turn('market: the order fills', { life: 'filled' });
        turn('broker: the order ends unfilled', { life: 'canceled' });
      }
    }
  }

  function violation(state: State): string | null {
    const wrong = (kind: Wrong): boolean => wrongs.includes(kind);
    if (wrong('two orders') && state.orders.length > 1) return 'two orders';
    const possible = state.orders.length > 0 || state.towers.some(flying);
    if (wrong('false statement') && state.toldNoOrder && possible) return 'false statement';
    for (const tower of state.towers) {
      const { stage } = tower;
      const life = state.orders.find(({ id }) => id === tower.id)?.life;
      if (wrong('false statement')) {
        if (SAYS_NO_ORDER.has(stage) && possible) return 'false statement';
        if (stage === 'closed' && (life === 'open' || life === 'cancelling')) return 'false statement';
      }
      const saysOrder = stage === 'working' || stage === 'closed';
      if (wrong('accepted without an order') && saysOrder && life === undefined) return 'accepted without an order';
      if (wrong('false cancel') && tower.cancel === 'yes') {
        if (state.orders.some(({ life }) => life !== 'canceled')) return 'false cancel';
        if (state.orders.length === 0 && flying(tower)) return 'false cancel';
      }
    }
    return null;
  }

  const atRest = (state: State): boolean =>
    state.towers.every(
      (tower) =>
        (FINAL.has(tower.stage) && tower.cancel !== 'asked') || (tower.stage === 'dropped' && answeredBefore(state)),
    );

  const key = (state: State): string => {
    // Twins that have changed places are the same state.
    const towers = state.towers.map(
      (t) =>
        `${t.stage},${t.attempts}${t.id}${t.doubt ? 'd' : ''},${t.cancel},${t.sender},${t.answer},${t.waited},${t.deletion},${t.awaited}.${t.strays.join('')}${t.strayDeletion ? 'x' : ''}`,
    );
    const orders = state.orders.map((o) => `${o.id}${o.life}${o.visible ? 'v' : ''}`);
    const flags = `${state.power ? 'p' : ''}${state.idBurned ? 'b' : ''}${state.expired ? 'e' : ''}${state.journalLost ? 'l' : ''}${state.toldNoOrder ? 't' : ''}`;
    return `${towers.sort().join('|')}/${orders.join()}/${flags}`;
  };

  const describe = (state: State): string => {
    const towers = state.towers.map((t) => {
      const copies = adrift(t);
      const cancel = t.cancel === 'none' ? '' : `, cancel ${t.cancel}`;
      return `${t.stage}${cancel}${copies.length === 0 ? '' : `, copies ${copies.join(' ')}`}`;
    });
    const orders = state.orders.map((o) => `order ${o.id} ${o.life}`);
    return `[${[...towers, ...orders].join(' | ')}]`;
  };

  return { start, key, steps, violation, atRest, describe };
}
