/**
 * What an agent should know and no answer tells it: `responses/{agentid}/_notices.json`, what holds now and nothing else.
 * Must never tell one agent of another one's files, nor stop the intake when it cannot be written.
 */
import type { Clock } from '../lib/clock.ts';
import { isoMicros } from '../lib/clock.ts';
import type { Files } from '../lib/files.ts';
import { type AgentId, isAgentId } from '../order/name.ts';

export interface AgentNotice {
  readonly code: 'stale_temp' | 'quota' | 'folder_suspended' | 'market_closed';
  readonly file: string | null;
  readonly message: string;
  readonly hint: string;
}

/** So many of one agent are told; more would tell nothing new. */
const TOLD = 50;
/** Names are made up by whoever writes into the shared folder: so many agents have notices at a time. */
const AGENTS = 1000;

const pathOf = (agent: AgentId): string => `responses/${agent}/_notices.json`;

export class Notices {
  readonly #files: Files;
  readonly #clock: Clock;
  readonly #of = new Map<AgentId, Map<string, AgentNotice & { readonly since: string }>>();
  readonly #changed = new Set<AgentId>();

  constructor(files: Files, clock: Clock) {
    this.#files = files;
    this.#clock = clock;
  }

  /** What an earlier run told holds no longer unless it is told again. */
  recover(): void {
    for (const { name } of this.#files.list('responses')) {
      if (isAgentId(name) && this.#hasFile(name)) this.#changed.add(name);
    }
  }

  #hasFile(agent: AgentId): boolean {
    try {
      return this.#files.read(pathOf(agent)) !== null;
    } catch {
      return false;
    }
  }

  tell(agent: AgentId, key: string, notice: AgentNotice): void {
    let own = this.#of.get(agent);
    if (own?.has(key)) return;
    if (own === undefined) {
      if (this.#of.size >= AGENTS) return;
      own = new Map();
      this.#of.set(agent, own);
    }
    own.set(key, { ...notice, since: isoMicros(this.#clock.now()) });
    this.#changed.add(agent);
  }

  /** It holds no longer. */
  drop(agent: AgentId, key: string): void {
    const own = this.#of.get(agent);
    if (own === undefined || !own.delete(key)) return;
    if (own.size === 0) this.#of.delete(agent);
    this.#changed.add(agent);
  }

  /** Writes what has changed. What cannot be written now is written at a later call. */
  async flush(): Promise<void> {
    for (const agent of [...this.#changed]) {
      this.#changed.delete(agent);
      const all = [...(this.#of.get(agent)?.values() ?? [])];
      const text = JSON.stringify(
        {
          agent_id: agent,
          timestamp: isoMicros(this.#clock.now()),
          notices: all.slice(0, TOLD),
          more: Math.max(0, all.length - TOLD),
        },
        null,
        2,
      );
      try {
        this.#files.makeFolder(`responses/${agent}`);
        await this.#files.publish(pathOf(agent), `${text}\n`);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error)) throw error;
        this.#changed.add(agent);
        return;
      }
    }
  }
}
