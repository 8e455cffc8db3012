/**
 * The report as lines of text, JSON and CSV: pure functions. The only place, beside the page, where figures are rounded.
 */
import { styleText } from 'node:util';
import type { Difference } from '../books/proof.ts';
import type { AgentReport, BooksReport, Figures, PositionLine, PostedRow } from '../books/report.ts';
import { isoMicros, type Micros } from '../lib/clock.ts';
import { type Decimal, decimal, exact, rounded } from '../order/decimal.ts';
import type { Mode } from '../order/name.ts';
import { plain } from './context.ts';

/** The report of one account. */
export interface ModeBooks {
  readonly mode: Mode;
  readonly account: string;
  readonly from: Micros;
  readonly to: Micros;
  readonly agents: readonly AgentReport[];
  /** Null when only one agent was asked for. */
  readonly total: BooksReport['total'] | null;
  /** Null before the books were compared with the broker for the first time. */
  readonly proof: {
    readonly provenAt: Micros | null;
    readonly since: Micros | null;
    readonly differences: readonly Difference[];
  } | null;
}

/** `` is the book of what no agent did. */
export const nameOf = (agent: string): string => (agent === '' ? 'unassigned' : agent);

/** USD with two decimals and thousands apart. */
export function dollars(value: Decimal): string {
  const shown = rounded(value, 2);
  const [whole = '', cents = ''] = shown.replace('-', '').split('.');
  const isNegative = shown.startsWith('-') && /[1-9]/.test(shown);
  return `${isNegative ? '-' : ''}${whole.replace(/\B(?=(\d{3})+$)/g, ',')}.${cents}`;
}

/** Up to six decimals. */
export const short = (value: Decimal): string => decimal(exact(value).round(6));

/** Of what was closed at a profit or a loss. */
export const winRate = ({ won, lost }: Figures): string =>
  won + lost === 0 ? '–' : `${Math.round((100 * won) / (won + lost))} %`;

/** `2026-02-13 14:30:22` in UTC. */
export const momentText = (at: Micros): string => isoMicros(at).slice(0, 19).replace('T', ' ');

/** What the last comparison with the broker said, in a line. */
export function proofText({ proof }: ModeBooks): string {
  if (proof === null) return 'the books have not been compared with the broker yet';
  const { provenAt, since, differences } = proof;
  if (differences.length === 0)
    return provenAt === null
      ? 'not compared yet'
      : `equal to the broker's positions and cash at ${momentText(provenAt)}`;
  const isExpected = differences.every(({ expected }) => expected !== null);
  const when = since === null ? '' : ` since ${momentText(since)}`;
  return isExpected ? `the broker has still to book a part${when}` : `DIFFERENT from the broker${when}`;
}

export const differenceText = ({ symbol, books, broker, difference, expected }: Difference): string =>
  `${symbol}: books ${books}, broker ${broker} (${difference})${expected === null ? '' : `: ${expected}`}`;

/** The oldest price that a position is valued at. */
export function marksText(positions: readonly PositionLine[]): string {
  const known = positions.flatMap(({ mark_at: at }) => (at === null ? [] : [at]));
  const without = positions.filter(({ mark }) => mark === null).map(({ symbol }) => symbol);
  const oldest = known.reduce<Micros | null>((least, at) => (least === null || at < least ? at : least), null);
  return [
    ...(oldest === null ? [] : [`valued at the last known prices, the oldest of ${momentText(oldest)}`]),
    ...(without.length === 0 ? [] : [`no price is known of ${without.join(', ')}: counted at cost`]),
  ].join('; ');
}

const HEAD = [
  'agent',
  'profit',
  'realised',
  'unrealised',
  'income',
  'fees',
  'turnover',
  'fills',
  'closed',
  'won',
  'drawdown',
];

