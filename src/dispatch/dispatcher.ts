/**
 * Dispatch for one mode: gives every unfinished request its job, and waits for all of them when the tower stops. Must
 * never run two jobs for one request, nor go on after the journal has failed.
 */
import { type Halt, haltAgainst, haltable } from '../halt/halt.ts';
import type { Entry } from '../journal/journal.ts';
import { orderError } from '../order/errors.ts';
import { isTrade, type TradeRequest } from '../order/request.ts';
import { hasEnded, STATES } from '../order/states.ts';
import { type CancelRights, carryOutCancel } from './cancel.ts';
import { ask, type Desk, pause } from './desk.ts';
import { answerQuery } from './query.ts';
import { laneOf } from './reducing.ts';
import { resolve } from './resolve.ts';
import { refuseHalted, send } from './send.ts';
import { doubtful } from './words.ts';

interface Job {
  callOff: () => void;
  readonly done: Promise<void>;
}

export class Dispatcher {
  readonly #desk: Desk;
  readonly #rights: CancelRights;
  readonly #fatal: (error: unknown) => void;
  readonly #jobs = new Map<number, Job>();
  /** Cancels that no agent has asked for. */
  readonly #background = new Set<Job>();
  /** What these are for in this run: the broker's ids of orders that came late, or that a halt wants gone. */
  readonly #cancelling = new Set<string>();

  /** `fatal` is called with whatever a job throws: a journal that failed, a broken invariant. */
  constructor(desk: Desk, rights: CancelRights, fatal: (error: unknown) => void) {
    this.#desk = desk;
    this.#rights = rights;
    this.#fatal = fatal;
  }

  /** Starts the job of a request that is not finished; does nothing when it has one, or needs none. */
  take(entry: Entry): void {
    if (this.#jobs.has(entry.seq) || STATES[entry.state].final || entry.state === 'working' || this.#desk.isStopped())
      return;
    this.#start(entry, (onWait) => this.#run(entry, onWait));
  }

  /** The job is known before anything of it happens. */
  #start(entry: Entry, run: (onWait: (callOff: () => void) => void) => Promise<void>): void {
    const { promise: done, resolve: end } = Promise.withResolvers<void>();
    const job: Job = { callOff: () => {}, done };
    this.#jobs.set(entry.seq, job);
    run((callOff) => {
      job.callOff = callOff;
      if (this.#desk.isStopped()) callOff();
    })
      .catch((error: unknown) => {
        if (!this.#desk.isStopped()) this.#fatal(error);
      })
      .finally(() => {
        this.#jobs.delete(entry.seq);
        end();
      });
  }

  /**
   * Takes the turn of a trade that may leave now; null when anything is in its way, or must be looked at first. What is
   * returned sends the entry, whose sending is journaled by then: its bytes are with the network when that returns.
   */
  atOnce(trade: TradeRequest): ((entry: Entry) => void) | null {
    const desk = this.#desk;
    const isHindered =
      desk.isStopped() ||
      desk.hasFailed() ||
      desk.suspect() ||
      desk.holdsConflicts ||
      desk.readiness.obstacle !== null ||
      desk.halts.lately(haltable(trade)) !== null;
    const turn = isHindered ? null : desk.hosts.trading.takeNow(laneOf(trade, null), trade.agent);
    if (turn === null) return null;
    desk.failpoints.hit('k08-before-d4');
    return (entry) =>
      this.#start(entry, async (onWait) => {
        if (await send(desk, entry, trade, onWait, turn)) await resolve(desk, entry.seq, trade, onWait);
      });
  }

  async #run(entry: Entry, onWait: (callOff: () => void) => void): Promise<void> {
    const request = this.#desk.requestOf(entry);
    if (request === null) return this.#unreadable(entry);
    if (request.type === 'cancelorder') return carryOutCancel(this.#desk, entry, request, this.#rights, onWait);
    if (!isTrade(request)) return answerQuery(this.#desk, entry, request, onWait);
    let current = entry;
    if (current.state === 'sending') current = await this.#interrupted(current);
    let doubt = current.state === 'in_doubt' || current.state === 'unresolved';
    if (current.state === 'admitted') doubt = await send(this.#desk, current, request, onWait);
    if (doubt) await resolve(this.#desk, entry.seq, request, onWait);
  }

  /** What was never sent is refused; what may have been sent stays in doubt, and the sweeps find it if it is there. */
  async #unreadable(entry: Entry): Promise<void> {
    const desk = this.#desk;
    desk.notice(
      'error',
      `${entry.clientOrderId}: this version of the tower cannot read the request that an earlier one admitted`,
      'ask its agent for a new file, or finish it with the earlier version',
    );
    await this.#interrupted(entry);
    await desk.writer.revise(entry.seq, (newest) =>
      newest.state === 'admitted' && newest.attempts === 0 && !newest.doubted && !desk.suspect()
        ? {
            patch: {
              state: 'refused',
              answer: {
                error: orderError('internal', 'the request cannot be read any more, and nothing was sent', {
                  more: { safe_to_resubmit: true },
                }),
              },
            },
            events: [{ kind: 'unreadable', detail: '{}' }],
            stage: 'd5',
          }
        : null,
    );
  }

  /** A sending that an earlier run did not see the end of. */
  #interrupted(entry: Entry): Promise<Entry> {
    return this.#desk.writer.revise(entry.seq, (newest) =>
      newest.state === 'sending'
        ? {
            patch: {
              state: 'in_doubt',
              doubted: true,
              answer: doubtful(newest, 'the tower ended while it was being sent'),
            },
            events: [{ kind: 'doubt', detail: JSON.stringify({ cause: 'restart' }) }],
            stage: 'd5',
          }
        : null,
    );
  }

