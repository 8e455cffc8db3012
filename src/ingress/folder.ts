/**
 * Order files as a way in: watches `orders/incoming`, claims what is whole, hands it to the door. The listing is the truth;
 * the watch only says when to look sooner. Must never read a file that is still being written as if it were whole, open
 * anything but a regular file, or lose one: a file is claimed by rename before it is taken, and deleted by nobody here.
 */
import type { Received } from '../admit.ts';
import type { Clock, Micros } from '../lib/clock.ts';
import type { Failpoints } from '../lib/failpoint.ts';
import { type DirEntry, dirEntry, type FileIdentity, type Files, type Peek } from '../lib/files.ts';
import type { Random } from '../lib/random.ts';
import { type OrderError, orderError } from '../order/errors.ts';
import { completeness } from '../order/parse.ts';

export const INCOMING = 'orders/incoming';
export const PROCESSING = 'orders/processing';

/** A claimed file that cannot be read in so many looks is answered as unreadable. */
const READ_TRIES = 10;
const BATCH = 64;
/**
 * A listing serves for so long, or for so many times as long as it took to make: a folder of many thousand files is not
 * listed for every batch, and an agent that comes while it is emptied is not kept waiting.
 */
const LISTING_MS = 20;
const LISTING_SHARE = 10;
/** An empty file gets this long: some writers create first and write later. */
const EMPTY_MS = 10_000;
const STALE_TEMP_MS = 600_000;
const IGNORED = /^\.|(?:\.tmp|\.part|\.swp|~|\.crdownload)$/;
/** Longest claimed name that every file system takes. */
const NAME_BYTES = 255;

export interface FolderOptions {
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
  readonly failpoints: Failpoints;
  /** An unreadable file that has not changed for so long is answered as it is. */
  readonly settleMs: number;
  readonly pollMs: number;
  readonly maxBytes: number;
  admit(batch: readonly Received[]): Promise<void>;
  /** Whether a claimed file was journaled, and whether it may be deleted. */
  receipt(receipt: string): Promise<'unknown' | 'known' | 'archived'>;
  notice(level: 'info' | 'warn' | 'error', text: string, remedy: string): void;
  fatal(error: unknown): void;
}

interface Watched {
  readonly identity: FileIdentity;
  readonly since: number;
}

export class Folder {
  readonly #o: FolderOptions;
  /** Files that were not whole when last looked at. */
  readonly #unsettled = new Map<string, Watched>();
  readonly #temps = new Map<string, number>();
  #stopWatch: () => void = () => {};
  #stopPoll: () => void = () => {};
  #scanning: Promise<void> | null = null;
  #again = false;
  #stopped = false;
  #lastFault = '';
  /** Files that cannot be looked at or claimed, and why: each is told once. */
  readonly #stuck = new Map<string, string>();
  /** Claimed files that could not be read yet: they are owed an answer. */
  readonly #owed = new Map<string, { readonly receipt: string; readonly fileName: string; tries: number }>();
  /** Claimed files that the archive has, and that would not go. */
  readonly #leftovers = new Set<string>();

  constructor(options: FolderOptions) {
    this.#o = options;
  }

