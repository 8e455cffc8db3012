/**
 * What a row of the proof is. Must never pass without having looked: a row that cannot be made here says so.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Rig } from './rig.ts';

export type Figures = Readonly<Record<string, number | string>>;

export interface Row {
  /** As in the fault catalogue: `A01`, `E04`. */
  readonly id: string;
  readonly title: string;
  /** Promises that it bears on: `p1`. */
  readonly promises: readonly string[];
  /** About how long it takes when that is more than one: such rows start first. */
  readonly minutes?: number;
  /** Runs only when it is named itself: it is heavy. */
  readonly onlyNamed?: boolean;
  run(rig: Rig): Promise<Figures | undefined>;
}

/** Thrown by a row that needs what this machine does not have. */
export class Unavailable extends Error {}

type Need = 'root' | 'strace' | 'gcc' | 'prlimit' | 'openssl' | 'loop';

const onPath = (name: string): boolean => spawnSync('which', [name]).status === 0;

/** Throws Unavailable when something is missing. */
export function need(...needs: readonly Need[]): void {
  for (const thing of needs) {
    if (thing === 'root') {
      if (process.getuid?.() !== 0) throw new Unavailable('needs root');
    } else if (thing === 'loop') {
      if (!existsSync('/dev/loop-control')) throw new Unavailable('no loop devices here');
      if (!onPath('mkfs.ext4')) throw new Unavailable('mkfs.ext4 is not installed');
    } else if (!onPath(thing)) throw new Unavailable(`${thing} is not installed`);
  }
}

/** Runs a command to its end; throws Unavailable with its words when it fails, because the machine does not allow it. */
export function machine(command: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Unavailable(`${command} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
  return stdout;
}

/** Runs a command that puts things back as they were, however it ends. */
export function leave(command: string, ...args: readonly string[]): void {
  spawnSync(command, args);
}

/** Fails the row with words when something is not so. */
export function must(condition: boolean, words: string): asserts condition {
  if (!condition) throw new Error(words);
}
