/**
 * Who is served next of those who wait at the folders: agents with a folder or a place of their own take turns, with all
 * others together as one of them, who take turns among themselves; each agent's files go by their timestamps. Pure. Must never
 * let one agent's heap of files, or a heap of names, keep another one's file waiting.
 */
import type { DirEntry } from '../lib/files.ts';
import { type AgentId, isAgentId } from '../order/name.ts';

/** A folder into which order files are dropped. */
export interface Inbox {
  readonly path: string;
  /** Whose folder it is; null for the one that agents share. */
  readonly agent: AgentId | null;
}

export interface Waiting {
  readonly inbox: Inbox;
  readonly entry: DirEntry;
  /** Its size, as far as it was looked at. */
  readonly bytes?: number;
}

/** Of one agent's waiting files so many are kept in mind, the oldest; the others are found again when these are gone. */
const KEPT = 4096;

/** The files of one agent. */
class Line {
  /** Last first, once sorted: they are taken from the end. From then on a late one is put where it belongs. */
  #files: Placed[] = [];
  #names = new Set<string>();
  #isSorted = false;
  /** Files that are waiting, with those that are not kept in mind. */
  total = 0;
  /** Bytes of those whose size is known. */
  bytes = 0;

  get isCut(): boolean {
    return this.total > this.#files.length;
  }

  get length(): number {
    return this.#files.length;
  }

  add(waiting: Waiting): void {
    const { name } = waiting.entry;
    if (this.#names.has(name)) return;
    this.total++;
    this.bytes += waiting.bytes ?? 0;
    const placed = { waiting, place: placeOf(name) };
    if (this.#isSorted) this.#files.splice(this.#indexOf(placed.place), 0, placed);
    else this.#files.push(placed);
    this.#names.add(name);
    if (this.#files.length < 2 * KEPT) return;
    this.#sort();
    for (const cut of this.#files.splice(0, KEPT)) this.#names.delete(cut.waiting.entry.name);
  }

  take(): Waiting | undefined {
    if (!this.#isSorted) this.#sort();
    this.#isSorted = true;
    const first = this.#files.pop()?.waiting;
    if (first === undefined) return undefined;
    this.#names.delete(first.entry.name);
    this.total--;
    this.bytes -= first.bytes ?? 0;
    return first;
  }

  #sort(): void {
    this.#files.sort((a, b) => (a.place < b.place ? 1 : -1));
  }

  /** Where a file of this place stands: in front of the first that is taken before it. */
  #indexOf(place: string): number {
    let [from, to] = [0, this.#files.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.#files[middle]?.place ?? '') > place) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}

interface Placed {
  readonly waiting: Waiting;
  readonly place: string;
}

/** By this one agent's files are ordered: by the timestamp, which comes after the type, then by the name. */
const placeOf = (name: string): string => `${name.slice(name.lastIndexOf('_') + 1)}\0${name}`;

/** Whom a file says that it is from; empty when its name says nobody. In an agent's own folder it is that agent, whatever the name says. */
export function senderOf({ inbox, entry }: Waiting): AgentId | '' {
  if (inbox.agent !== null) return inbox.agent;
  const { name } = entry;
  const from = name.indexOf('_') + 1;
  const to = name.indexOf('_', from);
  const second = from === 0 ? '' : name.slice(from, to < 0 ? name.length : to);
  return isAgentId(second) ? second : '';
}

/** Whoever takes a turn: an agent alone, or all in the shared folder who have no place of their own. */
type Party = Map<AgentId | '', Line>;

/** The key of the party of strangers in the shared folder. */
const STRANGERS = '';

export class Lines {
  readonly #hasOwnPlace: (agent: AgentId) => boolean;
  /** The first of each map is the next to be served. */
  readonly #parties = new Map<AgentId | '', Party>();
  #waiting = 0;
  #isCut = false;

  /** `hasOwnPlace`: of the agents whose files lie in the shared folder. Nobody, and all of them take turns alike. */
  constructor(hasOwnPlace: (agent: AgentId) => boolean = () => false) {
    this.#hasOwnPlace = hasOwnPlace;
  }

  get isEmpty(): boolean {
    return this.#waiting === 0;
  }

  /** There are more files in the folders than are kept in mind here. */
  get isCut(): boolean {
    return this.#isCut;
  }

  add(waiting: Waiting): void {
    const line = this.#line(waiting);
    const before = line.length;
    line.add(waiting);
    this.#waiting += line.length - before;
    this.#isCut ||= line.isCut;
  }

  /**
   * A file of which the system told on its own. Not kept when its agent has more files than are kept in mind: then it is
   * not that file's turn.
   */
  hint(waiting: Waiting): void {
    const line = this.#find(waiting);
    if (line === undefined || !line.isCut) this.add(waiting);
  }

  /** Whether a file of the sender of this one waits. */
  has(waiting: Waiting): boolean {
    return this.#find(waiting) !== undefined;
  }

  /** Whether files of this sender wait, in whichever folder. */
  waitsFor(sender: AgentId | ''): boolean {
    return this.#parties.get(sender)?.has(sender) === true || this.#parties.get(STRANGERS)?.has(sender) === true;
  }

  /** How many files of the sender of this one wait with it or behind it, and their bytes as far as they are known. */
  behind(waiting: Waiting): { readonly files: number; readonly bytes: number } {
    const line = this.#find(waiting);
    return { files: line?.total ?? 0, bytes: line?.bytes ?? 0 };
  }

  /** The next file of an agent that may be served now. */
  next(mayBeServed: (agent: AgentId | '') => boolean = () => true): Waiting | undefined {
    for (const [name, party] of [...this.#parties]) {
      for (const [agent, line] of party) {
        if (!mayBeServed(agent)) continue;
        const waiting = line.take();
        // Whoever was served goes to the end.
        party.delete(agent);
        if (line.length > 0) party.set(agent, line);
        if (waiting === undefined) continue;
        this.#parties.delete(name);
        if (party.size > 0) this.#parties.set(name, party);
        this.#waiting--;
        return waiting;
      }
    }
    return undefined;
  }

  #find(waiting: Waiting): Line | undefined {
    return this.#parties.get(this.#partyOf(waiting))?.get(senderOf(waiting));
  }

  /** Of one agent's files all wait in one line, also when it is no stranger any more. */
  #partyOf(waiting: Waiting): AgentId | '' {
    const sender = senderOf(waiting);
    if (waiting.inbox.agent !== null) return sender;
    const isStranger = sender === '' || this.#parties.get(STRANGERS)?.has(sender) || !this.#hasOwnPlace(sender);
    return isStranger ? STRANGERS : sender;
  }

  #line(waiting: Waiting): Line {
    const name = this.#partyOf(waiting);
    let party = this.#parties.get(name);
    if (party === undefined) {
      party = new Map();
      this.#parties.set(name, party);
    }
    const sender = senderOf(waiting);
    let line = party.get(sender);
    if (line === undefined) {
      line = new Line();
      party.set(sender, line);
    }
    return line;
  }
}
