/**
 * Child processes of a proof: towers and exchanges as a person would start them. Must never end a process that it did not
 * start, and never leave one behind.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const COMMAND = `${ROOT}bin/tower`;
/** What the command replaces itself with; saves a shell where hundreds of starts are measured. */
const ENTRY = [
  process.execPath,
  '--disable-sigusr1',
  '--disable-warning=ExperimentalWarning',
  `${ROOT}src/cli/main.ts`,
];

const running = new Set<Child>();
process.on('exit', () => {
  for (const child of running) child.signal('SIGKILL');
});

export interface ChildOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Words before the command, such as a tracer. */
  readonly under?: readonly string[];
  /** Starts Node itself instead of the shell script. */
  readonly direct?: boolean;
}

export class Child {
  readonly pid: number;
  /** Everything it printed, both ways. */
  output = '';
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  readonly #child: ChildProcess;
  #ready: Promise<string>;

  constructor(args: readonly string[], options: ChildOptions) {
    const words = [...(options.under ?? []), ...(options.direct ? ENTRY : [COMMAND]), ...args];
    const env: NodeJS.ProcessEnv = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...options.env };
    this.#child = spawn(words[0] ?? '', words.slice(1), { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.pid = this.#child.pid ?? -1;
    running.add(this);
    let found = (_line: string): void => {};
    let failed = (_error: Error): void => {};
    this.#ready = new Promise((resolve, reject) => {
      found = resolve;
      failed = reject;
    });
    this.#ready.catch(() => {});
    let line = '';
    const take = (chunk: Buffer): void => {
      if (this.output.length < 2_000_000) this.output += chunk.toString('utf8');
      if (line === 'done') return;
      line += chunk.toString('utf8');
      const match = /^.*\bready\b.*$/m.exec(line);
      if (match === null || !line.includes('\n', match.index)) return;
      line = 'done';
      found(match[0]);
    };
    this.#child.stdout?.on('data', take);
    this.#child.stderr?.on('data', take);
    this.exited = once(this.#child, 'exit').then(([code, signal]) => {
      running.delete(this);
      failed(new Error(`ended (${signal ?? code}) before it was ready:\n${this.output.slice(-2000)}`));
      return { code, signal };
    });
  }

  get isRunning(): boolean {
    return running.has(this);
  }

  /** The line that says so. Throws when it ends first or takes too long. */
  async ready(ms = 20_000): Promise<string> {
    return within(this.#ready, ms, () => `not ready after ${ms} ms:\n${this.output.slice(-2000)}`);
  }

  signal(name: NodeJS.Signals): void {
    if (running.has(this)) this.#child.kill(name);
  }

  /** Signals and waits for the end. After `ms` it is killed, and the call fails. */
  async end(name: NodeJS.Signals = 'SIGTERM', ms = 30_000): Promise<number | null> {
    this.signal(name);
    try {
      return (await within(this.exited, ms, () => `did not end within ${ms} ms of ${name}`)).code;
    } catch (error) {
      this.signal('SIGKILL');
      await this.exited;
      throw error;
    }
  }
}

/** Fails with `words` when `promise` takes longer than `ms`. */
async function within<T>(promise: Promise<T>, ms: number, words: () => string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(words())), ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until `test` gives something, looking every `everyMs`; fails with `words`. */
export async function until<T>(
  test: () => T | null | undefined | false | Promise<T | null | undefined | false>,
  ms: number,
  words: () => string,
  everyMs = 20,
): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    const value = await test();
    if (value) return value;
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${words()}`);
    await sleep(everyMs);
  }
}
