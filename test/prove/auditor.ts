/**
 * The judge. Reads the exchange's ledger, the folders and the database, and decides what was lost, doubled, or said
 * untruly. Must never import anything of the tower's: it would repeat its mistakes.
 */
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';

/** A line of the ledger. */
export interface LedgerLine {
  readonly at: string;
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly client_order_id: string | null;
  readonly status: number | null;
  readonly accepted: boolean;
  readonly order_id: string | null;
}

/** An order as the exchange lists it. */
export interface BookOrder {
  readonly id: string;
  readonly client_order_id: string;
  readonly status: string;
  readonly filled_qty: string;
}

/** An order file as an agent dropped it. */
export interface Dropped {
  readonly stem: string;
  readonly clientOrderId: string;
  readonly agent: string;
  readonly type: string;
  readonly bytes: string;
  /** Absolute path of its answer. */
  readonly answer: string;
}

/** One home and what an agent saw of it. */
interface Site {
  readonly home: string;
  readonly dropped: readonly Dropped[];
  readonly history: ReadonlyMap<string, readonly { readonly text: string; readonly seenAt: number }[]>;
}

export interface Evidence {
  readonly ledger: readonly LedgerLine[];
  readonly book: readonly BookOrder[];
  readonly sites: readonly Site[];
  /** Bytes that no file of a home may contain. */
  readonly secrets: readonly string[];
  /** Bodies of orders that somebody else posted to the same account. */
  readonly foreign?: ReadonlySet<string>;
  /** Requests that may stay in doubt, because the row took the proof away: by client_order_id. */
  readonly mayDoubt?: ReadonlySet<string>;
  /** Orders that arrived later than anything is assumed to travel: statements of before are not judged. */
  readonly beyondDelay?: ReadonlySet<string>;
  /** The tower's wall clock jumped: its moments cannot be compared with the exchange's. */
  readonly clockJumps?: boolean;
  /** The journal was taken away on purpose: sendings of before are not in it. */
  readonly journalLost?: boolean;
}

export interface Verdict {
  readonly violations: readonly string[];
  readonly requests: number;
  readonly answers: number;
  readonly versions: number;
  readonly posts: number;
  readonly orders: number;
  /** Answers 422 that kept a second order away. */
  readonly absorbed: number;
  readonly lost: number;
  readonly doubled: number;
  readonly falseStatements: number;
  readonly unanswered: number;
  readonly secretHits: number;
  /** Milliseconds from the first sending to proof, per order that was sent. */
  readonly doubts: readonly number[];
}

interface Row {
  readonly seq: number;
  readonly client_order_id: string;
  readonly wire: string | null;
  readonly raw: Buffer | null;
  readonly sha256: string | null;
  readonly state: string;
}
interface Event {
  readonly seq: number;
  readonly at: number;
  readonly kind: string;
  readonly detail: string;
}
interface Journal {
  readonly rows: ReadonlyMap<string, Row>;
  readonly events: ReadonlyMap<number, readonly Event[]>;
}
interface Answer {
  readonly client_order_id: string;
  readonly agent_id: string;
  readonly timestamp: string;
  readonly status: string;
  readonly data: Readonly<Record<string, unknown>> | null;
  readonly error: { readonly type: string; readonly code: string } | null;
  readonly version: number;
  readonly final: boolean;
  readonly sent: string;
}

const TRADES = new Set(['stockbuy', 'stocksell', 'cryptobuy', 'cryptosell', 'optionsingle', 'optionmulti']);

class Findings {
  readonly all: string[] = [];
  lost = 0;
  doubled = 0;
  untrue = 0;
  unanswered = 0;
  secretHits = 0;
  say(text: string): void {
    this.all.push(text);
  }
}

function readJournal(home: string): Journal {
  const file = join(home, 'data', 'tower.db');
  if (!existsSync(file)) return { rows: new Map(), events: new Map() };
  const db = new Sqlite(file, { readonly: true });
  try {
    const health = String(db.pragma('integrity_check', { simple: true }));
    if (health !== 'ok') throw new Error(`${file}: ${health}`);
    const rows = db.prepare('SELECT seq, client_order_id, wire, raw, sha256, state FROM requests').all() as Row[];
    const events = db.prepare('SELECT seq, at, kind, detail FROM events WHERE seq IS NOT NULL ORDER BY id').all();
    return {
      rows: new Map(rows.map((row) => [row.client_order_id, row])),
      events: Map.groupBy(events as Event[], ({ seq }) => seq),
    };
  } finally {
    db.close();
  }
}

