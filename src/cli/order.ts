/**
 * `tower order TYPE`: makes an order file from options, checks it as the tower will, drops it, and may wait for the answer.
 * Must never send anything itself: what it makes is a file like any agent's.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type Mode, type OrderType, responsePath } from '../order/name.ts';
import { parse } from '../order/parse.ts';
import { signed } from '../order/signature.ts';
import {
  agentOption,
  type HomeOption,
  homeOf,
  homeOption,
  jsonOption,
  modeOption,
  readStatus,
  readText,
} from './common.ts';
import { type Context, EXIT, Exit } from './context.ts';
import { awaitAnswer, drop, envelope, freshName } from './drop.ts';
import { fieldOptions, payloadOf, TYPES } from './order-fields.ts';
import { errorLines } from './problems.ts';

interface OrderOptions extends HomeOption {
  readonly agent: string;
  readonly mode: Mode;
  readonly wait?: true | 'final';
  readonly timeout: number;
  readonly json?: true;
  readonly requestOrderId?: string;
  readonly sendBy?: string;
  readonly meta?: unknown;
  readonly keyFile?: string;
}

export function orderCommand(context: Context): Command {
  const command = new Command('order')
    .summary('make an order file and drop it')
    .description('Makes an order file, checks it as the tower will, and drops it into the home folder.')
    .addHelpText('after', '\nEach type has its own options: tower order stockbuy --help');
  for (const [type, { summary }] of Object.entries(TYPES)) {
    command.addCommand(typeCommand(context, type as OrderType, summary));
  }
  return command;
}

function typeCommand(context: Context, type: OrderType, summary: string): Command {
  const command = new Command(type)
    .summary(summary)
    .description(`Drops a ${type} order: ${summary}.`)
    .addOption(agentOption().makeOptionMandatory())
    .addOption(modeOption());
  for (const { flags, help, parse: parser } of fieldOptions(type)) {
    const option = new Option(flags, help);
    command.addOption(option.isBoolean() ? option : option.argParser(parser));
  }
  return command
    .option('--request-order-id <text>', 'your own reference, echoed in the answer')
    .option('--send-by <time>', 'do not send after this RFC 3339 time')
    .addOption(new Option('--meta <json>', 'a flat object that is kept with the order').argParser(jsonValue))
    .option('--key-file <path>', 'sign the file with the key in this file')
    .addOption(
      new Option('--wait [final]', 'print the first answer that is certain, or the last one').choices(['final']),
    )
    .addOption(new Option('--timeout <seconds>', 'how long to wait').argParser(seconds).default(30))
    .addOption(homeOption())
    .addOption(jsonOption('the file path, or with --wait the answer alone,'))
    .addHelpText(
      'after',
      '\nExit codes: 0 dropped, or answered with success; 1 refused, failed or not answered in time.',
    )
    .action((options: OrderOptions) => placeOrder(context, type, options));
}

async function placeOrder(context: Context, type: OrderType, options: OrderOptions): Promise<void> {
  const home = homeOf(context, options);
  const named = options.home !== undefined || Boolean(context.env['TOWER_HOME']);
  if (!named && !existsSync(join(home, 'orders/incoming'))) {
    throw new Exit(EXIT.usage, `${home} is not the home of a tower: name it with --home, or start a tower here first`);
  }
  const now = context.clock.now();
  const name = freshName(home, options.mode, options.agent, type, now);
  if (name === null) throw new Exit(EXIT.usage, `${options.agent} is not an agent id: 1 to 20 of a-z and 0-9`);
  const plain = envelope(name, payloadOf(type, { ...options }), {
    request_order_id: options.requestOrderId,
    send_by: options.sendBy,
    meta: options.meta,
  });
  const text = options.keyFile === undefined ? plain : signed(signingKey(options.keyFile), plain);
  const result = parse({ fileName: name, bytes: new TextEncoder().encode(text), receivedAt: now });
  if (!result.ok) {
    if (options.json === true) context.out(`${JSON.stringify(result.error)}\n`);
    throw new Exit(EXIT.failed, ['not dropped:', ...errorLines(result.error)].join('\n'));
  }

  const file = await drop(home, name, text);
  const response = join(home, responsePath(name));
  if (options.wait === undefined) {
    if (options.json === true)
      context.out(`${JSON.stringify({ file, client_order_id: name.clientOrderId, response })}\n`);
    else context.out(`${file}\nits answer will be ${response}\n`);
    warnWithoutTower(context, home);
    return;
  }
  if (options.json !== true) context.err(`${file}\n`);
  warnWithoutTower(context, home);
  const answer = await awaitAnswer(context.clock, response, options.wait === 'final', options.timeout * 1000);
  if (answer === null) {
    throw new Exit(EXIT.failed, `no certain answer within ${options.timeout} s; it will be ${response}`);
  }
  context.out(answer.text.endsWith('\n') ? answer.text : `${answer.text}\n`);
  if (answer.head.status !== 'success') throw new Exit(EXIT.failed);
}

/** The key by which the tower knows this agent's files: one word, as it stands in the file. */
function signingKey(path: string): Uint8Array {
  const text = readText(path)?.trim();
  if (text === undefined) throw new Exit(EXIT.usage, `there is no key file ${path}`);
  if (!/^[\x21-\x7e]{32,256}$/.test(text)) {
    throw new Exit(
      EXIT.usage,
      `${path} must hold one word of 32 to 256 printable characters: the key, and nothing else`,
    );
  }
  return Buffer.from(text);
}

/** A file dropped for nobody is not lost, but its sender should know. */
function warnWithoutTower(context: Context, home: string): void {
  let report: ReturnType<typeof readStatus>;
  try {
    report = readStatus(home);
  } catch {
    // The tower keeps its state from the users of the agents.
    return;
  }
  if (report?.running === true && context.isAlive(report.pid)) return;
  context.err(`no tower runs in ${home}: the file waits there until one starts\n`);
}

function seconds(text: string): number {
  if (!/^[0-9]{1,6}(?:\.[0-9]{1,3})?$/.test(text)) throw new InvalidArgumentError('Write seconds, such as 30.');
  return Number(text);
}

function jsonValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidArgumentError('This is not JSON.');
  }
}
