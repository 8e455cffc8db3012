/** The limits as they hold for each agent: its own where it has some, else those of every agent. Pure. */
import type { Limits } from '../settings.limits.ts';
import type { LimitRules } from './limits.ts';

/** What the settings say about limits. */
export interface LimitSettings {
  readonly limits: {
    readonly agent: Limits;
    readonly account: Limits;
    readonly quote_seconds: number;
    readonly conflicts: 'off' | 'refuse' | 'hold';
    readonly market_closed: 'pass' | 'warn' | 'refuse';
    readonly cancels_alarm: number | null;
  };
  readonly agents: ReadonlyMap<string, { readonly allotment: string | null; readonly limits: Partial<Limits> }>;
}

export function limitRules({ limits, agents }: LimitSettings): LimitRules {
  const own = new Map([...agents].map(([agent, one]) => [agent, { ...limits.agent, ...one.limits }]));
  return {
    account: limits.account,
    agent: (agent) => own.get(agent) ?? limits.agent,
    allotment: (agent) => agents.get(agent)?.allotment ?? null,
    quoteSeconds: limits.quote_seconds,
    conflicts: limits.conflicts,
    marketClosed: limits.market_closed,
    cancelsAlarm: limits.cancels_alarm,
  };
}
