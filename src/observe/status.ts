/**
 * The tower's own account of itself: what `data/status.json` holds and `tower status` shows.
 * Must never be read by the tower to decide anything: it is a picture, the journal is the truth.
 */
import type { Mode } from '../order/name.ts';
import type { ModeReport } from './events.ts';

/** An order that is open at the broker or waiting to be sent. */
interface OpenOrder {
  readonly client_order_id: string;
  readonly agent: string;
  readonly mode: Mode;
  readonly type: string;
  /** Alpaca's status, or the tower's own state before there is one. */
  readonly status: string;
  /** RFC 3339: when the tower took the file. */
  readonly received_at: string;
}

/** An order that may or may not have reached the broker. */
interface DoubtfulOrder {
  readonly client_order_id: string;
  readonly agent: string;
  readonly mode: Mode;
  /** RFC 3339: since when the outcome is unknown. */
  readonly since: string;
  readonly reason: string;
}

/** The limits of the account (agent null), of one agent, or of any other (agent empty), as far as they are set. */
export interface LimitReport {
  readonly mode: Mode;
  readonly agent: string | null;
  readonly limits: readonly {
    readonly limit: string;
    readonly at_most: string;
    readonly used: string | null;
    readonly left: string | null;
  }[];
}

export interface RecentError {
  /** RFC 3339. */
  readonly at: string;
  readonly text: string;
  /** What to do about it; empty when there is nothing to do. */
  readonly remedy: string;
}

/** Requests to one host for one account, and who waits for them. */
export interface BudgetReport {
  readonly mode: Mode;
  readonly host: 'trading' | 'data';
  /** Requests that may leave in any minute, and how many of them have. */
  readonly per_minute: number;
  readonly spent: number;
  /** Free, and kept at this moment for cancels, look-ups and reducing orders. */
  readonly reserved: number;
  /** Waiting requests by lane and agent; the tower's own have an empty agent. */
  readonly waiting: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** `open`: the host does not answer, and only a probe is sent from time to time. */
  readonly circuit: 'closed' | 'open';
  /** Failures since the host last answered; null when there are none. */
  readonly trouble: {
    readonly for_seconds: number;
    readonly requests_failed: number;
    readonly last_fault: string;
  } | null;
  /** Milliseconds for which the broker has asked to be left alone; 0 for none. */
  readonly paused_ms: number;
  /** Its own count of what is left in its window; null when it has not told. */
  readonly broker_remaining: number | null;
  /** Requests of other programs in that window, as far as they can be told apart. */
  readonly foreign: number;
  /** Queries of this run that were answered without a request of their own. */
  readonly saved_by_mirror: number;
}

/** How the books of one account stand against the broker. */
export interface BooksReport {
  readonly mode: Mode;
  /** RFC 3339: when the sum of all books last was what the broker says; null before the first comparison. */
  readonly proven_at: string | null;
  /** RFC 3339; null when they agree. */
  readonly different_since: string | null;
  /** `expected`: why it will go by itself; null for a difference that a person must look into. */
  readonly differences: readonly {
    readonly symbol: string;
    readonly books: string;
    readonly broker: string;
    readonly expected: string | null;
  }[];
}

/** The content of `data/status.json`, written about once a second and once more at the end (`running: false`). */
export interface StatusReport {
  readonly running: boolean;
  readonly pid: number;
  /** RFC 3339: start of this run, and the moment of this report. */
  readonly since: string;
  readonly at: string;
  readonly home: string;
  readonly modes: readonly ModeReport[];
  readonly budgets: readonly BudgetReport[];
  readonly books: readonly BooksReport[];
  /** Requests by state of the journal, of all time. */
  readonly counts: Readonly<Record<string, number>>;
  /** The newest first, at most 100 each. */
  readonly open_orders: readonly OpenOrder[];
  readonly in_doubt: readonly DoubtfulOrder[];
  readonly recent_errors: readonly RecentError[];
  /** Absent in reports of older towers. */
  readonly limits?: readonly LimitReport[];
}

/** Path of the report below the home folder. */
export const STATUS_FILE = 'data/status.json';
