/** File names of orders: the four parts, their rules, and every path that follows from them. Paths are relative to the home. */
import type { Brand } from '../lib/brand.ts';
import { clipped } from '../lib/json.ts';
import type { Problem } from './errors.ts';
import { foreignCharacter, nearest } from './hint.ts';
import { fromCompact, isDay } from './time.ts';

export type Mode = 'paper' | 'live';
export const MODES = ['paper', 'live'] as const satisfies readonly Mode[];

const TRADE_TYPES = ['stockbuy', 'stocksell', 'cryptobuy', 'cryptosell', 'optionsingle', 'optionmulti'] as const;
export const QUERY_TYPES = [
  'marketdata',
  'orderstatus',
  'openorders',
  'allorders',
  'positions',
  'accountinfo',
] as const;
export const ORDER_TYPES = [...TRADE_TYPES, ...QUERY_TYPES, 'cancelorder'] as const;
export type OrderType = (typeof ORDER_TYPES)[number];

export type AgentId = Brand<string, 'AgentId'>;
/** `{agentid}_{timestamp}_{ordertype}`: the identity of a request everywhere. */
export type ClientOrderId = Brand<string, 'ClientOrderId'>;

/** A file name that keeps every rule of the contract. Made by `parseName` only. */
export interface OrderName {
  readonly mode: Mode;
  readonly agent: AgentId;
  readonly type: OrderType;
  /** 20 digits, UTC, microseconds. */
  readonly timestamp: string;
  /** The first eight digits of the timestamp: the day folder of the answer. */
  readonly day: string;
  /** The file name without `.json`. */
  readonly stem: string;
  readonly clientOrderId: ClientOrderId;
}

/** What can still be told of a name that breaks a rule: enough to put the answer where the agent looks for it. */
export interface StrayName {
  /** The file name as given. */
  readonly fileName: string;
  /** The second part, when it is a valid agent id; null otherwise. */
  readonly agent: AgentId | null;
  /** Folder and stem of the answer, when the name has four safe parts and a valid agent id; null otherwise. */
  readonly address: { readonly agent: AgentId; readonly mode: string; readonly day: string | null } | null;
  /** The stem, when it is safe in a path; null otherwise. */
  readonly stem: string | null;
}

export type NameResult =
  | { readonly ok: true; readonly name: OrderName }
  | { readonly ok: false; readonly problems: readonly Problem[]; readonly stray: StrayName };

const AGENT = /^[a-z0-9]{1,20}$/;
const SAFE_PART = /^[A-Za-z0-9]{1,40}$/;
const SAFE_STEM = /^[A-Za-z0-9][A-Za-z0-9_-]{0,170}$/;
export const NAME_FORM = '{mode}_{agentid}_{ordertype}_{timestamp}.json';

export const isAgentId = (text: string): text is AgentId => AGENT.test(text);
const isMode = (text: string): text is Mode => (MODES as readonly string[]).includes(text);
const isOrderType = (text: string): text is OrderType => (ORDER_TYPES as readonly string[]).includes(text);

