/**
 * The judge of a run while it runs: what leaves, what arrives and what is published is compared with the broker's book.
 * Must share no decision with the tower: it reads JSON and counts, and a statement once made is held against all that
 * comes after.
 */
import type { Database } from 'better-sqlite3';
import type { HttpRequest } from '../../src/broker/alpaca/network.ts';
import type { Drop } from './agents.ts';
import { Answers, type AnswersWorld } from './answers.ts';
import { type Book, type BookOrder, isEnded, type VenueAnswer } from './book.ts';
import type { Inode } from './disk.ts';
import { Exposure, type ExposureWorld } from './exposure.ts';
import { statement } from './journal.ts';
import { isAnswer } from './setting.ts';
import { fieldsDiffer } from './wire.ts';

export interface Violation {
  readonly invariant: string;
  readonly text: string;
}

type Json = Readonly<Record<string, unknown>>;

/** The newest version of an answer, as somebody could have read it. */
export interface Published {
  readonly version: number;
  readonly text: string;
  readonly isFinal: boolean;
  /** Where in the order's history its newest statement stands; -1 before any. */
  readonly stateIndex: number;
}

/** `no_post`: no byte of it has left or will leave. `no_order`: no order of it exists or will exist. */
interface Claim {
  readonly kind: 'no_post' | 'no_order';
  readonly path: string;
}

export interface Figures {
  posts: number;
  requests: number;
  duplicates: number;
  inDoubt: number;
  longestDoubtUs: number;
  statements: number;
  /** Answers to queries that were judged, and those that came from the mirror. */
  queries: number;
  mirrored: number;
  /** The largest share of a limit on exposure that was in use, in thousandths. */
  exposure: number;
}

export interface OracleWorld {
  readonly now: () => number;
  readonly book: Book;
  /** The journal as it is on disk. */
  readonly db: () => Database;
  /** Orders that appear after they were given up are cancelled. */
  readonly cancelsLate: boolean;
  /** What of answers to queries can be judged. */
  readonly answers: Pick<AnswersWorld, 'isDated' | 'listsAll' | 'maxAgeMs' | 'rereadMs'>;
  readonly budget: { readonly perMinute: number; readonly perSecond: number };
  readonly exposure: Pick<ExposureWorld, 'rules' | 'isExchange'>;
  violated(violation: Violation): void;
}

const MINUTE_US = 60_000_000;
const SECOND_US = 1_000_000;

export class Oracle {
  readonly figures: Figures = {
    posts: 0,
    requests: 0,
    duplicates: 0,
    inDoubt: 0,
    longestDoubtUs: 0,
    statements: 0,
    queries: 0,
    mirrored: 0,
    exposure: 0,
  };
  readonly drops: Drop[] = [];
  readonly answers: Answers;
  readonly #exposure: Exposure;
  readonly dropped = new Map<string, Drop>();
  /** Receipt of each claimed file, by inode. */
  readonly receipts = new Map<number, string>();
  readonly published = new Map<string, Published>();
  /** Every path under which an answer was ever seen; survives the loss of a journal. */
  readonly everAnswered = new Set<string>();
  /** Sendings by id that only a lost journal knew of, and those that the copy of the journal knows. */
  readonly #forgotten = new Map<string, number>();
  readonly #knownToCopy = new Map<string, number>();
  /** How many journals had been lost when an answer was last put in place. */
  readonly #placedIn = new Map<string, number>();
  /** Answers that an agent has deleted, with the version that was put in place since (none: Infinity). */
  readonly #deleted = new Map<string, number>();
  readonly #world: OracleWorld;
  /** Halts that stand, and whom they concern (null: all). */
  readonly #halts = new Map<string, string | null>();
  readonly #claims = new Map<string, Claim[]>();
  readonly #posted = new Map<string, number>();
  readonly #turnedAway = new Map<string, number>();
  readonly #departures: number[] = [];
  readonly #doubtSince = new Map<string, number>();
  /** Orders that were in doubt at any time. */
  readonly #doubted = new Set<string>();
  /** Orders that their own agent has asked to cancel. */
  readonly #cancelled = new Set<string>();
  /** Journals lost or replaced so far. */
  generation = 0;
  #budgetCountsFrom = 0;

