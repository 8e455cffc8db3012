/**
 * Order files as a way in: watches the folders of `orders/incoming`, claims what is whole, hands it to the door. The listing
 * is the truth; the watch only says where to look sooner. Must never read a file that is still being written as if it were
 * whole, open anything but a regular file, or lose one: a file is claimed by rename before it is taken, and deleted by nobody here.
 */
import type { Received } from '../admit.ts';
import { type Clock, sleep } from '../lib/clock.ts';
import type { Failpoints } from '../lib/failpoint.ts';
import {
  type DirEntry,
  dirEntry,
  type FileIdentity,
  type Files,
  isSameFile,
  type Peek,
  SWAPPED,
} from '../lib/files.ts';
import type { Random } from '../lib/random.ts';
import { type AgentId, isAgentId } from '../order/name.ts';
import { completeness } from '../order/parse.ts';
import { type Identities, identityOf } from '../risk/identity.ts';
import { type Claimed, claimName, newReceipt, receivedOf, tempAgent } from './claimed.ts';
import { overQuota } from './faults.ts';
import { type Inbox, Lines, senderOf, type Waiting } from './lines.ts';
import { Notices } from './notices.ts';
import { Pace } from './pace.ts';
import type { Pending } from './pending.ts';
import { type RecoveryOptions, recoverClaimed } from './recovery.ts';
import { Regulars } from './regulars.ts';
import { Space } from './space.ts';
import { Watches } from './watches.ts';

export const INCOMING = 'orders/incoming';
export const PROCESSING = 'orders/processing';

/** A claimed file that cannot be read in so many looks is answered as unreadable. */
const READ_TRIES = 10;
/** While a listing is under way, which is to end, at most so many are taken in between. */
const BATCH_BETWEEN = 8;
/** So many are looked at in a turn, whole or not. */
const LOOKS = 256;
const LOOKS_BETWEEN = 32;
/** After so many names of a listing those who wait are served: a folder of a million files holds nobody up. */
const CHUNK = 1024;
/** A folder is listed again no sooner than after so many times as long as the listing took. */
const LISTING_SHARE = 10;
/** An empty file gets this long: some writers create first and write later. */
const EMPTY_MS = 10_000;
const STALE_TEMP_MS = 600_000;
const IGNORED = /^\.|(?:\.tmp|\.part|\.swp|~|\.crdownload)$/;
/** Names of which the tower remembers when it saw them first. */
const REMEMBERED = 20_000;

export interface FolderOptions {
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
  readonly failpoints: Failpoints;
  readonly identities: Identities;
  /** An unreadable file that has not changed for so long is answered as it is. */
  readonly settleMs: number;
  readonly pollMs: number;
  readonly maxBytes: number;
  /** Files of one agent that may wait; while there are more, what is taken of it is refused. */
  readonly maxWaiting: number;
  /** Bytes of them, in the same way. */
  readonly maxWaitingBytes: number;
  /** Requests of one agent that may be journaled and not done; while there are more, its files stay where they are. */
  readonly maxPending: number;
  /** Free bytes of the disk below which only cancels are taken. */
  readonly reserveBytes: number;
  admit(batch: readonly Received[]): Promise<void>;
  /** What of each agent waits inside the tower. */
  readonly pending: Pick<Pending, 'of' | 'unpublished' | 'unpublishedOfAll'>;
  /** Whether a claimed file was journaled, and whether it may be deleted. */
  receipt(receipt: string): Promise<'unknown' | 'known' | 'archived'>;
  /** What the journal remembers of files that earlier starts took up. */
  readonly tries: RecoveryOptions['tries'];
  notice(level: 'info' | 'warn' | 'error', text: string, remedy: string): void;
  fatal(error: unknown): void;
}

/** When a name was met first, and in which listing last. */
interface Met {
  readonly since: number;
  seen: number;
}

