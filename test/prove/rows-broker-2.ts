/**
 * E19 to E35: hostile answers, wrong keys, wrong hosts, cancels, and an exchange that breaks its own rules. Must never
 * fake what the exchange did: only what the tower hears of it.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { sleep, until } from './process.ts';
import { RESTING, type Rig } from './rig.ts';
import { type Figures, must, need, type Row, Unavailable } from './row.ts';
import { onOrders, row } from './rows-broker.ts';
import type { Reply } from './wire.ts';

/** Highest resident memory of a process so far, in MB. */
const peakMegabytes = (pid: number): number =>
  Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024);

async function hugeAnswers(rig: Rig): Promise<Figures> {
  rig.wire.takesStreams = false;
  const tower = await rig.start();
  const before = peakMegabytes(tower.pid);
  await rig.faults({
    requests: [{ method: 'POST', path: '/v2/orders', on: [1], fault: { kind: 'huge', bytes: 50_000_000 } }],
  });
  await rig.answered(rig.drop(), (answer) => answer.status === 'success', 30_000);
  onOrders(rig, 1, async (passing) => {
    await passing.forward();
    passing.reply({ status: 200, body: `${'['.repeat(500_000)}${']'.repeat(500_000)}` });
  });
  await rig.answered(rig.drop(), (answer) => answer.status === 'success', 30_000);
  const grown = peakMegabytes(tower.pid) - before;
  must(grown < 120, `memory grew by ${grown} MB`);
  return { posts: rig.posted, grown_mb: grown };
}

async function strangeButReadable(rig: Rig): Promise<Figures> {
  const changes: readonly ((body: string) => string)[] = [
    (body) => body.replace('{', '{"new_field":{"a":[1,2]},'),
    (body) => body.replace(/"status":"[a-z_]+"/, '"status":"held_for_review"'),
    (body) => body.replace(/"qty":"1"/, '"qty":1').replace(/"filled_qty":"0"/, '"filled_qty":0'),
    (body) => body.replace(/"filled_qty":"0"/, '"filled_qty":"0.000000001"'),
  ];
  onOrders(rig, changes.length, async (passing, nth) => {
    const reply = await passing.forward();
    passing.reply({ ...reply, body: changes[nth - 1]?.(reply.body) ?? reply.body });
  });
  await rig.start();
  for (const dropped of rig.dropMany(changes.length)) {
    await rig.answered(dropped, (answer) => answer.status === 'success' && answer.final, 30_000);
    must(rig.posts(dropped).length === 1, `${dropped.clientOrderId} was sent more than once`);
  }
  return { answers: changes.length, posts: rig.posted };
}

async function redirected(rig: Rig): Promise<Figures> {
  const stolen: string[] = [];
  const sink = createServer((request, response) => {
    stolen.push(JSON.stringify(request.headers));
    response.end('{}');
  });
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
  const location = `http://127.0.0.1:${(sink.address() as AddressInfo).port}/v2/orders`;
  try {
    for (const status of [301, 302, 307, 308]) {
      onOrders(rig, 1, (passing) => passing.reply({ status, headers: { location }, body: '' }));
      const tower = await rig.start();
      const answer = await rig.answered(rig.drop(), ({ final }) => final);
      must(answer.error?.type === 'configuration_error', `${status}: answered ${JSON.stringify(answer.error)}`);
      await tower.end();
    }
  } finally {
    sink.closeAllConnections();
    sink.close();
  }
  must(stolen.length === 0, `the other host was asked ${stolen.length} times`);
  return { redirects: 4, requests_at_the_other_host: 0 };
}

async function keysRevoked(rig: Rig): Promise<Figures> {
  const tower = await rig.start();
  await rig.answered(rig.drop(), ({ status }) => status === 'success');
  rig.wire.hook = (passing) => {
    passing.reply({ status: 401, body: '{"code":40110000,"message":"request is not authorized"}' });
    return true;
  };
  const before = rig.posted;
  const first = await rig.answered(rig.drop(), ({ final }) => final);
  must(first.error?.type === 'configuration_error', `answered ${JSON.stringify(first.error)}`);
  rig.dropMany(3);
  await sleep(1500);
  const after = rig.posted - before;
  must(after === 1, `${after} POSTs with revoked keys`);
  await tower.end();
  return { posts_after_the_first_401: after - 1 };
}

