/**
 * The only way in: bytes → request → decision → journal. Every way in (files today) ends here, and what is journaled here
 * is what will be sent. Must never lose what it was given, nor take the same request twice: the journal's unique keys decide.
 */
import { hash } from 'node:crypto';
import type { Broker } from './broker/broker.ts';
import { type Halt, type Haltable, haltable, haltError } from './halt/halt.ts';
import type { Halts } from './halt/halts.ts';
import type { Arrival, Entry, Journal } from './journal/journal.ts';
import { defined } from './lib/assert.ts';
import { type Clock, dayOf, isoMicros, type Micros, micros } from './lib/clock.ts';
import type { Failpoints } from './lib/failpoint.ts';
import { type OrderError, orderError, problemsError } from './order/errors.ts';
import {
  MODES,
  type Mode,
  type OrderName,
  parseName,
  responsePath,
  type StrayName,
  strayResponsePath,
} from './order/name.ts';
import { contentOf, parse } from './order/parse.ts';
import { isTrade, type Request, type TradeRequest } from './order/request.ts';
import { renderResponse } from './order/response.ts';
import { conflictError, conflictOf } from './risk/conflicts.ts';
import { type Approved, decide, type Rules } from './risk/decide.ts';
import { type Forgery, forgery, type Identities, identityOf, type Origin } from './risk/identity.ts';
import { judge, type LimitRules, needsQuote } from './risk/limits.ts';
import { type Measured, measure, type Quotes, symbolsOf } from './risk/measure.ts';
import { ACCOUNT } from './risk/standing.ts';
import { type Ground, isReduction } from './risk/sums.ts';

/** Something that was handed to the tower, before anything is known about it. */
export interface Received {
  readonly receipt: string;
  /** The name it came under. */
  readonly fileName: string;
  /** Name of the file in the folder of claimed files. */
  readonly claimedAs: string;
  readonly origin: Origin;
  /** Null when there are no bytes to be had; then `fault` says why. */
  readonly raw: Uint8Array | null;
  readonly fault: OrderError | null;
  readonly receivedAt: Micros;
}

export interface AdmitOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly failpoints: Failpoints;
  readonly rules: Rules;
  readonly halts: Halts;
  readonly identities: Identities;
  readonly limits: LimitRules;
  /** True while an earlier journal may have sent what this one does not know of. */
  suspect(mode: Mode): boolean;
  /** Fresh and sound quotes of these symbols, as far as there are any; soon. */
  quotes(mode: Mode, symbols: readonly string[]): Promise<Quotes>;
  readonly brokers: Readonly<Partial<Record<Mode, Broker>>>;
  /** Seconds that a request may wait to be sent when its file does not say. */
  readonly sendBySeconds: number;
  /** Longest that a file may ask for, in seconds. */
  readonly sendByMaxSeconds: number;
  /** Takes the turn of a trade that may leave now; null when anything is in its way. What is returned must be called. */
  atOnce(trade: TradeRequest): Start | null;
  /** Called for every entry that is journaled, after its commit. */
  admitted(entry: Entry): void;
  /** An agent sends the same again and again: it must be halted. */
  ranAway(entry: Entry): void;
  /** Called when a stray was journaled. */
  strayed(fileName: string, error: OrderError): void;
}

/** Sends a trade whose first sending was journaled when it was taken in. */
export type Start = (entry: Entry) => void;

type Base = Pick<Arrival, 'receipt' | 'name' | 'raw' | 'sha256' | 'receivedAt'>;

/** With the order that it is, when it is to be sent. */
type Judged = Arrival & {
  readonly trade?: TradeRequest;
};

const NO_QUOTES: Quotes = new Map();

type Refused = Pick<Arrival, 'state' | 'sendBy' | 'wire' | 'doubted' | 'answer'>;

/** `isSuspect`: an earlier journal may have sent it. */
const refusal = (arrival: Arrival, error: OrderError, isSuspect: boolean): Refused =>
  isSuspect
    ? {
        state: 'in_doubt',
        sendBy: arrival.sendBy,
        wire: arrival.wire,
        doubted: true,
        answer: { error: doubtful(error) },
      }
    : { state: 'refused', sendBy: null, wire: null, doubted: false, answer: { error } };

const doubtful = (error: OrderError): OrderError =>
  orderError('in_doubt', `an earlier journal may have sent it; this one does not send it: ${error.message}`, {
    more: { refusal: error },
  });

const hasRunAway = ({ answer }: Entry): boolean =>
  answer !== null && 'error' in answer && answer.error.code === 'risk_repeat';

/**
 * The typed request of an entry, read again from the bytes as they were journaled; null when this version of the tower
 * reads more strictly than the one that admitted it.
 */
