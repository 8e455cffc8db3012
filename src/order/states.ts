/**
 * The life of a request, in one table: what each state means, what may be said in it, and which moves are legal.
 * Must never let a state claim more than is known: `sent` is `no` only when no byte can have left or can still leave.
 */

type Sent = 'no' | 'yes' | 'unknown';

interface StateRule {
  readonly meaning: string;
  readonly sent: Sent;
  /** Nothing more will change. */
  readonly final: boolean;
  /** May the agent ask for the same thing under a new id without risking a second order? */
  readonly safeToResubmit: boolean;
  readonly next: readonly State[];
}

export type State =
  | 'admitted'
  | 'sending'
  | 'in_doubt'
  | 'unresolved'
  | 'conflict'
  | 'working'
  | 'closed'
  | 'rejected'
  | 'not_executed'
  | 'refused'
  | 'abandoned'
  | 'expired_unsent'
  | 'cancelled_unsent'
  | 'answered'
  | 'failed';

export const STATES: Readonly<Record<State, StateRule>> = {
  admitted: {
    meaning: 'journaled, waiting to be sent; it will be sent unless it is cancelled or its time passes',
    sent: 'no',
    final: false,
    safeToResubmit: false,
    next: [
      'sending',
      'working',
      'closed',
      'in_doubt',
      'conflict',
      'refused',
      'expired_unsent',
      'cancelled_unsent',
      'answered',
      'failed',
    ],
  },
  sending: {
    meaning: 'journaled as sent; bytes may be on their way',
    sent: 'unknown',
    final: false,
    safeToResubmit: false,
    next: ['admitted', 'in_doubt', 'working', 'closed', 'rejected', 'refused', 'conflict', 'answered', 'failed'],
  },
  in_doubt: {
    meaning: 'may have reached the broker; being looked up',
    sent: 'unknown',
    final: false,
    safeToResubmit: false,
    next: [
      'sending',
      'unresolved',
      'working',
      'closed',
      'conflict',
      'not_executed',
      'refused',
      'expired_unsent',
      'answered',
      'failed',
      'abandoned',
    ],
  },
  unresolved: {
    meaning: 'may have reached the broker; no longer resent, looked up at growing intervals',
    sent: 'unknown',
    final: false,
    safeToResubmit: false,
    next: ['working', 'closed', 'conflict', 'not_executed', 'abandoned'],
  },
  conflict: {
    meaning: 'the broker holds another order under this client_order_id; a person must look',
    sent: 'unknown',
    final: true,
    safeToResubmit: false,
    next: [],
  },
  working: {
    meaning: 'the broker has it; it may still fill, partly or whole',
    sent: 'yes',
    final: false,
    safeToResubmit: false,
    next: ['closed', 'abandoned'],
  },
  closed: {
    meaning: 'the broker has ended it: filled, canceled, expired, replaced or rejected after acceptance',
    sent: 'yes',
    final: true,
    safeToResubmit: true,
    next: [],
  },
  rejected: {
    meaning: 'the broker refused it at once; there is no order',
    sent: 'yes',
    final: true,
    safeToResubmit: true,
    next: [],
  },
  not_executed: {
    meaning: 'the longest time a copy can travel has passed and the broker does not have it; there is no order',
    sent: 'yes',
    final: true,
    safeToResubmit: true,
    next: [],
  },
  refused: {
    meaning: 'the tower refused it: file, payload, limits, switches or configuration',
    sent: 'no',
    final: true,
    safeToResubmit: true,
    next: [],
  },
  abandoned: {
    meaning: 'it went to the embedded exchange, which the tower has left for a real account',
    sent: 'yes',
    final: true,
    safeToResubmit: true,
    next: [],
  },
  expired_unsent: {
    meaning: 'its time to be sent passed; no byte left',
    sent: 'no',
    final: true,
    safeToResubmit: true,
    next: [],
  },
  cancelled_unsent: {
    meaning: 'cancelled before it was sent; no byte left',
    sent: 'no',
    final: true,
    safeToResubmit: true,
    next: [],
  },
  answered: {
    meaning: 'a query or a cancel that was carried out',
    sent: 'yes',
    final: true,
    safeToResubmit: true,
    next: [],
  },
  failed: {
    meaning: 'a query or a cancel that was not carried out',
    sent: 'yes',
    final: true,
    safeToResubmit: true,
    next: [],
  },
};

/**
 * A move that the table forbids is an anomaly: journaled and raised, never dropped, because the broker's word wins
 * (a fill can cross a cancel, an order can appear after every sign said that it would not).
 */
export const isLegalMove = (from: State, to: State): boolean => from === to || STATES[from].next.includes(to);

/** Statuses after which Alpaca changes an order no more. `done_for_day` may revive. Source: Alpaca docs, orders. */
const ENDED = new Set(['filled', 'canceled', 'expired', 'rejected', 'replaced']);
export const hasEnded = (brokerStatus: string): boolean => ENDED.has(brokerStatus);
