/**
 * `tower exchange`: the embedded exchange alone, for any Alpaca client. Thin: options in, a running server out.
 * Must never listen to other machines, and must never need keys from anybody.
 */
import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { parseNanos } from '../exchange/clock.ts';
import type { KeyPair } from '../exchange/keys.ts';
import { type ExchangeServerOptions, startExchange } from '../exchange/server.ts';
import { type HomeOption, homeOf, homeOption, jsonOption } from './common.ts';
import { type Context, EXIT, Exit } from './context.ts';

interface Flags extends HomeOption {
  readonly port: number;
  readonly host: string;
  readonly seed?: string;
  readonly hours?: boolean;
  readonly keys?: readonly KeyPair[];
  readonly cash?: string;
  readonly control?: boolean;
  readonly ledger?: string;
  readonly rateLimit?: number;
  readonly fsync?: boolean;
  readonly speed?: number;
  readonly startTime?: bigint;
  readonly replay?: string;
  readonly json?: boolean;
}

/** A whole number in a range, for commander. */
const whole =
  (low: number, high: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < low || value > high)
      throw new InvalidArgumentError(`must be a whole number from ${low} to ${high}.`);
    return value;
  };

function speed(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError('must be a number of at least 0: exchange seconds per second, 0 stops the clock.');
  return value;
}

function moment(text: string): bigint {
  const at = parseNanos(text);
  if (at === null) throw new InvalidArgumentError('must be RFC 3339 with a zone, like 2026-02-13T09:25:00-05:00.');
  return at;
}

function usd(text: string): string {
  if (!/^\d+(\.\d{1,2})?$/.test(text)) throw new InvalidArgumentError('must be USD with at most 2 decimals.');
  return text;
}

const keyList = z
  .array(
    z.strictObject({
      key: z.string().min(1),
      secret: z.string().min(1),
      cash: z
        .string()
        .regex(/^\d+(\.\d{1,2})?$/)
        .optional(),
    }),
  )
  .min(1);

function keyFile(path: string): readonly KeyPair[] {
  try {
    return keyList.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : error instanceof Error ? error.message : '';
    throw new InvalidArgumentError(
      `must name a JSON file like [{"key": "…", "secret": "…", "cash": "100000"}]. ${reason}`,
    );
  }
}

/** The server's settings from the command line's. */
const settingsOf = (context: Context, flags: Flags): ExchangeServerOptions => ({
  clock: context.clock,
  port: flags.port,
  host: flags.host,
  home: homeOf(context, flags),
  hours: flags.hours ?? false,
  control: flags.control ?? false,
  fsync: flags.fsync ?? false,
  ...(flags.seed === undefined ? {} : { seed: flags.seed }),
  ...(flags.keys === undefined ? {} : { keys: flags.keys }),
  ...(flags.cash === undefined ? {} : { cash: flags.cash }),
  ...(flags.ledger === undefined ? {} : { ledgerFile: flags.ledger }),
  ...(flags.rateLimit === undefined ? {} : { rateLimit: { perMinute: flags.rateLimit, enforce: true } }),
  ...(flags.speed === undefined ? {} : { speed: flags.speed }),
  ...(flags.startTime === undefined ? {} : { startAt: flags.startTime }),
  ...(flags.replay === undefined ? {} : { replayFile: flags.replay }),
  failed: (error, during) => context.err(`${during}: ${error instanceof Error ? error.stack : String(error)}\n`),
});

async function run(context: Context, flags: Flags): Promise<void> {
  const ended = new Promise<void>((resolve) => context.onInterrupt(resolve));
  const running = await startExchange(settingsOf(context, flags)).catch((error: unknown) => {
    throw new Exit(EXIT.failed, `The exchange cannot start: ${error instanceof Error ? error.message : String(error)}`);
  });
  context.out(flags.json ? `${JSON.stringify({ ready: running.url })}\n` : `ready: ${running.url}\n`);
  await ended;
  await running.close();
}

export function exchangeCommand(context: Context): Command {
  return new Command('exchange')
    .description('Run the embedded, Alpaca-compatible exchange alone, on this machine only, for any Alpaca client.')
    .addOption(
      new Option('--port <port>', 'port to serve; 0 takes a free one').argParser(whole(0, 65_535)).default(4010),
    )
    .addOption(
      new Option('--host <host>', 'loopback address').choices(['127.0.0.1', '::1', 'localhost']).default('127.0.0.1'),
    )
    .addOption(homeOption())
    .option('--seed <text>', 'prices, ids and chances follow from it (default: a new one, kept with the state)')
    .option('--hours', 'keep the market hours of US equities (default: open round the clock)')
    .option('--keys <file>', 'JSON list of the only key pairs that are welcome (default: any pair)', keyFile)
    .option('--cash <usd>', 'cash of a new account (default: 100000)', usd)
    .option('--control', 'serve /_control: time, prices, faults, halts, splits, ledger')
    .option('--ledger <file>', 'append every order request to FILE, a line of JSON each')
    .option('--rate-limit <n>', 'refuse more than N requests a minute (default: tell 200, refuse none)', whole(1, 1e6))
    .option('--fsync', 'every answer also survives a power cut')
    .option('--speed <x>', 'exchange seconds per second; 0 stops the clock (default: 1)', speed)
    .option('--start-time <time>', 'first moment of the exchange, RFC 3339 (default: now)', moment)
    .option('--replay <file>', 'take the prices recorded in FILE (CSV or JSON lines) instead of making them up')
    .addOption(jsonOption('the ready line'))
    .action((flags: Flags) => run(context, flags));
}
