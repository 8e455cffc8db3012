/**
 * A line that only counts, in a process of its own: what a row does at the same time cannot make requests look as if they had
 * come together. Must never do anything else while it counts. Run by itself it is that process.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type Seen, Wire } from './wire.ts';

interface Counted {
  /** Wall time of the start of that process's monotonic clock. */
  readonly origin: number;
  readonly seen: readonly Seen[];
  readonly refused: number;
}

const FILE = fileURLToPath(import.meta.url);

export class Tap {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  static async open(target: string): Promise<Tap> {
    const child = fork(FILE, [target], { stdio: 'inherit' });
    const end = (): void => void child.kill('SIGKILL');
    process.on('exit', end);
    child.on('exit', () => process.off('exit', end));
    try {
      // It needs next to nothing, and needs it at once.
      setPriority(child.pid ?? 0, -10);
    } catch {
      // Not root: then it waits its turn.
    }
    const [url] = await once(child, 'message');
    return new Tap(child, String(url));
  }

  /** Every request so far, moments in milliseconds of this process; and how many of them were answered with 429. */
  async count(): Promise<{ readonly seen: readonly Seen[]; readonly refused: number }> {
    this.#child.send('count');
    const [{ origin, seen, refused }] = (await once(this.#child, 'message')) as [Counted];
    return { seen: seen.map((one) => ({ ...one, at: one.at + origin - performance.timeOrigin })), refused };
  }

  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}

if (process.argv[1] === FILE) {
  const wire = new Wire(process.argv[2] ?? '');
  await wire.open();
  let refused = 0;
  wire.hook = async (passing) => {
    const reply = await passing.forward();
    if (reply.status === 429) refused++;
    passing.reply(reply);
    return true;
  };
  process.on('message', () => {
    const counted: Counted = { origin: performance.timeOrigin, seen: wire.seen, refused };
    process.send?.(counted);
  });
  process.on('disconnect', () => process.exit());
  process.send?.(wire.url);
}