export function requestOf(entry: Entry): Request | null {
  const parsed =
    entry.raw === null ? null : parse({ fileName: entry.name, bytes: entry.raw, receivedAt: entry.receivedAt });
  return parsed?.ok ? parsed.request : null;
}

export class Admitter {
  readonly #o: AdmitOptions;
  /** Of the bytes that were read in this run, as long as somebody holds them. */
  readonly #requests = new WeakMap<Uint8Array, Request>();
  #queue: Promise<void> = Promise.resolve();

  constructor(options: AdmitOptions) {
    this.#o = options;
  }

  /** As the function of this name, without reading again what was read when it was admitted. */
  requestOf(entry: Entry): Request | null {
    return (entry.raw === null ? undefined : this.#requests.get(entry.raw)) ?? requestOf(entry);
  }

  /** Resolves when everything given is journaled. One call after the other: repeats are numbered in the order they came. */
  admit(batch: readonly Received[]): Promise<void> {
    const done = this.#queue.then(() => this.#admit(batch));
    this.#queue = done.catch(() => {});
    return done;
  }

  async #admit(batch: readonly Received[]): Promise<void> {
    const named: { received: Received; name: OrderName }[] = [];
    for (const received of batch) {
      const name = parseName(received.fileName);
      if (!name.ok) {
        await this.#stray(received, name.stray, received.fault ?? problemsError(name.problems));
        continue;
      }
      // A name that somebody else has put on a file is not used up by it.
      const forged = forgery(name.name, received.origin, received.raw, this.#o.identities);
      if (forged === null) named.push({ received, name: name.name });
      else await this.#forged(received, name.name, forged);
    }
    const judged = named.map((one) => ({ ...one, arrival: this.#judge(one.received, one.name) }));
    const priced = judged.filter(({ arrival }) => this.#needsQuote(arrival));
    if (priced.length === 0) return this.#take(judged, NO_QUOTES);
    // Cancels, queries and what needs no price wait for no quote.
    await this.#take(
      judged.filter((one) => !priced.includes(one)),
      NO_QUOTES,
    );
    for (const mode of MODES) {
      const of = priced.filter(({ name }) => name.mode === mode);
      if (of.length === 0) continue;
      const symbols = of.flatMap(({ arrival }) => (arrival.trade === undefined ? [] : symbolsOf(arrival.trade)));
      await this.#take(of, await this.#o.quotes(mode, [...new Set(symbols)]));
    }
  }

  #needsQuote({ trade }: Judged): boolean {
    // What is halted is refused, and waits for no price.
    return trade !== undefined && needsQuote(this.#o.limits, trade) && this.#haltAgainst(haltable(trade)) === null;
  }

  /** As far as it can be told now: what cannot is told before the first byte leaves. */
  #haltAgainst(order: Haltable): Halt | null {
    const halt = this.#o.halts.lately(order);
    return halt === 'unreadable' ? null : halt;
  }

  /** Into the journal, which asks about each order when all before it is counted. */
  async #take(
    judged: readonly { readonly received: Received; readonly name: OrderName; readonly arrival: Judged }[],
    quotes: Quotes,
  ): Promise<void> {
    const asked = new Map<Measured, Judged>();
    const starts = new Map<string, Start>();
    const waits = new Set<Mode>();
    const arrivals = judged.map(({ arrival }) => {
      const one = this.#measured(arrival, quotes);
      if (one.measured !== undefined) asked.set(one.measured, arrival);
      return one;
    });
    const admissions = await this.#o.journal.admit(arrivals, (order, ground) => {
      const arrival = asked.get(order);
      const error = this.#allow(order, ground, quotes, arrival?.trade);
      if (error !== null) return error;
      // Nobody passes one that came with him and must wait: it stands in no line yet where he could find it.
      if (!waits.has(order.mode) && arrival !== undefined && this.#mayLeave(arrival, starts))
        return { sentAt: this.#o.clock.now() };
      waits.add(order.mode);
      return 'admit';
    });
    this.#o.failpoints.hit('k06-d2-done');
    const taken = admissions.flatMap((admission) => (admission.kind === 'new' ? [admission.entry] : []));
    // What is journaled as being sent leaves before anything else is done, and all are told of before anything is waited for.
    for (const entry of taken) starts.get(entry.receipt)?.(entry);
    for (const entry of taken) {
      this.#o.admitted(entry);
      if (hasRunAway(entry)) this.#o.ranAway(entry);
    }
    for (const [index, admission] of admissions.entries()) {
      const one = judged[index];
      if (one !== undefined && admission.kind === 'duplicate')
        await this.#repeat(one.received, one.name, admission.first);
    }
  }

  /** Whether it may leave now: then its turn is taken. Asked last, for what is taken is used. */
  #mayLeave({ receipt, trade, doubted, sendBy }: Judged, starts: Map<string, Start>): boolean {
    if (starts.has(receipt)) return true;
    if (trade === undefined || doubted || sendBy === null || this.#o.clock.now() >= sendBy) return false;
    const start = this.#o.atOnce(trade);
    if (start !== null) starts.set(receipt, start);
    return start !== null;
  }

  #measured({ trade, ...arrival }: Judged, quotes: Quotes): Arrival {
    if (trade === undefined) return arrival;
    const isSuspect = this.#o.suspect(trade.mode);
    return {
      ...arrival,
      measured: measure(trade, quotes),
      ifRefused: (error) => refusal(arrival, error, isSuspect),
    };
  }

  /** Inside the journal's transaction: a fault of ours there would end the tower. */
  #allow(order: Measured, ground: Ground, quotes: Quotes, trade: TradeRequest | undefined): OrderError | null {
    try {
      const halted = trade === undefined ? null : this.#halted(order, ground, haltable(trade));
      if (halted !== null) return haltError(halted);
      const error = judge(order, this.#o.limits, ground, quotes);
      if (error !== null || this.#o.limits.conflicts !== 'refuse') return error;
      const conflict = conflictOf(order, ground.standings);
      return conflict === null ? null : conflictError(conflict, false);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      return orderError('internal', `the tower could not judge this order: ${text}`, {
        more: { safe_to_resubmit: true },
      });
    }
  }

  /** The halt that keeps an order back; where only what makes a position smaller may pass, it must do so by what is held. */
  #halted(measured: Measured, ground: Ground, order: Haltable): Halt | null {
    const halt = this.#haltAgainst(order);
    if (halt !== null || !order.reduces) return halt;
    const narrowed = this.#haltAgainst({ ...order, reduces: false });
    return narrowed === null || isReduction(measured, ACCOUNT, ground.standings) ? null : narrowed;
  }

  /** The bytes are judged here, once. */
  #judge(received: Received, name: OrderName): Judged {
    const { receipt, raw, receivedAt } = received;
    const sha256 = raw === null ? null : hash('sha256', raw, 'hex');
    const base = { receipt, name, raw, sha256, receivedAt };
    const refused = (error: OrderError, requestOrderId: string | null): Judged => ({
      ...base,
      requestOrderId,
      sendBy: null,
      wire: null,
      state: 'refused',
      doubted: false,
      answer: { error },
    });
    if (received.fault !== null || raw === null) {
      return refused(received.fault ?? orderError('file_unreadable', 'the file could not be read'), null);
    }
    try {
      this.#o.failpoints.hit('judge', sha256 ?? '');
      return this.#judgeBytes(base, raw, refused);
    } catch (error) {
      // A fault of ours in front of one file must not stop the others, nor come back with every start.
      const text = error instanceof Error ? error.message : String(error);
      return refused(
        orderError('internal', `the tower could not judge this file: ${text}`, { more: { safe_to_resubmit: true } }),
        null,
      );
    }
  }