export function audit(evidence: Evidence): Verdict {
  const found = new Findings();
  const posts = evidence.ledger.filter(
    ({ method, path, body }) =>
      method === 'POST' && path.split('?')[0] === '/v2/orders' && !(evidence.foreign?.has(body) ?? false),
  );
  const journals = evidence.sites.map(({ home }) => readJournal(home));
  const facts: Facts = {
    orders: Map.groupBy(
      posts.filter(({ accepted }) => accepted),
      (line) => line.client_order_id ?? '',
    ),
    book: new Map(evidence.book.map((order) => [order.client_order_id, order])),
    ledger: evidence.ledger,
    comparable: !(evidence.clockJumps ?? false),
  };

  for (const [id, lines] of facts.orders) {
    if (lines.length < 2) continue;
    found.doubled += lines.length - 1;
    found.say(`${id}: ${lines.length} orders`);
  }
  for (const [id, orders] of Map.groupBy(evidence.book, (order) => order.client_order_id)) {
    if (orders.length > 1) found.say(`${id}: the exchange lists ${orders.length} orders`);
  }
  checkSendings(posts, journals, evidence, found);
  evidence.sites.forEach((site, index) => {
    const journal = journals[index];
    if (journal !== undefined) checkSite(site, journal, facts, evidence, found);
  });

  const histories = evidence.sites.flatMap(({ history }) => [...history.values()]);
  return {
    violations: found.all,
    requests: evidence.sites.reduce((sum, { dropped }) => sum + dropped.length, 0),
    answers: histories.length,
    versions: histories.reduce((sum, versions) => sum + versions.length, 0),
    posts: posts.length,
    orders: [...facts.orders.values()].reduce((sum, lines) => sum + lines.length, 0),
    absorbed: posts.filter(({ status, body }) => status === 422 && facts.orders.has(textField(body))).length,
    lost: found.lost,
    doubled: found.doubled,
    falseStatements: found.untrue,
    unanswered: found.unanswered,
    secretHits: found.secretHits,
    doubts: journals.flatMap(doubtsOf),
  };
}

interface Facts {
  /** Accepted orders by client_order_id. */
  readonly orders: ReadonlyMap<string, readonly LedgerLine[]>;
  readonly book: ReadonlyMap<string, BookOrder>;
  readonly ledger: readonly LedgerLine[];
  /** Whether the tower's clock and the exchange's tell the same time. */
  readonly comparable: boolean;
}

function textField(body: string): string {
  try {
    return String((JSON.parse(body) as Readonly<Record<string, unknown>>)['client_order_id']);
  } catch {
    return '';
  }
}

/** Nothing reached the exchange that was not journaled before, byte for byte. */
function checkSendings(
  posts: readonly LedgerLine[],
  journals: readonly Journal[],
  { journalLost = false, clockJumps = false }: Evidence,
  found: Findings,
): void {
  for (const [id, lines] of Map.groupBy(posts, ({ body }) => textField(body))) {
    const known = journals.flatMap(({ rows, events }) => {
      const row = rows.get(id);
      return row === undefined ? [] : [{ row, events: events.get(row.seq) ?? [] }];
    });
    if (known.length === 0) {
      if (!journalLost) found.say(`${id}: the exchange was asked, the journal does not know it`);
      continue;
    }
    const sendings = known.flatMap(({ events }) => events.filter(({ kind }) => kind === 'sending')).map(({ at }) => at);
    if (!journalLost && lines.length > sendings.length)
      found.say(`${id}: ${lines.length} POSTs, ${sendings.length} journaled sendings`);
    for (const line of lines) {
      if (!known.some(({ row }) => row.wire === line.body))
        found.say(`${id}: other bytes than the journal's were sent`);
      const at = Date.parse(line.at) * 1000;
      // The ledger's milliseconds are cut off, so a sending of the same millisecond is before it.
      if (!journalLost && !clockJumps && !sendings.some((sending) => sending <= at + 1000))
        found.say(`${id}: a POST is older than its journaled sending`);
    }
  }
}

