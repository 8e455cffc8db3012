/**
 * T35: where the secret goes, seen from the kernel: every byte that the tower writes, to whatever it writes it. Must never call
 * a tower clean whose secret was not seen at the one place where it belongs.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sleep } from './process.ts';
import { MARKET, type Rig } from './rig.ts';
import { type Figures, must, need, type Row, Unavailable } from './row.ts';

/** Whatever carries bytes out of a process. */
const CALLS = 'write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendmmsg,execve,execveat';

async function secretsOnTheWire(rig: Rig): Promise<Figures> {
  need('strace');
  const trace = join(rig.folder, 'trace');
  // -yy names the other end of a socket, -v the environment of a program that is started; the tracer stands beside the tower.
  const under = ['strace', '-D', '-f', '-yy', '-v', '-s', '1000000', '-e', `trace=${CALLS}`, '-o', trace];
  // From a file, as it should be: what stands in the environment would be another write, of whoever starts the tower.
  const file = join(rig.folder, 'key-under-trace');
  writeFileSync(file, rig.secret, { mode: 0o600 });
  const keys = { ALPACA_PAPER_SECRET_KEY: '', ALPACA_PAPER_SECRET_KEY_FILE: file };
  const tower = rig.launch(keys, { under, direct: true });
  await tower.ready(60_000).catch((error: unknown) => {
    const denied = /(?:ptrace|PTRACE)[^\n]*/.exec(tower.output)?.[0];
    throw denied === undefined ? error : new Unavailable(denied);
  });
  rig.dropMany(3);
  const query = { type: 'accountinfo', payload: {}, sendBy: null };
  rig.drop(query);
  rig.drop({ payload: { ...MARKET, qty: '-1' } });
  // Refused keys are told of, too.
  await rig.site.settled(60_000);
  await rig.faults({ requests: [{ method: 'GET', path: '/v2/account', fault: { kind: 'status', status: 401 } }] });
  rig.drop(query);
  await sleep(1000);
  await rig.control('DELETE', 'faults');
  await rig.site.settled(60_000);
  await tower.end();
  const text = readFileSync(trace, 'latin1');
  const writes = text.split('\n').filter((line) => /^\d+ +\w+\(/.test(line));
  const needle = Buffer.from(rig.secret);
  const forms = [rig.secret, needle.toString('base64').replace(/=+$/, ''), needle.toString('hex')];
  const broker = `->127.0.0.1:${new URL(rig.wire.url).port}]>`;
  const telling = writes.filter((line) => forms.some((form) => line.includes(form)));
  const elsewhere = telling.filter((line) => !line.includes(broker));
  const [first = ''] = elsewhere;
  must(telling.length > elsewhere.length, 'the secret was not even seen on its way to the broker');
  must(elsewhere.length === 0, `the secret was written elsewhere: ${first.slice(0, 200).replaceAll(rig.secret, '…')}`);
  rmSync(trace);
  rmSync(file);
  return {
    writes: writes.length,
    with_the_secret_to_the_broker: telling.length,
    with_the_secret_elsewhere: elsewhere.length,
  };
}

export const secretRows: readonly Row[] = [
  {
    id: 'T35',
    title: 'every write under strace: the secret goes to the broker alone',
    promises: ['p6'],
    run: secretsOnTheWire,
  },
];