export class Folder {
  readonly #o: FolderOptions;
  readonly notices: Notices;
  readonly #space: Space;
  readonly #inboxes: readonly Inbox[];
  readonly #regulars: Regulars;
  #lines: Lines;
  /** Files that were not whole when last looked at. */
  readonly #unsettled = new Map<string, Met & { readonly identity: FileIdentity }>();
  readonly #temps = new Map<string, Met>();
  /** Files that cannot be looked at or claimed, and why: each is told once. */
  readonly #stuck = new Map<string, Pick<Met, 'seen'> & { readonly code: string }>();
  /** Folders that cannot be listed, and why. */
  readonly #faults = new Map<string, string>();
  readonly #watches: Watches;
  #stopPoll: () => void = () => {};
  #scanning: Promise<void> | null = null;
  #again = false;
  #stopped = false;
  #listing = 0;
  readonly #pace = new Pace<AgentId | ''>();
  #wantsListing = false;
  #listAt = Number.NEGATIVE_INFINITY;
  /** Claimed files that could not be read yet: they are owed an answer. */
  readonly #owed = new Map<string, Claimed & { tries: number }>();
  /** Claimed files that the archive has, and that would not go. */
  readonly #leftovers = new Set<string>();

  constructor(options: FolderOptions) {
    this.#o = options;
    const { files, clock, identities } = options;
    this.notices = new Notices(files, clock);
    this.#space = new Space(options);
    this.#watches = new Watches(options);
    this.#regulars = new Regulars(clock, (agent) => identityOf(identities, agent) !== null);
    this.#lines = this.#noLines();
    const own = Object.entries(identities).flatMap(([agent, { folder }]) =>
      folder && isAgentId(agent) ? [agent] : [],
    );
    this.#inboxes = [{ path: INCOMING, agent: null }, ...own.map((agent) => ({ path: ownFolder(agent), agent }))];
  }

  #noLines(): Lines {
    // Who has a folder of its own is not known by a name in the shared one.
    return new Lines((agent) => !this.#isOwnFolder(agent) && this.#regulars.has(agent));
  }

  /** Takes up what an earlier run had claimed. Before `start`. */
  async recover(): Promise<void> {
    await recoverClaimed({
      ...this.#o,
      entries: this.#o.files.list(PROCESSING),
      isOwnFolder: this.#isOwnFolder,
      read: (entry, claimed) => this.#read(entry, claimed),
      unread: (entry, claimed) => {
        // Nothing is read of what is larger than nothing at all.
        const look = this.#tried(entry.name, () => this.#o.files.peek(PROCESSING, entry, -1)) ?? { kind: 'gone' };
        return receivedOf(entry, claimed, look, this.#o.maxBytes, this.#o.clock.now());
      },
      leftover: (name) => this.#leftovers.add(name),
      foreign: (name) =>
        this.#o.notice(
          'warn',
          `${PROCESSING}/${name} was not put there by the tower and is left alone`,
          `order files go to ${INCOMING}`,
        ),
    });
    this.#clearAway();
    this.notices.recover();
  }

  #clearAway(): void {
    for (const name of [...this.#leftovers]) {
      const gone = this.#tried(name, () => this.#o.files.remove(`${PROCESSING}/${name}`)) !== null;
      if (gone) this.#leftovers.delete(name);
    }
  }