  #judgeBytes(
    base: Base,
    raw: Uint8Array,
    refused: (error: OrderError, requestOrderId: string | null) => Judged,
  ): Judged {
    const parsed = parse({ fileName: base.name, bytes: raw, receivedAt: base.receivedAt });
    if (!parsed.ok) return refused(parsed.error, parsed.requestOrderId);
    const { request } = parsed;
    this.#requests.set(raw, request);
    const latest = base.receivedAt + this.#o.sendByMaxSeconds * 1e6;
    if (request.sendBy !== null && request.sendBy > latest) {
      const allowed = `until ${isoMicros(micros(latest))}`;
      const error = orderError('send_by', 'send_by is further ahead than the settings allow', {
        field: 'send_by',
        allowed,
        hint: `write an earlier time: at most ${this.#o.sendByMaxSeconds} s ahead (send_by.max_seconds)`,
      });
      return refused(error, request.requestOrderId);
    }
    const decision = decide(request, this.#o.rules);
    if (decision.kind === 'denied') return refused(decision.error, request.requestOrderId);
    return this.#admitted(base, decision.approved);
  }

  /** Only what was approved is admitted; the bytes for the wire are made here, once. */
  #admitted(base: Base, { request }: Approved): Judged {
    const broker = defined(this.#o.brokers[base.name.mode], `the broker of ${base.name.mode}`);
    return {
      ...base,
      requestOrderId: request.requestOrderId,
      sendBy: request.sendBy ?? micros(base.receivedAt + this.#o.sendBySeconds * 1e6),
      wire: isTrade(request) ? broker.encode(request).body : null,
      state: 'admitted',
      doubted: false,
      answer: null,
      ...(isTrade(request) ? { trade: request } : {}),
    };
  }

  async #repeat(received: Received, name: OrderName, first: Entry): Promise<void> {
    const n = (await this.#o.journal.strays(name.clientOrderId)) + 1;
    const isEqual = sameContent(received, first);
    const at = isoMicros(first.receivedAt);
    const answerPath = responsePath(first.name);
    const error = orderError('duplicate', `${name.clientOrderId} was used before, at ${at}; the repeat is not sent`, {
      field: 'client_order_id',
      got: name.clientOrderId,
      hint: `read the first answer in ${answerPath}; for a new order use a new timestamp`,
      more: { first_received_at: at, same_content: isEqual, first_answer: answerPath },
    });
    await this.#journalStray(received, error, {
      agent: name.agent,
      clientOrderId: name.clientOrderId,
      responsePath: responsePath(name, n),
      archivePath: `orders/failed/${name.stem}.duplicate-${n}.json`,
      of: name.clientOrderId,
    });
  }

  /** Told to who may know of it: beside the answers of the agent that is named, or among those that are nobody's. */
  async #forged(received: Received, name: OrderName, { error, attribution }: Forgery): Promise<void> {
    const { receipt, receivedAt, origin } = received;
    const isNamed = attribution === 'named';
    const agent = isNamed ? name.agent : attribution === 'folder' ? origin.folderOf : null;
    const stray: StrayName = { fileName: received.fileName, agent, address: null, stem: name.stem };
    const path = isNamed ? responsePath(name) : strayResponsePath(stray, dayOf(receivedAt), receipt, agent);
    const of = `forged:${path}`;
    const suffix = `.refused-${(await this.#o.journal.strays(of)) + 1}.json`;
    await this.#journalStray(received, received.fault ?? error, {
      agent,
      clientOrderId: isNamed ? name.clientOrderId : null,
      responsePath: path.replace(/\.json$/, suffix),
      archivePath: `orders/failed/${name.stem}.refused-${receipt}.json`,
      of,
    });
  }

  async #stray(received: Received, stray: StrayName, error: OrderError): Promise<void> {
    const { folderOf } = received.origin;
    // A name may say that it is from an agent whose files must show more than a name.
    const isClaimed = stray.agent !== null && stray.agent !== folderOf;
    const isProven = !isClaimed || identityOf(this.#o.identities, stray.agent) === null;
    const known: StrayName = isProven ? stray : { ...stray, agent: folderOf, address: null };
    const path = strayResponsePath(known, dayOf(received.receivedAt), received.receipt, folderOf);
    // Counted by the name alone: the answers of two days lie in two folders, their files in one archive.
    const archive = `orders/failed/${stray.stem ?? received.receipt}`;
    const n = await this.#o.journal.strays(archive);
    const suffix = n === 0 ? '' : `.duplicate-${n}`;
    await this.#journalStray(received, error, {
      agent: folderOf ?? known.agent,
      clientOrderId: null,
      responsePath: path.replace(/\.json$/, `${suffix}.json`),
      archivePath: `${archive}${suffix}.json`,
      of: archive,
    });
  }

  async #journalStray(
    received: Received,
    error: OrderError,
    to: {
      readonly agent: string | null;
      readonly clientOrderId: string | null;
      readonly responsePath: string;
      readonly archivePath: string;
      readonly of: string;
    },
  ): Promise<void> {
    const { receipt, raw, receivedAt, claimedAs } = received;
    const responseText = renderResponse({
      requestOrderId: receipt,
      agent: to.agent,
      clientOrderId: to.clientOrderId,
      at: receivedAt,
      outcome: { error },
      version: 1,
      final: true,
      sent: 'no',
    });
    await this.#o.journal.addStray(
      { receipt, raw, receivedAt, claimedAs, responsePath: to.responsePath, responseText, archivePath: to.archivePath },
      to.of,
    );
    this.#o.strayed(received.fileName, error);
  }
}

/** Equal bytes, or bytes that ask for the same. */
function sameContent(received: Received, first: Entry): boolean {
  const { raw } = received;
  if (raw === null || first.raw === null) return false;
  if (Buffer.from(raw).equals(first.raw)) return true;
  const meaning = (bytes: Uint8Array): string | null => {
    const parsed = parse({ fileName: first.name, bytes, receivedAt: first.receivedAt });
    return parsed.ok ? contentOf(parsed.request) : null;
  };
  const now = meaning(raw);
  return now !== null && now === meaning(first.raw);
}
