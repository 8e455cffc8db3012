/**
 * Hostile inputs through a real folder to a real tower, with an exchange behind a wire that sees every request. First only what
 * can be no order, so that any request is one too many; then the rest. Must never judge by what the tower says of itself where
 * something else can be looked at.
 */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import type { Child } from '../prove/process.ts';
import { until } from '../prove/process.ts';
import { Rig } from '../prove/rig.ts';
import { HUSH, inputOf, isSurelyBad } from './inputs.ts';

export interface FolderFigures {
  inputs: number;
  answers: number;
  crashes: number;
  hangs: number;
  /** Requests that came of what can be no order. */
  requests: number;
  /** Bytes of files outside the folders that were read. */
  outsideBytes: number;
  canaries: number;
  /** Orders that reached the exchange, from inputs that were right. */
  orders: number;
  readonly wrong: string[];
}

const OUTSIDE = 'outside-canary-91c2';
const CHUNK = 500;
/** The tower must have got something done in this time. */
const PATIENCE_MS = 60_000;
/** So many files may lie there while the next chunk comes: some must rest before they are judged. */
const RESTING = 200;

/**
 * What the tower asks for by itself, for its books and its picture of the account: on a busy machine some of it comes only after
 * the first files were dropped.
 */
const OWN: ReadonlySet<string> = new Set(
  ['account', 'orders', 'account/activities', 'positions'].map((path) => `GET /v2/${path}`),
);

const pad = (value: number, width: number): string => String(value).padStart(width, '0');
let last = 0;
function timestamp(): string {
  last = Math.max(Date.now() * 1000, last + 1);
  const day = new Date(Math.floor(last / 1000)).toISOString().replace(/[-:TZ.]/g, '');
  return `${day.slice(0, 14)}${pad(last % 1_000_000, 6)}`;
}

/** Files that are none of the tower's business, with a clock that tells whether they were read. */
class Outside {
  readonly folder: string;
  readonly #files: string[] = [];

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    const control = this.file();
    readFileSync(control);
    if (this.bytesRead() === 0) throw new Error(`${folder} lies on a file system that does not tell of reading`);
    this.#files.length = 0;
  }

  file(): string {
    const path = join(this.folder, `secret-${this.#files.length}.txt`);
    writeFileSync(path, OUTSIDE);
    utimesSync(path, 0, new Date());
    this.#files.push(path);
    return path;
  }

  bytesRead(): number {
    return this.#files
      .map((path) => statSync(path))
      .reduce((sum, { atimeMs, size }) => sum + (atimeMs === 0 ? 0 : size), 0);
  }
}

export async function throughTheFolder(
  seed: string,
  runs: number,
  folder: string,
  progress: (done: number) => void,
): Promise<FolderFigures> {
  const rig = await Rig.open({ folder: join(folder, 'rig') });
  try {
    await rig.begin();
    return await new Siege(rig, seed, new Outside(join(folder, 'outside'))).run(runs, progress);
  } finally {
    await rig.close();
  }
}

/** The tower is gone: what was counted until then is all there is. */
class Crashed extends Error {}

