/**
 * What an agent sees: keeps every version of every answer that it catches, so that statements are judged over time and
 * not only at the end. Must never write into a home, and never keep half a file: the tower shows none.
 */
import { existsSync, type FSWatcher, readFileSync, watch } from 'node:fs';

export interface Version {
  readonly text: string;
  /** Wall time in milliseconds at which it was read. */
  readonly seenAt: number;
}

export class Watcher {
  /** By absolute path. */
  readonly history = new Map<string, Version[]>();
  readonly #folders = new Map<string, { names: Set<string>; watcher: FSWatcher | null }>();
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => {
      this.#watchNewFolders();
    }, 25);
    this.#timer.unref();
  }

  /** Follows a file that is there or will be. */
  follow(folder: string, name: string): void {
    const known = this.#folders.get(folder) ?? { names: new Set<string>(), watcher: null };
    known.names.add(name);
    this.#folders.set(folder, known);
    this.#watchNewFolders();
  }

  /** The newest version of a file, read now; null when there is none. */
  newest(path: string): Version | null {
    this.#look(path);
    return this.history.get(path)?.at(-1) ?? null;
  }

  /** The newest version caught so far, without looking. */
  caught(path: string): Version | null {
    return this.history.get(path)?.at(-1) ?? null;
  }

  /** Reads everything that it follows. */
  lookAtAll(): void {
    for (const [folder, { names }] of this.#folders) for (const name of names) this.#look(`${folder}/${name}`);
  }

  close(): void {
    clearInterval(this.#timer);
    for (const { watcher } of this.#folders.values()) watcher?.close();
  }

  #watchNewFolders(): void {
    for (const [folder, known] of this.#folders) {
      if (known.watcher !== null || !existsSync(folder)) continue;
      known.watcher = watch(folder, (_event, name) => {
        if (name !== null && known.names.has(name)) this.#look(`${folder}/${name}`);
      });
      // A folder that is taken away is looked for again.
      known.watcher.on('error', () => {
        known.watcher?.close();
        known.watcher = null;
      });
      for (const name of known.names) this.#look(`${folder}/${name}`);
    }
  }

  #look(path: string): void {
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch {
      return;
    }
    const versions = this.history.get(path) ?? [];
    if (versions.at(-1)?.text === text) return;
    versions.push({ text, seenAt: Date.now() });
    this.history.set(path, versions);
  }
}
