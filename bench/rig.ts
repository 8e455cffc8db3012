/**
 * What the tower's bench is played on: a tower as a process of its own in a fresh home, an answerer or an exchange as
 * another, files dropped as agents drop them, answers seen as agents see them. Must never share an event loop with
 * what it measures, and must never end a process that it has not started.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** Milliseconds of the machine's monotonic clock, the same in every process. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/** When one request came in at the stub, and when it was answered. `id` is the client_order_id where there is one. */
export interface Moment {
  readonly method: string;
  readonly path: string;
  readonly id: string;
  readonly arrived: number;
  readonly answered: number;
}

/** One order file to be made. */
export interface Ask {
  readonly type: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** An order file that lies ready to be dropped. */
export interface Staged {
  readonly id: string;
  readonly agent: string;
  readonly file: string;
}

const MARKET: Ask = {
  type: 'stockbuy',
  payload: { symbol: 'AAPL', qty: '1', order_class: 'market', time_in_force: 'day' },
};
/** Far below every price: it rests until it is cancelled. */
export const RESTING: Ask = {
  type: 'stockbuy',
  payload: { symbol: 'AAPL', qty: '1', order_class: 'limit', limit_price: '1.00', time_in_force: 'day' },
};

export const ROOT = fileURLToPath(new URL('..', import.meta.url));
const READY_WITHIN_MS = 120_000;
/** Nothing here takes so long; whatever does hangs. */
const PATIENCE_MS = 600_000;
/** Clock ticks of /proc per second: USER_HZ, 100 on every Linux of today. */
const TICKS = 100;

/** Whoever takes the tower's requests. */
export interface Counterpart {
  readonly url: string;
  /** The moments since the last call; empty for the exchange, which keeps none. */
  take(): Promise<readonly Moment[]>;
  stop(): Promise<void>;
}

/** A child does not outlive this process, however it ends. */
export function owned<T extends ChildProcess>(child: T): T {
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  return child;
}

export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/** A file of this folder as a process of its own, with a channel to it. */
export function helper(file: string, ...args: readonly string[]): ChildProcess {
  return owned(fork(fileURLToPath(new URL(file, import.meta.url)), args));
}

export async function startStub(): Promise<Counterpart> {
  const child = helper('./stub.ts');
  const [{ url }] = await once(child, 'message');
  return {
    url,
    async take() {
      child.send('take');
      const [moments] = await once(child, 'message');
      return moments;
    },
    async stop() {
      child.disconnect();
      await ended(child);
    },
  };
}

/** `tower exchange` with money without end and no limit on requests. */
export async function startExchangeProcess(): Promise<Counterpart> {
  const home = mkdtempSync(join(tmpdir(), 'bench-exchange-'));
  const args = ['exchange', '--port', '0', '--home', home, '--seed', 'bench', '--cash', '1000000000', '--json'];
  const child = owned(
    spawn(join(ROOT, 'bin/tower'), args, { stdio: ['ignore', 'pipe', 'inherit'], env: ownEnvironment() }),
  );
  const [line] = await once(child.stdout, 'data');
  return {
    url: JSON.parse(String(line)).ready,
    take: async () => [],
    async stop() {
      child.kill('SIGTERM');
      await ended(child);
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Nothing of the caller's settings may reach what is measured. */
const ownEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:TOWER|ALPACA|NODE)_/.test(name)));

export interface RigOptions {
  readonly agents?: number;
  /** Leaves a processor profile in the current folder when the tower stops. */
  readonly profile?: boolean;
  /** The content of tower.config.json; without it there is none. */
  readonly config?: unknown;
  /** Requests to the broker; without it, more than any machine can send. */
  readonly budget?: { readonly perMinute: number; readonly perSecond: number };
}

/** A home folder, and a tower in it that can be started and stopped. */
export class Rig {
  readonly home = mkdtempSync(join(tmpdir(), 'bench-tower-'));
  readonly agents: readonly string[];
  readonly #seen = new Map<string, number>();
  readonly #settled = new Set<string>();
  readonly #watchers: (() => void)[] = [];
  readonly #options: RigOptions;
  #tower: ChildProcess | null = null;
  #stamp = Date.now() * 1000;
  #awaited = { left: 0, done: (): void => {} };

