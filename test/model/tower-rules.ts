/**
 * What the tower model can be asked about: the tower's rules with their known mistakes, the world it lives in, and what
 * counts as wrong. Must never hold behaviour; that is the model's.
 */

/** What the tower does. `PLAN` is what it shall do, the other values are mistakes that others made or that we might make. */
export interface Rules {
  readonly orderId: 'fixed' | 'new_per_attempt';
  readonly journal: 'before_send' | 'after_send';
  /** A look-up that finds nothing. */
  readonly notFound: 'tells_nothing' | 'means_rejected';
  /** A refusal for lack of buying power, or a rule of the market, after an attempt that may have arrived. */
  readonly refusalInDoubt: 'tells_nothing' | 'is_final';
  readonly duplicate: 'look_up' | 'means_rejected' | 'means_accepted';
  readonly serverError: 'doubt' | 'means_rejected' | 'send_anew';
  readonly timeout: 'doubt' | 'means_unsent';
  /** May an order in doubt be sent again, under the same id? Off where the broker does not enforce unique ids. */
  readonly resend: boolean;
  /** A journal that was lost: what a request admitted afterwards starts as. `by_list` asks the broker whether it knows orders of ours. */
  readonly newJournal: 'in_doubt' | 'clean' | 'by_list';
  /** Are answer files of an earlier journal heeded before a file is admitted? */
  readonly oldAnswers: 'heeded' | 'ignored';
  readonly notExecuted: 'after_longest_delay' | 'after_settling' | 'never';
  /** What the longest delay is counted from. */
  readonly doubtClock: 'last_attempt' | 'first_attempt';
  /** Look-ups without a find that end the doubt, with a minute between them. */
  readonly lastLookups: 1 | 2;
  readonly cancelInDoubt: 'waits' | 'is_answered_done';
  /** Is the stage checked in the very transaction that allows sending? */
  readonly sendGuard: 'in_transaction' | 'before_it';
  /** When the agent is told that its order is cancelled. */
  readonly cancelled: 'when_seen' | 'when_taken' | 'when_refused' | 'when_silent';
}

export const PLAN: Rules = {
  orderId: 'fixed',
  journal: 'before_send',
  notFound: 'tells_nothing',
  refusalInDoubt: 'tells_nothing',
  duplicate: 'look_up',
  serverError: 'doubt',
  timeout: 'doubt',
  resend: true,
  newJournal: 'in_doubt',
  oldAnswers: 'heeded',
  notExecuted: 'after_longest_delay',
  doubtClock: 'last_attempt',
  lastLookups: 2,
  cancelInDoubt: 'waits',
  sendGuard: 'in_transaction',
  cancelled: 'when_seen',
};

/** What the tower must live with. */
export interface World {
  /**
   * What the broker checks first; that it knows a taken id only as soon as look-ups find the order; or that it takes
   * any number of orders with one id.
   */
  readonly broker: 'unique_first' | 'power_first' | 'unique_late' | 'not_unique';
  /** Does an order that was refused use up its id? */
  readonly refusalBurnsId: boolean;
  /** The journal may vanish once; then the file may be dropped again. */
  readonly journalLoss: 'never' | 'file_from_agent' | 'file_from_backup';
  /** 2: a second tower with its own journal gets the same file. */
  readonly towers: 1 | 2;
  /** The agent may cancel its request, once, at any moment. */
  readonly cancels: boolean;
  /** Does every copy arrive or perish within the longest delay that the tower waits for? */
  readonly delayBounded: boolean;
  /** Do look-ups find an order within the minute between the last two of them? */
  readonly lagBounded: boolean;
  /** Does a 429 prove that nothing was carried out? */
  readonly busyIsUnread: boolean;
  /** Attempts of one order that may be in doubt at the same time. */
  readonly attemptsMax: number;
}

export const WORLD: World = {
  broker: 'unique_first',
  refusalBurnsId: false,
  journalLoss: 'never',
  towers: 1,
  cancels: true,
  delayBounded: true,
  lagBounded: true,
  busyIsUnread: true,
  attemptsMax: 3,
};

export type Wrong = 'two orders' | 'false statement' | 'accepted without an order' | 'false cancel';
export const ALL_WRONGS: readonly Wrong[] = [
  'two orders',
  'false statement',
  'accepted without an order',
  'false cancel',
];
