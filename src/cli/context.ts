/**
 * What a command may use of the world around it, and how it ends. Made once, in main.ts; tests make their own.
 * Must never be imported by anything but commands.
 */
import type { Clock } from '../lib/clock.ts';
import type { Random } from '../lib/random.ts';

export interface Context {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Node's version, as `24.21.0`. */
  readonly node: string;
  /** The current folder. */
  readonly cwd: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Standard output is a terminal that a person looks at. */
  readonly terminal: boolean;
  /** Colours are welcome: a terminal, and no NO_COLOR. */
  readonly colour: boolean;
  /** Write text as it is to standard output and standard error. */
  out(text: string): void;
  err(text: string): void;
  /** Calls `stop` at the first Ctrl-C or SIGTERM; a second one ends the process at once. */
  onInterrupt(stop: () => void): void;
  /** Who runs the command, as the operating system knows them. */
  readonly user: string;
  /** Ends a process at once (kill -9). */
  kill(pid: number): void;
  /** Calls `run` at each SIGHUP. */
  onHangup(run: () => void): void;
  /** True while a process with this id is alive. */
  isAlive(pid: number): boolean;
}

/** Exit codes of every command. */
export const EXIT = {
  success: 0,
  /** The request was refused or failed, or what was checked is wrong. */
  failed: 1,
  /** Wrong usage, wrong settings. */
  usage: 2,
  /** Another tower holds the home folder. */
  locked: 3,
} as const;

/** Thrown by a command to end with a code; the message, if any, goes to standard error. */
export class Exit extends Error {
  readonly code: number;
  constructor(code: number, message = '') {
    super(message);
    this.code = code;
  }
}

/** Text of others for a terminal: control characters, which could move the cursor or change colours, become visible. */
export const plain = (text: string): string =>
  text.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (sign) => `\\u${(sign.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
