/**
 * Temporary files of the tower's own, on their way to a name: written and synced here, linked or renamed by the caller.
 * To make a file costs a file system ten times what it costs to write one, so some lie ready. Must never hand out one twice,
 * nor leave one behind when it could not be written.
 */
import fs from 'node:fs';
import path from 'node:path';
import type { Pins } from './pins.ts';

/** Names of temporary files of the tower's own. */
export const TEMP_PREFIX = '.tower-tmp-';

interface Temp {
  readonly file: string;
  readonly fd: number;
}

const fsync = (fd: number): Promise<void> =>
  new Promise((resolve, reject) => {
    fs.fsync(fd, (error) => (error === null ? resolve() : reject(error)));
  });
const openNew = (name: string): Promise<number> =>
  new Promise((resolve, reject) => {
    fs.open(name, 'wx', 0o644, (error, fd) => (error === null ? resolve(fd) : reject(error)));
  });

export interface TempsOptions {
  readonly pins: Pins;
  /** Where they lie; null for beside what they become, and then none lie ready. */
  readonly folder: string | null;
  /** How many lie ready. */
  readonly spares: number;
  /** What tells the names of this process from those of others. */
  readonly owner: string;
  makeFolder(folder: string): void;
}

export class Temps {
  readonly #o: TempsOptions;
  readonly #spares: Temp[] = [];
  readonly #making = new Set<Promise<void>>();
  #count = 0;
  #isClosed = false;

  constructor(options: TempsOptions) {
    this.#o = options;
  }

  /** Writes a synced temporary file for `to` and returns its path. */
  async write(
    to: string,
    bytes: string | Uint8Array,
    point?: (step: 'temp' | 'written' | 'synced') => void,
  ): Promise<string> {
    const temp = this.#spares.pop() ?? this.#open(to);
    try {
      point?.('temp');
      fs.writeFileSync(temp.fd, bytes);
      point?.('written');
      // Whatever else is asked for in this turn is written before the first sync begins: then all share one commit of the
      // file system, and none waits to be written while another commit runs.
      await null;
      await fsync(temp.fd);
      point?.('synced');
    } catch (error) {
      fs.closeSync(temp.fd);
      this.fail(temp.file);
      throw error;
    }
    fs.closeSync(temp.fd);
    return temp.file;
  }

  /** Removes one that has its other name by now. */
  drop(file: string): void {
    fs.unlinkSync(this.#o.pins.file(file));
  }

  /** Removes one that could not get its name, with those that lie ready: whatever happened may have happened to them. */
  fail(file: string): void {
    this.#remove(file);
    this.#clear();
  }

  /** Makes ready what was used, in the background. What cannot be made now is made when it is needed, or told then. */
  refill(): void {
    const { pins, folder, spares } = this.#o;
    while (folder !== null && !this.#isClosed && this.#spares.length + this.#making.size < spares) {
      const file = this.#name(folder);
      const making: Promise<void> = pins
        .holding([file], async (name = '') => {
          const fd = await openNew(name);
          if (!this.#isClosed) this.#spares.push({ file, fd });
          else {
            fs.closeSync(fd);
            fs.rmSync(name, { force: true });
          }
        })
        .catch(() => {})
        .finally(() => {
          this.#making.delete(making);
        });
      this.#making.add(making);
    }
  }

  /** None is left when it resolves: those that are being made are made, and removed. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#clear();
    await Promise.all(this.#making);
  }

  #clear(): void {
    for (const { file, fd } of this.#spares.splice(0)) {
      fs.closeSync(fd);
      this.#remove(file);
    }
  }

  /** What will not go lies there until the next start; the fault that led here is the one to tell. */
  #remove(file: string): void {
    try {
      fs.rmSync(this.#o.pins.file(file), { force: true });
    } catch {
      // The folder is gone, and it with it; or the disk is at fault.
    }
  }

  #name(folder: string): string {
    return path.posix.join(folder, `${TEMP_PREFIX}${this.#o.owner}-${this.#count++}`);
  }

  #open(to: string): Temp {
    const { pins, folder, makeFolder } = this.#o;
    const file = this.#name(folder ?? path.posix.dirname(to));
    try {
      return { file, fd: fs.openSync(pins.file(file), 'wx', 0o644) };
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT') || folder === null) throw error;
      // Somebody has taken the folder of temporary files away.
      makeFolder(folder);
      return { file, fd: fs.openSync(pins.file(file), 'wx', 0o644) };
    }
  }
}