function checkSite(site: Site, journal: Journal, facts: Facts, evidence: Evidence, found: Findings): void {
  const archives = archiveOf(site.home);
  for (const dropped of site.dropped) {
    const mayDoubt = evidence.mayDoubt?.has(dropped.clientOrderId) ?? false;
    const versions = site.history.get(dropped.answer) ?? [];
    const row = journal.rows.get(dropped.clientOrderId);
    if (row === undefined) {
      found.lost++;
      found.say(`${dropped.clientOrderId}: dropped, and not in the journal`);
    } else if (row.raw === null && row.state === 'refused') {
      // What was refused unread is in the archive alone, whose bytes are compared below.
    } else if (row.raw === null || row.raw.toString('utf8') !== dropped.bytes || row.sha256 !== sha256(dropped.bytes)) {
      found.say(`${dropped.clientOrderId}: the journal has other bytes than were dropped`);
    }
    if (versions.length === 0) {
      found.unanswered++;
      found.say(`${dropped.clientOrderId}: no answer`);
    }
    const judged = evidence.beyondDelay?.has(dropped.clientOrderId) ? versions.slice(-1) : versions;
    const last = checkVersions(dropped, judged, facts, found);
    const kept = archives.get(`${dropped.stem}.json`) ?? [];
    if (mayDoubt && last?.sent === 'unknown') continue;
    if (last?.sent === 'unknown') {
      found.unanswered++;
      found.say(`${dropped.clientOrderId}: still in doubt (${row?.state ?? 'no row'})`);
    }
    const folder = last?.status === 'success' ? 'completed' : 'failed';
    if (kept.length !== 1) found.say(`${dropped.clientOrderId}: ${kept.length} copies in the archive (${last?.sent})`);
    else if (kept[0]?.bytes !== dropped.bytes) found.say(`${dropped.clientOrderId}: the archive has other bytes`);
    else if (kept[0]?.folder !== folder && last?.version === 1)
      found.say(`${dropped.clientOrderId}: archived in ${kept[0]?.folder}, answered with ${last.status}`);
  }
  checkLeftovers(site, evidence, found);
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

function archiveOf(home: string): ReadonlyMap<string, readonly { folder: string; bytes: string }[]> {
  const files = ['completed', 'failed'].flatMap((folder) => {
    const path = join(home, 'orders', folder);
    // What was refused because it is no file lies there as it is.
    const names = readdirSync(path).filter((name) => lstatSync(join(path, name)).isFile());
    return names.map((name) => ({ name, folder, bytes: readFileSync(join(path, name), 'utf8') }));
  });
  return Map.groupBy(files, ({ name }) => name);
}

/** Every version that was ever seen must be true, then and afterwards. Returns the last. */
function checkVersions(
  dropped: Dropped,
  versions: readonly { readonly text: string; readonly seenAt: number }[],
  facts: Facts,
  found: Findings,
): Answer | null {
  let before: { answer: Answer; text: string } | null = null;
  for (const { text, seenAt } of versions) {
    let answer: Answer;
    try {
      answer = JSON.parse(text) as Answer;
    } catch {
      found.say(`${dropped.clientOrderId}: half an answer was seen: ${JSON.stringify(text.slice(0, 80))}`);
      continue;
    }
    if (answer.client_order_id !== dropped.clientOrderId || answer.agent_id !== dropped.agent)
      found.say(`${dropped.clientOrderId}: its answer names ${answer.agent_id} ${answer.client_order_id}`);
    if (before !== null && answer.version <= before.answer.version && text !== before.text)
      found.say(`${dropped.clientOrderId}: version ${answer.version} after ${before.answer.version}`);
    if (before?.answer.final && text !== before.text) found.say(`${dropped.clientOrderId}: a final answer changed`);
    const untrue = TRADES.has(dropped.type) ? untruth(dropped, answer, seenAt, facts) : cancelUntruth(answer, facts);
    if (untrue !== null) {
      found.untrue++;
      found.say(`${dropped.clientOrderId}: version ${answer.version} ${untrue}`);
    }
    before = { answer, text };
  }
  return before?.answer ?? null;
}

/** What is false about a statement on a trade; null when it is true and stays so. */
function untruth(dropped: Dropped, answer: Answer, seenAt: number, facts: Facts): string | null {
  const order = facts.orders.get(dropped.clientOrderId)?.[0];
  const listed = facts.book.get(dropped.clientOrderId);
  if (answer.status === 'success') {
    if (order === undefined) return 'says that there is an order, and there is none';
    if (facts.comparable && Date.parse(order.at) > Date.parse(answer.timestamp) + 1)
      return 'tells of the order before there was one';
    if (answer.data?.['id'] !== order.order_id) return `names order ${answer.data?.['id']}, it is ${order.order_id}`;
    if (answer.final && listed !== undefined && answer.data?.['status'] !== listed.status)
      return `says finally ${answer.data?.['status']}, the exchange has ${listed.status}`;
    if (answer.final && listed !== undefined && Number(answer.data?.['filled_qty']) !== Number(listed.filled_qty))
      return `says finally ${answer.data?.['filled_qty']} filled, the exchange has ${listed.filled_qty}`;
    return null;
  }
  if (order === undefined || answer.sent === 'unknown') return null;
  const said = `says ${answer.error?.code} (sent ${answer.sent})`;
  if (answer.sent === 'no' && (answer.final || Date.parse(order.at) <= seenAt)) return `${said}, and there is an order`;
  if (answer.sent === 'yes' && answer.final && listed?.status !== 'rejected') return `${said}, and there is an order`;
  return null;
}

/** A cancel that is said to be done was done at the exchange, or the order never got there. */
function cancelUntruth(answer: Answer, facts: Facts): string | null {
  const target = answer.data?.['client_order_id'];
  if (answer.status !== 'success' || answer.data?.['cancelled'] !== true || typeof target !== 'string') return null;
  const order = facts.orders.get(target)?.[0];
  if (order === undefined) return null;
  const done = facts.ledger.some(
    ({ method, path, accepted }) => method === 'DELETE' && accepted && path.startsWith(`/v2/orders/${order.order_id}`),
  );
  return done ? null : 'says that the order is cancelled, and nobody asked the exchange to';
}

function checkLeftovers(site: Site, evidence: Evidence, found: Findings): void {
  const doubtful = new Set(evidence.mayDoubt);
  for (const name of readdirSync(join(site.home, 'orders', 'processing'))) {
    const stem = name.split('__')[1]?.replace(/\.json$/, '');
    const owner = site.dropped.find((dropped) => dropped.stem === stem);
    if (owner === undefined || !doubtful.has(owner.clientOrderId)) found.say(`processing/ still holds ${name}`);
  }
  const dropped = new Set(site.dropped.map(({ stem }) => `${stem}.json`));
  for (const name of readdirSync(join(site.home, 'orders', 'incoming')))
    if (dropped.has(name)) found.say(`incoming/ still holds ${name}`);
  for (const path of filesIn(site.home)) {
    const name = path.slice(path.lastIndexOf('/') + 1);
    if (name.startsWith('.tower-tmp-')) found.say(`temporary file left: ${path}`);
    const bytes = readFileSync(path);
    for (const secret of evidence.secrets) {
      if (!bytes.includes(secret)) continue;
      found.secretHits++;
      found.say(`a secret stands in ${path}`);
    }
  }
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isDirectory()) return filesIn(path);
    return stat?.isFile() ? [path] : [];
  });
}

/** For each order that was sent: from its first sending to the first event that proves what became of it. */
function doubtsOf({ events }: Journal): readonly number[] {
  return [...events.values()].flatMap((list) => {
    let since: number | null = null;
    let unsure = false;
    for (const { kind, at, detail } of list) {
      if (kind === 'sending') since ??= at;
      if (since === null) continue;
      const told = kind === 'outcome' ? (JSON.parse(detail) as { outcome: string | { kind: string } }).outcome : null;
      const word = typeof told === 'string' ? told : told?.kind;
      if (kind === 'doubt' || word === 'unknown') unsure = true;
      const proves = kind === 'order' || kind === 'not_executed' || word === 'done' || (word !== undefined && !unsure);
      if (proves) return [(at - since) / 1000];
    }
    return [];
  });
}