  start(): void {
    for (const inbox of this.#inboxes) this.#watch(inbox);
    this.#poll();
  }

  #watch(inbox: Inbox): void {
    this.#watches.on(inbox.path, (entry) => {
      if (entry === null) this.#wantsListing = true;
      else if (!IGNORED.test(entry.name)) this.#lines.hint({ inbox, entry });
      this.#look();
    });
  }

  /** Lists the folders now. */
  ring(): void {
    this.#wantsListing = true;
    this.#look();
  }

  /** Answers were published: whoever waited for that is served. */
  resume(): void {
    if (!this.#lines.isEmpty) this.#look();
  }

  #look(): void {
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
        this.#look();
      });
  }

  /** No file is claimed after it resolves. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#watches.stop();
    this.#stopPoll();
    await this.#scanning;
  }

  #poll(): void {
    this.ring();
    this.#stopPoll = this.#o.clock.after(this.#o.pollMs, () => this.#poll());
  }

  async #scan(): Promise<void> {
    this.#clearAway();
    const owed = [...this.#owed].flatMap(([name, claimed]) => this.#read(dirEntry(name), claimed) ?? []);
    if (owed.length > 0) await this.#o.admit(owed);
    for (let taken = 0; !this.#stopped; ) {
      // When all that was kept in mind is gone, there is more.
      const isNextPart = this.#lines.isEmpty && this.#lines.isCut && taken > 0;
      if (isNextPart || (this.#wantsListing && this.#o.clock.monotonic() >= this.#listAt)) {
        await this.#list();
        taken = 0;
      }
      const served = await this.#serve(LOOKS);
      taken += served.taken;
      if (served.looked === 0 && !(this.#lines.isEmpty && this.#lines.isCut && taken > 0)) return;
      if (served.taken === 0) await sleep(this.#o.clock, 0);
    }
  }

  /** Claims and hands over those who are next, at most a batch or `most`, and looks at no more than so many. */
  async #serve(
    looks: number,
    most = Number.POSITIVE_INFINITY,
  ): Promise<{ readonly taken: number; readonly looked: number }> {
    const batch: Received[] = [];
    const { pending } = this.#o;
    const now = this.#o.clock.monotonic();
    const { ahead, batch: atMost, strangers } = this.#pace.bounds(now, (agent) => this.#lines.waitsFor(agent));
    const isRegular = (agent: AgentId | ''): boolean => agent !== '' && this.#regulars.has(agent);
    let ofStrangers = pending.unpublishedOfAll((agent) => !isRegular(agent));
    const isServed = (agent: AgentId | ''): boolean =>
      agent === '' || (pending.unpublished(agent) < ahead && (isRegular(agent) || ofStrangers < strangers));
    const size = Math.min(most, atMost);
    let looked = 0;
    while (batch.length < size && looked < looks) {
      const next = this.#lines.next(isServed);
      if (next === undefined) break;
      looked++;
      const sender = senderOf(next);
      this.#pace.served(sender, now, isRegular(sender));
      const taken = this.#take(next);
      if (taken === null) continue;
      batch.push(taken);
      if (!isRegular(sender)) ofStrangers++;
      if (sender !== '') this.#regulars.served(sender);
    }
    if (batch.length > 0) await this.#o.admit(batch);
    return { taken: batch.length, looked };
  }

  /** What lies in the folders. Those who wait already are served in between. */
  async #list(): Promise<void> {
    const { files, clock } = this.#o;
    let began = clock.monotonic();
    let spent = 0;
    this.#wantsListing = false;
    this.#listing++;
    const found = this.#noLines();
    // Without it every claim would look as if the file were gone.
    this.#tried(PROCESSING, () => files.exists(PROCESSING) || files.makeFolder(PROCESSING));
    let names = 0;
    let isWhole = true;
    for (const inbox of this.#inboxes) {
      try {
        for (const entry of files.walk(inbox.path)) {
          if (IGNORED.test(entry.name)) this.#watchTemp({ inbox, entry });
          else if (inbox.agent !== null || !this.#isOwnFolder(entry.name)) {
            found.add(this.#measured({ inbox, entry }, found));
            // Of whom nothing was known to wait need not wait for the end of the listing.
            if (names >= CHUNK && !this.#lines.has({ inbox, entry })) this.#lines.add({ inbox, entry });
          }
          if (++names % CHUNK > 0) continue;
          spent += clock.monotonic() - began;
          if ((await this.#serve(LOOKS_BETWEEN, BATCH_BETWEEN)).taken === 0) await sleep(clock, 0);
          began = clock.monotonic();
          if (this.#stopped) return;
        }
        this.#listed(inbox);
      } catch (error) {
        isWhole = false;
        this.#listingFault(inbox, error);
      }
    }
    for (let late = this.#lines.next(); late !== undefined; late = this.#lines.next()) found.hint(late);
    this.#lines = found;
    spent += clock.monotonic() - began;
    if (isWhole) this.#forgetGone();
    await this.notices.flush();
    this.#listAt = clock.monotonic() + LISTING_SHARE * spent;
  }

  /** With its size. Beyond the quota of files those that are taken are refused anyway, and there may be a million. */
  #measured(waiting: Waiting, found: Lines): Waiting {
    if (found.behind(waiting).files >= this.#o.maxWaiting) return waiting;
    const size = this.#o.files.size(waiting.inbox.path, waiting.entry);
    // What is too large for one is refused for that, and is no reason to refuse the others.
    return { ...waiting, bytes: size > this.#o.maxBytes ? 0 : size };
  }

  readonly #isOwnFolder = (name: string): boolean => identityOf(this.#o.identities, name)?.folder === true;

  #listed({ path, agent }: Inbox): void {
    if (!this.#faults.delete(path)) return;
    this.#o.notice('info', `${path} can be read again`, '');
    if (agent !== null) this.notices.drop(agent, 'folder');
    // The watch hangs on the folder that was there before.
    const inbox = this.#inboxes.find((one) => one.path === path);
    if (inbox !== undefined) this.#watch(inbox);
  }

  /** The folder itself cannot be read: told once, looked at again at the next poll. */
  #listingFault({ path, agent }: Inbox, error: unknown): void {
    if (!(error instanceof Error && 'code' in error)) throw error;
    const isSwapped = error.code === SWAPPED;
    if (this.#faults.get(path) !== error.message) {
      const [text, remedy] = isSwapped
        ? [
            `${path} was replaced by something else while the tower runs; nothing is taken from it`,
            'find out who did it, and put the folder back; the tower goes on by itself',
          ]
        : [
            `${path} cannot be read: ${error.message}`,
            'check that the folder exists and may be read by the tower; it looks again by itself',
          ];
      this.#o.notice('error', text, remedy);
      if (agent !== null) {
        this.notices.tell(agent, 'folder', { code: 'folder_suspended', file: path, message: text, hint: remedy });
      }
    }
    this.#faults.set(path, error.message);
    if (error.code === 'ENOENT') this.#tried(path, () => this.#o.files.makeFolder(path));
  }

  #forgetGone(): void {
    for (const known of [this.#unsettled, this.#stuck]) {
      for (const [name, met] of known) if (met.seen < this.#listing - 1) known.delete(name);
    }
    for (const [name, met] of this.#temps) {
      if (met.seen === this.#listing) continue;
      this.#temps.delete(name);
      const agent = tempAgent(name);
      if (agent !== null) this.notices.drop(agent, name);
    }
  }

  /** Claims one file that is ready; null when it is not, or not ours to take. */
  #take(waiting: Waiting): Received | null {
    const { inbox, entry } = waiting;
    const { files, maxBytes } = this.#o;
    if (this.#faults.has(inbox.path) || !this.#mayCome(waiting)) return null;
    const path = `${inbox.path}/${entry.name}`;
    const look = this.#tried(path, () => files.peek(inbox.path, entry, maxBytes));
    if (look === null || !this.#isReady(path, look, senderOf(waiting))) return null;
    this.#o.failpoints.hit('k03-peeked');
    const receipt = newReceipt(this.#o.clock, this.#o.random);
    const claimedAs = claimName(receipt, waiting, this.#isOwnFolder);
    if (!this.#tried(path, () => files.claim(inbox.path, entry, `${PROCESSING}/${claimedAs}`))) return null;
    this.#unsettled.delete(path);
    this.#stuck.delete(path);
    this.#o.failpoints.hit('k04-claimed');
    const claimed = { receipt, fileName: entry.name, folderOf: inbox.agent };
    const received = this.#isStill(claimedAs, look)
      ? receivedOf(dirEntry(claimedAs), claimed, look, this.#o.maxBytes, this.#o.clock.now())
      : this.#read(dirEntry(claimedAs), claimed);
    if (received === null || isCancel(entry.name)) return received;
    const over = overQuota(this.#lines.behind(waiting), received.raw?.length ?? 0, this.#o);
    return over === null ? received : { ...received, fault: over };
  }

  /** What was claimed is the very file that was looked at, and nobody has written to it since. */
  #isStill(claimedAs: string, look: Peek): boolean {
    if (look.kind !== 'file') return false;
    const now = this.#o.files.identity(PROCESSING, dirEntry(claimedAs));
    return now !== null && isSameFile(now, look.identity);
  }

  /** Cancels always may; others when there is room for them. What may not stays where it is, and is found again. */
  #mayCome(waiting: Waiting): boolean {
    const { name } = waiting.entry;
    if (isCancel(name)) return true;
    if (this.#space.isLow()) return false;
    const agent = senderOf(waiting);
    if (agent === '') return true;
    const { maxPending } = this.#o;
    if (this.#o.pending.of(agent) < maxPending) {
      this.notices.drop(agent, 'pending');
      return true;
    }
    this.notices.tell(agent, 'pending', {
      code: 'quota',
      file: null,
      message: `${maxPending} requests of this agent are waiting to be sent; its further files wait in the folder`,
      hint: 'ask less often, cancel what is no longer wanted, or let the owner raise files.max_pending',
    });
    return false;
  }

  /**
   * What was claimed: its bytes count, where the file was replaced between the look and the claim. Null when the
   * system does not give them now; they are asked for again at the next looks, and in the end called unreadable.
   */
  #read(entry: DirEntry, claimed: Claimed): Received | null {
    const { files, clock, maxBytes } = this.#o;
    const look = this.#tried(entry.name, () => files.peek(PROCESSING, entry, maxBytes));
    const tries = (this.#owed.get(entry.name)?.tries ?? 0) + 1;
    if (look === null && tries < READ_TRIES) {
      this.#owed.set(entry.name, { ...claimed, tries });
      return null;
    }
    this.#owed.delete(entry.name);
    const reason = this.#stuck.get(entry.name)?.code ?? '';
    this.#stuck.delete(entry.name);
    return receivedOf(entry, claimed, look ?? { kind: 'unreadable', reason }, maxBytes, clock.now());
  }

  /** One file that the system will not let us have must not stop the others: it stays, and is tried at every look. */
  #tried<T>(name: string, work: () => T): T | null {
    try {
      return work();
    } catch (error) {
      // Without a code it is no fault of the system but one of ours.
      if (!(error instanceof Error && 'code' in error)) throw error;
      const code = String(error.code);
      if (this.#stuck.get(name)?.code !== code) {
        this.#o.notice(
          'error',
          `${name} cannot be taken: ${error.message}`,
          'check its owner and rights, and the space of the disk; it is tried again by itself',
        );
      }
      this.#stuck.set(name, { code, seen: this.#listing });
      return null;
    }
  }

  /** Whole files at once; others when they have not changed for a while. */
  #isReady(path: string, look: Peek, sender: AgentId | ''): boolean {
    if (look.kind === 'gone') return false;
    // Two names for a moment: some writers link a file into place and then drop the first name.
    if (look.kind !== 'file' && look.kind !== 'too_large' && look.kind !== 'linked') return true;
    const mustBeSigned = (identityOf(this.#o.identities, sender)?.key ?? null) !== null;
    if (look.kind === 'file' && completeness(look.bytes, mustBeSigned) === 'whole') return true;
    const now = this.#o.clock.monotonic();
    const watched = this.#unsettled.get(path);
    if (watched === undefined || !isSameFile(watched.identity, look.identity)) {
      this.#unsettled.set(path, { identity: look.identity, since: now, seen: this.#listing });
      return false;
    }
    watched.seen = this.#listing;
    const patience = look.identity.size === 0 ? Math.max(EMPTY_MS, this.#o.settleMs) : this.#o.settleMs;
    return now - watched.since >= patience;
  }

  #watchTemp({ inbox, entry }: Waiting): void {
    const now = this.#o.clock.monotonic();
    const path = `${inbox.path}/${entry.name}`;
    const met = this.#temps.get(path);
    if (met === undefined) {
      if (this.#temps.size < REMEMBERED) this.#temps.set(path, { since: now, seen: this.#listing });
      return;
    }
    met.seen = this.#listing;
    if (now - met.since < STALE_TEMP_MS || !Number.isFinite(met.since)) return;
    this.#temps.set(path, { since: Number.POSITIVE_INFINITY, seen: this.#listing });
    const message = `${path} has been lying there for ten minutes under a temporary name`;
    const hint = 'rename it to the name of an order file, or delete it';
    this.#o.notice('warn', message, hint);
    const agent = tempAgent(path);
    if (agent !== null) this.notices.tell(agent, path, { code: 'stale_temp', file: path, message, hint });
  }
}

/** The incoming folder of an agent that has one of its own. */
export const ownFolder = (agent: AgentId): string => `${INCOMING}/${agent}`;

const isCancel = (name: string): boolean => name.split('_', 3)[2] === 'cancelorder';
