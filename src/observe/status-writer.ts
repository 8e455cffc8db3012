/**
 * Writes `data/status.json`: the tower's picture of itself for `tower status`. Must never be needed for correctness, and
 * never hold up an order: what cannot be written is written the next second.
 */
import type { Journal } from '../journal/journal.ts';
import { type Clock, isoMicros, type Micros } from '../lib/clock.ts';
import type { Files } from '../lib/files.ts';
import { STATES, type State } from '../order/states.ts';
import type { ModeReport, Summary, TowerEvent } from './events.ts';
import {
  type BooksReport,
  type BudgetReport,
  type LimitReport,
  type RecentError,
  STATUS_FILE,
  type StatusReport,
} from './status.ts';

const EVERY_MS = 1000;
const SHOWN = 100;
const UNFINISHED = (Object.keys(STATES) as State[]).filter((state) => !STATES[state].final);
const DOUBTFUL = UNFINISHED.filter((state) => STATES[state].sent === 'unknown');
const OPEN = UNFINISHED.filter((state) => STATES[state].sent !== 'unknown');

export interface StatusWriterOptions {
  readonly clock: Clock;
  readonly files: Files;
  readonly journal: Journal;
  readonly home: string;
  readonly pid: number;
  readonly since: Micros;
  budgets(): readonly BudgetReport[];
  limits(): Promise<readonly LimitReport[]>;
  books(): readonly BooksReport[];
}

export class StatusWriter {
  readonly #o: StatusWriterOptions;
  readonly #errors: RecentError[] = [];
  #modes: readonly ModeReport[] = [];
  #open = 0;
  #inDoubt = 0;
  #succeeded = 0;
  #refused = 0;
  #off: () => void = () => {};
  #writing: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: StatusWriterOptions) {
    this.#o = options;
  }

  record(event: TowerEvent): void {
    if (event.kind === 'notice' && event.level === 'error') {
      this.#errors.unshift({ at: isoMicros(this.#o.clock.now()), text: event.text, remedy: event.remedy });
      this.#errors.length = Math.min(this.#errors.length, SHOWN);
    }
    if (event.kind !== 'order') return;
    if (event.step === 'refused' || event.step === 'rejected') this.#refused++;
    if (event.step === 'answered' || event.step === 'filled') this.#succeeded++;
  }

  start(modes: readonly ModeReport[]): void {
    this.#modes = modes;
    const turn = (): void => {
      this.#writing = this.#write(true).finally(() => {
        if (!this.#stopped) this.#off = this.#o.clock.after(EVERY_MS, turn);
      });
    };
    turn();
  }

  /** The last picture says that nothing runs: one that is under way must not come after it. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#off();
    await this.#writing;
    await this.#write(false);
  }

  /** `counts` has what was received, and how much of it was refused without ever becoming an order. */
  summary(counts: { readonly received: number; readonly refused: number }, until: Micros): Summary {
    return {
      since: this.#o.since,
      until,
      received: counts.received,
      succeeded: this.#succeeded,
      refused: this.#refused + counts.refused,
      inDoubt: this.#inDoubt,
      open: this.#open,
    };
  }

  async #write(running: boolean): Promise<void> {
    try {
      const report = await this.#report(running);
      await this.#o.files.publish(STATUS_FILE, `${JSON.stringify(report, null, 2)}\n`);
    } catch {
      // A full disk or a closing journal: the picture stays as old as its own time says.
    }
  }

  async #report(running: boolean): Promise<StatusReport> {
    const { journal, clock, home, pid, since } = this.#o;
    const counts = await journal.counts();
    const sum = (states: readonly State[]): number => states.reduce((n, state) => n + (counts[state] ?? 0), 0);
    this.#open = sum(OPEN);
    this.#inDoubt = sum(DOUBTFUL);
    return {
      running,
      pid,
      since: isoMicros(since),
      at: isoMicros(clock.now()),
      home,
      modes: this.#modes,
      budgets: this.#o.budgets(),
      books: this.#o.books(),
      counts,
      open_orders: (await journal.newestOrders(OPEN, SHOWN)).map((entry) => ({
        client_order_id: entry.clientOrderId,
        agent: entry.agent,
        mode: entry.mode,
        type: entry.type,
        status: entry.brokerStatus ?? entry.state,
        received_at: isoMicros(entry.receivedAt),
      })),
      in_doubt: (await journal.newestOrders(DOUBTFUL, SHOWN)).map((entry) => ({
        client_order_id: entry.clientOrderId,
        agent: entry.agent,
        mode: entry.mode,
        since: isoMicros(entry.answeredAt ?? entry.receivedAt),
        reason:
          entry.answer !== null && 'error' in entry.answer ? entry.answer.error.message : STATES[entry.state].meaning,
      })),
      recent_errors: this.#errors,
      limits: await this.#o.limits(),
    };
  }
}
