/**
 * How the tower of a storm is set up, and what the world is like once the storm is over. Must leave no fault in the calm.
 */
import { EQUAL_SHARES } from '../../src/dispatch/slots.ts';
import type { MirrorSettings } from '../../src/mirror/mirror.ts';
import type { PipelineOptions } from '../../src/pipeline.ts';
import { limitRules } from '../../src/risk/rules.ts';
import type { DiskPlan, NetworkPlan, Plan, StreamPlan } from './plan.ts';

/** What is known may answer queries for so long; the same age for all that is judged. */
export const MIRROR: MirrorSettings = {
  ordersMaxAgeMs: 10_000,
  positionsMaxAgeMs: 10_000,
  accountMaxAgeMs: 10_000,
  marketDataMaxAgeMs: 1_000,
  rereadMs: 2_000,
  streamSymbols: 30,
  ordersKept: 5_000,
};

export function optionsOf(plan: Plan, tell: (text: string) => void, fatal: (error: unknown) => void): PipelineOptions {
  return {
    rules: {
      off: { paper: null, live: { code: 'no_keys', reason: 'no live', remedy: '' } },
      agents: {},
      agentsOnly: false,
    },
    limits: limitRules(plan.limits),
    accounts: { paper: null, live: null },
    simulated: [],
    budget: { ...plan.budget, dataPerMinute: plan.budget.perMinute },
    shares: EQUAL_SHARES,
    doubt: {
      settleMs: plan.settleMs,
      maxDelayMs: plan.maxDelayMs,
      resend: plan.resend,
      marketResendMs: 30_000,
      latePolicy: plan.latePolicy,
    },
    sendBySeconds: 120,
    sendByMaxSeconds: 86_400,
    identities: {},
    files: {
      settleMs: 2_000,
      pollMs: plan.pollMs,
      maxBytes: 65_536,
      maxWaiting: 20_000,
      maxWaitingBytes: 67_108_864,
      maxPending: 5_000,
      reserveBytes: 67_108_864,
    },
    sweepMs: 30_000,
    mirror: MIRROR,
    onEvent(event) {
      if (event.kind === 'notice') tell(`notice ${event.level}: ${event.text}`);
      if (event.kind === 'order') tell(`${event.clientOrderId}: ${event.step} ${event.text}`);
    },
    holdAccount: async () => {},
    fatal,
  };
}

/** Whether a path is that of an answer; what else lies in the folders of the agents is no statement about an order. */
export const isAnswer = (path: string): boolean => path.startsWith('responses/') && /\/response_[^/]*$/.test(path);

/** An answer in a line of the trace. */
export const oneLine = (bytes: Uint8Array): string => {
  const text = Buffer.from(bytes).toString();
  const { status, error, version, final, sent, data } = JSON.parse(text);
  const what = error === null ? (data?.status ?? 'data') : `${error.type}/${error.code}`;
  return `v${version} ${status} ${what} final=${final} sent=${sent}`;
};

/** No more faults. */
export const CALM: { readonly network: NetworkPlan; readonly stream: StreamPlan; readonly disk: DiskPlan } = {
  network: {
    latencyMs: 20,
    refuse: 0,
    loseBefore: 0,
    loseAfter: 0,
    late: 0,
    lateMs: 0,
    gateway: 0,
    cut: 0,
    html: 0,
    limited: 0,
    limitedHeaders: false,
    keys: 0,
    surviveCrash: 0,
    outageMs: 0,
  },
  stream: { drop: 0, repeat: 0, reorder: 0, silence: 0, disconnect: 0, garbage: 0, refuse: 0, absent: false },
  disk: { fail: 0, listFail: 0, readFail: 0, syncMs: 0, rings: 1 },
};
