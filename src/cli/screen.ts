/**
 * What a person sees of a running tower: pure functions from events to lines of text.
 * Must never hide that paper is simulated here, and must never let text of others command the terminal.
 */
import { styleText } from 'node:util';
import type { ModeReport, OrderEvent, Summary, TowerEvent } from '../observe/events.ts';
import { plain } from './context.ts';

type Style = Parameters<typeof styleText>[0];

/** Paints, or not: `colour` is false on anything but a terminal. */
const painter =
  (colour: boolean) =>
  (style: Style, text: string): string =>
    colour ? styleText(style, text, { validateStream: false }) : text;

const STEP_STYLES: Readonly<Record<string, Style>> = {
  refused: 'red',
  rejected: 'red',
  'in doubt': 'yellow',
  filled: 'green',
  answered: 'green',
  partially_filled: 'cyan',
  canceled: 'magenta',
  expired: 'magenta',
};

/** `14:30:22.123` in UTC, as in the order file names. */
const timeOf = (atMs: number): string => new Date(atMs).toISOString().slice(11, 23);

/** One mode in words: who serves it, which account, where. */
export function describeMode({ service, accountNumber, url, reason }: ModeReport): string {
  const why = reason ?? (service === 'embedded exchange' ? 'simulated: no order reaches Alpaca' : '');
  const about = why === '' ? '' : ` (${plain(why)})`;
  if (service === 'off') return `off${about}`;
  const who = service === 'alpaca' ? 'Alpaca' : service;
  const account = accountNumber === null ? '' : `, account ${plain(accountNumber)}`;
  return `${who}${account}, ${url ?? 'nowhere'}${about}`;
}

/** The lines of one event, without line ends. */
export function eventLines(event: TowerEvent, colour: boolean): readonly string[] {
  const paint = painter(colour);
  switch (event.kind) {
    case 'ready':
      return [
        `home      ${plain(event.home)}`,
        ...event.modes.map((mode) => {
          const style: Style = mode.service === 'off' ? 'dim' : mode.mode === 'live' ? ['bold', 'red'] : 'cyan';
          return `${mode.mode.padEnd(10)}${paint(style, describeMode(mode))}`;
        }),
        `${paint('green', 'ready')}     drop order files into ${plain(event.incoming)} (Ctrl-C stops)`,
        '',
      ];
    case 'order':
      return [orderLine(event, colour)];
    case 'notice': {
      const style: Style = event.level === 'error' ? 'red' : event.level === 'warn' ? 'yellow' : 'dim';
      const remedy = event.remedy === '' ? '' : `${/[.!?]$/.test(event.text) ? '' : '.'} ${plain(event.remedy)}`;
      return [`${paint(style, event.level === 'info' ? 'note' : event.level)}: ${plain(event.text)}${remedy}`];
    }
  }
}

function orderLine({ atMs, mode, agent, type, step, text }: OrderEvent, colour: boolean): string {
  const paint = painter(colour);
  const shown = plain(step).padEnd(16);
  const style = STEP_STYLES[step];
  return [
    paint('dim', timeOf(atMs)),
    mode === 'live' ? paint('red', 'live ') : mode,
    plain(agent).padEnd(12),
    type.padEnd(12),
    style === undefined ? shown : paint(style, shown),
    plain(text),
  ]
    .join('  ')
    .trimEnd();
}

/** The last lines of a run. */
export function summaryLines(summary: Summary): readonly string[] {
  const seconds = Math.round((summary.until - summary.since) / 1_000_000);
  const duration = seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const doubt = summary.inDoubt === 0 ? '' : `; ${summary.inDoubt} in doubt, looked up at the next start`;
  return [
    '',
    `stopped after ${duration}: ${summary.received} order files, ${summary.succeeded} answered with success, ` +
      `${summary.refused} with an error; ${summary.open} open at the broker${doubt}`,
  ];
}
