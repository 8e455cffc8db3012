/**
 * A whole tower for a test: real folder, real SQLite, the embedded exchange over real HTTP, in this process. Tests drop
 * files as agents do and wait for answers. Must never reach into the tower: what a test knows, an agent could know.
 */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite, { type Database } from 'better-sqlite3';
import { type Clock, isoMicros, micros, sleep, systemClock } from '../../src/lib/clock.ts';
import { systemRandom } from '../../src/lib/random.ts';
import type { TowerEvent } from '../../src/observe/events.ts';
import type { Log } from '../../src/observe/log.ts';
import { loadSettings } from '../../src/settings.ts';
import { startTower, type Tower } from '../../src/tower.ts';

export interface Answered {
  readonly request_order_id: string;
  readonly agent_id: string | null;
  readonly client_order_id: string | null;
  readonly timestamp: string;
  readonly status: 'success' | 'error';
  // biome-ignore lint/suspicious/noExplicitAny: an answer's data is whatever Alpaca says
  readonly data: any;
  readonly error: { type: string; code: string; message: string; details: Record<string, unknown> } | null;
  readonly version: number;
  readonly final: boolean;
  readonly sent: 'no' | 'yes' | 'unknown';
  readonly source?: string;
  readonly as_of?: string;
}

const silentLog: Log = { info() {}, infoSoon() {}, warn() {}, error() {}, child: () => silentLog };

/** The environment that points a tower at an exchange, as it would at Alpaca. */
export const keysAt = (url: string, id = 'K'): Record<string, string> => ({
  ALPACA_PAPER_BASE_URL: url,
  ALPACA_DATA_BASE_URL: url,
  ALPACA_PAPER_API_KEY: id,
  ALPACA_PAPER_SECRET_KEY: 'S',
});

export interface HarnessOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly config?: unknown;
  readonly clock?: Clock;
}

/** A home folder with a tower that can be started, stopped and started again. */
export class Harness {
  readonly home = mkdtempSync(join(tmpdir(), 'tower-'));
  readonly events: TowerEvent[] = [];
  readonly #o: HarnessOptions;
  #tower: Tower | null = null;
  #last = 0;

  constructor(options: HarnessOptions = {}) {
    this.#o = options;
    if (options.config !== undefined)
      writeFileSync(join(this.home, 'tower.config.json'), JSON.stringify(options.config));
  }

  async start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    const settings = loadSettings({
      home: this.home,
      env: {
        TOWER_BUDGET_PER_MINUTE: '10000',
        TOWER_BUDGET_PER_SECOND: '1000',
        TOWER_FILES_POLL_MS: '50',
        TOWER_FILES_SETTLE_MS: '150',
        ...this.#o.env,
        ...env,
      },
      readFile: (path) => (existsSync(path) ? readFileSync(path, 'utf8') : null),
      modeOf: (path) => statSync(path, { throwIfNoEntry: false })?.mode ?? null,
    });
    this.#tower = await startTower({
      home: this.home,
      settings,
      log: silentLog,
      clock: this.#o.clock ?? systemClock,
      random: systemRandom,
      onEvent: (event) => this.events.push(event),
    });
  }

  /** Rejects when the tower cannot go on. */
  get failed(): Promise<never> {
    assert.ok(this.#tower !== null, 'the tower is not running');
    return this.#tower.failed;
  }

  /** Changes the journal of a tower that is stopped, and takes the tip away, which would tell the next start of it. */
  editJournal(edit: (db: Database) => void): void {
    const db = new Sqlite(join(this.home, 'data/tower.db'));
    edit(db);
    db.close();
    rmSync(join(this.home, 'data/tower.tip'));
  }

  async stop(): Promise<void> {
    await this.#tower?.stop();
    this.#tower = null;
  }

  /** Stops the tower and deletes the home. */
  async end(): Promise<void> {
    await this.stop();
    rmSync(this.home, { recursive: true, force: true });
  }

  /** A timestamp that no other file of this test has. */
  timestamp(): string {
    this.#last = Math.max(this.#last + 1, systemClock.now());
    return isoMicros(micros(this.#last)).replace(/[-:.TZ]/g, '');
  }

  /** The text of a good order file. */
  text(agent: string, type: string, payload: unknown, timestamp: string, more: object = {}): string {
    const client_order_id = `${agent}_${timestamp}_${type}`;
    return JSON.stringify({ agent_id: agent, client_order_id, order_type: type, mode: 'paper', payload, ...more });
  }

  /** Drops a file as agents are told to: temporary name, rename. Returns its stem. */
  dropText(fileName: string, text: string | Uint8Array): string {
    const folder = join(this.home, 'orders/incoming');
    mkdirSync(folder, { recursive: true });
    const temp = join(folder, `.${fileName}.tmp`);
    writeFileSync(temp, text);
    renameSync(temp, join(folder, fileName));
    return fileName.replace(/\.json$/, '');
  }

  drop(agent: string, type: string, payload: unknown, more: object = {}): string {
    const timestamp = this.timestamp();
    return this.dropText(`paper_${agent}_${type}_${timestamp}.json`, this.text(agent, type, payload, timestamp, more));
  }

  responsePath(stem: string, suffix = ''): string {
    const [mode = '', agent = '', , timestamp = ''] = stem.split('_');
    return join(this.home, 'responses', agent, mode, timestamp.slice(0, 8), `response_${stem}${suffix}.json`);
  }

  read(stem: string, suffix = ''): Answered | null {
    const path = this.responsePath(stem, suffix);
    return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : null;
  }

  /** The first answer for which `enough` holds; fails after ten seconds with the last one seen. */
  async answer(stem: string, enough: (answer: Answered) => boolean = () => true, suffix = ''): Promise<Answered> {
    return this.until(
      () => {
        const answer = this.read(stem, suffix);
        return answer !== null && enough(answer) ? answer : null;
      },
      () => `no such answer to ${stem}${suffix}; last: ${JSON.stringify(this.read(stem, suffix))}`,
    );
  }

  final(stem: string): Promise<Answered> {
    return this.answer(stem, (answer) => answer.final);
  }

  /** Drops and waits for the first answer. */
  async ask(agent: string, type: string, payload: unknown, more: object = {}): Promise<Answered> {
    return this.answer(this.drop(agent, type, payload, more));
  }

  async until<T>(look: () => T | null, complaint: () => string, seconds = 10): Promise<T> {
    for (const end = performance.now() + seconds * 1000; ; ) {
      const found = look();
      if (found !== null) return found;
      assert.ok(performance.now() < end, complaint());
      await sleep(systemClock, 5);
    }
  }

  list(folder: string): string[] {
    return readdirSync(join(this.home, folder)).filter((file) => !file.startsWith('.'));
  }
}
