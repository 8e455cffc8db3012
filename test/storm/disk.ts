/**
 * A disk in memory. What is written is there at once, and survives a power cut only once it was synced (or is old enough
 * to have been written back); a cut keeps a random part of the rest. Must never lose what was synced.
 */
import { below, chance, type Random } from '../../src/lib/random.ts';

export interface Inode {
  readonly id: number;
  bytes: Uint8Array;
  /** What a power cut leaves of the content. Null: nothing was ever synced. */
  synced: Uint8Array | null;
  mtime: number;
}

/** One change of names, of one file: gone from one path, or there under another, or both at once (rename). */
interface Move {
  readonly inode: Inode;
  readonly from: string | null;
  readonly to: string | null;
  readonly at: number;
  readonly n: number;
}

type Image = Map<string, Map<string, Inode>>;

/** Kernels write back by themselves after about this long. */
const WRITE_BACK_US = 30_000_000;

export const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/'));
const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

export class Disk {
  #now: Image = new Map();
  #durable: Image = new Map();
  #pending: Move[] = [];
  #nextId = 1;
  /** Changes of names so far. */
  moves = 0;
  /** Files that a power cut took away or emptied, by inode. */
  readonly harmed = new Set<number>();

  makeFolder(folder: string): void {
    if (this.#now.has(folder)) return;
    this.#now.set(folder, new Map());
    this.#durable.set(folder, new Map());
  }

  /** Files, and folders inside it. */
  names(folder: string): readonly string[] {
    const inside = [...this.#now.keys()].flatMap((one) =>
      one.startsWith(`${folder}/`) ? [one.slice(folder.length + 1).split('/', 1)[0] ?? ''] : [],
    );
    return [...new Set([...(this.#now.get(folder)?.keys() ?? []), ...inside])];
  }

  hasFolder(folder: string): boolean {
    return this.#now.has(folder);
  }

  at(path: string): Inode | undefined {
    return this.#now.get(folderOf(path))?.get(nameOf(path));
  }

  /** The file that a power cut now would surely leave under this name. */
  durableAt(path: string): Inode | undefined {
    return this.#durable.get(folderOf(path))?.get(nameOf(path));
  }

  *all(under: string): Generator<readonly [string, Inode]> {
    for (const [folder, names] of this.#now) {
      if (folder !== under && !folder.startsWith(`${under}/`)) continue;
      for (const [name, inode] of names) yield [`${folder}/${name}`, inode];
    }
  }

  create(path: string, bytes: Uint8Array, at: number): Inode {
    const inode: Inode = { id: this.#nextId++, bytes, synced: null, mtime: at };
    this.#do(inode, null, path, at);
    return inode;
  }

  write(inode: Inode, bytes: Uint8Array, at: number): void {
    inode.bytes = bytes;
    inode.mtime = at;
  }

  sync(inode: Inode): void {
    inode.synced = inode.bytes;
  }

  rename(from: string, to: string, at: number): boolean {
    const inode = this.at(from);
    if (inode === undefined) return false;
    this.#do(inode, from, to, at);
    return true;
  }

  remove(path: string, at: number): boolean {
    const inode = this.at(path);
    if (inode === undefined) return false;
    this.#do(inode, path, null, at);
    return true;
  }

  /**
   * Makes the names in a folder durable, and what happened to those files before. `upTo` is how many changes there had been
   * when the sync was asked for: what came after may be left out.
   */
  syncFolder(folder: string, upTo = this.moves): void {
    if (this.#pending.length === 0) return;
    const touched = new Set<number>();
    for (const { inode, from, to, n } of this.#pending) {
      if (n > upTo) continue;
      if ((from !== null && folderOf(from) === folder) || (to !== null && folderOf(to) === folder))
        touched.add(inode.id);
    }
    if (touched.size === 0) return;
    this.#settle((move) => move.n <= upTo && touched.has(move.inode.id));
  }

  /** The kernel has written everything back: nothing is left for a power cut to take. */
  writeBack(): void {
    this.#settle(() => true);
  }

  #do(inode: Inode, from: string | null, to: string | null, at: number): void {
    const move: Move = { inode, from, to, at, n: ++this.moves };
    apply(this.#now, move);
    this.#pending.push(move);
  }

  #settle(isKept: (move: Move) => boolean): void {
    const rest: Move[] = [];
    for (const move of this.#pending) {
      if (isKept(move)) apply(this.#durable, move);
      else rest.push(move);
    }
    this.#pending = rest;
  }

  /** The power goes: unsynced names and contents are kept or lost by chance, the moves of one file in their order. */
  cut(random: Random, at: number): void {
    const lost = new Set<number>();
    const keepsAll = chance(random, 0.2);
    this.#settle((move) => {
      if (lost.has(move.inode.id)) return false;
      if (keepsAll || at - move.at > WRITE_BACK_US || chance(random, 0.5)) return true;
      lost.add(move.inode.id);
      return false;
    });
    const before = new Map<number, Inode>();
    for (const names of this.#now.values()) for (const inode of names.values()) before.set(inode.id, inode);
    this.#pending = [];
    this.#now = new Map();
    for (const [folder, names] of this.#durable) {
      const copy = new Map<string, Inode>();
      for (const [name, inode] of names) {
        before.delete(inode.id);
        if (inode.synced !== inode.bytes && at - inode.mtime <= WRITE_BACK_US) this.#tear(inode, random);
        inode.synced = inode.bytes;
        copy.set(name, inode);
      }
      this.#now.set(folder, copy);
    }
    for (const id of before.keys()) this.harmed.add(id);
  }

  /** Unsynced content: whole, as it was when last synced, cut short, or empty. */
  #tear(inode: Inode, random: Random): void {
    const roll = below(random, 4);
    if (roll === 0) return;
    this.harmed.add(inode.id);
    const old = inode.synced ?? new Uint8Array(0);
    inode.bytes = roll === 1 ? inode.bytes.slice(0, below(random, inode.bytes.length + 1)) : old;
  }
}

function apply(image: Image, { inode, from, to }: Move): void {
  if (from !== null) {
    const names = image.get(folderOf(from));
    if (names?.get(nameOf(from)) === inode) names.delete(nameOf(from));
  }
  if (to !== null) image.get(folderOf(to))?.set(nameOf(to), inode);
}
