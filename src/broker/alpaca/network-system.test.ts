/** The real network against real sockets on loopback: what is sent, how often, and how each failure is classed. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { after, describe, test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { WebSocketServer } from 'ws';
import type { HttpResult, SocketHandlers } from './network.ts';
import { systemNetwork } from './network-system.ts';

const network = systemNetwork();
const servers: { close(): unknown }[] = [];
after(async () => {
  await network.close();
  for (const server of servers) server.close();
});

/** A fresh key and a certificate that it has signed itself, as PEM. */
function selfSigned(name: string): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const der = (tag: number, ...parts: readonly Buffer[]): Buffer => {
    const content = Buffer.concat(parts);
    const length = content.length < 128 ? [content.length] : [0x82, content.length >> 8, content.length & 0xff];
    return Buffer.concat([Buffer.from([tag, ...length]), content]);
  };
  const ecdsaWithSha256 = der(0x30, der(0x06, Buffer.from('2a8648ce3d040302', 'hex')));
  const commonName = der(0x30, der(0x06, Buffer.from('550403', 'hex')), der(0x0c, Buffer.from(name)));
  const distinguished = der(0x30, der(0x31, commonName));
  const validity = der(0x30, der(0x17, Buffer.from('200101000000Z')), der(0x17, Buffer.from('490101000000Z')));
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const version3 = der(0xa0, der(0x02, Buffer.from([2])));
  const serial = der(0x02, Buffer.from([1]));
  const toSign = der(0x30, version3, serial, ecdsaWithSha256, distinguished, validity, distinguished, spki);
  const signature = der(0x03, Buffer.from([0]), sign('sha256', toSign, privateKey));
  const certificate = der(0x30, toSign, ecdsaWithSha256, signature).toString('base64');
  return {
    key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
    cert: `-----BEGIN CERTIFICATE-----\n${certificate}\n-----END CERTIFICATE-----\n`,
  };
}

interface Wire {
  readonly origin: string;
  /** Requests seen at the socket, counted by their request lines. */
  requests: number;
  /** Everything received, one text per connection. */
  readonly received: string[];
  /** Error codes of the server's side of the connections. */
  readonly errors: string[];
}

/** A server that hands each request (head and body in one piece) to `answer` together with its number. */
async function rawServer(answer: (socket: Socket, nth: number) => void): Promise<Wire> {
  const wire: Wire & { origin: string } = { origin: '', requests: 0, received: [], errors: [] };
  const server: Server = createServer((socket) => {
    const index = wire.received.push('') - 1;
    socket.on('error', (error: NodeJS.ErrnoException) => wire.errors.push(error.code ?? ''));
    socket.on('data', (data) => {
      const text = data.toString('latin1');
      wire.received[index] += text;
      if (/^(?:POST|GET|DELETE) /.test(text)) answer(socket, ++wire.requests);
    });
  });
  servers.push(server);
  wire.origin = `http://127.0.0.1:${await listen(server)}`;
  return wire;
}

const listen = (server: Server): Promise<number> =>
  new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : 0);
    });
  });

const post = (
  origin: string,
  more: { timeoutMs?: number; maxBytes?: number; headers?: Record<string, string> } = {},
): Promise<HttpResult> =>
  network.request({
    method: 'POST',
    origin,
    path: '/v2/orders',
    headers: { 'APCA-API-SECRET-KEY': 'hush-hush', 'content-type': 'application/json', ...more.headers },
    body: '{"qty":"1"}',
    timeoutMs: more.timeoutMs ?? 2_000,
    maxBytes: more.maxBytes ?? 1_000,
  });

const ok = 'HTTP/1.1 200 OK\r\nX-Ratelimit-Remaining: 7\r\ncontent-length: 2\r\n\r\n{}';

describe('requests', () => {
  test('go out as given and come back with lower-case headers, over a kept connection', async () => {
    const wire = await rawServer((socket) => socket.write(ok));
    for (let i = 0; i < 10; i++) {
      const result = await post(wire.origin);
      assert.ok(result.kind === 'answer' && result.status === 200 && result.body === '{}');
      assert.equal(result.headers['x-ratelimit-remaining'], '7');
    }
    // undici frees a connection one turn after the answer, so a caller in a hurry opens a second one.
    assert.ok(wire.received.length <= 2);
    assert.match(
      wire.received[0] ?? '',
      /^POST \/v2\/orders HTTP\/1\.1\r\n.*accept-encoding: identity\r\n.*\{"qty":"1"\}/s,
    );
  });

  test('a redirect is an answer, never followed', async () => {
    const other = await rawServer((socket) => socket.write(ok));
    for (const status of [301, 302, 307, 308]) {
      const wire = await rawServer((socket) =>
        socket.write(`HTTP/1.1 ${status} Moved\r\nlocation: ${other.origin}/\r\ncontent-length: 0\r\n\r\n`),
      );
      const result = await post(wire.origin);
      assert.ok(result.kind === 'answer' && result.status === status);
    }
    assert.equal(other.received.length, 0);
  });

  test('interim answers and chunks with trailers are read', async () => {
    const wire = await rawServer((socket) =>
      socket.write(
        'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nx-t: 1\r\n\r\n',
      ),
    );
    const result = await post(wire.origin);
    assert.ok(result.kind === 'answer' && result.status === 200 && result.body === '{}');
  });
});