export function reportLines(books: readonly ModeBooks[], now: Micros, colour: boolean): readonly string[] {
  const paint = (style: Parameters<typeof styleText>[0], text: string): string =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  if (books.length === 0) return ['no account has been traded on yet'];
  return books.flatMap((one) => {
    const isOff = one.proof?.differences.some(({ expected }) => expected === null) ?? false;
    const rows = [
      ...one.agents.map(({ agent, figures }) => figuresRow(nameOf(agent), figures)),
      ...(one.total === null ? [] : [figuresRow('total', one.total.figures)]),
    ];
    const held = one.agents.flatMap(({ agent, positions }) => positions.map((position) => ({ agent, position })));
    const marks = marksText(held.map(({ position }) => position));
    return [
      `${one.mode}, account ${plain(one.account)}: ${momentText(one.from)} to ${momentText(one.to < now ? one.to : now)} UTC, in USD`,
      paint(isOff ? ['bold', 'red'] : 'dim', proofText(one)),
      ...(one.proof?.differences ?? []).map((difference) => paint('red', `  ${plain(differenceText(difference))}`)),
      '',
      ...table([HEAD, ...rows]),
      ...(held.length === 0
        ? []
        : [
            '',
            ...table([
              ['agent', 'symbol', 'quantity', 'cost', 'price', 'value', 'unrealised'],
              ...held.map(({ agent, position }) => positionRow(nameOf(agent), position)),
            ]),
            paint('dim', plain(marks)),
          ]),
      '',
    ];
  });
}

const figuresRow = (name: string, figures: Figures): readonly string[] => [
  plain(name),
  ...[figures.profit, figures.realised, figures.unrealised, figures.income, figures.fees, figures.turnover].map(
    dollars,
  ),
  String(figures.executions),
  String(figures.closed),
  winRate(figures),
  dollars(figures.max_drawdown),
];

const positionRow = (
  name: string,
  { symbol, qty, basis, mark, value, unrealised }: PositionLine,
): readonly string[] => [
  plain(name),
  plain(symbol),
  short(qty),
  dollars(basis),
  mark === null ? '–' : short(mark),
  value === null ? '–' : dollars(value),
  unrealised === null ? '–' : dollars(unrealised),
];

/** Columns: words to the left, figures to the right. */
function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const isWord = (column: number): boolean =>
    rows.slice(1).every((row) => !/^[-–]?[\d.,]*(?: %)?$/.test(row[column] ?? ''));
  return rows.map((row) =>
    row
      .map((cell, column) => (isWord(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

const moment = (at: Micros | null): string | null => (at === null ? null : isoMicros(at));

/** Every figure exact, as a decimal string; `agent` null is the book of what no agent did. */
export function reportJson(books: readonly ModeBooks[], now: Micros): object {
  const curveOf = (curve: AgentReport['curve']) => curve.map(({ at, profit }) => ({ at: isoMicros(at), profit }));
  return {
    at: isoMicros(now),
    accounts: books.map(({ mode, account, from, to, agents, total, proof }) => ({
      mode,
      account,
      from: isoMicros(from),
      to: isoMicros(to),
      proof: {
        proven_at: moment(proof?.provenAt ?? null),
        different_since: moment(proof?.since ?? null),
        differences: proof?.differences ?? [],
      },
      agents: agents.map(({ agent, figures, positions, curve }) => ({
        agent: agent === '' ? null : agent,
        figures,
        positions: positions.map((position) => ({ ...position, mark_at: moment(position.mark_at) })),
        curve: curveOf(curve),
      })),
      total: total === null ? null : { figures: total.figures, curve: curveOf(total.curve) },
    })),
  };
}

const COLUMNS = [
  'at',
  'mode',
  'agent',
  'kind',
  'symbol',
  'qty',
  'price',
  'cash',
  'fee',
  'realised',
  'held_after',
  'client_order_id',
  'order_id',
  'activity_id',
  'meta',
] as const;

/** One line per posting, with a head before the first. `metaOf` is what the request's file says of itself, as JSON text. */
export function* csvLines(
  mode: Mode,
  rows: Iterable<PostedRow>,
  withHead: boolean,
  metaOf: (clientOrderId: string) => string | null,
): Generator<string> {
  if (withHead) yield `${COLUMNS.join(',')}\n`;
  for (const row of rows) {
    const cells = [
      isoMicros(row.at),
      mode,
      row.agent,
      row.kind,
      row.symbol,
      row.qty,
      row.price,
      row.cash,
      row.fee,
      row.realised ?? '',
      row.held,
      row.clientOrderId ?? '',
      row.orderId ?? '',
      row.activity ?? '',
      (row.clientOrderId === null ? null : metaOf(row.clientOrderId)) ?? '',
    ];
    yield `${cells.map(csvCell).join(',')}\n`;
  }
}

/** Quoted where it must be; a leading sign of a formula is text, and no number here begins with one but `-`. */
function csvCell(text: string): string {
  const safe = /^[=+@\t\r]|^-[^\d]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