async function accountBlocked(rig: Rig): Promise<Figures> {
  const blocked = (reply: Reply): Reply => ({
    ...reply,
    body: reply.body.replace('"trading_blocked":false', '"trading_blocked":true'),
  });
  rig.wire.hook = async (passing) => {
    if (!passing.url.startsWith('/v2/account')) return false;
    passing.reply(blocked(await passing.forward()));
    return true;
  };
  await rig.start();
  const dropped = rig.drop();
  await sleep(2500);
  must(rig.posted === 0, 'an order was sent for a blocked account');
  rig.wire.calm();
  await rig.answered(dropped, ({ status }) => status === 'success', 15_000);
  return { posts_while_blocked: 0 };
}

async function anotherAccount(rig: Rig): Promise<Figures> {
  const first = await rig.start();
  await rig.answered(rig.drop());
  await first.end();
  const tower = rig.launch({ ALPACA_PAPER_API_KEY: `${rig.key}OTHER`, ALPACA_PAPER_SECRET_KEY: 'otherprovesecret' });
  const { code } = await tower.exited;
  must(code === 2 && /belong/.test(tower.output), `ended with ${code}:\n${tower.output.slice(-600)}`);
  must(rig.posted === 1, 'an order was sent on another account');
  return { exit: code ?? -1, posts: 0 };
}

async function compressedBomb(rig: Rig): Promise<Figures> {
  rig.wire.takesStreams = false;
  let asked = '';
  onOrders(rig, 1, async (passing) => {
    asked = String(passing.headers['accept-encoding'] ?? 'nothing');
    await passing.forward();
    passing.reply({ status: 200, headers: { 'content-encoding': 'gzip' }, body: '\u001f\u0000 not gzip' });
  });
  await rig.start();
  await rig.answered(rig.drop(), ({ status }) => status === 'success');
  must(!asked.includes('gzip'), `the tower asks for ${asked}`);
  return { asks_for: asked, posts: rig.posted };
}

