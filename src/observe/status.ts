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

export interface RecentError {
  /** RFC 3339. */
  readonly at: string;
  readonly text: string;
  /** What to do about it; empty when there is nothing to do. */
  readonly remedy: string;
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
  /** Requests by state of the journal, of all time. */
  readonly counts: Readonly<Record<string, number>>;
  /** The newest first, at most 100 each. */
  readonly open_orders: readonly OpenOrder[];
  readonly in_doubt: readonly DoubtfulOrder[];
  readonly recent_errors: readonly RecentError[];
}

/** Path of the report below the home folder. */
export const STATUS_FILE = 'data/status.json';
