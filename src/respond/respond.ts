/**
 * Journal → answers and archive. Everything here is a function of the journal: it can be deleted and made again, byte for
 * byte. Must never show half a file, a version older than the one that is there, or mark as published what is not durable.
 */
import type { Entry, Journal, Mark, Stray } from '../journal/journal.ts';
import { defined } from '../lib/assert.ts';
import { type Clock, micros } from '../lib/clock.ts';
import type { Failpoints } from '../lib/failpoint.ts';
import type { Files, Staged } from '../lib/files.ts';
import { QUERY_TYPES, responsePath } from '../order/name.ts';
import { parse } from '../order/parse.ts';
import { renderResponse, withStrategy } from '../order/response.ts';
import { STATES } from '../order/states.ts';
import { Absences, type Absent } from './absent.ts';

/** The files of one batch are synced together: the disk takes them for little more than the price of one. */
const BATCH = 128;
const RETRY_MS = 1000;
const RETRIES_BEFORE_ALARM = 5;
/** Files are written ahead for so many requests: among more, batches do better. */
const AHEAD = 8;
/** How often it is looked whether the folders of answers are still there. */
const LOOK_MS = 2000;
/** Of a folder that is gone, the answers of so long are made again, besides those of all that is not done. */
const MADE_AGAIN_SECONDS = 86_400;

export interface RespondOptions {
  readonly files: Files;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly failpoints: Failpoints;
  /** Folder of claimed files, whose copy is deleted once the archive has it. */
  readonly processing: string;
  /** Called after a version of an answer is durable under its name. */
  published(entry: Entry): void;
  notice(level: 'info' | 'warn' | 'error', text: string, remedy: string): void;
  fatal(error: unknown): void;
}

const isQuery = (entry: Entry): boolean => (QUERY_TYPES as readonly string[]).includes(entry.type);

/** The response file of an entry's newest version. Pure. */
function responseText(entry: Entry): string {
  const answer = defined(entry.answer, `the answer of journal entry ${entry.seq}`);
  const at = defined(entry.answeredAt, `the time of the answer of journal entry ${entry.seq}`);
  const { final, sent } = STATES[entry.state];
  const outcome =
    entry.type === 'optionmulti' && 'dataJson' in answer
      ? { dataJson: withStrategy(answer.dataJson, strategyOf(entry)) }
      : answer;
  return renderResponse({
    requestOrderId: entry.requestOrderId ?? entry.receipt,
    agent: entry.agent,
    clientOrderId: entry.clientOrderId,
    at,
    outcome,
    version: entry.version,
    final,
    sent,
    ...(isQuery(entry) && 'dataJson' in answer ? { query: answer.origin ?? { asOf: at, source: 'alpaca' } } : {}),
  });
}

function strategyOf(entry: Entry): string | null {
  const parsed =
    entry.raw === null ? null : parse({ fileName: entry.name, bytes: entry.raw, receivedAt: entry.receivedAt });
  return parsed?.ok && parsed.request.type === 'optionmulti' ? parsed.request.strategy : null;
}

/** What is written before it may be shown. */
interface Ahead {
  readonly archive: Staged | null;
  readonly answer: Staged | null;
}

export class Responder {
  readonly #o: RespondOptions;
  readonly #ahead = new Map<number, Ahead>();
  readonly #folders = new Set<string>();
  readonly #absences: Absences;
  #stopLooking: () => void = () => {};
  #working: Promise<void> | null = null;
  #again = false;
  #stopped = false;
  #failures = 0;
  /** How many of the last look could not be dealt with: the next look reaches beyond them. */
  #left = 0;
  #retry: () => void = () => {};

  constructor(options: RespondOptions) {
    this.#o = options;
    this.#absences = new Absences(options.files, options.clock);
  }

  /** Publishes what an earlier run has left, and from now on makes again what is taken away. */
  async start(): Promise<void> {
    await this.#makeAgain(this.#absences.atStart());
    this.ring();
    this.#look();
  }