  constructor(world: OracleWorld) {
    this.#world = world;
    const { now, book, answers } = world;
    this.answers = new Answers({
      now,
      book,
      ...answers,
      figures: this.figures,
      fail: (invariant, text) => this.fail(invariant, text),
    });
    this.#exposure = new Exposure({
      ...world.exposure,
      book,
      isOver: (id) => this.#isOver(id),
      used: (share) => {
        this.figures.exposure = Math.max(this.figures.exposure, share);
      },
      fail: (invariant, text) => this.fail(invariant, text),
    });
  }

  /** The owner wants orders cancelled that appear after they were given up. */
  get cancelsLate(): boolean {
    return this.#world.cancelsLate;
  }

  #isOver(id: string): boolean {
    const row = statement(this.#world.db(), 'SELECT final FROM requests WHERE client_order_id = ?').get(id) as
      | { final: number }
      | undefined;
    return row?.final === 1;
  }

  fail(invariant: string, text: string): void {
    this.#world.violated({ invariant, text });
  }

  halted(path: string, agent: string | null): void {
    this.#halts.set(path, agent);
  }

  resumed(path: string): void {
    this.#halts.delete(path);
  }

  drop(drop: Drop): void {
    this.drops.push(drop);
    const { clientOrderId, cancels } = drop;
    if (clientOrderId !== null) this.answers.asked(clientOrderId);
    if (clientOrderId !== null) this.dropped.set(clientOrderId, drop);
    if (clientOrderId !== null && cancels?.split('_')[0] === clientOrderId.split('_')[0])
      this.#cancelled.add(cancels ?? '');
  }

  claimed(inode: Inode, to: string): void {
    this.receipts.set(inode.id, to.slice(to.lastIndexOf('/') + 1).slice(0, 26));
  }

  /** An agent has deleted an answer: it need not be there any more. */
  deletedBy(path: string): void {
    this.#deleted.set(path, Number.POSITIVE_INFINITY);
  }

  /** Nobody may expect this version of an answer: its agent has deleted it, and no later one has come. */
  mayBeMissing(path: string, version: number): boolean {
    return version < (this.#deleted.get(path) ?? 0);
  }

  /** The answer at this path was told by a journal that has been lost since. */
  isOfLostJournal(path: string): boolean {
    return (this.#placedIn.get(path) ?? this.generation) < this.generation;
  }

  /**
   * The journal is gone, or an older one. What it told is not known to the next one: versions start anew, and a claim
   * about a request that is sent again holds no longer (stated assumption: who gives the tower a file anew after it has
   * lost its journal asks anew). What the next one claims is held against the whole book.
   */
  journalLost(isRestored: boolean): void {
    this.generation++;
    for (const id of this.#posted.keys()) {
      const known = isRestored ? (this.#knownToCopy.get(id) ?? 0) : 0;
      this.#forgotten.set(id, this.#taken(id) - known);
    }
    this.published.clear();
    this.#claims.clear();
    // What the lost journal had counted cannot be known to the next one.
    this.#budgetCountsFrom = this.#departures.length;
  }

  /** A copy of the journal is made: what was sent until now, it knows. */
  journalCopied(): void {
    for (const id of this.#posted.keys()) this.#knownToCopy.set(id, this.#taken(id));
  }

  /** The tower starts with a wall clock that has jumped: it cannot know when the requests before were sent. */
  undated(): void {
    this.#budgetCountsFrom = this.#departures.length;
  }

  /** A request leaves the tower. */
  left(request: HttpRequest): void {
    this.figures.requests++;
    if (request.origin.includes('data')) return;
    this.#countDeparture();
    if (request.method === 'DELETE') this.#checkCancel(request.path.slice('/v2/orders/'.length));
    if (request.method !== 'POST') return;
    this.figures.posts++;
    const body = parseObject(request.body);
    const id = String(body?.['client_order_id']);
    this.#posted.set(id, (this.#posted.get(id) ?? 0) + 1);
    const drop = this.dropped.get(id);
    if (drop === undefined) {
      this.fail('I1', `a POST with client_order_id ${id}, which no file has asked for`);
      return;
    }
    for (const [path, agent] of this.#halts) {
      if (agent === null || id.startsWith(`${agent}_`))
        this.fail('I11', `a POST of ${id} leaves while ${path} is there`);
    }
    for (const claim of this.#claims.get(id) ?? [])
      this.fail(
        'I4',
        `${claim.path} says that ${claim.kind === 'no_post' ? 'nothing was sent' : 'there is no order'}, and a POST of it leaves`,
      );
    this.#checkJournaled(id, request.body);
    if (body !== null && this.generation === 0) this.#exposure.left(id, body);
  }

  /** An order is cancelled when its own agent asks for it, or when it appears after it was given up and the owner wants that. */
  #checkCancel(orderId: string): void {
    const order = this.#world.book.byId.get(orderId);
    const id = order?.clientOrderId ?? '';
    const isAsked = this.#cancelled.has(id);
    const isLate = this.#world.cancelsLate && this.#doubted.has(id);
    if (!isAsked && !isLate) this.fail('I13', `the tower cancels ${id}, and its agent has not asked for it`);
  }

  #checkJournaled(id: string, wire: string): void {
    const db = this.#world.db();
    const row = statement(db, 'SELECT seq, state, attempts, wire, raw FROM requests WHERE client_order_id = ?').get(
      id,
    ) as { seq: number; state: string; attempts: number; wire: string; raw: Buffer } | undefined;
    if (row === undefined || row.state !== 'sending' || row.attempts < 1) {
      this.fail('I2', `a POST of ${id} leaves, and the journal says ${row === undefined ? 'nothing' : row.state}`);
      return;
    }
    const records = statement(db, "SELECT count(*) AS n FROM events WHERE seq = ? AND kind = 'sending'").get(
      row.seq,
    ) as { n: number };
    if (records.n < row.attempts) this.fail('I2', `${id}: ${row.attempts} sendings, ${records.n} records of them`);
    if (row.wire !== wire) this.fail('I3', `${id}: the bytes on the wire are not the journaled ones`);
    const differing = fieldsDiffer(row.raw, wire);
    if (differing.length > 0) this.fail('I3', `${id}: the wire differs from the file in ${differing.join(', ')}`);
  }

  #countDeparture(): void {
    const now = this.#world.now();
    const all = this.#departures;
    all.push(now);
    const { perMinute, perSecond } = this.#world.budget;
    for (const [limit, window, name] of [
      [perMinute, MINUTE_US, '60 s'],
      [perSecond, SECOND_US, '1 s'],
    ] as const) {
      const index = all.length - 1 - limit;
      const first = all[index];
      if (first !== undefined && index >= this.#budgetCountsFrom && now - first < window)
        this.fail('I7', `${limit + 1} requests within ${name}`);
    }
  }

  /** It reaches the broker. */
  arrived(request: HttpRequest, answer: VenueAnswer): void {
    if (request.method !== 'POST') return;
    if (answer.status === 422 && answer.body.includes('must be unique')) this.figures.duplicates++;
  }

  /** The broker's book has changed. */
  booked(order: BookOrder): void {
    this.answers.booked(order);
    if (this.generation === 0) this.#exposure.judge();
    if (order.body === null || order.states.length > 1) return;
    const id = order.clientOrderId;
    const same = this.#world.book.byClientId.get(id) ?? [];
    if (same.length > 1) this.fail('I1', `${same.length} orders of ${id} at the broker`);
    for (const claim of this.#claims.get(id) ?? [])
      this.fail('I4', `${claim.path} says that there is no order of ${id}, and now there is one`);
  }

  /** A file is there for everybody to read. */
  placed(path: string, bytes: Uint8Array): void {
    if (!isAnswer(path)) return;
    this.figures.statements++;
    this.everAnswered.add(path);
    this.#placedIn.set(path, this.generation);
    const text = Buffer.from(bytes).toString();
    const answer = parseObject(text);
    if (this.#deleted.has(path)) this.#deleted.set(path, Number(answer?.['version'] ?? 1));
    if (answer === null) {
      this.fail('I4', `${path} is no JSON object`);
      return;
    }
    const version = Number(answer['version']);
    const isFinal = answer['final'] === true;
    const before = this.published.get(path);
    if (before !== undefined) {
      if (version < before.version) this.fail('I5', `${path}: version ${version} after ${before.version}`);
      if (version === before.version && text !== before.text)
        this.fail('I5', `${path}: two texts under version ${version}`);
      if (before.isFinal && version > before.version) this.fail('I5', `${path}: changed after it was final`);
    }
    const stateIndex = this.#judge(path, answer, before?.stateIndex ?? -1);
    this.published.set(path, { version, text, isFinal, stateIndex });
  }

  /** Is what the answer says true, and what must be true from now on? Returns where the order's history stands. */
  #judge(path: string, answer: Json, stateIndex: number): number {
    const id = answer['client_order_id'];
    const error = objectOf(answer['error']);
    const details = objectOf(error?.['details']);
    if (path.includes('.duplicate-')) {
      if (typeof id === 'string' && details?.['safe_to_resubmit'] !== false)
        this.fail('I4', `${path}: a repeat is called safe to resubmit`);
      return stateIndex;
    }
    if (answer['final'] === true && answer['sent'] === 'unknown')
      this.fail('I4', `${path} is final, and does not know whether it was sent`);
    if (typeof id !== 'string') return stateIndex;
    const type = id.slice(id.lastIndexOf('_') + 1);
    const data = objectOf(answer['data']);
    this.#countDoubt(id, error?.['type'] === 'in_doubt_error' && answer['final'] === false);
    if (!/^(stock|crypto|option)/.test(type)) {
      if (type === 'cancelorder' && data !== null) this.#judgeCancel(path, data);
      if (type !== 'cancelorder') this.answers.judge(path, type, id, answer);
      return stateIndex;
    }
    if (data !== null) {
      const at = this.#stateOf(path, data, stateIndex);
      this.answers.told(String(answer['agent_id']), String(data['id']), at);
      if (data['client_order_id'] !== id)
        this.fail('I4', `${path} shows an order of ${String(data['client_order_id'])}`);
      if (answer['final'] === true && !isEnded(this.#world.book.byId.get(String(data['id']))?.states[at]))
        this.fail('I4', `${path} is final, and its order is not`);
      return at;
    }
    this.#judgeRefusal(path, id, answer, error, details);
    return stateIndex;
  }

  #judgeRefusal(path: string, id: string, answer: Json, error: Json | null, details: Json | null): void {
    const code = error?.['code'];
    const orders = this.#world.book.byClientId.get(id) ?? [];
    if (code === 'rejected_after_acceptance') {
      if (!orders.some(({ states }) => states.at(-1)?.status === 'rejected'))
        this.fail('I4', `${path} says rejected after acceptance, and no order of it is`);
      return;
    }
    if (code === 'conflict_at_broker') {
      this.fail('I4', `${path} tells of a conflict, and nobody else uses our ids`);
      return;
    }
    const safe = details?.['safe_to_resubmit'];
    if (typeof safe !== 'boolean') this.fail('I4', `${path} does not say whether it is safe to resubmit`);
    // A file that is refused for what it says: after the loss of a journal it may clash with one sent before.
    if (error?.['type'] === 'validation_error' && this.generation > 0) return;
    if (answer['sent'] === 'no') {
      const left = Math.max(orders.length, this.#remembered(id));
      if (left > 0) this.fail('I4', `${path} says sent: no, and ${left} POSTs of it have left`);
      if (answer['final'] === true) this.#claim(id, { kind: 'no_post', path });
    }
    if (safe !== true) return;
    if (answer['final'] !== true) this.fail('I4', `${path} is called safe to resubmit before it is final`);
    if (orders.length > 0)
      this.fail('I4', `${path} is called safe to resubmit (${String(code)}), and there is an order`);
    this.#claim(id, { kind: 'no_order', path });
  }

  /** POSTs of an order that have left, less those that were answered 429: by the broker's rule these were not taken. */
  /**
   * Sendings that the present journal knows of. One that only a lost journal knew, and that the broker refused, has left
   * no trace anywhere; every other one counts.
   */
  #remembered(id: string): number {
    return this.#taken(id) - (this.#forgotten.get(id) ?? 0);
  }

  #taken(id: string): number {
    return (this.#posted.get(id) ?? 0) - (this.#turnedAway.get(id) ?? 0);
  }

  /** A request was answered 429, unread. */
  turnedAway(request: HttpRequest): void {
    const id = request.method === 'POST' ? parseObject(request.body)?.['client_order_id'] : null;
    if (typeof id === 'string') this.#turnedAway.set(id, (this.#turnedAway.get(id) ?? 0) + 1);
  }

  #judgeCancel(path: string, data: Json): void {
    const order = objectOf(data['order']);
    if (order !== null) {
      const known = this.#world.book.byId.get(String(order['id']));
      if (!known?.states.some(({ status }) => status === 'canceled'))
        this.fail('I4', `${path} says cancelled, and the order is ${known?.states.at(-1)?.status ?? 'not known'}`);
      return;
    }
    const target = String(data['client_order_id']);
    if ((this.#world.book.byClientId.get(target) ?? []).length > 0 || this.#remembered(target) > 0)
      this.fail('I4', `${path} says that ${target} was cancelled before it was sent, and it was sent`);
    this.#claim(target, { kind: 'no_post', path });
  }

  /** The moment of the order's history that an answer shows; it may be old news, never news that never was, or go back. */
  #stateOf(path: string, data: Json, notBefore: number): number {
    const order = this.#world.book.byId.get(String(data['id']));
    if (order === undefined) {
      this.fail('I4', `${path} shows an order that the broker does not have`);
      return notBefore;
    }
    const index = order.states.findLastIndex(
      ({ status, filledQty }) => status === data['status'] && filledQty === data['filled_qty'],
    );
    if (index === -1)
      this.fail(
        'I4',
        `${path} says ${String(data['status'])}/${String(data['filled_qty'])}, which the order never was`,
      );
    else if (index < notBefore) this.fail('I5', `${path} goes back to ${String(data['status'])}`);
    return Math.max(index, notBefore);
  }

  #claim(id: string, claim: Claim): void {
    const known = this.#claims.get(id);
    if (known === undefined) this.#claims.set(id, [claim]);
    else if (!known.some(({ kind }) => kind === claim.kind)) known.push(claim);
  }

  #countDoubt(id: string, isInDoubt: boolean): void {
    const since = this.#doubtSince.get(id);
    if (isInDoubt) this.#doubted.add(id);
    if (isInDoubt && since === undefined) {
      this.figures.inDoubt++;
      this.#doubtSince.set(id, this.#world.now());
    } else if (!isInDoubt && since !== undefined) {
      this.#doubtSince.delete(id);
      this.figures.longestDoubtUs = Math.max(this.figures.longestDoubtUs, this.#world.now() - since);
    }
  }
}

const objectOf = (value: unknown): Json | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : null;

export function parseObject(text: string): Json | null {
  try {
    return objectOf(JSON.parse(text));
  } catch {
    return null;
  }
}
