/**
 * `npm run prove -- hostile`: hostile input by the million, and every attempt to make paper live. Must never print a figure that
 * was not measured in this run.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { escalate } from './escalation.ts';
import { throughTheFolder } from './folder.ts';
import { fuzz } from './fuzz.ts';

export interface HostileOptions {
  readonly seed: string;
  readonly runs: number;
  readonly json: boolean;
  /** Where the figures are kept, too. */
  readonly out: string | undefined;
}

/** One input in so many goes through a real folder to a whole tower. */
const FOLDER_SHARE = 50;

/** Returns the exit code: 0 when every figure is as it must be. */
export async function proveHostile({ seed, runs, json, out }: HostileOptions): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'tower-hostile-'));
  const began = performance.now();
  const progress =
    (what: string, all: number) =>
    (done: number): void => {
      const seconds = Math.round((performance.now() - began) / 1000);
      const line = `${what}: ${done} of ${all} (${seconds} s)`;
      process.stderr.write(process.stderr.isTTY === true ? `\r${line}   ` : done % 100_000 === 0 ? `${line}\n` : '');
    };
  const throughFolder = Math.max(200, Math.floor(runs / FOLDER_SHARE));
  const read = Math.max(0, runs - throughFolder);
  const reader = await fuzz(seed, read, progress('reader', read));
  const fuzzSeconds = (performance.now() - began) / 1000;
  const tower = await throughTheFolder(`${seed}/folder`, throughFolder, folder, progress('folder', throughFolder));
  const escalation = await escalate();
  process.stderr.write('\n');
  const inputs = reader.inputs + tower.inputs;
  const answers = reader.answers + tower.answers;
  const wrong = [...reader.wrong, ...tower.wrong, ...escalation.wrong];
  const mustBeZero = {
    unanswered: inputs - answers,
    crashes: reader.crashes + tower.crashes,
    hangs: reader.hangs + tower.hangs,
    'requests to Alpaca from invalid input': reader.requests + tower.requests,
    'bytes read outside the folders': tower.outsideBytes,
    'canary hits': reader.canaries + tower.canaries,
    'bytes to the live host': escalation.bytes,
  };
  const figures = {
    inputs,
    answers,
    ...mustBeZero,
    'attempts to trade live': escalation.attempts,
    'through a real folder': tower.inputs,
    'right after all': reader.accepted,
    'orders placed by those through the folder': tower.orders,
    'inputs a second in the reader': Math.round(reader.inputs / fuzzSeconds),
    'slowest input in the reader, ms': Math.round(reader.slowestMs),
    seconds: Math.round((performance.now() - began) / 1000),
    seed,
  };
  const isClean = wrong.length === 0 && Object.values(mustBeZero).every((figure) => figure === 0);
  const page = `${JSON.stringify({ ...figures, wrong }, null, 2)}\n`;
  if (json) process.stdout.write(page);
  else {
    for (const [name, figure] of Object.entries(figures)) process.stdout.write(`${name} ${figure}\n`);
    for (const line of wrong) process.stdout.write(`wrong: ${line}\n`);
  }
  if (out !== undefined) {
    mkdirSync(out, { recursive: true });
    writeFileSync(join(out, 'hostile-figures.json'), page);
  }
  // Kept for a look when something was wrong.
  if (isClean) rmSync(folder, { recursive: true, force: true });
  else process.stderr.write(`kept: ${folder}\n`);
  return isClean ? 0 : 1;
}