class Siege {
  readonly #rig: Rig;
  readonly #seed: string;
  readonly #outside: Outside;
  readonly #servers: Server[] = [];
  readonly #figures: FolderFigures = {
    ...{ inputs: 0, answers: 0, crashes: 0, hangs: 0, requests: 0, outsideBytes: 0, canaries: 0, orders: 0 },
    wrong: [],
  };

  constructor(rig: Rig, seed: string, outside: Outside) {
    this.#rig = rig;
    this.#seed = seed;
    this.#outside = outside;
  }

  get #incoming(): string {
    return join(this.#rig.site.home, 'orders', 'incoming');
  }

  async run(runs: number, progress: (done: number) => void): Promise<FolderFigures> {
    const settings = { TOWER_SWEEP_INTERVAL_MS: '3600000', TOWER_FILES_SETTLE_MS: '200' };
    const tower = await this.#rig.start(settings, { direct: true });
    try {
      await this.#besiege(tower, runs, progress);
      const code = await tower.end();
      if (code !== 0) this.#crashed(tower);
    } catch (error) {
      if (!(error instanceof Crashed)) throw error;
      this.#figures.wrong.push(error.message);
    }
    for (const server of this.#servers) server.close();
    this.#count(tower);
    return this.#figures;
  }

  async #besiege(tower: Child, runs: number, progress: (done: number) => void): Promise<void> {
    const doubtful: number[] = [];
    const objects = this.#objects();
    for (let index = 0; index < runs; index++) {
      if (isSurelyBad(inputOf(this.#seed, index))) this.#drop(index);
      else doubtful.push(index);
      if (index % 20 === 0) this.#place(objects[(index / 20) % objects.length]);
      if (index % CHUNK !== CHUNK - 1) continue;
      await this.#workedOff(tower, RESTING);
      progress(this.#figures.inputs);
    }
    await this.#workedOff(tower, 0);
    const uncalled = this.#rig.wire.seen.filter(({ method, url }) => !OWN.has(pathOf(method, url)));
    this.#figures.requests = uncalled.length;
    for (const { method, url } of uncalled.slice(0, 5)) this.#figures.wrong.push(`sent for no order: ${method} ${url}`);
    for (const [count, index] of doubtful.entries()) {
      this.#drop(index);
      if (count % CHUNK === CHUNK - 1) await this.#workedOff(tower, RESTING);
    }
    await this.#workedOff(tower, 0);
  }

  #drop(index: number): void {
    const { name, bytes } = inputOf(this.#seed, index, timestamp());
    // What a file system cannot hold as a name, and what the tower is told to leave alone, becomes another odd name.
    let usable = name.replace(/[/\0]/g, '_');
    if (usable === '' || /^\.|(?:\.tmp|\.part|\.swp|~|\.crdownload)$/.test(usable)) usable = `x${usable}x`;
    if (existsSync(join(this.#incoming, usable))) usable = `n${index}${usable}`;
    while (Buffer.byteLength(usable) > 250) usable = usable.slice(1);
    const temporary = join(this.#incoming, '.draft.tmp');
    writeFileSync(temporary, bytes);
    renameSync(temporary, join(this.#incoming, usable));
    this.#figures.inputs++;
  }

  /** Things that are no files of their own. */
  #objects(): readonly ((path: string) => void)[] {
    return [
      (path) => symlinkSync(this.#outside.file(), path),
      (path) => linkSync(this.#outside.file(), path),
      (path) => symlinkSync(this.#outside.file(), path.replace('accountinfo', 'stockbuy')),
      (path) => symlinkSync(join(this.#outside.file(), '..'), path),
      (path) => symlinkSync('/dev/zero', path),
      (path) => symlinkSync('/etc/passwd', path),
      (path) => symlinkSync(path, path),
      (path) => symlinkSync(join(this.#rig.site.home, 'data/tower.db'), path),
      (path) => void execFileSync('mkfifo', [path]),
      (path) => void mkdirSync(path),
      (path) => {
        mkdirSync(path);
        writeFileSync(join(path, 'inside.json'), '{}');
      },
      (path) => {
        // Made where the path is short enough for a socket.
        const short = join(this.#outside.folder, `s${this.#servers.length}`);
        this.#servers.push(createServer().listen(short));
        renameSync(short, path);
      },
      (path) => {
        writeFileSync(`${path}.tmp`, '');
        truncateSync(`${path}.tmp`, 10_000_000_000);
        renameSync(`${path}.tmp`, path);
      },
      (path) => writeFileSync(Buffer.concat([Buffer.from(path.replace('.json', '')), Buffer.from([0xff])]), '{}'),
      (path) => writeFileSync(path.replace('paper_', '\n\u001b[31mpaper_'), '{}'),
    ];
  }

  #place(object: ((path: string) => void) | undefined): void {
    if (object === undefined) return;
    object(join(this.#incoming, `paper_object_accountinfo_${timestamp()}.json`));
    this.#figures.inputs++;
  }

  /** Waits until no more than `rest` files lie there; a tower that does not get there hangs, one that is gone has crashed. */
  async #workedOff(tower: Child, rest: number): Promise<void> {
    const processing = join(this.#rig.site.home, 'orders', 'processing');
    const lying = (): number => readdirSync(this.#incoming).length;
    const claimed = (): number => readdirSync(processing).length;
    const isDone = (): boolean => !tower.isRunning || (lying() <= rest && (rest > 0 || claimed() === 0));
    for (let before = Number.POSITIVE_INFINITY; !isDone(); ) {
      const left = lying() + claimed();
      // A slow machine is no hang: only who gets nothing done in all this time hangs.
      if (left >= before) {
        this.#figures.hangs++;
        this.#figures.wrong.push(`left lying: ${readdirSync(this.#incoming).slice(0, 3).join(' ')}`);
        break;
      }
      before = left;
      await until(isDone, PATIENCE_MS, () => 'worked off').catch(() => {});
    }
    if (!tower.isRunning) this.#crashed(tower);
  }

  #crashed(tower: Child): never {
    this.#figures.crashes++;
    throw new Crashed(`the tower ended by itself:\n${tower.output.slice(-3000)}`);
  }

  #count(tower: Child): void {
    const { home } = this.#rig.site;
    const files = filesBelow(home);
    this.#figures.answers = files.filter((file) => file.startsWith(join(home, 'responses'))).length;
    this.#figures.outsideBytes = this.#outside.bytesRead();
    const posts = this.#rig.ledger().filter(({ method }) => method === 'POST');
    this.#figures.orders = posts.filter(({ accepted }) => accepted).length;
    for (const { client_order_id } of posts) {
      const [agent, at, type] = (client_order_id ?? '').split('_');
      const answer = files.find((file) => file.endsWith(`/response_paper_${agent}_${type}_${at}.json`));
      const error = answer === undefined ? null : JSON.parse(readFileSync(answer, 'utf8')).error;
      // Refused by the tower, and sent all the same?
      if (answer !== undefined && error?.type !== 'validation_error') continue;
      this.#figures.requests++;
      this.#figures.wrong.push(`sent although refused: ${client_order_id}`);
    }
    const seen = (text: string, ...words: readonly string[]): number =>
      words.filter((word) => text.includes(word)).length;
    const { secret } = this.#rig;
    this.#figures.canaries += seen(tower.output, secret, OUTSIDE, HUSH);
    const logs = files.filter((file) => file.startsWith(join(home, 'logs'))).map((file) => readFileSync(file, 'utf8'));
    for (const text of [...logs, tower.output]) {
      const forged = text.split('\n').filter((line) => line !== '' && !isLogLine(line));
      if (forged.length > 0) this.#figures.wrong.push(`${forged.length} lines of the log are forged: ${forged[0]}`);
    }
    for (const file of files) {
      const text = readFileSync(file, 'latin1');
      // What the agent wrote is kept byte for byte in the archive and the journal, and nowhere else.
      const isKept = file.startsWith(join(home, 'orders')) || file.includes('/data/tower.db');
      const hits = seen(text, secret, OUTSIDE, ...(isKept ? [] : [HUSH]));
      this.#figures.canaries += hits;
      if (hits > 0) this.#figures.wrong.push(`${file} holds what nobody may see`);
    }
  }
}

/** One JSON object without anything that a terminal would obey. */
function isLogLine(line: string): boolean {
  if (/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u.test(line)) return false;
  try {
    return typeof JSON.parse(line).event === 'string';
  } catch {
    return false;
  }
}

const pathOf = (method: string, url: string): string => `${method} ${url.split('?')[0]}`;

/** Regular files; what was put there as something else lies in the archive as it came, and is not opened. */
function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    const isPlain = entry.isFile() && statSync(path, { throwIfNoEntry: false })?.nlink === 1;
    return isPlain && statSync(path).size < 1_000_000_000 ? [path] : [];
  });
}
