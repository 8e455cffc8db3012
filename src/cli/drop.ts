/**
 * An order file as an agent makes it, dropped and waited for: what `tower order` does, and what examples show.
 * Must never talk to a tower any other way than through the folders, and must never drop what is not durable.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, isoMicros, type Micros, micros, sleep } from '../lib/clock.ts';
import { lookAt, systemFiles } from '../lib/files.ts';
import { type Mode, type OrderName, type OrderType, orderName, responsePath } from '../order/name.ts';
import { readText } from './common.ts';

/** 20 digits `YYYYMMDDHHMMSSffffff`, UTC. */
const timestampOf = (at: Micros): string => isoMicros(at).replaceAll(/\D/g, '');

/** A name for a request of this moment that no file of this home has yet; null when the agent id is no agent id. */
export function freshName(home: string, mode: Mode, agent: string, type: OrderType, now: Micros): OrderName | null {
  for (let at = now; ; at = micros(at + 1)) {
    const name = orderName(mode, agent, type, timestampOf(at));
    if (name === null) return null;
    const taken = [`${folderFor(home, name)}/${name.stem}.json`, responsePath(name)];
    if (!taken.some((path) => existsSync(join(home, path)))) return name;
  }
}

/** The whole order file for a payload. Values that are undefined are left out. */
export const envelope = (name: OrderName, payload: object, extras: Readonly<Record<string, unknown>>): string =>
  `${JSON.stringify(
    {
      agent_id: name.agent,
      client_order_id: name.clientOrderId,
      order_type: name.type,
      mode: name.mode,
      payload,
      ...extras,
    },
    null,
    2,
  )}\n`;

/** The agent's own folder where there is one, else the shared one. */
function folderFor(home: string, { agent }: OrderName): string {
  const shared = 'orders/incoming';
  return lookAt(join(home, shared, agent))?.isFolder === true ? `${shared}/${agent}` : shared;
}

/** Drops the file durably: temporary name, fsync, rename, fsync of the folder. Answers its absolute path. */
export async function drop(home: string, name: OrderName, text: string): Promise<string> {
  const files = systemFiles(home);
  const folder = folderFor(home, name);
  // What is there may belong to the tower, or to the agent alone.
  if (lookAt(join(home, folder)) === null) files.makeFolder(folder);
  await files.publish(`${folder}/${name.stem}.json`, text);
  try {
    await files.syncFolder(folder);
  } catch (fault) {
    // Who may write there and not list cannot sync, either. The order is dropped all the same, and must not be sent again as if
    // it were not: the tower answers for what it has taken.
    if (!(fault instanceof Error && 'code' in fault && fault.code === 'EACCES')) throw fault;
  } finally {
    await files.close();
  }
  return join(home, folder, `${name.stem}.json`);
}

/** The fields of an answer that a waiting command looks at. */
export interface AnswerHead {
  readonly status: 'success' | 'error';
  readonly sent: 'no' | 'yes' | 'unknown';
  readonly final: boolean;
}

/**
 * Waits for an answer that is known to hold: one that is not in doubt, or with `final` the last one.
 * Answers its text and head, or null when there is none within `timeoutMs`.
 */
export async function awaitAnswer(
  clock: Clock,
  path: string,
  final: boolean,
  timeoutMs: number,
): Promise<{ readonly text: string; readonly head: AnswerHead } | null> {
  const end = clock.monotonic() + timeoutMs;
  for (;;) {
    const text = readText(path);
    if (text !== null) {
      const head: AnswerHead = JSON.parse(text);
      if (head.final || (!final && head.sent !== 'unknown')) return { text, head };
    }
    const left = end - clock.monotonic();
    if (left <= 0) return null;
    await sleep(clock, Math.min(20, left));
  }
}
