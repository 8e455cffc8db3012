/**
 * Claimed files: their names, which are all that a start needs to take up what an earlier run had claimed, and what is handed
 * to the door. Must never make a name that leads out of its folder.
 */
import type { Received } from '../admit.ts';
import type { Clock, Micros } from '../lib/clock.ts';
import type { DirEntry, Peek } from '../lib/files.ts';
import type { Random } from '../lib/random.ts';
import { type AgentId, isAgentId } from '../order/name.ts';
import { faultOf, ownerOf } from './faults.ts';
import type { Waiting } from './lines.ts';

/** Longest claimed name that every file system takes. */
const NAME_BYTES = 255;

export interface Claimed {
  readonly receipt: string;
  readonly fileName: string;
  /** Whose own folder it came through; null for the shared one. */
  readonly folderOf: AgentId | null;
}

/**
 * The name of a claimed file says the receipt, the name it came under, and whose folder it came through where that name
 * would not say: `{receipt}__{name}`, `{receipt}@{agent}__{name}`, or `{receipt}@__{name}` from the shared folder.
 */
export function claimName(
  receipt: string,
  { inbox, entry }: Waiting,
  hasOwnFolder: (agent: string) => boolean,
): string {
  const named = entry.name.split('_', 2)[1] ?? '';
  const isEvident = inbox.agent === null ? !hasOwnFolder(named) : named === inbox.agent;
  const way = isEvident ? '' : `@${inbox.agent ?? ''}`;
  const name = `${receipt}${way}__${entry.name}`;
  const isPlain = entry.isPlain && !/[\p{Cc}/]/u.test(entry.name);
  return isPlain && Buffer.byteLength(name) <= NAME_BYTES ? name : `${receipt}${way}__unnamed`;
}

/** 26 characters that sort by time: microseconds in base 36, then 80 bits of chance. */
export function newReceipt(clock: Clock, random: Random): string {
  const chance = Array.from({ length: 3 }, () => random.uint32().toString(36).padStart(7, '0').slice(-5)).join('');
  return `${clock.now().toString(36).padStart(11, '0')}${chance}`;
}

export function claimOf(claimedAs: string, hasOwnFolder: (agent: string) => boolean): Claimed | null {
  const [, receipt, way, fileName] = /^([0-9a-z]{26})(?:@([a-z0-9]{0,20}))?__(.*)$/s.exec(claimedAs) ?? [];
  if (receipt === undefined || fileName === undefined) return null;
  const named = fileName.split('_', 2)[1] ?? '';
  const came = way ?? (hasOwnFolder(named) ? named : '');
  return { receipt, fileName, folderOf: isAgentId(came) ? came : null };
}

/** Whose temporary file it is, by its folder or its name; null when neither says. */
export function tempAgent(path: string): AgentId | null {
  const [, own = '', named = ''] = /^orders\/incoming\/(?:([a-z0-9]+)\/)?(?:\.*[a-z]+_([a-z0-9]+)_)?/.exec(path) ?? [];
  const agent = own === '' ? named : own;
  return isAgentId(agent) ? agent : null;
}

/** A claimed file as the door takes it. */
export const receivedOf = (
  entry: DirEntry,
  { receipt, fileName, folderOf }: Claimed,
  look: Peek,
  maxBytes: number,
  receivedAt: Micros,
): Received => ({
  receipt,
  fileName,
  origin: { folderOf, uid: ownerOf(look) },
  claimedAs: entry.name,
  receivedAt,
  raw: look.kind === 'file' && look.bytes.length <= maxBytes ? look.bytes : null,
  fault: faultOf(look, maxBytes),
});
