/**
 * The exchange behind a port: fastify for HTTP, ws for the streams, loopback only. Everything it answers comes from
 * Exchange; here is only what needs a socket. Must never listen to other machines.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import fastify, { type FastifyReply } from 'fastify';
import { type WebSocket, WebSocketServer } from 'ws';
import { type Clock, systemClock } from '../lib/clock.ts';
import { JSON_TYPE, type WireRequest } from './api/handle.ts';
import { Exchange, type ExchangeOptions } from './exchange.ts';
import { type Delivery, reachesExchange } from './faults.ts';
import { readRecording } from './market/recording.ts';
import { fileStore, lineAppender, memoryStore, readText } from './store.ts';
import type { StreamPort } from './stream/trade-updates.ts';
import { isWebsocket } from './streams.ts';

export interface ExchangeServerOptions extends Omit<ExchangeOptions, 'store' | 'ledger' | 'recording'> {
  /** 0 or absent: any free port. */
  readonly port?: number;
  /** `127.0.0.1` (default), `::1` or `localhost`. */
  readonly host?: string;
  /** The state lives in `home/exchange`; absent: in memory only. */
  readonly home?: string;
  /** Every answer waits until it would survive a power cut. */
  readonly fsync?: boolean;
  /** A file of recorded quotes to take prices from (market/recording.ts says how it looks). */
  readonly replayFile?: string;
  /** A file that gets the ledger, a line of JSON per order request. */
  readonly ledgerFile?: string;
}

export interface RunningExchange {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly exchange: Exchange;
  /** Ends all connections. Nothing needs saving: it was kept when it was answered. Idempotent; resolves when the port is free. */
  close(): Promise<void>;
}

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);
const BODY_LIMIT = 1 << 20;
/** Long answers are worked on for so many milliseconds at a time, and others are served in between. */
const SLICE_MS = 5;
/** A client of an event stream that does not read is let go before it fills the memory. */
const SLOW_CLIENT_BYTES = 16 << 20;

/** Starts an exchange. Rejects when the port is taken, the host is not loopback, or the home cannot be used. */
export async function startExchange(options: ExchangeServerOptions): Promise<RunningExchange> {
  const host = options.host ?? '127.0.0.1';
  if (!LOOPBACK.has(host))
    throw new RangeError(`host ${host}: the exchange serves this machine only; use 127.0.0.1, ::1 or localhost`);
  const clock = options.clock ?? systemClock;
  const store = options.home === undefined ? memoryStore : fileStore(options.home, { fsync: options.fsync ?? false });
  let exchange: Exchange;
  try {
    exchange = new Exchange({
      ...options,
      store,
      ...(options.replayFile === undefined ? {} : { recording: readRecording(readText(options.replayFile)) }),
      ...(options.ledgerFile === undefined ? {} : { ledger: lineAppender(options.ledgerFile) }),
    });
  } catch (error) {
    store.close();
    throw error;
  }

  const app = fastify({
    bodyLimit: BODY_LIMIT,
    forceCloseConnections: true,
    // A path that cannot be decoded: refused before any route is looked for.
    frameworkErrors: (_error, _request, reply) => refuseEarly(reply, 400, 40010000, 'request path is invalid'),
  });
  // A method that no route of ours can have.
  app.setNotFoundHandler((_request, reply) => refuseEarly(reply, 404, 40410000, 'endpoint not found'));
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  app.all('*', (request, reply) => {
    const wire: WireRequest = {
      method: request.method,
      url: request.raw.url ?? '/',
      headers: request.headers as Record<string, string | undefined>,
      body: typeof request.body === 'string' ? request.body : '',
    };
    reply.hijack();
    serve(exchange, clock, wire, reply.raw);
  });
  app.setErrorHandler((error, _request, reply) => {
    const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 400;
    const message = error instanceof Error ? error.message : 'request is invalid';
    return refuseEarly(reply, status, status * 100_000, message);
  });

  const sockets = new WebSocketServer({ noServer: true, autoPong: false, maxPayload: BODY_LIMIT });
  app.server.on('upgrade', (request, socket, head) => upgrade(exchange, clock, sockets, request, socket, head));

  let closing: Promise<void> | null = null;
  const close = async (): Promise<void> => {
    exchange.stop();
    for (const client of sockets.clients) client.terminate();
    try {
      await app.close();
      // A version with other rules reads a snapshot; commands it might judge otherwise.
      exchange.save();
    } finally {
      store.close();
    }
  };
  const running = (url: string): RunningExchange => ({
    url,
    exchange,
    close: () => {
      closing ??= close();
      return closing;
    },
  });
  try {
    const url = await app.listen({ port: options.port ?? 0, host });
    exchange.start();
    return running(url.replace('localhost', '127.0.0.1'));
  } catch (error) {
    store.close();
    throw error;
  }
}

/** A refusal of what never reaches the exchange, in the form of the others. */
function refuseEarly(reply: FastifyReply, status: number, code: number, message: string): FastifyReply {
  return reply.status(status).type(JSON_TYPE).send(JSON.stringify({ code, message }));
}

