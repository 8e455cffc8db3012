/**
 * Folders of the home, held open: whatever becomes of their names meanwhile, what is done goes into the very folder that was
 * opened, and no link on the way down is followed. Must never reach a folder outside the root. Linux leads back from an open
 * folder to its entries (`/proc/self/fd`); where that is missing (macOS) paths are used, and what is left is `check`.
 */
import fs from 'node:fs';
import path from 'node:path';

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = fs.constants;
const DESCRIPTORS = '/proc/self/fd';
/** Linux: opens a folder to go through it, which needs no right to list it. */
const O_PATH = 0o10000000;
/** Folders that are held open at a time; of the others the identity is found anew. */
const HELD = 256;

interface Pin {
  readonly fd: number;
  /** What leads to the folder's entries. */
  readonly prefix: string;
  readonly dev: number;
  readonly ino: number;
  readonly uid: number;
  readonly mode: number;
  /** Calls under way that need the descriptor. */
  users: number;
  isForgotten: boolean;
}

/** Code of the error that says that a folder's name leads to something else than the folder that was opened. */
export const SWAPPED = 'ESWAPPED';

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

function swapped(folder: string): Error {
  return Object.assign(new Error(`${SWAPPED}: ${folder} was replaced by something else`), { code: SWAPPED });
}

export class Pins {
  readonly #root: string;
  readonly #pins = new Map<string, Pin>();
  readonly #canHold = fs.existsSync(DESCRIPTORS);

  /** `root` is an absolute path, and the only one in which links are followed. */
  constructor(root: string) {
    this.#root = root;
  }

  /** What leads to the folder's entries, with no slash at the end. Throws ENOENT, ENOTDIR, ELOOP. */
  at(folder: string): string {
    return this.#pin(this.#pins.has(folder) ? folder : path.posix.normalize(folder)).prefix;
  }

  /** What leads to a file; only for calls that are done when they return. */
  file(relative: string): string {
    const cut = relative.lastIndexOf('/');
    return cut > 0
      ? `${this.at(relative.slice(0, cut))}/${relative.slice(cut + 1)}`
      : `${this.at(path.posix.dirname(relative))}/${path.posix.basename(relative)}`;
  }

  /** Runs `work` with what leads to the files; their folders stay open until it has ended. */
  async holding<T>(files: readonly string[], work: (...paths: readonly string[]) => Promise<T>): Promise<T> {
    const held: Pin[] = [];
    try {
      const paths = files.map((file) => {
        const pin = this.#pin(path.posix.dirname(file));
        pin.users++;
        held.push(pin);
        return `${pin.prefix}/${path.posix.basename(file)}`;
      });
      return await work(...paths);
    } finally {
      for (const pin of held) if (--pin.users === 0 && pin.isForgotten) fs.closeSync(pin.fd);
      this.#letGo(HELD, '');
    }
  }

  /**
   * Throws when the folder's name no longer leads to the folder that is held: ENOENT when it is gone, SWAPPED when it is
   * another. A folder that was made anew as it was (same file system, owner and mode) is taken for it.
   */
  check(folder: string): void {
    const known = this.#pins.get(path.posix.normalize(folder));
    if (known === undefined) return;
    try {
      const now = fs.lstatSync(path.join(this.#root, folder));
      if (now.ino === known.ino && now.dev === known.dev) return;
      if (now.dev !== known.dev || now.uid !== known.uid || now.mode !== known.mode) throw swapped(folder);
      this.forget(folder);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') this.forget(folder);
      throw error;
    }
  }

  /** The next use finds the folder under its name again, and those inside it. */
  forget(folder: string): void {
    const name = path.posix.normalize(folder);
    for (const [one, pin] of this.#pins) {
      if (one !== name && !one.startsWith(`${name}/`) && name !== '.') continue;
      this.#pins.delete(one);
      pin.isForgotten = true;
      if (pin.users === 0) fs.closeSync(pin.fd);
    }
  }

  #pin(folder: string): Pin {
    const known = this.#pins.get(folder);
    if (known !== undefined) {
      // The last used stand last, once there are so many that some may have to go.
      if (this.#pins.size > HELD / 2) {
        this.#pins.delete(folder);
        this.#pins.set(folder, known);
      }
      return known;
    }
    const parent = path.posix.dirname(folder);
    const name = folder === '.' ? this.#root : `${this.#pin(parent).prefix}/${path.posix.basename(folder)}`;
    const fd = this.#open(name, folder === '.', parent);
    const { dev, ino, uid, mode } = fs.fstatSync(fd);
    const prefix = this.#canHold ? `${DESCRIPTORS}/${fd}` : path.join(this.#root, folder);
    const pin: Pin = { fd, prefix, dev, ino, uid, mode, users: 0, isForgotten: false };
    this.#letGo(HELD - 1, parent);
    this.#pins.set(folder, pin);
    return pin;
  }

  #open(name: string, isRoot: boolean, parent: string): number {
    const flags = (this.#canHold ? O_PATH : O_RDONLY) | O_DIRECTORY | (isRoot ? 0 : O_NOFOLLOW);
    try {
      return fs.openSync(name, flags);
    } catch (error) {
      if (codeOf(error) !== 'EMFILE') throw error;
      this.#letGo(1, parent);
      return fs.openSync(name, flags);
    }
  }

  /** Closes the folders that were not used for the longest time, but for so many, those in use, and `spared`. */
  #letGo(kept: number, spared: string): void {
    for (const [folder, pin] of this.#pins) {
      if (this.#pins.size <= kept) return;
      if (pin.users > 0 || folder === spared) continue;
      this.#pins.delete(folder);
      fs.closeSync(pin.fd);
    }
  }
}