  constructor(options: RigOptions = {}) {
    this.#options = options;
    this.agents = Array.from({ length: options.agents ?? 4 }, (_, index) => `bench${index}`);
    for (const folder of ['orders/incoming', 'staged', 'data']) mkdirSync(join(this.home, folder), { recursive: true });
    if (options.config !== undefined)
      writeFileSync(join(this.home, 'tower.config.json'), JSON.stringify(options.config), { mode: 0o600 });
  }

  /** The key of this home's account. */
  get key(): string {
    return basename(this.home);
  }

  get journalFile(): string {
    return join(this.home, 'data/tower.db');
  }

  /** Milliseconds from the launch until the tower takes orders. */
  async start(counterpart: Counterpart): Promise<number> {
    const outFile = join(this.home, 'stdout.log');
    writeFileSync(outFile, '');
    // A file, not a pipe: a pipe that this process is slow to empty would hold the tower up.
    const out = openSync(outFile, 'a');
    const began = monotonicMs();
    const tower = spawn(join(ROOT, 'bin/tower'), ['start', '--home', this.home], {
      cwd: process.cwd(),
      stdio: ['ignore', out, 'inherit'],
      env: {
        ...ownEnvironment(),
        ...(this.#options.profile ? { NODE_OPTIONS: '--cpu-prof' } : {}),
        ALPACA_PAPER_API_KEY: this.key,
        ALPACA_PAPER_SECRET_KEY: 'bench',
        ALPACA_PAPER_BASE_URL: counterpart.url,
        ALPACA_DATA_BASE_URL: counterpart.url,
        // Nothing is to expire because the machine is slow.
        TOWER_SEND_BY_DEFAULT_SECONDS: '3600',
        TOWER_BUDGET_PER_MINUTE: String(this.#options.budget?.perMinute ?? 1_000_000),
        TOWER_BUDGET_PER_SECOND: String(this.#options.budget?.perSecond ?? 100_000),
      },
    });
    this.#tower = owned(tower);
    while (!readFileSync(outFile, 'utf8').includes('"event":"ready"')) {
      if (tower.exitCode !== null || monotonicMs() - began > READY_WITHIN_MS)
        throw new Error(`the tower did not start: ${readFileSync(outFile, 'utf8')}`);
      await sleep(2);
    }
    const took = monotonicMs() - began;
    this.#watchAnswers();
    return took;
  }

  async stop(): Promise<void> {
    for (const off of this.#watchers.splice(0)) off();
    const tower = this.#tower;
    this.#tower = null;
    if (tower === null) return;
    tower.kill('SIGTERM');
    await ended(tower);
  }

  /** Ends the tower without a warning. */
  async kill(): Promise<void> {
    for (const off of this.#watchers.splice(0)) off();
    const tower = this.#tower;
    this.#tower = null;
    if (tower === null) return;
    tower.kill('SIGKILL');
    await ended(tower);
  }

  async end(): Promise<void> {
    await this.stop();
    rmSync(this.home, { recursive: true, force: true });
  }

  get pid(): number {
    const pid = this.#tower?.pid;
    if (pid === undefined) throw new Error('no tower runs');
    return pid;
  }

  /** Processor seconds that the tower has used, user and system. */
  cpuSeconds(): number {
    const fields = readFileSync(`/proc/${this.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  }

  /** Megabytes in memory now, and the most so far. */
  memory(): { readonly now: number; readonly peak: number } {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    const mb = (name: string): number => Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024);
    return { now: mb('VmRSS'), peak: mb('VmHWM') };
  }

  /** Bytes of the database and its log; with a stopped tower the log is part of the database again. */
  journalBytes(): number {
    return ['', '-wal'].reduce((sum, suffix) => {
      const stat = statSync(this.journalFile + suffix, { throwIfNoEntry: false });
      return sum + (stat?.size ?? 0);
    }, 0);
  }

  /** Writes `count` files like `ask` where the tower does not look, the agents in turn. */
  stage(count: number, ask: Ask | ((index: number) => Ask) = MARKET): readonly Staged[] {
    const days = new Set<string>();
    const staged = Array.from({ length: count }, (_, index) => {
      const { type, payload } = typeof ask === 'function' ? ask(index) : ask;
      const agent = this.agents[index % this.agents.length] ?? '';
      const stamp = new Date(Math.floor(++this.#stamp / 1000)).toISOString().replace(/[-:.TZ]/g, '');
      const timestamp = `${stamp}${String(this.#stamp % 1000).padStart(3, '0')}`;
      const id = `${agent}_${timestamp}_${type}`;
      const file = `paper_${agent}_${type}_${timestamp}.json`;
      const order = { agent_id: agent, client_order_id: id, order_type: type, mode: 'paper', payload };
      writeFileSync(join(this.home, 'staged', file), JSON.stringify(order, null, 2));
      days.add(timestamp.slice(0, 8));
      return { id, agent, file };
    });
    for (const agent of this.agents)
      for (const day of days) mkdirSync(join(this.home, 'responses', agent, 'paper', day), { recursive: true });
    this.#watchAnswers();
    return staged;
  }

  /** Makes a staged file appear. Returns the moment right before it. */
  drop(file: string): number {
    const at = monotonicMs();
    renameSync(join(this.home, 'staged', file), join(this.home, 'orders/incoming', file));
    return at;
  }

  /** Resolves when `count` more answers are there. Call it before the first drop. */
  answers(count: number): Promise<void> {
    return new Promise((done, fail) => {
      const timer = setTimeout(
        () => fail(new Error(`${this.#awaited.left} of ${count} answers did not come`)),
        PATIENCE_MS,
      );
      this.#awaited = {
        left: count,
        done: () => {
          clearTimeout(timer);
          done();
        },
      };
    });
  }

  /** Whether an answer to an order file was seen, whatever it said. */
  hasAnswer(file: string): boolean {
    return this.#seen.has(file);
  }

  /** Whether there is an answer to a file by now, asked of the disk where no watch has told of it. */
  isAnswered(staged: Staged): boolean {
    return this.#seen.has(staged.file) || existsSync(this.#answerPath(staged));
  }

  /** Whether a file is answered, and the answer is not one of doubt. */
  isSettled(staged: Staged): boolean {
    if (this.#settled.has(staged.file)) return true;
    if (!this.isAnswered(staged) || this.answerTo(staged)['sent'] === 'unknown') return false;
    this.#settled.add(staged.file);
    return true;
  }

  /** When the first answer to an order file was seen under its name. */
  seenAt(file: string): number {
    const at = this.#seen.get(file);
    if (at === undefined) throw new Error(`${file} has no answer`);
    return at;
  }

  /** The answer to an order file, as it lies there. */
  answerTo(staged: Staged): Readonly<Record<string, unknown>> {
    return JSON.parse(readFileSync(this.#answerPath(staged), 'utf8'));
  }

  #answerPath({ file, agent }: Staged): string {
    return join(this.home, 'responses', agent, 'paper', file.slice(-25, -17), `response_${file}`);
  }

  /** How many files the archive has. */
  archived(): number {
    return ['completed', 'failed'].reduce(
      (sum, folder) => sum + readdirSync(join(this.home, 'orders', folder)).length,
      0,
    );
  }

  /** Resolves when the answers to all of these files are final. After their first answers. */
  async final(files: readonly Staged[]): Promise<void> {
    for (const staged of files) while (this.answerTo(staged)['final'] !== true) await sleep(5);
  }

  #watchAnswers(): void {
    for (const off of this.#watchers.splice(0)) off();
    const day = new Date().toISOString().slice(0, 10).replaceAll('-', '');
    for (const agent of this.agents) {
      const folder = join(this.home, 'responses', agent, 'paper', day);
      if (!existsSync(folder)) continue;
      const watcher = watch(folder, (_event, name) => {
        const file = name?.replace(/^response_/, '') ?? '';
        if (this.#seen.has(file)) return;
        this.#seen.set(file, monotonicMs());
        this.#awaited.left--;
        if (this.#awaited.left === 0) this.#awaited.done();
      });
      this.#watchers.push(() => watcher.close());
    }
  }
}