describe('unsent: no byte of the request left', () => {
  test('nobody listens', async () => {
    const server = createServer();
    const port = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    const result = await post(`http://127.0.0.1:${port}`);
    assert.equal(result.kind, 'unsent');
    assert.match(result.reason, /ECONNREFUSED/);
  });

  test('the TLS handshake fails', async () => {
    const wire = await rawServer(() => {});
    const plain = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', (data) => {
        wire.received.push(data.toString('latin1'));
        socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
      });
    });
    servers.push(plain);
    const result = await post(`https://127.0.0.1:${await listen(plain)}`);
    assert.equal(result.kind, 'unsent');
    assert.doesNotMatch(wire.received.join(''), /POST|hush/);
  });

  test('a certificate that proves nothing: told apart, and the keys stay here', async () => {
    const received: string[] = [];
    const impostor = createTlsServer(selfSigned('broker.example'), (socket) => {
      socket.on('error', () => {});
      socket.on('data', (data) => received.push(data.toString('latin1')));
    });
    servers.push(impostor);
    const port = await listen(impostor);
    const result = await post(`https://127.0.0.1:${port}`);
    assert.ok(result.kind === 'unsent' && result.untrusted, JSON.stringify(result));
    assert.match(result.reason, /CERT/);
    assert.deepEqual(received, []);
    // Node would believe anybody then; the tower does not.
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      const again = await post(`https://127.0.0.1:${port}`);
      assert.ok(again.kind === 'unsent' && again.untrusted, JSON.stringify(again));
      const network = systemNetwork();
      const { promise, resolve } = Promise.withResolvers<string>();
      const ignore = (): void => {};
      network.socket(`wss://127.0.0.1:${port}/stream`, {
        open: ignore,
        message: ignore,
        pong: ignore,
        closed: resolve,
      });
      assert.match(await promise, /CERT/);
      await network.close();
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    }
    assert.deepEqual(received, []);
  });

  test('a header that HTTP cannot carry', async () => {
    const wire = await rawServer((socket) => socket.write(ok));
    const result = await post(wire.origin, { headers: { 'APCA-API-KEY-ID': 'hush-hush\r\nx: y' } });
    assert.equal(result.kind, 'unsent');
    assert.doesNotMatch(result.reason, /hush/);
    assert.equal(wire.requests, 0);
  });

  test('given up while waiting for a free connection, and not sent when one becomes free', async () => {
    const held: Socket[] = [];
    const wire = await rawServer((socket) => held.push(socket));
    const slow = Array.from({ length: 64 }, () => post(wire.origin, { timeoutMs: 3_000 }));
    const late = await post(wire.origin, { timeoutMs: 100 });
    assert.equal(late.kind, 'unsent');
    assert.equal(wire.requests, 64);
    for (const socket of held) socket.write(ok);
    for (const result of await Promise.all(slow)) assert.equal(result.kind, 'answer');
    const next = post(wire.origin);
    await new Promise<void>((resolve) => {
      const poll = (): void => (wire.requests > 64 ? resolve() : void setImmediate(poll));
      poll();
    });
    held.at(-1)?.write(ok);
    assert.equal((await next).kind, 'answer');
    assert.equal(wire.requests, 65);
  });
});