  #look(): void {
    if (this.#stopped) return;
    this.#stopLooking = this.#o.clock.after(LOOK_MS, () => {
      this.#lookNow().catch((error: unknown) => this.#o.fatal(error));
    });
  }

  async #lookNow(): Promise<void> {
    let absent: readonly Absent[] = [];
    try {
      absent = this.#absences.now();
    } catch (error) {
      // A disk that cannot be looked at now is looked at again.
      if (!(error instanceof Error && 'code' in error)) throw error;
    }
    if (absent.length > 0 && !this.#stopped) {
      const names = absent.map((name) => `responses/${name}`).join(', ');
      this.#o.notice('warn', `${names} was taken away; its newest answers are made again`, 'find out who did it');
      this.#folders.clear();
      await this.#makeAgain(absent);
      this.ring();
    }
    this.#look();
  }

  async #makeAgain(absent: readonly Absent[]): Promise<void> {
    const since = micros(this.#o.clock.now() - MADE_AGAIN_SECONDS * 1_000_000);
    for (const owner of absent) await this.#o.journal.unpublish(owner, since);
  }

  /** An order is with the broker: meanwhile its file is written for the archive. */
  expect(entry: Entry): void {
    // What is about to leave leaves first.
    this.#o.clock.after(0, () => {
      const { raw } = entry;
      if (raw !== null && this.#mayStage(entry))
        this.#ahead.set(entry.seq, { answer: null, archive: this.#o.files.stage(archivePath(entry), raw) });
    });
  }

  /** An answer is being committed: meanwhile its file is written. It is shown only if the journal then says the same. */
  prepare(entry: Entry): void {
    const known = this.#ahead.get(entry.seq);
    if (known === undefined ? !this.#mayStage(entry) : known.answer !== null) return;
    const { files } = this.#o;
    const { raw } = entry;
    const archive = known?.archive ?? (raw !== null && mayArchive(entry) ? files.stage(archivePath(entry), raw) : null);
    this.#ahead.set(entry.seq, { archive, answer: files.stage(responsePath(entry.name), responseText(entry)) });
  }

  /** One order is under way and its answer is written already: nothing else would be published with it. */
  get #isAlone(): boolean {
    const [first, second] = this.#ahead.values();
    return first?.answer !== undefined && first.answer !== null && second === undefined;
  }

  #mayStage({ seq }: Entry): boolean {
    return !this.#stopped && this.#working === null && this.#ahead.size < AHEAD && !this.#ahead.has(seq);
  }

  /** Takes what was written ahead, as far as it is what is to be published. */
  async #takeAhead(entry: Entry, text: string | null): Promise<Ahead> {
    const { archive = null, answer = null } = this.#ahead.get(entry.seq) ?? {};
    this.#ahead.delete(entry.seq);
    const fits = { archive: mayArchive(entry) ? archive : null, answer: answer?.bytes === text ? answer : null };
    await this.#discard({
      archive: archive === fits.archive ? null : archive,
      answer: answer === fits.answer ? null : answer,
    });
    return fits;
  }

  async #discard(ahead: Ahead | null): Promise<void> {
    if (ahead?.archive) await this.#o.files.discard(ahead.archive);
    if (ahead?.answer) await this.#o.files.discard(ahead.answer);
  }

  /** There may be something to publish. */
  ring(): void {
    if (this.#stopped) return;
    this.#again = true;
    if (this.#working !== null) return;
    this.#working = this.#drain()
      .catch((error: unknown) => this.#o.fatal(error))
      .finally(() => {
        this.#working = null;
        // Rung after the last look and before this moment.
        if (this.#again) this.ring();
      });
  }

  /** Publishes what is journaled by now, then stops. */
  async stop(): Promise<void> {
    this.#stopLooking();
    this.#retry();
    this.ring();
    while (this.#working !== null) await this.#working;
    this.#stopped = true;
    this.#retry();
    const ahead = [...this.#ahead.values()];
    this.#ahead.clear();
    for (const one of ahead) await this.#discard(one);
  }

  async #drain(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      // Let what else is decided in this turn be published together, where there is anything else.
      if (this.#isAlone) await null;
      else
        await new Promise<void>((resolve) => {
          this.#o.clock.after(0, resolve);
        });
      const limit = BATCH + this.#left;
      const { entries, strays } = await this.#o.journal.outgoing(limit);
      const marks = await this.#publish(entries, strays);
      if (marks.length > 0) await this.#o.journal.mark(marks);
      // What cannot be written waits for the retry, not in a circle.
      if (marks.length > 0 && (entries.length === limit || strays.length === limit)) this.#again = true;
    }
  }

  /** Puts files in place and makes them durable; what fails stays in the journal and is tried again. */
  async #publish(entries: readonly Entry[], strays: readonly Stray[]): Promise<Mark[]> {
    const { files, failpoints } = this.#o;
    /** What is in place, and the claimed file that the archive has now. */
    const done: { readonly mark: Mark; readonly claimed: string | null; readonly answer: string }[] = [];
    const touched = new Set<string>();
    let failed = false;
    const attempt = async (what: string, work: () => void | Promise<void>): Promise<boolean> => {
      try {
        await work();
        return true;
      } catch (error) {
        failed = true;
        this.#failed(what, error);
        return false;
      }
    };
    const place = async (path: string, put: (path: string) => void | Promise<void>): Promise<void> => {
      const folder = path.slice(0, path.lastIndexOf('/'));
      if (!this.#folders.has(folder)) {
        this.#absences.before(folder);
        files.makeFolder(folder);
        this.#folders.add(folder);
      }
      await put(path);
      touched.add(folder);
    };
    const archive = async (
      path: string,
      raw: Uint8Array | null,
      claimedAs: string,
      receipt: string,
      staged: Staged | null = null,
    ): Promise<string | null> => {
      const claimed = `${this.#o.processing}/${claimedAs}`;
      const elsewhere = otherArchive(path);
      const kept = raw === null ? null : files.read(elsewhere);
      if (raw !== null && kept !== null && Buffer.from(raw).equals(kept)) {
        // The first answer decided; it was archived, and marking it was cut short.
        touched.add(elsewhere.slice(0, elsewhere.lastIndexOf('/')));
        if (staged !== null) await files.discard(staged);
        return claimed;
      }
      await place(path, async (to) => {
        // Without bytes (too large, no regular file) the claimed object itself is what the archive keeps.
        if (raw === null) files.rename(claimed, to);
        else if (!(await files.publishNew(to, staged ?? raw))) {
          this.#o.notice(
            'error',
            `${to} is there already with other content; this file is archived beside it`,
            'find out who writes into the archive',
          );
          await files.publishNew(to.replace(/\.json$/, `.${receipt}.json`), raw);
        }
      });
      return raw === null ? null : claimed;
    };

    /** Both are synced together, and whoever sees the answer finds the archive as well. Ends when both have ended. */
    const answer = async (
      archiving: Promise<string | null>,
      path: string,
      what: string | Staged,
    ): Promise<string | null> => {
      const placing = place(path, (to) => files.publish(to, what, archiving));
      await Promise.allSettled([archiving, placing]);
      await placing;
      return archiving;
    };

    const publishEntry = (entry: Entry): Promise<boolean> =>
      attempt(entry.clientOrderId, async () => {
        const text = entry.version > entry.published ? responseText(entry) : null;
        const ahead = this.#ahead.has(entry.seq) ? await this.#takeAhead(entry, text) : null;
        const archiving = mayArchive(entry)
          ? archive(archivePath(entry), entry.raw, claimedAs(entry), entry.receipt, ahead?.archive)
          : Promise.resolve(null);
        const publishing =
          text === null ? archiving : answer(archiving, responsePath(entry.name), ahead?.answer ?? text);
        const claimed = await publishing.catch(async (error: unknown) => {
          await this.#discard(ahead);
          throw error;
        });
        const archived = mayArchive(entry) || entry.archived;
        const mark = { seq: entry.seq, published: entry.version, archived };
        done.push({ mark, claimed, answer: responsePath(entry.name) });
      });
    const publishStray = (stray: Stray): Promise<boolean> =>
      attempt(stray.responsePath, async () => {
        const archiving = archive(stray.archivePath, stray.raw, stray.claimedAs, stray.receipt);
        const claimed = await answer(archiving, stray.responsePath, stray.responseText);
        done.push({ mark: { receipt: stray.receipt, archived: true }, claimed, answer: stray.responsePath });
      });
    await Promise.all([...entries.map(publishEntry), ...strays.map(publishStray)]);
    this.#left = entries.length + strays.length;
    const unsynced: string[] = [];
    await Promise.all(
      [...touched].map(async (folder) => {
        if (!(await attempt(folder, () => files.syncFolder(folder)))) unsynced.push(folder);
      }),
    );
    // Without the archive nothing is done; a folder of answers is one agent's, and no concern of the others.
    if (unsynced.some((folder) => folder.startsWith('orders/'))) return this.#later([]);
    failpoints.hit('k07e-response-folder-synced');
    failpoints.hit('k25-before-unlink');
    const marks: Mark[] = [];
    for (const { mark, claimed, answer: path } of done) {
      this.#absences.note(path);
      if (unsynced.some((folder) => path.startsWith(`${folder}/`))) continue;
      // Archived is what is in the archive and no longer among the claimed files: else nobody would remove it there.
      if (claimed === null || (await attempt(claimed, () => void files.remove(claimed)))) {
        marks.push(mark);
        this.#left--;
      } else if (mark.seq !== undefined) marks.push({ ...mark, archived: false });
    }
    failpoints.hit('k26-before-d11');
    if (failed) this.#later(marks);
    else this.#failures = 0;
    for (const entry of entries) if (entry.version > entry.published) this.#o.published(entry);
    return marks;
  }

  #later(marks: Mark[]): Mark[] {
    if (!this.#stopped) this.#retry = this.#o.clock.after(RETRY_MS, () => this.ring());
    return marks;
  }

  #failed(what: string, error: unknown): void {
    this.#failures++;
    // The folder may have been taken away: make it again next time.
    this.#folders.clear();
    if (this.#failures !== RETRIES_BEFORE_ALARM) return;
    const text = error instanceof Error ? error.message : String(error);
    this.#o.notice(
      'error',
      `answers cannot be written (${what}): ${text}`,
      'check space and rights of the home folder; orders go on, answers are written when it works again',
    );
  }
}

const mayArchive = (entry: Entry): boolean => {
  const { final, sent } = STATES[entry.state];
  return !entry.archived && entry.version > 0 && (final || sent !== 'unknown');
};

const archivePath = (entry: Entry): string =>
  `orders/${entry.answer !== null && 'dataJson' in entry.answer ? 'completed' : 'failed'}/${entry.name.stem}.json`;

/** Where the file would lie if the first answer had been of the other kind. */
const otherArchive = (path: string): string =>
  path.startsWith('orders/completed/')
    ? path.replace('orders/completed/', 'orders/failed/')
    : path.replace('orders/failed/', 'orders/completed/');

const claimedAs = (entry: Entry): string => `${entry.receipt}__${entry.name.stem}.json`;
