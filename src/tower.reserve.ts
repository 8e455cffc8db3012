/**
 * A file that takes up room for nothing: when somebody else fills the disk to the brim it is deleted, so that the journal can
 * still take cancels and what becomes of orders that are on their way. Must never be larger than a small disk bears, nor
 * fail where it cannot be made: it is a help and no condition.
 */
import type { Clock } from './lib/clock.ts';
import type { Files } from './lib/files.ts';

const RESERVE_FILE = 'data/reserve';
const MOST_BYTES = 8 * 1_048_576;
/** Of a disk the reserve is at most such a part. */
const PART = 16;
/** How often it is looked at the disk: whoever fills it quickly shall not be quicker. */
const LOOK_MS = 100;
const LEAST_MS = 5;
/** When it could not be made, it is tried again after so long. */
const AGAIN_MS = 10_000;

const sizeOn = (total: number): number => Math.min(MOST_BYTES, Math.floor(total / PART));

type Notice = (level: 'info' | 'warn' | 'error', text: string, remedy: string) => void;

export class Reserve {
  readonly #files: Files;
  readonly #clock: Clock;
  readonly #notice: Notice;
  #isThere = false;
  #lookAt = Number.NEGATIVE_INFINITY;
  #makeAt = Number.NEGATIVE_INFINITY;
  #stop: () => void = () => {};
  #isStopped = false;
  #making: Promise<void> = Promise.resolve();

  constructor(files: Files, clock: Clock, notice: Notice) {
    this.#files = files;
    this.#clock = clock;
    this.#notice = notice;
    this.#isThere = files.exists(RESERVE_FILE);
  }

  /** Makes room when there is none. For who is about to write what must not be lost. */
  look(): void {
    const now = this.#clock.monotonic();
    if (now < this.#lookAt) return;
    this.#lookAt = now + LEAST_MS;
    this.#lookAtRoom();
  }

  #lookAtRoom(): ReturnType<Files['room']> {
    const room = this.#files.room();
    if (room !== null && this.#isThere && room.free < sizeOn(room.total) / 2) this.#free();
    return room;
  }

  /** Looks now and from now on, and makes the reserve. */
  start(): void {
    const room = this.#lookAtRoom();
    const size = sizeOn(room?.total ?? 0);
    this.#stop = this.#clock.after(LOOK_MS, () => {
      this.#making =
        room !== null && !this.#isThere && room.free > 3 * size && this.#clock.monotonic() >= this.#makeAt
          ? this.#make(size)
          : Promise.resolve();
      void this.#making.then(() => {
        if (!this.#isStopped) this.start();
      });
    });
  }

  /** What is being made is made when it resolves: nothing half made stays behind. */
  stop(): Promise<void> {
    this.#isStopped = true;
    this.#stop();
    return this.#making;
  }

  #free(): void {
    try {
      this.#files.remove(RESERVE_FILE);
      this.#isThere = false;
      this.#notice(
        'error',
        'the disk of the home is full; the reserve was freed, so that cancels still go',
        'make room on the disk now: orders wait until there is some',
      );
    } catch {
      // Tried again at the next look.
    }
  }

  async #make(size: number): Promise<void> {
    this.#makeAt = this.#clock.monotonic() + AGAIN_MS;
    try {
      // Bytes that no file system can do without, unlike zeros.
      const bytes = new Uint8Array(size);
      for (let n = 0, value = 1; n < size; n++) {
        value = Math.imul(value, 1_103_515_245) + 12_345;
        bytes[n] = value >>> 16;
      }
      await this.#files.publish(RESERVE_FILE, bytes);
      this.#isThere = true;
    } catch {
      // No room, no right: then there is none.
    }
  }
}
