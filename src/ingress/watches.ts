/**
 * The watches on the folders of incoming files: they only say where to look sooner. Must never be needed: where the system
 * has none to give, the listing finds every file, and a person is told.
 */
import type { DirEntry, Files } from '../lib/files.ts';

export interface WatchesOptions {
  readonly files: Pick<Files, 'watch'>;
  readonly pollMs: number;
  notice(level: 'error', text: string, remedy: string): void;
}

export class Watches {
  readonly #o: WatchesOptions;
  readonly #stops = new Map<string, () => void>();
  #isToldOf = false;

  constructor(options: WatchesOptions) {
    this.#o = options;
  }

  /** Watches a folder, anew when it was watched before. */
  on(folder: string, ring: (entry: DirEntry | null) => void): void {
    this.#stops.get(folder)?.();
    this.#stops.delete(folder);
    try {
      this.#stops.set(folder, this.#o.files.watch(folder, ring));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
      this.#tell(folder, String(error.code));
    }
  }

  /** Once, however many folders there are. */
  #tell(folder: string, code: string): void {
    if (this.#isToldOf) return;
    this.#isToldOf = true;
    const limit = code === 'EMFILE' ? 'max_user_instances' : 'max_user_watches';
    this.#o.notice(
      'error',
      `${folder} cannot be watched (${code}); new files are found by listing it every ${this.#o.pollMs} ms`,
      `raise the limit (as root: sysctl fs.inotify.${limit}=524288) and start the tower again, or lower files.poll_ms`,
    );
  }

  stop(): void {
    for (const stop of this.#stops.values()) stop();
    this.#stops.clear();
  }
}
