/**
 * How much of each agent waits inside the tower: requests that are neither done nor working at the broker, and answers that
 * do not lie in their folder yet. Must never forget what the journal still calls open, nor count a thing twice.
 */
import type { Entry } from '../journal/journal.ts';
import type { AgentId } from '../order/name.ts';
import { STATES } from '../order/states.ts';

type Noted = Pick<Entry, 'agent' | 'seq' | 'state' | 'version' | 'published'>;

export class Pending {
  readonly #open = new Map<AgentId, Set<number>>();
  /** By agent, the version that is to be published, by entry. */
  readonly #unpublished = new Map<AgentId, Map<number, number>>();

  /** An entry has changed. */
  note({ agent, seq, state, version, published }: Noted): void {
    if (version > published) {
      const own = this.#unpublished.get(agent);
      if (own === undefined) this.#unpublished.set(agent, new Map([[seq, version]]));
      else own.set(seq, version);
    }
    const open = this.#open.get(agent);
    if (!STATES[state].final && state !== 'working') {
      if (open === undefined) this.#open.set(agent, new Set([seq]));
      else open.add(seq);
    } else if (open?.delete(seq) === true && open.size === 0) this.#open.delete(agent);
  }

  /** This version of its answer lies in its folder. */
  published({ agent, seq, version }: Pick<Noted, 'agent' | 'seq' | 'version'>): void {
    const own = this.#unpublished.get(agent);
    if (own === undefined || (own.get(seq) ?? Number.POSITIVE_INFINITY) > version) return;
    own.delete(seq);
    if (own.size === 0) this.#unpublished.delete(agent);
  }

  /** Requests that are journaled and not done. */
  of(agent: AgentId): number {
    return this.#open.get(agent)?.size ?? 0;
  }

  /** Answers that are journaled and not to be read yet. */
  unpublished(agent: AgentId): number {
    return this.#unpublished.get(agent)?.size ?? 0;
  }

  /** The same of all for whom `isCounted` is true, together. */
  unpublishedOfAll(isCounted: (agent: AgentId) => boolean): number {
    let sum = 0;
    for (const [agent, own] of this.#unpublished) if (isCounted(agent)) sum += own.size;
    return sum;
  }
}
