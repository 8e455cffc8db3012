/**
 * The stand of `tower drill`: an exchange and a tower as processes of their own, on a temporary home. Must never touch the
 * home that is proven, read its keys or settings, or reach anything but this machine.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isoMicros, micros, sleep } from '../lib/clock.ts';
import { readText } from './common.ts';
import type { Context } from './context.ts';

const COMMAND = fileURLToPath(new URL('../../bin/tower', import.meta.url));
const READY_MS = 30_000;

/** What one run of `tower halt` came to. */
interface Halted {
  readonly code: number | null;
  /** Milliseconds until it returned, the start of its process included. */
  readonly ms: number;
  readonly onTheirWay: number;
}

export interface Answer {
  readonly sent: string;
  readonly final: boolean;
  readonly data: { readonly status?: string } | null;
  readonly error: { readonly code: string } | null;
}

/** An order that was dropped. */
export interface Dropped {
  readonly id: string;
  readonly answer: string;
}

export class Stand {
  readonly home: string;
  readonly #context: Context;
  readonly #folder: string;
  readonly #running = new Set<ChildProcess>();
  #exchange = '';
  #tower: ChildProcess | null = null;
  #last = 0;

  constructor(context: Context) {
    this.#context = context;
    this.#folder = mkdtempSync(join(context.env['TMPDIR'] ?? '/tmp', 'tower-drill-'));
    this.home = join(this.#folder, 'home');
    mkdirSync(join(this.home, 'orders/incoming'), { recursive: true, mode: 0o700 });
  }

  async open(): Promise<void> {
    const options = ['--home', join(this.#folder, 'exchange'), '--port', '0', '--control', '--json'];
    const { line } = await this.#ready(['exchange', ...options], /"ready":"([^"]+)"/);
    this.#exchange = line;
    await this.startTower();
  }

  async startTower(): Promise<void> {
    const env = {
      ALPACA_PAPER_BASE_URL: this.#exchange,
      ALPACA_DATA_BASE_URL: this.#exchange,
      ALPACA_PAPER_API_KEY: 'PKDRILL',
      ALPACA_PAPER_SECRET_KEY: 'drill',
      TOWER_BUDGET_PER_MINUTE: '10000',
      TOWER_BUDGET_PER_SECOND: '40',
      TOWER_FILES_POLL_MS: '100',
    };
    this.#tower = (await this.#ready(['start', '--home', this.home], /\b(ready)\b/, env)).child;
  }

  /** Ends the tower in order, or at once. */
  async endTower(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (this.#tower !== null) await end(this.#tower, signal);
    this.#tower = null;
  }

  /** Ends every process and takes the folder away. */
  async close(): Promise<void> {
    await Promise.all([...this.#running].map((child) => end(child, 'SIGKILL')));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #spawn(args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
    const { PATH = '', HOME = '' } = this.#context.env;
    const child = spawn(COMMAND, args, { env: { PATH, HOME, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#running.add(child);
    child.on('exit', () => this.#running.delete(child));
    return child;
  }

  async #ready(
    args: readonly string[],
    pattern: RegExp,
    env: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly child: ChildProcess; readonly line: string }> {
    const child = this.#spawn(args, env);
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        if (text.length < 100_000) text += chunk.toString('utf8');
      });
    }
    const line = await this.until(() => pattern.exec(text)?.[1] ?? (child.exitCode === null ? null : ''), READY_MS);
    if (line === null || line === '') throw new Error(`tower ${args[0]} did not become ready:\n${text.slice(-1000)}`);
    return { child, line };
  }

  /** Runs `tower halt` or `tower resume` as a person would. */
  async run(...args: readonly string[]): Promise<Halted> {
    const { clock } = this.#context;
    const startedAt = clock.monotonic();
    const child = this.#spawn([...args, '--home', this.home, '--reason', 'drill', '--json']);
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
    });
    child.stderr?.resume();
    await once(child, 'close');
    const { on_their_way: onTheirWay = 0 } = JSON.parse(/^\{.*\}$/m.exec(text)?.[0] ?? '{}');
    return { code: child.exitCode, ms: Math.round(clock.monotonic() - startedAt), onTheirWay: Number(onTheirWay) };
  }

  /** An agent drops an order: temporary name, rename. */
  drop(agent: string, type: string, payload: Readonly<Record<string, unknown>>): Dropped {
    this.#last = Math.max(this.#last + 1, this.#context.clock.now());
    const at = isoMicros(micros(this.#last)).replace(/[-:.TZ]/g, '');
    const id = `${agent}_${at}_${type}`;
    const text = JSON.stringify({ agent_id: agent, client_order_id: id, order_type: type, mode: 'paper', payload });
    const folder = join(this.home, 'orders/incoming');
    const name = `paper_${agent}_${type}_${at}.json`;
    writeFileSync(join(folder, `.${name}.tmp`), text);
    renameSync(join(folder, `.${name}.tmp`), join(folder, name));
    return { id, answer: join(this.home, 'responses', agent, 'paper', at.slice(0, 8), `response_${name}`) };
  }

  /** The first answer for which `enough` holds; null when there is none in ten seconds. */
  answer({ answer }: Dropped, enough: (answer: Answer) => boolean = () => true): Promise<Answer | null> {
    return this.until(() => {
      const text = readText(answer);
      const one: Answer | null = text === null ? null : JSON.parse(text);
      return one !== null && enough(one) ? one : null;
    }, 10_000);
  }

  /** Ids of the orders that have reached the exchange: its own ledger. */
  async reached(): Promise<readonly string[]> {
    const lines: readonly { readonly method: string; readonly client_order_id: string | null }[] = JSON.parse(
      await this.#control('GET', 'ledger'),
    );
    return lines.flatMap(({ method, client_order_id: id }) => (method === 'POST' && id !== null ? [id] : []));
  }

  /** From now on the exchange answers orders so much later than it takes them. */
  async answersAfter(ms: number): Promise<void> {
    const requests =
      ms === 0 ? [] : [{ method: 'POST', path: '/v2/orders', fault: { kind: 'latency', answer_delay_ms: ms } }];
    await this.#control('PUT', 'faults', { requests });
  }

  async #control(method: string, path: string, body?: unknown): Promise<string> {
    const response = await fetch(new URL(`/_control/${path}`, this.#exchange), {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`the exchange of the drill answers ${response.status}: ${text.slice(0, 300)}`);
    return text;
  }

  async until<T>(look: () => T | null, ms: number): Promise<T | null> {
    const { clock } = this.#context;
    const end = clock.monotonic() + ms;
    for (;;) {
      const found = look();
      if (found !== null || clock.monotonic() >= end) return found;
      await sleep(clock, 10);
    }
  }

  pause(ms: number): Promise<void> {
    return sleep(this.#context.clock, ms);
  }
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'exit');
}
