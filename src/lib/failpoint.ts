/**
 * Named points at which a test may kill, stop, delay or fault the process. Compiled in, so that what is tested is what
 * runs; armed only through `armedFailpoints`, which refuses outside tests. Must never do anything in production.
 */

/** Every point, in the order in which an order file meets it. */
export const FAILPOINTS = {
  'k03-peeked': 'an order file was read, not yet claimed',
  'k04-claimed': 'claimed into processing, not yet journaled',
  judge: 'one file is being judged: what is thrown here is a fault of the tower, told to the agent',
  'k05-d2-mid': 'inside the transaction that takes requests in',
  'k06-d2-done': 'taken in, nothing answered yet',
  'k07a-response-temp': 'the temporary response file exists, empty',
  'k07b-response-written': 'the temporary response file is written, not synced',
  'k07c-response-synced': 'the temporary response file is synced, not renamed',
  'k07d-response-renamed': 'the response has its name, its folder is not synced',
  'k07e-response-folder-synced': 'the response is durable, the journal does not know',
  'k08-before-d4': 'about to journal a sending',
  'k09-d4-mid': 'inside the transaction that journals a sending',
  'k10-d4-done': 'the sending is journaled, no byte has left',
  'k11-bytes-out': 'the request is handed to the network',
  'k14-answer-before-d5': 'the broker said yes, not yet journaled',
  'k15-d5-mid': 'inside the transaction that journals an outcome',
  'k16-refusal-before-d5': 'the broker said no, not yet journaled',
  'k17-limited-before-d5': 'the broker said 429, not yet journaled',
  'k18-duplicate-before-d5': 'the broker said that the id was used, not yet journaled',
  'k19-d5-done': 'the outcome is journaled, not yet published',
  'k20-event-in-memory': 'a trade update arrived, not yet journaled',
  'k21-d7-mid': 'inside the transaction that journals a trade update',
  'k22-d7-done': 'a trade update is journaled, not yet published',
  'k23-archive-temp': 'the archive file is written under its temporary name',
  'k24-archive-linked': 'the archive file has its name, its folder is not synced',
  'k25-before-unlink': 'archived, the claimed file still lies in processing',
  'k26-before-d11': 'the claimed file is gone, the journal does not know',
  'k27-in-recovery': 'inside a step of the start',
  'k28-before-cancel': 'about to ask the broker for a cancel',
  'k28-after-cancel': 'the broker took the cancel, not yet journaled',
  'k31-migrate': 'inside the transaction that changes the schema',
} as const;
export type FailpointName = keyof typeof FAILPOINTS;

export interface Failpoints {
  /** `what` tells of which thing it is, where a test may mean one of many. */
  hit(name: FailpointName, what?: string): void;
}

export const noFailpoints: Failpoints = { hit() {} };

const isName = (name: string): name is FailpointName => Object.hasOwn(FAILPOINTS, name);

function fault(code: string, name: string): Error {
  return Object.assign(new Error(`${code}: injected at ${name}`), { code, syscall: 'failpoint' });
}

/**
 * Reads `NAME:ACTION[@N]` or `NAME:ACTION~WHAT`, several separated by commas: ACTION is kill, stop, throw, eio, enospc or
 * delay=MS; N is the hit at which it acts (default the first), WHAT the thing for which it acts each time. Throws when the
 * text is wrong, or when this is not a test.
 */
export function armedFailpoints(text: string, isTest: boolean): Failpoints {
  if (!isTest) throw new Error('TOWER_FAILPOINT is for tests: it needs TOWER_TEST=1. Unset it to start.');
  const armed = new Map<FailpointName, { action: string; left: number; only: string | undefined }>();
  for (const part of text.split(',')) {
    const [, name = '', action = '', nth, only] =
      /^([a-z0-9-]+):(kill|stop|throw|eio|enospc|delay=\d+)(?:@(\d+)|~([0-9a-z]+))?$/.exec(part) ?? [];
    if (!isName(name)) {
      throw new Error(
        `TOWER_FAILPOINT: ${JSON.stringify(part)} is not NAME:ACTION[@N] or NAME:ACTION~WHAT; names: ${Object.keys(FAILPOINTS).join(', ')}`,
      );
    }
    armed.set(name, { action, left: Number(nth ?? 1), only });
  }
  return {
    hit(name, what) {
      const point = armed.get(name);
      if (point === undefined) return;
      if (point.only === undefined ? --point.left !== 0 : point.only !== what) return;
      act(name, point.action);
    },
  };
}

function act(name: string, action: string): void {
  if (action === 'kill') process.kill(process.pid, 'SIGKILL');
  else if (action === 'stop') process.kill(process.pid, 'SIGSTOP');
  else if (action.startsWith('delay='))
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(action.slice(6)));
  else throw fault(action === 'throw' ? 'EINJECTED' : action.toUpperCase(), name);
}