describe('lost: the request left and no whole answer came', () => {
  const cases: Record<string, (socket: Socket) => void> = {
    'closed without an answer': (socket) => socket.end(),
    'reset without an answer': (socket) => socket.resetAndDestroy(),
    'no HTTP': (socket) => socket.end('SSH-2.0-OpenSSH\r\n'),
    'cut head': (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-le'),
    'cut body': (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{"id":"1"}'),
    'cut chunks': (socket) => socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"a"'),
    'broken chunk size': (socket) => socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}'),
    'bytes behind the answer': (socket) => socket.write(`${ok}garbage`),
    'an encoded answer': (socket) =>
      socket.write('HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}'),
    'an answer that is too large': (socket) =>
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n${'x'.repeat(5000)}`),
    'one byte and then silence': (socket) => socket.write('H'),
    silence: () => {},
  };
  for (const [name, answer] of Object.entries(cases)) {
    test(name, async () => {
      const wire = await rawServer(answer);
      const result = await post(wire.origin, { timeoutMs: 150 });
      assert.equal(result.kind, 'lost');
      assert.doesNotMatch(result.reason, /hush/);
      assert.equal(wire.requests, 1);
      // The connection is out of use: the next request comes on a new one, and is counted once.
      await post(wire.origin, { timeoutMs: 150 });
      assert.equal(wire.requests, 2);
      assert.equal(wire.received.length, 2);
    });
  }

  test('on time-out the connection is reset, not politely closed', async () => {
    const closed = Promise.withResolvers<string>();
    const wire = await rawServer((socket) => {
      socket.on('error', (error: NodeJS.ErrnoException) => closed.resolve(error.code ?? ''));
      socket.on('close', () => closed.resolve('closed'));
    });
    assert.equal((await post(wire.origin, { timeoutMs: 50 })).kind, 'lost');
    assert.equal(await closed.promise, 'ECONNRESET');
  });

  test('a kept connection that dies under the second POST: one request per call', async () => {
    for (const death of ['end', 'resetAndDestroy'] as const) {
      const wire = await rawServer((socket, nth) => {
        if (nth === 1) socket.write(ok);
        else socket[death]();
      });
      assert.equal((await post(wire.origin)).kind, 'answer');
      assert.equal((await post(wire.origin)).kind, 'lost');
      assert.equal(wire.requests, 2);
    }
  });

  test('a server that closes each kept connection right after its answer: never more requests than calls', async () => {
    const wire = await rawServer((socket) => socket.end(ok));
    const results: string[] = [];
    for (let i = 0; i < 30; i++) results.push((await post(wire.origin)).kind);
    assert.ok(wire.requests <= 30);
    assert.ok(wire.requests >= results.filter((kind) => kind === 'answer').length);
    assert.ok(!results.includes('unsent'));
  });
});

test('closing ends what is under way as lost, and nothing is sent afterwards', async () => {
  const own = systemNetwork();
  const arrived = Promise.withResolvers<void>();
  const wire = await rawServer(() => arrived.resolve());
  const request = {
    method: 'POST',
    origin: wire.origin,
    path: '/',
    headers: {},
    body: '{}',
    timeoutMs: 5_000,
    maxBytes: 100,
  } as const;
  const under = own.request(request);
  await arrived.promise;
  await own.close();
  await own.close();
  assert.equal((await under).kind, 'lost');
  assert.equal((await own.request(request)).kind, 'unsent');
  assert.equal(wire.requests, 1);
});

describe('sockets', () => {
  interface Recorded extends SocketHandlers {
    readonly seen: string[];
    readonly done: Promise<string>;
    readonly opened: Promise<void>;
    next(): Promise<string>;
  }
  function recorder(): Recorded {
    const done = Promise.withResolvers<string>();
    const opened = Promise.withResolvers<void>();
    const seen: string[] = [];
    let wake = (): void => {};
    const push = (text: string): void => {
      seen.push(text);
      wake();
    };
    let read = 0;
    return {
      seen,
      done: done.promise,
      opened: opened.promise,
      open: () => opened.resolve(),
      message: (data) => push(Buffer.from(data).toString('utf8')),
      pong: () => push('pong'),
      closed: (reason) => {
        seen.push('closed');
        done.resolve(reason);
      },
      async next() {
        while (seen.length <= read) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        return seen[read++] ?? '';
      },
    };
  }
  async function server(): Promise<{ wss: WebSocketServer; url: string }> {
    const wss = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    servers.push(wss);
    await new Promise((resolve) => wss.once('listening', resolve));
    const address = wss.address();
    return { wss, url: `ws://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}` };
  }

  test('text, binary and fragmented messages arrive as bytes; pings are answered; ended once', async () => {
    const { wss, url } = await server();
    wss.on('connection', (peer) => {
      peer.on('message', (data) => {
        peer.send(`text ${String(data)}`);
        peer.send(Buffer.from('binary'), { binary: true });
        peer.send('frag', { fin: false });
        peer.send('ment', { fin: true });
      });
    });
    const heard = recorder();
    const socket = network.socket(url, heard);
    await heard.opened;
    socket.send('hello');
    assert.deepEqual(
      [await heard.next(), await heard.next(), await heard.next()],
      ['text hello', 'binary', 'fragment'],
    );
    socket.ping();
    assert.equal(await heard.next(), 'pong');
    socket.end();
    socket.end();
    await heard.done;
    socket.send('after the end');
    assert.equal(heard.seen.filter((entry) => entry === 'closed').length, 1);
  });

  test('a message beyond 4 MB ends the connection', async () => {
    const { wss, url } = await server();
    wss.on('connection', (peer) => {
      peer.on('error', () => {});
      peer.send(Buffer.alloc(5 * 1024 * 1024));
    });
    const heard = recorder();
    network.socket(url, heard);
    assert.match(await heard.done, /payload/i);
  });

  test('a refused connection and a refused upgrade are a closed socket with a reason', async () => {
    const wire = await rawServer((socket) => socket.end('HTTP/1.1 302 Found\r\nlocation: ws://127.0.0.1:1/\r\n\r\n'));
    const refused = recorder();
    network.socket(wire.origin.replace('http', 'ws'), refused);
    assert.match(await refused.done, /302/);
    const gone = recorder();
    network.socket('ws://127.0.0.1:1', gone);
    assert.match(await gone.done, /ECONNREFUSED/);
  });
});
