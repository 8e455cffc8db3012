/**
 * PORT: the journal, the one truth of the tower. Everything else (answers, archives, books) can be made again from it.
 * A store only writes atomically and durably what it is told; every decision is made outside. When a promise of this
 * port resolves, what was asked is durable. Any fault of a store is thrown and must end the process.
 */
import type { Sums, UNASSIGNED } from '../books/book.ts';
import type { Holding, Posting, PostingKind } from '../books/holding.ts';
import type { Micros } from '../lib/clock.ts';
import type { Decimal } from '../order/decimal.ts';
import type { OrderError } from '../order/errors.ts';
import type { AgentId, ClientOrderId, Mode, OrderName, OrderType } from '../order/name.ts';
import type { State } from '../order/states.ts';
import type { Conflict } from '../risk/conflicts.ts';
import type { Measured } from '../risk/measure.ts';
import type { Ground } from '../risk/sums.ts';

/** The broker's two hosts, each with a budget of its own: orders and account, and market data. */
export const HOSTS = ['trading', 'data'] as const;
export type Host = (typeof HOSTS)[number];

/** What the agent reads: Alpaca's JSON text, or an error. */
export type Answer = { readonly dataJson: string; readonly origin?: Origin } | { readonly error: OrderError };

/** Of a query: the moment that its data is of, and whether the broker was asked for it or it was known already. */
export interface Origin {
  readonly asOf: Micros;
  readonly source: 'alpaca' | 'mirror';
}

/** One request and where it stands. Immutable: a change makes a new entry with a higher `rev`. */
export interface Entry {
  /** Order of admission. */
  readonly seq: number;
  /** Counts every change; a write names the rev that it was decided on, and fails when that is no longer the newest. */
  readonly rev: number;
  readonly clientOrderId: ClientOrderId;
  readonly receipt: string;
  readonly mode: Mode;
  readonly agent: AgentId;
  readonly type: OrderType;
  readonly name: OrderName;
  /** The bytes as received; null for a file that was too large or no regular file. */
  readonly raw: Uint8Array | null;
  readonly sha256: string | null;
  readonly receivedAt: Micros;
  readonly requestOrderId: string | null;
  /** Not sent after this moment; null when nothing limits it. */
  readonly sendBy: Micros | null;
  /** Body of the order as it goes over the wire, made once; null for queries and cancels. */
  readonly wire: string | null;
  readonly state: State;
  /** True once an outcome was ambiguous, or when this journal cannot know what an earlier one has sent. */
  readonly doubted: boolean;
  /** Sendings journaled so far. */
  readonly attempts: number;
  readonly brokerId: string | null;
  readonly brokerStatus: string | null;
  readonly filledQty: string | null;
  readonly brokerUpdatedAt: string | null;
  readonly answer: Answer | null;
  /** 0 before the first answer. */
  readonly version: number;
  readonly answeredAt: Micros | null;
  readonly published: number;
  readonly archived: boolean;
}

/** A request as it is taken in. */
export interface Arrival {
  readonly receipt: string;
  readonly name: OrderName;
  readonly raw: Uint8Array | null;
  readonly sha256: string | null;
  readonly receivedAt: Micros;
  readonly requestOrderId: string | null;
  readonly sendBy: Micros | null;
  readonly wire: string | null;
  /** Admitted, or refused with its answer. */
  readonly state: 'admitted' | 'refused' | 'in_doubt';
  readonly doubted: boolean;
  readonly answer: Answer | null;
  /** What it would come to, of an order that is to be sent; absent for everything else. */
  readonly measured?: Measured;
  /** How it is journaled when the judge refuses it: refused, or in doubt where an earlier journal may have sent it. */
  readonly ifRefused?: (error: OrderError) => Pick<Arrival, 'state' | 'sendBy' | 'wire' | 'doubted' | 'answer'>;
}

/**
 * An error refuses the order; `admit` takes it in, to wait for its turn; a moment journals its first sending with it, as
 * of then, because its turn is now.
 */
type Verdict = OrderError | 'admit' | { readonly sentAt: Micros };

/**
 * Asked for each order inside the transaction that takes it in, when all that was taken in before it is counted. Must not
 * wait, and may be asked again when the transaction is.
 */
export type Judge = (order: Measured, ground: Ground) => Verdict;

/** An order that limits shall count, as they see it. */
export interface Counted {
  readonly seq: number;
  readonly measured: Measured;
}

