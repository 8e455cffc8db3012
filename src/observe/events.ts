/**
 * What happens in a tower that a person wants to see, and the one place where it is written to the log.
 * Must never carry a secret, and must never be needed for correctness: the journal is the truth, events are for people.
 */
import type { Micros } from '../lib/clock.ts';
import type { Mode, OrderType } from '../order/name.ts';
import type { Log } from './log.ts';

/** Who serves a mode: Alpaca itself, the exchange inside this process, or nobody (then `reason` says why). */
type Service = 'alpaca' | 'embedded exchange' | 'off';

/** How one mode is served. */
export interface ModeReport {
  readonly mode: Mode;
  readonly service: Service;
  /** The broker's account number; null when the mode is off. */
  readonly accountNumber: string | null;
  /** Base URL of the trading API; null when the mode is off. */
  readonly url: string | null;
  /** Why the mode is off, or what else a person should know about it. */
  readonly reason?: string;
}

/** The tower takes orders from now on. */
interface ReadyEvent {
  readonly kind: 'ready';
  readonly home: string;
  /** The folder that is watched. */
  readonly incoming: string;
  readonly modes: readonly ModeReport[];
}

/** One step in the life of one order. */
export interface OrderEvent {
  readonly kind: 'order';
  readonly clientOrderId: string;
  readonly agent: string;
  readonly type: OrderType;
  readonly mode: Mode;
  /** One of the tower's own steps, or Alpaca's status of the order (`new`, `partially_filled`, `filled`, …). */
  readonly step: 'received' | 'refused' | 'sent' | 'in doubt' | 'answered' | (string & {});
  /** One line for a person: what is asked for, or the reason. */
  readonly text: string;
  readonly atMs: number;
}

/** Something a person should know that is not about one order. */
interface NoticeEvent {
  readonly kind: 'notice';
  readonly level: 'info' | 'warn' | 'error';
  readonly text: string;
  /** What to do about it; empty when there is nothing to do. */
  readonly remedy: string;
}

export type TowerEvent = ReadyEvent | OrderEvent | NoticeEvent;

/** What one run did, told at its end. */
export interface Summary {
  /** When the run began and ended. */
  readonly since: Micros;
  readonly until: Micros;
  /** Order files taken in this run. */
  readonly received: number;
  /** Answered with success, and with an error. */
  readonly succeeded: number;
  readonly refused: number;
  /** Orders whose outcome at the broker is not known yet; they are looked up at the next start. */
  readonly inDoubt: number;
  /** Orders that are open at the broker. */
  readonly open: number;
}

/** Thrown by the start of a tower for a reason that a person can put right. Everything else that is thrown is a fault. */
export class CannotStart extends Error {
  override readonly name = 'CannotStart';
  /** `locked`: another tower holds this home; `configuration`: keys, account or endpoint are not what the settings say. */
  readonly why: 'locked' | 'configuration';
  /** What to do about it. */
  readonly remedy: string;
  /** The holder of the home, when it is known. */
  readonly pid: number | null;
  constructor(why: CannotStart['why'], message: string, remedy: string, pid: number | null = null) {
    super(message);
    this.why = why;
    this.remedy = remedy;
    this.pid = pid;
  }
}

/** Writes an event as one log line. Every order line carries `client_order_id` and `agent`. */
export function recordEvent(log: Log, event: TowerEvent): void {
  switch (event.kind) {
    case 'ready':
      log.info('ready', { home: event.home, incoming: event.incoming, modes: event.modes });
      return;
    case 'order':
      log.infoSoon('order', {
        client_order_id: event.clientOrderId,
        agent: event.agent,
        order_type: event.type,
        mode: event.mode,
        step: event.step,
        text: event.text,
      });
      return;
    case 'notice':
      log[event.level]('notice', { text: event.text, ...(event.remedy === '' ? {} : { remedy: event.remedy }) });
  }
}
