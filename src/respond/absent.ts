/**
 * Notices that a folder of answers was taken away or emptied: what lay there is in the journal and can be made again. Must
 * never cost more than a look now and then, nor let whoever takes folders away again and again keep the tower busy.
 */
import type { Clock } from '../lib/clock.ts';
import type { Files } from '../lib/files.ts';

const RESPONSES = 'responses';
/** The answers of one folder are made again no sooner than so long after the last time. */
const AGAIN_MS = 60_000;

/** Whose answers are gone: a name below `responses/`, or null for everybody's. */
export type Absent = string | null;

export class Absences {
  readonly #files: Files;
  readonly #clock: Clock;
  /** Names below `responses/` that were there. */
  readonly #known = new Set<string>();
  readonly #missed = new Set<string>();
  readonly #madeAgainAt = new Map<string, number>();

  constructor(files: Files, clock: Clock) {
    this.#files = files;
    this.#clock = clock;
  }

  /** At the start: what is empty was emptied while nobody looked, or is new. */
  atStart(): readonly Absent[] {
    const names = this.#names(RESPONSES);
    for (const name of names) this.#known.add(name);
    const empty = names.filter((name) => this.#names(`${RESPONSES}/${name}`).length === 0);
    return empty.length === names.length ? [null] : empty;
  }

  /** An answer is about to be put into this folder, which may have to be made. */
  before(folder: string): void {
    const name = folder.split('/', 2)[1] ?? '';
    // Made anew, it would not be missed any more.
    if (this.#known.has(name) && !this.#files.exists(`${RESPONSES}/${name}`)) this.#missed.add(name);
  }

  /** An answer was put into this folder. */
  note(folder: string): void {
    this.#known.add(folder.split('/', 2)[1] ?? '');
  }

  /** Who was there and is not any more. */
  now(): readonly string[] {
    const now = this.#clock.monotonic();
    return [...this.#known].filter((name) => {
      if (now < (this.#madeAgainAt.get(name) ?? Number.NEGATIVE_INFINITY) + AGAIN_MS) return false;
      if (!this.#missed.has(name) && this.#files.exists(`${RESPONSES}/${name}`)) return false;
      this.#known.delete(name);
      this.#missed.delete(name);
      this.#madeAgainAt.set(name, now);
      return true;
    });
  }

  #names(folder: string): readonly string[] {
    try {
      return this.#files.list(folder).map(({ name }) => name);
    } catch (error) {
      // No folder, or one that we may not look into: nothing was taken away there.
      if (!(error instanceof Error && 'code' in error)) throw error;
      return folder === RESPONSES ? [] : ['?'];
    }
  }
}
