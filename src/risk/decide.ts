/**
 * The tower's own yes or no to a request, before it is journaled as admitted. Pure. Must never let a request through
 * whose mode is switched off or whose agent is not allowed: an `Approved` is made here and nowhere else.
 */
import type { Brand } from '../lib/brand.ts';
import { type OrderError, orderError } from '../order/errors.ts';
import type { AgentId, Mode } from '../order/name.ts';
import { agentOf } from '../order/name.ts';
import type { Request } from '../order/request.ts';

export type Approved<R extends Request = Request> = Brand<{ readonly request: R }, 'Approved'>;

export interface AgentRules {
  readonly enabled: boolean;
  readonly controller: boolean;
  readonly live: boolean;
}

/** Why a mode takes no requests, in words for a person; null when it does. */
export interface Rules {
  readonly off: Readonly<
    Record<
      Mode,
      { readonly code: 'live_disabled' | 'no_keys'; readonly reason: string; readonly remedy: string } | null
    >
  >;
  readonly agents: Readonly<Record<string, AgentRules>>;
  /** Only agents named in the settings may ask for anything. */
  readonly agentsOnly: boolean;
}

export type Decision =
  | { readonly kind: 'approved'; readonly approved: Approved }
  | { readonly kind: 'denied'; readonly error: OrderError };

const UNLISTED: AgentRules = { enabled: true, controller: false, live: false };

export const rulesOf = (rules: Rules, agent: AgentId): AgentRules | null =>
  Object.hasOwn(rules.agents, agent) ? (rules.agents[agent] ?? null) : rules.agentsOnly ? null : UNLISTED;

const denied = (error: OrderError): Decision => ({ kind: 'denied', error });

export function decide(request: Request, rules: Rules): Decision {
  const { agent, mode } = request;
  const off = rules.off[mode];
  if (off !== null) return denied(orderError(off.code, off.reason, { field: 'mode', got: mode, hint: off.remedy }));
  const own = rulesOf(rules, agent);
  if (own === null) {
    return denied(
      orderError('agent_not_allowed', `agent ${agent} is not named in the settings, and only named agents may ask`, {
        field: 'agent_id',
        got: agent,
        hint: `add "${agent}" under agents in tower.config.json`,
      }),
    );
  }
  if (!own.enabled) {
    return denied(
      orderError('agent_not_allowed', `agent ${agent} is disabled in the settings`, {
        field: 'agent_id',
        got: agent,
        hint: `set agents.${agent}.enabled to true in tower.config.json`,
      }),
    );
  }
  if (mode === 'live' && !own.live) {
    return denied(
      orderError('live_disabled', `agent ${agent} is not allowed to use live`, {
        field: 'mode',
        got: 'live',
        allowed: 'paper',
        hint: `set agents.${agent}.live to true in tower.config.json`,
      }),
    );
  }
  if (request.type === 'cancelorder' && 'clientOrderId' in request.target && !own.controller) {
    const owner = agentOf(request.target.clientOrderId);
    if (owner !== agent) return denied(notOwner(agent, request.target.clientOrderId));
  }
  return { kind: 'approved', approved: { request } as Approved };
}

/** The refusal of a cancel of somebody else's order; it does not say whether that order exists. */
const notOwner = (agent: AgentId, target: string): OrderError =>
  orderError('not_owner', `agent ${agent} may cancel only its own orders`, {
    field: 'payload',
    got: target,
    allowed: `orders whose client_order_id begins with ${agent}_`,
    hint: `a controller may cancel any order: set agents.${agent}.controller to true in tower.config.json`,
  });