function serve(exchange: Exchange, clock: Clock, wire: WireRequest, response: ServerResponse): void {
  const pending = exchange.receive(wire);
  const act = (): void => {
    try {
      if (pending.eventStream) {
        openEvents(exchange, wire, response);
        return;
      }
      const delivery = pending.act();
      const late = delivery.answerDelayMs ?? 0;
      if (late > 0) clock.after(late, () => send(clock, wire, delivery, response));
      else send(clock, wire, delivery, response);
    } catch {
      // The exchange has told its owner; the client must not wait for an answer that cannot come.
      response.destroy();
    }
  };
  const steps = exchange.ahead(wire)[Symbol.iterator]();
  const work = (): void => {
    if (isDone(steps, clock)) act();
    else clock.after(0, work);
  };
  if (pending.delayMs > 0) clock.after(pending.delayMs, work);
  else work();
}

/** Takes steps for a slice of time; true when none is left. A step that throws is left to the answer itself, which tells. */
function isDone(steps: Iterator<unknown>, clock: Clock): boolean {
  const until = clock.monotonic() + SLICE_MS;
  try {
    while (steps.next().done !== true) if (clock.monotonic() >= until) return false;
  } catch {}
  return true;
}

/** Writes an answer as its delivery says: at once, cut, slowly, or not at all. Header names keep their case. */
function send(clock: Clock, wire: WireRequest, delivery: Delivery, response: ServerResponse): void {
  const { answer } = delivery;
  if (answer === null) {
    if (delivery.end !== 'hang') endSocket(response.socket, delivery.end ?? 'close');
    return;
  }
  const bodiless = answer.status === 204 || answer.status === 304;
  response.writeHead(
    answer.status,
    bodiless ? answer.headers : { ...answer.headers, 'Content-Length': String(Buffer.byteLength(answer.body)) },
  );
  if (bodiless || wire.method === 'HEAD') {
    response.end();
  } else if (delivery.cutAfter !== undefined) {
    const part = Buffer.from(answer.body).subarray(0, delivery.cutAfter);
    response.write(part, () => endSocket(response.socket, 'close'));
  } else if (delivery.bytesPerSecond !== undefined) {
    trickle(clock, response, Buffer.from(answer.body), delivery.bytesPerSecond);
  } else {
    // Text goes out in one write with its head; a buffer would take two.
    response.end(answer.body);
  }
}

function trickle(clock: Clock, response: ServerResponse, body: Buffer, bytesPerSecond: number): void {
  const piece = Math.max(1, Math.floor(bytesPerSecond / 10));
  const next = (from: number): void => {
    if (response.destroyed) return;
    if (from >= body.length) {
      response.end();
      return;
    }
    response.write(body.subarray(from, from + piece));
    clock.after((piece / bytesPerSecond) * 1000, () => next(from + piece));
  };
  next(0);
}

function endSocket(socket: Socket | null, how: 'close' | 'reset'): void {
  if (how === 'reset') socket?.resetAndDestroy();
  else socket?.destroy();
}

/** Server-sent events: trades and activities of an account, kept open until the client leaves. */
function openEvents(exchange: Exchange, wire: WireRequest, response: ServerResponse): void {
  const opened = exchange.openEvents(wire, (line) => {
    if (response.writableLength > SLOW_CLIENT_BYTES) response.destroy();
    if (!response.destroyed) response.write(line);
  });
  if ('answer' in opened) {
    response.writeHead(opened.answer.status, opened.answer.headers);
    response.end(opened.answer.body);
    return;
  }
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
  response.flushHeaders();
  if (opened.begin() === 'ended') response.end();
  response.on('close', opened.close);
}

function upgrade(
  exchange: Exchange,
  clock: Clock,
  sockets: WebSocketServer,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  const headers = request.headers as Record<string, string | undefined>;
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
  const { fault, delayMs } = exchange.faults.forRequest({ method: 'GET', path, body: '' });
  const accept = (): void => {
    if (fault !== null && !reachesExchange(fault)) {
      if ('status' in fault) socket.end(`HTTP/1.1 ${fault.status} Refused\r\nConnection: close\r\n\r\n`);
      else if (fault.kind === 'rate_limited') socket.end('HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\n\r\n');
      else socket.destroy();
      return;
    }
    if (!isWebsocket(path)) {
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => bind(exchange, client, path, headers));
  };
  socket.on('error', () => socket.destroy());
  if (delayMs > 0) clock.after(delayMs, accept);
  else accept();
}

/** Ties one websocket to the session that speaks on it. */
function bind(
  exchange: Exchange,
  client: WebSocket,
  path: string,
  headers: Readonly<Record<string, string | undefined>>,
): void {
  let silent = false;
  const port: StreamPort = {
    send: (frame) => {
      if (client.readyState === client.OPEN) client.send(frame);
    },
    close: (how) => {
      if (how === 'reset') client.terminate();
      else client.close(1000);
    },
    silence: () => {
      silent = true;
    },
    buffered: () => client.bufferedAmount,
  };
  const session = exchange.openStream(path, headers, port);
  client.on('message', (data, isBinary) => {
    if (silent) return;
    const bytes = Buffer.isBuffer(data) ? data : Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
    try {
      session.receive(isBinary ? bytes : bytes.toString('utf8'));
    } catch {
      // An account that cannot be journaled cannot be opened.
      client.terminate();
    }
  });
  client.on('ping', (data) => {
    if (!silent) client.pong(data);
  });
  client.on('close', () => session.ended());
  client.on('error', () => client.terminate());
}