  /** Ends the wait of a request that is finished by somebody else: cancelled, found by a sweep. */
  noticed(entry: Entry): void {
    const job = this.#jobs.get(entry.seq);
    if (job !== undefined && (STATES[entry.state].final || entry.state === 'working')) job.callOff();
  }

  /** An order appeared at the broker after the doubt about it was given up. */
  late(entry: Entry): void {
    const desk = this.#desk;
    const cancels = desk.doubt.latePolicy === 'cancel' && entry.brokerId !== null;
    desk.notice(
      'error',
      `${entry.clientOrderId}: the order appeared at Alpaca after it was given up`,
      cancels
        ? 'it is being cancelled; look at the fills that it may have'
        : 'it stays open: cancel it if it is not wanted any more',
    );
    const { brokerId } = entry;
    if (cancels && brokerId !== null) this.#cancelInBackground(entry.agent, brokerId);
  }

  /** Takes up what an earlier run wanted cancelled and may not have asked for. Before anything is taken in. */
  async recover(): Promise<void> {
    const { journal, broker, doubt } = this.#desk;
    if (doubt.latePolicy !== 'cancel') return;
    for (const entry of await journal.unwanted(broker.mode)) this.#cancelOpen(entry);
  }

  #cancelInBackground(agent: string, brokerId: string): void {
    if (this.#cancelling.has(brokerId)) return;
    this.#cancelling.add(brokerId);
    const job: Job = {
      callOff: () => {},
      done: this.#cancelUntilAnswered(agent, brokerId, (callOff) => {
        job.callOff = callOff;
        if (this.#desk.isStopped()) callOff();
      })
        .catch((error: unknown) => {
          if (!this.#desk.isStopped()) this.#fatal(error);
        })
        .finally(() => {
          this.#background.delete(job);
        }),
    };
    this.#background.add(job);
  }

  /**
   * A halt came, or is there at the start: what waits to be sent is refused, and what is open is cancelled where the halt
   * says so. Orders in doubt stay in doubt: nothing is known of them.
   */
  async halted(halts: readonly Halt[]): Promise<void> {
    const desk = this.#desk;
    const cancelling = halts.filter(({ cancels }) => cancels);
    const states = cancelling.length > 0 ? (['admitted', 'working'] as const) : (['admitted'] as const);
    const held = halts.some(({ reduceOnly }) => reduceOnly) ? await desk.held() : null;
    for (const entry of await desk.journal.unfinished(states)) {
      if (desk.isStopped()) return;
      if (entry.mode !== desk.broker.mode || entry.wire === null) continue;
      const request = desk.requestOf(entry);
      if (request === null || !isTrade(request)) continue;
      if (entry.state === 'working') {
        this.opened(entry, cancelling);
        continue;
      }
      const order = haltable(request);
      // As much as is told by the books: what waits counts for itself, not with the others that wait.
      const reduces = order.reduces && laneOf(request, held) === 'reduce';
      const halt = haltAgainst(halts, { ...order, reduces });
      if (halt !== null) await refuseHalted(desk, entry, halt);
    }
  }

  /** An order is open at the broker, and a halt may want it cancelled. */
  opened(entry: Entry, halts: readonly Halt[]): void {
    const cancelling = halts.filter(({ cancels }) => cancels);
    if (cancelling.length === 0) return;
    const request = this.#desk.requestOf(entry);
    if (request !== null && isTrade(request) && haltAgainst(cancelling, haltable(request)) !== null)
      this.#cancelOpen(entry);
  }

  /** The order itself, or those of its exits that are still open. */
  #cancelOpen(entry: Entry): void {
    const order: unknown =
      entry.answer !== null && 'dataJson' in entry.answer ? JSON.parse(entry.answer.dataJson) : null;
    const ids = openIds(order);
    for (const id of ids.length === 0 && entry.brokerId !== null ? [entry.brokerId] : ids)
      this.#cancelInBackground(entry.agent, id);
  }

  /** Asks until the broker has said yes or no: nobody else would cancel it. */
  async #cancelUntilAnswered(agent: string, id: string, onWait: (callOff: () => void) => void): Promise<void> {
    const desk = this.#desk;
    for (let tries = 0; ; tries++) {
      const outcome = await ask(desk, 'cancel', agent, () => desk.broker.cancel(id));
      if (outcome === null || outcome.kind === 'done' || outcome.kind === 'rejected' || desk.isStopped()) return;
      const nap = pause(desk.clock, Math.min(60_000, 500 * 2 ** tries));
      onWait(nap.callOff);
      await nap.done;
    }
  }

  get busy(): number {
    return this.#jobs.size;
  }

  /** Calls off every wait and resolves when no job runs. The desk must say `isStopped` by then. */
  async stop(): Promise<void> {
    for (const host of Object.values(this.#desk.hosts)) host.stop();
    const jobs = [...this.#jobs.values(), ...this.#background];
    for (const job of jobs) job.callOff();
    await Promise.all(jobs.map((job) => job.done));
  }
}

/** Of an order as the broker told it: its id while it is open, else the ids of its open legs. */
function openIds(order: unknown): readonly string[] {
  if (typeof order !== 'object' || order === null) return [];
  const { id, status, legs } = order as Readonly<Record<string, unknown>>;
  if (typeof id !== 'string' || typeof status !== 'string') return [];
  return hasEnded(status) ? (Array.isArray(legs) ? legs.flatMap(openIds) : []) : [id];
}
