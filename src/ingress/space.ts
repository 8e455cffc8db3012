/**
 * Room on the disk of the home: when it gets short nothing new is taken but cancels, so that what was promised can still be
 * written down. Must never look so often that the looking costs, nor stop the intake when it cannot look.
 */
import type { Clock } from '../lib/clock.ts';
import type { Files } from '../lib/files.ts';

export interface SpaceOptions {
  readonly files: Files;
  readonly clock: Clock;
  /** Free bytes below which it is short; on a small disk a tenth of it. */
  readonly reserveBytes: number;
  notice(level: 'info' | 'warn' | 'error', text: string, remedy: string): void;
}

const LOOK_MS = 20;
const MEGABYTE = 1_048_576;

export class Space {
  readonly #o: SpaceOptions;
  #isLow = false;
  #lookAt = Number.NEGATIVE_INFINITY;

  constructor(options: SpaceOptions) {
    this.#o = options;
  }

  isLow(): boolean {
    const { files, clock, reserveBytes, notice } = this.#o;
    const now = clock.monotonic();
    if (now < this.#lookAt) return this.#isLow;
    this.#lookAt = now + LOOK_MS;
    const room = files.room();
    if (room === null) return this.#isLow;
    const least = Math.min(reserveBytes, room.total / 10);
    const isLow = room.free < least;
    if (isLow !== this.#isLow) {
      if (isLow)
        notice(
          'error',
          `the disk of the home has ${Math.round(room.free / MEGABYTE)} MB left: only cancels are taken`,
          `make room: what waits is taken when more than ${Math.ceil(least / MEGABYTE)} MB are free`,
        );
      else notice('info', 'the disk has room again: order files are taken', '');
    }
    this.#isLow = isLow;
    return isLow;
  }
}
