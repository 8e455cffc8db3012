/**
 * The exchange: its engine in process and its HTTP beside a bare framework, each in a process of its own. Must never
 * read the exchange's speed as Alpaca's.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Plan } from '../plan.ts';
import type { Figure, Section } from '../result.ts';
import { owned } from '../rig.ts';

const engineFigures = z.object({
  orders_per_second: z.number(),
  orders_per_cpu_second: z.number(),
  cancels_per_second: z.number(),
  steady_orders_per_second: z.number(),
  idle_tick_us: z.number(),
  resting: z.number(),
});
const httpFigures = z.object({
  loads: z.array(z.object({ name: z.string(), exchange: z.number(), bare: z.number() })),
  stall_ms: z.number(),
  history_ms: z.number(),
});

/** The JSON in the last line that the program prints. */
async function lastLine(file: string, ...args: readonly string[]): Promise<unknown> {
  const path = fileURLToPath(new URL(`../${file}`, import.meta.url));
  const child = owned(spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] }));
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${file} ended with ${code}`);
  return JSON.parse(text.trim().split('\n').at(-1) ?? '');
}

export async function measureExchange(plan: Plan): Promise<Section> {
  const isQuick = plan.size === 'quick';
  plan.say('the engine in process');
  const engine = engineFigures.parse(await lastLine('exchange-engine.ts', '10000', isQuick ? '30000' : '200000'));
  plan.say('over HTTP, in turns with a bare framework');
  const http = httpFigures.parse(await lastLine('exchange-http.ts', isQuick ? '1' : '3'));
  return {
    title: 'The exchange',
    what: `The engine called in process over ${engine.resting.toLocaleString('en-US')} resting orders; over HTTP on eight connections, in turns with the same framework answering the same bytes without doing anything.`,
    figures: [
      { name: 'engine: orders placed', value: engine.orders_per_second, unit: '/s' },
      { name: 'engine: per second of processor time', value: engine.orders_per_cpu_second, unit: '/s' },
      { name: 'engine: place and cancel', value: engine.steady_orders_per_second, unit: '/s' },
      { name: 'engine: cancels', value: engine.cancels_per_second, unit: '/s' },
      { name: 'engine: a tick with nothing to do, 100 symbols', value: engine.idle_tick_us / 1000, unit: 'ms' },
      ...http.loads.flatMap(({ name, exchange, bare }): readonly Figure[] => [
        { name: `HTTP: ${name}`, value: exchange, unit: '/s' },
        {
          name: `HTTP: ${name}, over the bare framework`,
          value: exchange / bare,
          unit: '×',
          guard: { better: 'more', margin: 0.25, everywhere: true },
        },
      ]),
      {
        name: 'longest wait of another request during a cold year of daily bars',
        value: http.stall_ms,
        unit: 'ms',
        note: `four symbols, answered after ${Math.round(http.history_ms)} ms`,
      },
    ],
    charts: [
      {
        kind: 'bars',
        title: 'Requests per second over HTTP',
        unit: '/s',
        bars: http.loads.flatMap(({ name, exchange, bare }) => [
          { name, role: 'tower' as const, value: exchange },
          { name: `${name}, bare framework`, role: 'floor' as const, value: bare },
        ]),
      },
    ],
  };
}