  /** Takes up what an earlier run had claimed. Before `start`. */
  async recover(): Promise<void> {
    const batch: Received[] = [];
    for (const entry of this.#o.files.list(PROCESSING)) {
      const [, receipt, fileName] = /^([0-9a-z]{26})__(.*)$/s.exec(entry.name) ?? [];
      if (receipt === undefined || fileName === undefined) {
        if (entry.name.startsWith('.')) continue;
        this.#o.notice(
          'warn',
          `${PROCESSING}/${entry.name} was not put there by the tower and is left alone`,
          `order files go to ${INCOMING}`,
        );
        continue;
      }
      this.#o.failpoints.hit('k27-in-recovery');
      const known = await this.#o.receipt(receipt);
      if (known === 'archived') this.#leftovers.add(entry.name);
      const received = known === 'unknown' ? this.#read(entry, receipt, fileName) : null;
      if (received !== null) batch.push(received);
    }
    this.#clearAway();
    if (batch.length > 0) await this.#o.admit(batch);
  }

  #clearAway(): void {
    for (const name of [...this.#leftovers]) {
      const gone = this.#tried(name, () => this.#o.files.remove(`${PROCESSING}/${name}`)) !== null;
      if (gone) this.#leftovers.delete(name);
    }
  }

  start(): void {
    this.#stopWatch = this.#o.files.watch(INCOMING, () => this.ring());
    this.#poll();
  }

  /** Looks now. */
  ring(): void {
    if (this.#stopped) return;
    if (this.#scanning !== null) {
      this.#again = true;
      return;
    }
    this.#scanning = this.#scan()
      .catch((error: unknown) => this.#o.fatal(error))
      .finally(() => {
        this.#scanning = null;
        if (!this.#again) return;
        this.#again = false;
        this.ring();
      });
  }

  /** No file is claimed after it resolves. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stopWatch();
    this.#stopPoll();
    await this.#scanning;
  }

  #poll(): void {
    this.ring();
    this.#stopPoll = this.#o.clock.after(this.#o.pollMs, () => this.#poll());
  }

  async #scan(): Promise<void> {
    const { clock } = this.#o;
    this.#clearAway();
    const owed = [...this.#owed].flatMap(
      ([name, { receipt, fileName }]) => this.#read(dirEntry(name), receipt, fileName) ?? [],
    );
    if (owed.length > 0) await this.#o.admit(owed);
    for (;;) {
      const began = clock.monotonic();
      let listing: readonly DirEntry[];
      try {
        listing = this.#o.files.list(INCOMING);
        this.#lastFault = '';
      } catch (error) {
        this.#listingFault(error);
        return;
      }
      this.#forgetGone(listing);
      const waiting = fairly(listing);
      const lookAgainAt = began + Math.max(LISTING_MS, LISTING_SHARE * (clock.monotonic() - began));
      do {
        const batch = this.#claim(waiting);
        if (batch.length > 0) await this.#o.admit(batch);
        if (batch.length < BATCH || this.#stopped) return;
      } while (clock.monotonic() < lookAgainAt);
    }
  }

  /** The next files that are ready, at most a batch. */
  #claim(waiting: Iterator<DirEntry>): readonly Received[] {
    const batch: Received[] = [];
    for (let next = waiting.next(); next.done !== true; next = waiting.next()) {
      const taken = this.#take(next.value);
      if (taken !== null) batch.push(taken);
      if (batch.length === BATCH) break;
    }
    return batch;
  }

  /** The folder itself cannot be read: told once, looked at again at the next poll. */
  #listingFault(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    if (text !== this.#lastFault) {
      this.#o.notice(
        'error',
        `${INCOMING} cannot be read: ${text}`,
        'check that the folder exists and may be read by the tower; it looks again by itself',
      );
    }
    this.#lastFault = text;
    if (text.startsWith('ENOENT')) this.#tried('', () => this.#o.files.makeFolder(INCOMING));
  }

  #forgetGone(listing: readonly DirEntry[]): void {
    if (this.#unsettled.size === 0 && this.#temps.size === 0 && this.#stuck.size === 0) return;
    const present = new Set([...listing.map(({ name }) => name), ...this.#owed.keys(), ...this.#leftovers]);
    for (const known of [this.#unsettled, this.#temps, this.#stuck]) {
      for (const name of [...known.keys()]) if (!present.has(name)) known.delete(name);
    }
  }

  /** Claims one file that is ready; null when it is not, or not ours to take. */
  #take(entry: DirEntry): Received | null {
    if (IGNORED.test(entry.name)) {
      this.#watchTemp(entry.name);
      return null;
    }
    const look = this.#tried(entry.name, () => this.#o.files.peek(INCOMING, entry, this.#o.maxBytes));
    if (look === null || !this.#isReady(entry.name, look)) return null;
    this.#o.failpoints.hit('k03-peeked');
    const receipt = this.#receipt();
    const claimedAs = claimName(receipt, entry);
    if (!this.#tried(entry.name, () => this.#o.files.claim(INCOMING, entry, `${PROCESSING}/${claimedAs}`))) return null;
    this.#unsettled.delete(entry.name);
    this.#stuck.delete(entry.name);
    this.#o.failpoints.hit('k04-claimed');
    return this.#read(dirEntry(claimedAs), receipt, entry.name);
  }

  /**
   * What was claimed: its bytes count, for the file may have been replaced between the look and the claim. Null when the
   * system does not give them now; they are asked for again at the next looks, and in the end called unreadable.
   */
  #read(entry: DirEntry, receipt: string, fileName: string): Received | null {
    const { files, clock, maxBytes } = this.#o;
    const look = this.#tried(entry.name, () => files.peek(PROCESSING, entry, maxBytes));
    const tries = (this.#owed.get(entry.name)?.tries ?? 0) + 1;
    if (look === null && tries < READ_TRIES) {
      this.#owed.set(entry.name, { receipt, fileName, tries });
      return null;
    }
    this.#owed.delete(entry.name);
    const reason = this.#stuck.get(entry.name) ?? '';
    return this.#received(entry, receipt, fileName, look ?? { kind: 'unreadable', reason }, clock.now());
  }

  /** One file that the system will not let us have must not stop the others: it stays, and is tried at every look. */
  #tried<T>(name: string, work: () => T): T | null {
    try {
      return work();
    } catch (error) {
      // Without a code it is no fault of the system but one of ours.
      if (!(error instanceof Error && 'code' in error)) throw error;
      const code = String(error.code);
      if (this.#stuck.get(name) !== code) {
        this.#o.notice(
          'error',
          `${name} cannot be taken: ${error.message}`,
          'check its owner and rights, and the space of the disk; it is tried again by itself',
        );
      }
      this.#stuck.set(name, code);
      return null;
    }
  }

  /** Whole files at once; others when they have not changed for a while. */
  #isReady(name: string, look: Peek): boolean {
    if (look.kind === 'gone') return false;
    // Two names for a moment: some writers link a file into place and then drop the first name.
    if (look.kind !== 'file' && look.kind !== 'too_large' && look.kind !== 'linked') return true;
    if (look.kind === 'file' && completeness(look.bytes) === 'whole') return true;
    const now = this.#o.clock.monotonic();
    const watched = this.#unsettled.get(name);
    if (watched === undefined || !isSame(watched.identity, look.identity)) {
      this.#unsettled.set(name, { identity: look.identity, since: now });
      return false;
    }
    const patience = look.identity.size === 0 ? Math.max(EMPTY_MS, this.#o.settleMs) : this.#o.settleMs;
    return now - watched.since >= patience;
  }

  #watchTemp(name: string): void {
    const now = this.#o.clock.monotonic();
    const since = this.#temps.get(name);
    if (since === undefined) this.#temps.set(name, now);
    else if (now - since >= STALE_TEMP_MS && Number.isFinite(since)) {
      this.#temps.set(name, Number.POSITIVE_INFINITY);
      this.#o.notice(
        'warn',
        `${INCOMING}/${name} has been lying there for ten minutes under a temporary name`,
        'rename it to the name of an order file, or delete it',
      );
    }
  }

  #received(entry: DirEntry, receipt: string, fileName: string, look: Peek, receivedAt: Micros): Received {
    return {
      receipt,
      fileName,
      claimedAs: entry.name,
      receivedAt,
      raw: look.kind === 'file' && look.bytes.length <= this.#o.maxBytes ? look.bytes : null,
      fault: faultOf(look, this.#o.maxBytes),
    };
  }

  /** 26 characters that sort by time: microseconds in base 36, then 80 bits of chance. */
  #receipt(): string {
    const { clock, random } = this.#o;
    const chance = Array.from({ length: 3 }, () => random.uint32().toString(36).padStart(7, '0').slice(-5)).join('');
    return `${clock.now().toString(36).padStart(11, '0')}${chance}`;
  }
}

