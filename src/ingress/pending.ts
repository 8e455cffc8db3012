/**
 * How much of each agent waits inside the tower: what is journaled, and neither done nor working at the broker. Must never
 * forget a request that the journal still calls open, nor count one twice.
 */
import type { Entry } from '../journal/journal.ts';
import type { AgentId } from '../order/name.ts';
import { STATES } from '../order/states.ts';

export class Pending {
  readonly #of = new Map<AgentId, Set<number>>();

  /** An entry has changed. */
  note({ agent, seq, state }: Pick<Entry, 'agent' | 'seq' | 'state'>): void {
    const own = this.#of.get(agent);
    if (!STATES[state].final && state !== 'working') {
      if (own === undefined) this.#of.set(agent, new Set([seq]));
      else own.add(seq);
    } else if (own?.delete(seq) === true && own.size === 0) this.#of.delete(agent);
  }

  of(agent: AgentId): number {
    return this.#of.get(agent)?.size ?? 0;
  }
}
