/**
 * `tower report`: what each agent has made, from the books in the journal. Works beside a running tower and without one.
 * Must never write to the journal.
 */
import { statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { heldAfter, type PostedRow, reportOf } from '../books/report.ts';
import { type BooksReader, openBooksReader } from '../journal/reader.ts';
import { NotAJournal } from '../journal/recognise.ts';
import { type Micros, micros } from '../lib/clock.ts';
import { MODES, type Mode } from '../order/name.ts';
import { metaOf } from '../order/parse.ts';
import { fromRfc3339 } from '../order/time.ts';
import { agentOption, type HomeOption, homeOf, homeOption, jsonOption } from './common.ts';
import { type Context, EXIT, Exit } from './context.ts';
import { reportPage } from './report-html.ts';
import { csvLines, type ModeBooks, reportJson, reportLines } from './report-text.ts';

interface ReportOptions extends HomeOption {
  readonly mode?: Mode;
  readonly agent?: string;
  readonly from?: string;
  readonly to?: string;
  readonly json?: true;
  readonly csv?: true;
  readonly html?: string;
}

const DAY_US = 86_400_000_000;
/** Rows of the table of trades in a page: the newest. */
const MOST_TRADES = 500;

export function reportCommand(context: Context): Command {
  return new Command('report')
    .summary('orders, fills and profit of each agent')
    .description(
      'What each agent has made in a period: profit, fees, positions, and whether the books agree with the broker.',
    )
    .addOption(homeOption())
    .addOption(new Option('--mode <mode>', 'only this account (default: all)').choices(MODES))
    .addOption(agentOption('only this agent'))
    .option('--from <when>', 'a date or RFC 3339 moment in UTC, `today`, or `7d` for the last seven days', wellFormed)
    .option('--to <when>', 'the end of the period, not included (default: now)', wellFormed)
    .addOption(jsonOption('the report').conflicts(['csv', 'html']))
    .addOption(new Option('--csv', 'print every execution, fee and other posting as CSV').conflicts(['json', 'html']))
    .option('--html <file>', 'write a page with curves and a table of trades; `-` prints it')
    .addHelpText('after', '\nProfit is by lots, first in first out; docs/books.md explains each figure.')
    .action((options: ReportOptions) => {
      const home = homeOf(context, options);
      const file = join(home, 'data', 'tower.db');
      // What may not be looked at is not the same as nothing.
      statSync(file, { throwIfNoEntry: false });
      const reader = opened(file);
      if (reader === null)
        throw new Exit(
          EXIT.failed,
          `there are no books in ${home} yet; start a tower with: tower start --home ${home}`,
        );
      try {
        const now = context.clock.now();
        const from = momentOf(options.from, now) ?? micros(0);
        const to = momentOf(options.to, now) ?? micros(now + 1);
        if (from >= to) throw new Exit(EXIT.usage, '--from must lie before --to');
        const books = reader
          .accounts()
          .filter(({ mode }) => options.mode === undefined || mode === options.mode)
          .map(({ mode, account }) => booksOf(reader, mode, account, from, to, options.agent));
        if (options.csv === true) {
          books.forEach((one, nth) => {
            const rows = rowsOf(reader, one, options.agent);
            for (const line of csvLines(one.mode, rows, nth === 0, (id) => metaIn(reader, id))) context.out(line);
          });
        } else if (options.html !== undefined) {
          const pages = books.map((one) => ({ ...one, trades: newest(rowsOf(reader, one, options.agent)) }));
          const page = reportPage(pages, now);
          if (options.html === '-') context.out(page);
          else {
            writeFileSync(resolve(context.cwd, options.html), page);
            context.out(`written to ${resolve(context.cwd, options.html)}\n`);
          }
        } else if (options.json === true) context.out(`${JSON.stringify(reportJson(books, now), null, 2)}\n`);
        else
          context.out(
            reportLines(books, now, context.colour)
              .map((line) => `${line}\n`)
              .join(''),
          );
      } finally {
        reader.close();
      }
    });
}

function booksOf(
  reader: BooksReader,
  mode: Mode,
  account: string,
  asked: Micros,
  to: Micros,
  agent?: string,
): ModeBooks {
  // A curve from 1970 on shows nothing: it begins with the first posting.
  const from = micros(Math.min(to, Math.max(asked, reader.firstAt(account) ?? to)));
  const start = heldAfter(reader.postings(account, micros(0), from));
  const prices = reader.prices(account, from, to);
  const whole = reportOf(from, to, start, reader.postings(account, from, to), prices);
  const proof = reader.fact(`proof:${account}`);
  return {
    mode,
    account,
    from,
    to,
    agents: agent === undefined ? whole.agents : whole.agents.filter((one) => one.agent === agent),
    total: agent === undefined ? whole.total : null,
    proof: proof === null ? null : JSON.parse(proof),
  };
}

function* rowsOf(reader: BooksReader, { account, from, to }: ModeBooks, agent?: string): Generator<PostedRow> {
  for (const row of reader.postings(account, from, to)) if (agent === undefined || row.agent === agent) yield row;
}

function metaIn(reader: BooksReader, clientOrderId: string): string | null {
  const raw = reader.raw(clientOrderId);
  return raw === null ? null : metaOf(raw);
}

/** The last rows, the newest first. */
function newest(rows: Iterable<PostedRow>): readonly PostedRow[] {
  const last: PostedRow[] = [];
  for (const row of rows) {
    last.push(row);
    if (last.length > MOST_TRADES * 4) last.splice(0, last.length - MOST_TRADES);
  }
  return last.slice(-MOST_TRADES).reverse();
}

/** `2026-02-13`, an RFC 3339 moment, `today`, or `7d`. */
function momentOf(text: string | undefined, now: Micros): Micros | null {
  if (text === undefined) return null;
  const days = /^(\d{1,4})d$/.exec(text)?.[1];
  if (days !== undefined) return micros(now - Number(days) * DAY_US);
  if (text === 'today') return micros(now - (now % DAY_US));
  return fromRfc3339(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text);
}

function wellFormed(text: string): string {
  if (momentOf(text, micros(0)) === null)
    throw new InvalidArgumentError('Give a date (2026-02-13), a moment (2026-02-13T14:30:00Z), today, or 7d.');
  return text;
}

function opened(file: string): BooksReader | null {
  try {
    return openBooksReader(file);
  } catch (error) {
    if (!(error instanceof NotAJournal)) throw error;
    throw new Exit(EXIT.failed, `${error.message}. ${error.remedy}`);
  }
}