/** A file without an identity of its own: a repeat, or a name that breaks the rules. Answered once, by fixed bytes. */
export interface Stray {
  readonly receipt: string;
  readonly raw: Uint8Array | null;
  readonly receivedAt: Micros;
  /** Name of the file in the folder of claimed files. */
  readonly claimedAs: string;
  readonly responsePath: string;
  readonly responseText: string;
  readonly archivePath: string;
}

export type Admission =
  | { readonly kind: 'new'; readonly entry: Entry }
  /** This receipt is in the journal already: the file was claimed before a crash. */
  | { readonly kind: 'known' }
  /** The identity was used before, by `first`. */
  | { readonly kind: 'duplicate'; readonly first: Entry };

/** What a change sets; absent leaves as it is. */
export interface Patch {
  readonly state?: State;
  readonly doubted?: boolean;
  readonly attempts?: number;
  readonly brokerId?: string;
  readonly brokerStatus?: string;
  readonly filledQty?: string;
  readonly brokerUpdatedAt?: string;
  /** Makes a new version. */
  readonly answer?: Answer;
}

export interface JournalEvent {
  /** `sending`, `outcome`, `lookup`, `trade_update`, `sweep`, `anomaly`, … */
  readonly kind: string;
  /** Unique for ever; a second write with the same key is not applied. */
  readonly key?: string;
  /** JSON text. */
  readonly detail: string;
}

/** The `n`th sending of an entry; it is journaled before a byte of it leaves. */
export const sendingEvent = (seq: number, n: number): JournalEvent => ({
  kind: 'sending',
  key: `sending:${seq}:${n}`,
  detail: JSON.stringify({ n }),
});

/** An order came so late that it is to be cancelled: the wish outlives the process that has it. */
export const unwantedEvent = (brokerId: string): JournalEvent => ({
  kind: 'unwanted',
  key: `unwanted:${brokerId}`,
  detail: JSON.stringify({ order: brokerId }),
});

export interface Change {
  readonly seq: number;
  readonly rev: number;
  readonly at: Micros;
  readonly patch: Patch;
  readonly events: readonly JournalEvent[];
  /** Broker ids of legs that belong to this order. */
  readonly legs?: readonly string[];
  /** Requests to the trading host that this change stands for; counted for its budget. */
  readonly spends?: number;
  /** Which point of the crash table this write is. */
  readonly stage: 'd4' | 'd5' | 'd7';
}

/** `stale`: the entry has moved on, read it again and decide anew. `seen`: an event with that key is journaled already. */
export type Applied =
  | { readonly kind: 'applied'; readonly entry: Entry }
  | { readonly kind: 'stale' }
  | { readonly kind: 'seen' };

export type EntryRef = { readonly seq: number } | { readonly clientOrderId: string } | { readonly brokerId: string };

/** Something to publish: the newest version of an entry, or a stray. */
export interface Outgoing {
  readonly entries: readonly Entry[];
  readonly strays: readonly Stray[];
}

/** What has been done for an entry or stray; never undone. */
export interface Mark {
  readonly seq?: number;
  readonly receipt?: string;
  readonly published?: number;
  readonly archived?: boolean;
}

/** One posting to the book of one agent, or to that of what no agent did. */
export interface BookEntry {
  /** Unique for ever: a second entry with the same key is not posted. */
  readonly key: string;
  readonly agent: AgentId | typeof UNASSIGNED;
  readonly posting: Posting;
  /** The broker's id of the order or leg that was executed. */
  readonly orderId: string | null;
  /** The request that it came from. */
  readonly seq: number | null;
}

/** Entries that are posted together. */
export interface Booking {
  /** The broker's account number: the books of two accounts have nothing in common. */
  readonly account: string;
  /** The broker's activity that tells of it; a second booking with it posts nothing. */
  readonly activity: string | null;
  readonly entries: readonly BookEntry[];
}

/** What a posting has left; null for one whose key, or whose activity, was known. */
export type Booked = { readonly entry: BookEntry; readonly before: Holding; readonly after: Holding } | null;

export interface AgentBook {
  readonly agent: AgentId | typeof UNASSIGNED;
  readonly sums: Sums;
  /** Only those that hold something. */
  readonly holdings: readonly Holding[];
}

/** An entry as it was booked. `followed`: so was what follows from it (the fee of a fill, the shares of a contract). */
export interface BookedEntry extends BookEntry {
  readonly followed: boolean;
}

