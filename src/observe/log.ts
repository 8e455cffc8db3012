/**
 * The log: JSON lines in `logs/tower_{YYYYMMDD}.log`, those of level error also in `logs/errors_{YYYYMMDD}.log`.
 * Days are UTC days of the given clock; files are kept for 30 days. For people and their tools: the journal is the truth.
 * Must never stop the tower: a line that cannot be written is counted, and the count is written when writing works again.
 */
import { closeSync, mkdirSync, openSync, readdirSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type Logger, pino, stdSerializers } from 'pino';
import { type Clock, dayOf, isoMicros, micros } from '../lib/clock.ts';

/** What a line says besides its event; the names that every line has anyway are not free. */
interface Fields {
  readonly [name: string]: unknown;
  readonly level?: never;
  readonly time?: never;
  readonly event?: never;
}

/**
 * A line is an event name (`order_sent`) and fields. Lines about an order carry `client_order_id` and `agent`.
 * Errors under any name are written with message and stack; line breaks and control characters leave as JSON escapes.
 */
export interface Log {
  info(event: string, fields?: Fields): void;
  /** As `info`, for what comes in heaps: written with the others of this turn of the event loop, or before the next other line. */
  infoSoon(event: string, fields?: Fields): void;
  warn(event: string, fields?: Fields): void;
  error(event: string, fields?: Fields): void;
  /** A log whose every line carries `fields`, too. */
  child(fields: Fields): Log;
}

type Level = 'info' | 'warn' | 'error';

export interface LogOptions {
  /** Folder of the files, made when missing. */
  readonly folder: string;
  readonly clock: Clock;
  /** The least important line that goes to the files. */
  readonly level: Level;
  /** Gets every line whatever its level, with its line end: standard output where there is no terminal. */
  readonly echo?: (line: string) => void;
}

const KEPT_DAYS = 30;
/** Lines that wait to be written together are at most so long, in characters. */
const GATHERED_AT_MOST = 65_536;

/** Takes whole lines; `count` says how many. */
interface Sink {
  write(lines: string, count: number): void;
}

/** Opens the log. Its first act is to delete what is older than 30 days. */
export function openLog({ folder, clock, level, echo }: LogOptions): Log {
  const files = [
    { level, sink: dailyFile(folder, 'tower', clock) },
    { level: 'error' as const, sink: dailyFile(folder, 'errors', clock) },
  ];
  const sinks = echo === undefined ? files : [...files, { level: 'info' as const, sink: { write: echo } }];
  const gatherers = sinks.map(({ level: least, sink }) => ({ level: least, stream: new Gatherer(sink, clock) }));
  const logger = pino(
    {
      level: echo === undefined ? level : 'info',
      base: null,
      timestamp: () => `,"time":"${isoMicros(clock.now())}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.multistream(gatherers),
  );
  return wrap(logger, (write) => {
    for (const { stream } of gatherers) stream.mayWait = true;
    write();
    for (const { stream } of gatherers) stream.mayWait = false;
  });
}

/** Lines on their way to a file: a write for each of many would cost more than all else that is done for the log. */
class Gatherer {
  /** Whether the line that comes may wait for others. */
  mayWait = false;
  readonly #sink: Sink;
  readonly #clock: Clock;
  #lines = '';
  #count = 0;

  constructor(sink: Sink, clock: Clock) {
    this.#sink = sink;
    this.#clock = clock;
  }

  write(line: string): void {
    this.#lines += visible(line);
    this.#count++;
    if (!this.mayWait || this.#lines.length > GATHERED_AT_MOST) this.#flush();
    else if (this.#count === 1) this.#clock.after(0, () => this.#flush());
  }

  #flush(): void {
    if (this.#count === 0) return;
    this.#sink.write(this.#lines, this.#count);
    this.#lines = '';
    this.#count = 0;
  }
}

/** JSON escapes the controls of ASCII; a terminal also obeys these, or shows the line as if it said something else. */
const UNSEEN = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const visible = (line: string): string =>
  line.replace(UNSEEN, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);

function wrap(logger: Logger, soon: (write: () => void) => void): Log {
  return {
    info: (event, fields) => logger.info({ event, ...printable(fields) }),
    infoSoon: (event, fields) => soon(() => logger.info({ event, ...printable(fields) })),
    warn: (event, fields) => logger.warn({ event, ...printable(fields) }),
    error: (event, fields) => logger.error({ event, ...printable(fields) }),
    child: (fields) => wrap(logger.child(printable(fields)), soon),
  };
}

function printable(fields: Fields = {}): Record<string, unknown> {
  const entries = Object.entries(fields);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, value instanceof Error ? stdSerializers.err(value) : value]),
  );
}

/** Appends lines to the file of the clock's day; changes files, and deletes old ones, when the day changes. */
function dailyFile(folder: string, name: string, clock: Clock): Sink {
  let open: { readonly day: string; readonly fd: number } | null = null;
  let lost = 0;

  function roll(day: string): number {
    if (open !== null) closeSync(open.fd);
    open = null;
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    const fd = openSync(join(folder, `${name}_${day}.log`), 'a', 0o640);
    open = { day, fd };
    removeOld(folder, name, clock);
    return fd;
  }

  return {
    write(lines, count) {
      try {
        const now = clock.now();
        const day = dayOf(now);
        const fd = open?.day === day ? open.fd : roll(day);
        if (lost > 0) {
          writeSync(fd, `{"level":"error","time":"${isoMicros(now)}","event":"log_lines_lost","count":${lost}}\n`);
          lost = 0;
        }
        writeSync(fd, lines);
      } catch {
        // A full disk or a lost folder: the journal notices it where it matters, here the line is given up.
        lost += count;
      }
    },
  };
}

function removeOld(folder: string, name: string, clock: Clock): void {
  const oldest = dayOf(micros(clock.now() - KEPT_DAYS * 86_400_000_000));
  for (const file of readdirSync(folder)) {
    const day = file.startsWith(`${name}_`) ? /^_(\d{8})\.log$/.exec(file.slice(name.length))?.[1] : undefined;
    if (day !== undefined && day < oldest) unlinkSync(join(folder, file));
  }
}