async function untrustedTls(rig: Rig): Promise<Figures> {
  need('openssl');
  const [key, cert] = [join(rig.folder, 'key.pem'), join(rig.folder, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const days = ['-days', '1', '-nodes', '-newkey', 'rsa:2048', '-keyout', key, '-out', cert];
  execFileSync('openssl', ['req', '-x509', ...days, ...subject], { stdio: 'pipe' });
  let requests = 0;
  const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_request, response) => {
    requests++;
    response.end('{}');
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const tower = rig.launch({ ALPACA_PAPER_BASE_URL: url, ALPACA_DATA_BASE_URL: url });
    const dropped = rig.drop({ sendBy: 4 });
    const ended = tower.exited.then(({ code }) => `exit ${code}`);
    const told = rig.answered(dropped, ({ final }) => final, 10_000).then(({ sent }) => `sent ${sent}`);
    told.catch(() => {});
    const what = await Promise.race([ended, told]);
    if (tower.isRunning) await tower.end();
    must(what === 'exit 2' || what === 'sent no', `an untrusted host: ${what}`);
    must(requests === 0, 'the untrusted host was asked');
    return { outcome: what, requests: 0 };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function unknownHost(rig: Rig): Promise<Figures> {
  const url = 'https://no-such-host.invalid';
  const tower = rig.launch({ ALPACA_PAPER_BASE_URL: url, ALPACA_DATA_BASE_URL: url });
  const dropped = rig.drop({ sendBy: 4 });
  const answer = await rig.answered(dropped, ({ final }) => final, 40_000);
  must(answer.sent === 'no' && answer.error?.type === 'connection_error', `answered ${JSON.stringify(answer.error)}`);
  await tower.end();
  return { answer: answer.error?.code ?? '', posts: 0 };
}

async function keepAliveRace(rig: Rig): Promise<Figures> {
  await rig.start();
  await rig.answered(rig.drop(), ({ status }) => status === 'success');
  onOrders(rig, 1, (passing) => passing.end('reset'));
  const dropped = rig.drop();
  await until(
    () => rig.posted === 2,
    5000,
    () => 'the second order',
  );
  await sleep(300);
  must(rig.posted === 2, 'the POST was repeated by itself');
  await rig.answered(dropped, ({ status }) => status === 'success');
  return { posts_per_call: 1, posts: rig.posted };
}

async function rawAnswers(rig: Rig): Promise<Figures> {
  const forms: readonly ((body: string) => string)[] = [
    (body) => `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`,
    (body) =>
      `HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`,
    () => 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-end\r\n',
  ];
  onOrders(rig, forms.length, async (passing, nth) => {
    const { body } = await passing.forward();
    passing.raw(`${forms[nth - 1]?.(body)}content-type: application/json\r\nconnection: close\r\n\r\n`);
    const half = Math.floor(body.length / 2);
    const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
    passing.raw(nth === 3 ? `${chunk(body.slice(0, half))}${chunk(body.slice(half))}0\r\nx-end: 1\r\n\r\n` : body);
  });
  await rig.start();
  for (const dropped of rig.dropMany(forms.length)) {
    await rig.answered(dropped, ({ status }) => status === 'success', 20_000);
    must(rig.posts(dropped).length === 1, 'sent again');
  }
  return { forms: forms.length, posts: rig.posted };
}

async function cancels(rig: Rig): Promise<Figures> {
  await rig.start();
  const cancel = async (answerDelete: (nth: number) => 'late' | 'lost' | 'unsent' | '404' | 'pass') => {
    const resting = rig.drop({ payload: RESTING });
    await rig.answered(resting, ({ status }) => status === 'success');
    let nth = 0;
    rig.wire.hook = async (passing) => {
      if (passing.method !== 'DELETE') return false;
      nth++;
      const how = answerDelete(nth);
      if (how === 'pass') return false;
      if (how === 'unsent') passing.reply({ status: 500, body: '{}' });
      else if (how === '404') passing.reply({ status: 404, body: '{"code":40410000,"message":"order not found"}' });
      else {
        const reply = await passing.forward();
        if (how === 'late') await sleep(3000);
        if (how === 'late') passing.reply(reply);
        else passing.end('reset');
      }
      return true;
    };
    const asked = rig.drop({ type: 'cancelorder', payload: { client_order_id: resting.clientOrderId } });
    return rig.answered(asked, ({ final }) => final, 30_000);
  };
  const late = await cancel(() => 'late');
  const lost = await cancel(() => 'lost');
  const unsent = await cancel((nth) => (nth === 1 ? 'unsent' : 'pass'));
  for (const [name, answer] of Object.entries({ late, lost, unsent }))
    must(answer.status === 'success', `${name}: answered ${JSON.stringify(answer.error)}`);
  rig.wire.calm();
  const filled = rig.drop();
  await rig.answered(filled, ({ final, status }) => final && status === 'success');
  const tooLate = rig.drop({ type: 'cancelorder', payload: { client_order_id: filled.clientOrderId } });
  const refused = await rig.answered(tooLate, ({ final }) => final);
  must(refused.status === 'error', 'a filled order was said to be cancelled');
  const missing = await cancel(() => '404');
  must(missing.status === 'error', 'a cancel that was answered 404 was said to be done');
  return { cancels: 5, too_late: refused.error?.code ?? '', missing: missing.error?.code ?? '' };
}

async function rejectedLater(rig: Rig): Promise<Figures> {
  await rig.faults({ requests: [{ method: 'POST', path: '/v2/orders', on: [1], fault: { kind: 'reject_later' } }] });
  await rig.start();
  const answer = await rig.answered(rig.drop(), ({ final }) => final, 30_000);
  const said = answer.data?.['status'] ?? answer.error?.code ?? '';
  must(/reject/.test(String(said)), `answered ${JSON.stringify(answer).slice(0, 400)}`);
  return { said: String(said) };
}

async function manyAtOnce(rig: Rig): Promise<Figures> {
  const tower = await rig.start();
  const resting = rig.drop({ payload: RESTING });
  const answer = await rig.answered(resting, ({ status }) => status === 'success');
  await tower.end('SIGKILL');
  await rig.control('POST', 'time', { speed: 0 });
  for (let n = 0; n < 520; n++) await rig.foreignOrder({ ...RESTING, type: 'limit', client_order_id: `manual-${n}` });
  await rig.ask('DELETE', `/v2/orders/${String(answer.data?.['id'])}`);
  await rig.control('POST', 'time', { speed: 1 });
  await rig.start();
  await rig.answered(resting, ({ final, data }) => final && data?.['status'] === 'canceled', 20_000);
  return { foreign_orders: 520, missed: 0 };
}

async function lateAcceptance(rig: Rig): Promise<Figures> {
  const held: (() => void)[] = [];
  onOrders(rig, 3, (passing) => {
    held.push(() => void passing.forward().catch(() => {}));
  });
  await rig.start({ TOWER_DOUBT_RESEND: 'false' });
  const dropped = rig.drop({ payload: RESTING });
  rig.beyondDelay.add(dropped.clientOrderId);
  const gone = await rig.answered(dropped, ({ final }) => final, 240_000);
  must(gone.error?.code === 'not_executed', `answered ${JSON.stringify(gone.error)}`);
  const startedAt = performance.now();
  for (const release of held) release();
  await until(
    () => rig.ledger().some(({ method, accepted }) => method === 'DELETE' && accepted),
    30_000,
    () => 'the cancel of the late order',
  );
  return { seconds_to_cancel: Math.round((performance.now() - startedAt) / 100) / 10 };
}

async function idsNotUnique(rig: Rig): Promise<Figures> {
  rig.wire.takesStreams = false;
  await rig.faults({
    unique_client_order_ids: false,
    lookup_lag_ms: 4000,
    requests: [{ method: 'POST', path: '/v2/orders', on: [1, 2], fault: { kind: 'lose' } }],
  });
  await rig.start({ TOWER_DOUBT_RESEND: 'false' });
  rig.lastEnv = { TOWER_DOUBT_RESEND: 'false' };
  const dropped = rig.dropMany(2);
  for (const each of dropped) {
    await rig.answered(each, ({ status }) => status === 'success', 90_000);
    must(rig.posts(each).length === 1, 'sent a second time');
  }
  return { posts: rig.posted, orders: 2 };
}

export const hostileRows: readonly Row[] = [
  row('E19', '200 with 50 MB, and a million brackets deep', hugeAnswers),
  row('E20', '200 with new fields, unknown status, numbers for text', strangeButReadable),
  { ...row('E21', 'redirects to another host', redirected), promises: ['p6'] },
  row('E22', 'keys revoked in the middle of the day', keysRevoked),
  row('E23', 'account blocked', accountBlocked),
  row('E24', "another account's keys", anotherAccount),
  row('E25', 'compressed answer that nobody asked for', compressedBomb),
  row('E26', 'TLS certificate that nobody vouches for', untrustedTls),
  row('E27', 'host that has no address', unknownHost),
  row('E28', 'kept connection is cut while the order is written', keepAliveRace),
  row('E29', '100, 103, chunks with trailers', rawAnswers),
  row('E30', 'cancels: late, lost, 500, 404, too late', cancels),
  row('E31', 'replace, and the old order fills', async () => {
    throw new Unavailable('order files ask for no replacements');
  }),
  row('E32', 'accepted, then rejected on the stream', rejectedLater),
  row('E33', '520 orders of one moment in the list', manyAtOnce),
  row('E34', 'the order arrives after it counted as never placed', lateAcceptance, 4),
  row('E35', 'an exchange that takes the same id twice, look-ups only', idsNotUnique),
];
