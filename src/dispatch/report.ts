/** What people see of one host's budget. Must never be read to decide anything. */
import type { Host } from '../journal/journal.ts';
import type { BudgetReport } from '../observe/status.ts';
import type { Mode } from '../order/name.ts';
import type { HostState } from './slots.ts';

export interface Counted {
  readonly mode: Mode;
  readonly host: Host;
  /** Queries that were answered without a request of their own. */
  readonly savedByMirror: number;
  /** The monotonic clock of the host's own figures. */
  readonly nowMs: number;
}

export function budgetReport(state: HostState, { mode, host, savedByMirror, nowMs }: Counted): BudgetReport {
  const { spending, trouble } = state;
  const waiting = Object.entries(state.waiting).filter(([, agents]) => Object.keys(agents).length > 0);
  return {
    mode,
    host,
    per_minute: spending.limit,
    spent: spending.spent,
    reserved: spending.reserved,
    waiting: Object.fromEntries(waiting),
    circuit: state.isOpen ? 'open' : 'closed',
    trouble:
      trouble === null
        ? null
        : {
            for_seconds: Math.round((nowMs - trouble.sinceMs) / 1000),
            requests_failed: trouble.failures,
            last_fault: trouble.reason,
          },
    paused_ms: spending.pausedMs,
    broker_remaining: spending.brokerRemaining,
    foreign: spending.foreign,
    saved_by_mirror: savedByMirror,
  };
}