const isSame = (a: FileIdentity, b: FileIdentity): boolean =>
  a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs && a.dev === b.dev;

/** The part of a name by which one agent's files are ordered: the timestamp comes after the type. */
const timeOf = (name: string): string => name.slice(name.lastIndexOf('_') + 1);

/** Agents take turns, each agent's files in the order of their timestamps: an order comes before the cancel that follows it. */
function* fairly(listing: readonly DirEntry[]): Generator<DirEntry> {
  const lines = new Map<string, DirEntry[]>();
  for (const entry of listing) {
    const agent = entry.name.split('_')[1] ?? '';
    const line = lines.get(agent);
    if (line === undefined) lines.set(agent, [entry]);
    else line.push(entry);
  }
  for (const line of lines.values()) {
    // Last first: they are taken from the end.
    line.sort((a, b) => {
      const [one, other] = [timeOf(a.name), timeOf(b.name)];
      return one === other ? (a.name < b.name ? 1 : -1) : one < other ? 1 : -1;
    });
  }
  while (lines.size > 0) {
    for (const [agent, line] of lines) {
      const entry = line.pop();
      if (entry === undefined) lines.delete(agent);
      else yield entry;
    }
  }
}

function claimName(receipt: string, entry: DirEntry): string {
  const isPlain = Buffer.from(entry.name).equals(entry.raw) && !/[\p{Cc}/]/u.test(entry.name);
  const name = `${receipt}__${entry.name}`;
  return isPlain && Buffer.byteLength(name) <= NAME_BYTES ? name : `${receipt}__unnamed`;
}

function faultOf(look: Peek, maxBytes: number): OrderError | null {
  switch (look.kind) {
    case 'file':
      return look.bytes.length <= maxBytes ? null : tooLarge(look.bytes.length, maxBytes);
    case 'too_large':
      return tooLarge(look.size, maxBytes);
    case 'foreign':
      return orderError('file_type', `the entry is ${look.what}; only regular files are read`, {
        got: look.what,
        allowed: 'a regular file',
      });
    case 'linked':
      return orderError('file_links', `the file has ${look.links} hard links; it must have 1`, {
        got: String(look.links),
        allowed: '1',
      });
    case 'unreadable':
      return orderError('file_unreadable', `the file cannot be read: ${look.reason}`, { got: look.reason });
    case 'gone':
      return orderError('file_unreadable', 'the file was taken away while it was being claimed');
  }
}

const tooLarge = (size: number, limit: number): OrderError =>
  orderError('file_too_large', `the file has ${size} bytes; at most ${limit} are read`, {
    got: String(size),
    allowed: `at most ${limit} bytes`,
  });