/** `fileName` is the name alone, without folders. Never throws. */
export function parseName(fileName: string): NameResult {
  const problems: Problem[] = [];
  const refuse = (part: string, message: string, got: string, allowed: string, hint: string | null = null): void => {
    problems.push({ code: 'file_name', field: `file_name${part}`, message, got: clipped(got), allowed, hint });
  };
  const stem = fileName.endsWith('.json') ? fileName.slice(0, -'.json'.length) : null;
  if (stem === null) {
    refuse('', 'the extension must be .json, in lower case', fileName, NAME_FORM, 'let the name end in .json');
  }
  const parts = (stem ?? fileName.replace(/\.[^_]*$/, '')).split('_');
  const [mode = '', agent = '', type = '', timestamp = ''] = parts;
  if (parts.length !== 4) {
    const count = `${parts.length} part${parts.length === 1 ? '' : 's'}`;
    const hint = parts.length > 4 ? 'no part may hold an underscore' : `name it ${NAME_FORM}`;
    refuse('', `the name has ${count} between underscores; it must have 4`, fileName, NAME_FORM, hint);
  } else {
    if (!isMode(mode))
      refuse('.mode', 'the first part must be the mode, paper or live', mode, 'paper or live', nearest(mode, MODES));
    if (!isAgentId(agent)) {
      const hint = foreignCharacter(agent) ?? (/[A-Z]/.test(agent) ? 'lower case only' : null);
      refuse(
        '.agentid',
        'the second part must be the agent id, 1 to 20 of a-z and 0-9',
        agent,
        '1 to 20 of a-z and 0-9',
        hint,
      );
    }
    if (!isOrderType(type)) {
      refuse(
        '.ordertype',
        'the third part must be one of the 13 order types',
        type,
        ORDER_TYPES.join(', '),
        nearest(type, ORDER_TYPES),
      );
    }
    if (fromCompact(timestamp) === null) {
      const message = 'the fourth part must be a real date and time in UTC, 20 digits YYYYMMDDHHMMSSffffff';
      const isShort = /^[0-9]+$/.test(timestamp) && timestamp.length !== 20;
      const hint = foreignCharacter(timestamp) ?? (isShort ? `it has ${timestamp.length} digits` : null);
      refuse('.timestamp', message, timestamp, '20 digits YYYYMMDDHHMMSSffffff', hint);
    }
  }
  if (stem !== null && problems.length === 0 && isMode(mode) && isAgentId(agent) && isOrderType(type)) {
    return { ok: true, name: makeName(mode, agent, type, timestamp, stem) };
  }
  return { ok: false, problems, stray: strayName(fileName, stem, parts) };
}

function makeName(mode: Mode, agent: AgentId, type: OrderType, timestamp: string, stem: string): OrderName {
  const clientOrderId = `${agent}_${timestamp}_${type}` as ClientOrderId;
  return { mode, agent, type, timestamp, day: timestamp.slice(0, 8), stem, clientOrderId };
}

function strayName(fileName: string, stem: string | null, parts: readonly string[]): StrayName {
  const [mode = '', second = '', , timestamp = ''] = parts;
  const agent = isAgentId(second) ? second : null;
  const safe = stem !== null && parts.length === 4 && parts.every((part) => SAFE_PART.test(part));
  const day = timestamp.slice(0, 8);
  return {
    fileName,
    agent,
    address: safe && agent !== null ? { agent, mode, day: isDay(day) ? day : null } : null,
    stem: stem !== null && SAFE_STEM.test(stem) ? stem : null,
  };
}

/** The name for the four parts; null when one of them breaks its rule. */
export function orderName(mode: Mode, agent: string, type: OrderType, timestamp: string): OrderName | null {
  const result = parseName(`${mode}_${agent}_${type}_${timestamp}.json`);
  return result.ok ? result.name : null;
}

/** Where the answer to a well-named file goes. `duplicate` counts the repeats of one name from 1; 0 is the first answer. */
export function responsePath(name: OrderName, duplicate = 0): string {
  const suffix = duplicate === 0 ? '' : `.duplicate-${duplicate}`;
  return `responses/${name.agent}/${name.mode}/${name.day}/response_${name.stem}${suffix}.json`;
}

/**
 * Where the answer to a badly named file goes: where the agent computes it if the parts allow that, else to the
 * unattributed ones. `receivedDay` is `YYYYMMDD`; `receipt` is the tower's own name of the file, safe in a path;
 * `folderOf` is the agent through whose own folder it came, and who alone may then be told.
 */
export function strayResponsePath(
  stray: StrayName,
  receivedDay: string,
  receipt: string,
  folderOf: AgentId | null = null,
): string {
  const unattributed = `_unattributed/${receivedDay}/response_${stray.stem ?? receipt}.json`;
  if (folderOf !== null && stray.address?.agent !== folderOf) return `responses/${folderOf}/${unattributed}`;
  if (stray.address === null) return `responses/${unattributed}`;
  const { agent, mode, day } = stray.address;
  return `responses/${agent}/${mode}/${day ?? receivedDay}/response_${stray.stem ?? receipt}.json`;
}

/** Whose order a `client_order_id` is: null when it has not our form (another program placed it, or it is a bracket's leg). */
export function agentOf(clientOrderId: string): AgentId | null {
  const [agent = '', timestamp = '', type = '', ...rest] = clientOrderId.split('_');
  if (rest.length > 0 || !isAgentId(agent) || !isOrderType(type)) return null;
  return fromCompact(timestamp) === null ? null : agent;
}