/** The key of what follows from an entry. */
export const followUp = (key: string): string => `of:${key}`;

/** What to look up in the books of an account. */
export interface BookedQuery {
  readonly kinds: readonly PostingKind[];
  /** One symbol as positions name it, every contract on an underlying, or all. */
  readonly of: 'all' | { readonly symbol: string } | { readonly contractsOn: string };
  readonly since: Micros;
  /** The newest so many: there may be thousands a day. */
  readonly most: number;
}

export interface Journal {
  /** Made anew whenever a journal is created from nothing. */
  readonly generation: string;
  /** True when this start created it. */
  readonly isNew: boolean;
  admit(arrivals: readonly Arrival[], judge?: Judge): Promise<readonly Admission[]>;
  /** The order before this one that stands in its way at the broker; null when it may go. */
  conflict(seq: number): Promise<Conflict | null>;
  /** Where everybody stands now: for who shows it, and for a second look before an order that has waited leaves. */
  ground(now: Micros): Promise<Ground>;
  /** Orders that are not final and that no limit counts: an earlier version took them in. Costs what is open. */
  uncounted(): Promise<readonly Entry[]>;
  /** Counts them from now on, less what the books have of them; those that are counted or final change nothing. */
  count(orders: readonly Counted[]): Promise<void>;
  /**
   * Whatever happened on the account before `until` is in the books, as far as it will ever be: what ended before then
   * counts no more. Until then an order that has ended counts with what was filled and is not booked.
   */
  settled(account: string, until: Micros): Promise<void>;
  /** `of` is what the stray repeats: a client_order_id, or the bad name. A receipt that is known already changes nothing. */
  addStray(stray: Stray, of: string): Promise<void>;
  /** How many strays of this kind are journaled. */
  strays(of: string): Promise<number>;
  /** All or nothing is per change, not per call; all that is applied is durable when the promise resolves. */
  apply(changes: readonly Change[]): Promise<readonly Applied[]>;
  find(ref: EntryRef): Promise<Entry | null>;
  /** Whether a claimed file was journaled, and whether it may be deleted. */
  receipt(receipt: string): Promise<'unknown' | 'known' | 'archived'>;
  /** Entries that are not final, oldest first; only those in `states`, when it is given. */
  unfinished(states?: readonly State[]): Promise<readonly Entry[]>;
  /** Orders that work at the broker and are to be cancelled since they came late (`unwantedEvent`), oldest first. */
  unwanted(mode: Mode): Promise<readonly Entry[]>;
  /** Orders (not queries or cancels) that are not final and in one of these states, the newest first. */
  newestOrders(states: readonly State[], limit: number): Promise<readonly Entry[]>;
  /** Oldest first. */
  outgoing(limit: number): Promise<Outgoing>;
  mark(marks: readonly Mark[]): Promise<void>;
  /**
   * The answers of an agent (of strays that are nobody's: `_unattributed`; null: of all) do not lie in their folder any more:
   * those of what is not done, and those made since among the newest 20,000, are outgoing again.
   */
  unpublish(owner: string | null, since: Micros): Promise<void>;
  /** Journals requests to the broker that no change stands for. */
  spend(mode: Mode, at: Micros, count: number, host: Host): Promise<void>;
  /** Wall times of the requests to a host journaled since. */
  spentSince(mode: Mode, since: Micros, host: Host): Promise<readonly Micros[]>;
  /** Small facts of the tower itself: account pins, doubt about this generation, the last sweep. */
  fact(key: string): Promise<string | null>;
  setFact(key: string, value: string, event?: JournalEvent): Promise<void>;
  /** Sum of the quantities of the executions journaled for an entry. Decimal texts. */
  fills(seq: number): Promise<readonly string[]>;
  /** Posts to the books: all entries of a booking or, when its activity is known, none; holdings and sums move with them. */
  book(bookings: readonly Booking[]): Promise<readonly (readonly Booked[])[]>;
  /** Every book of an account. Costs what is held, not what was ever traded. */
  books(account: string): Promise<readonly AgentBook[]>;
  /** Oldest first. */
  booked(account: string, query: BookedQuery): Promise<readonly BookedEntry[]>;
  /** Keeps the last known price of each symbol, one per hour. */
  setPrices(account: string, at: Micros, prices: ReadonlyMap<string, Decimal>): Promise<void>;
  /** Requests received in all, and the unfinished ones by state. */
  counts(): Promise<Readonly<Record<string, number>>>;
  close(): Promise<void>;
}
