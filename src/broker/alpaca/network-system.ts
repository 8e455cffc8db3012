/**
 * The real network: undici for requests, ws for the stream. Must never follow a redirect, read a proxy setting, send a
 * request twice, or call a request unsent of which a byte may have left.
 */
import { channel } from 'node:diagnostics_channel';
import type { Socket as TcpSocket } from 'node:net';
import { buildConnector, type Dispatcher, errors, Pool } from 'undici';
import { WebSocket } from 'ws';
import { type Clock, systemClock } from '../../lib/clock.ts';
import type { HttpRequest, HttpResult, Network, Socket, SocketHandlers } from './network.ts';

/**
 * Connections per origin. A request holds one until its answer is whole (no pipelining); as many as the tower ever has
 * under way, so that none waits here. They are opened as needed.
 */
const CONNECTIONS = 64;
const CONNECT_TIMEOUT_MS = 5_000;
/** Idle connections are kept this long; a longer idle time would meet servers that have closed meanwhile. */
const KEEP_ALIVE_MS = 20_000;
const MAX_HEADER_BYTES = 32 * 1024;
/** The largest websocket message; Alpaca's order events are a few kilobytes. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

/**
 * Only what the machine says about the connection (`ECONNREFUSED: connect ECONNREFUSED 127.0.0.1:1`): no header, body
 * or key can be in it.
 */
function describe(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return describe(error.errors[0]);
  if (!(error instanceof Error)) return 'unknown fault';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return error.message === '' || error.message === code ? code : `${code}: ${error.message}`.slice(0, 300);
}

/** Codes with which Node refuses a certificate (OpenSSL's verification errors and the check of the name). */
const UNTRUSTED =
  /^(?:ERR_TLS_CERT_ALTNAME_INVALID|[A-Z_]*CERT(?:_[A-Z_]+)?|UNABLE_TO_(?:VERIFY|GET|DECODE)_[A-Z_]+|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE)$/;

const isUntrusted = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && UNTRUSTED.test(error.code);

/** TLS socket → the TCP socket below it, which is the one that can be reset. */
const below = new WeakMap<object, TcpSocket>();

function connector(): buildConnector.connector {
  // Said outright: a variable of the environment (NODE_TLS_REJECT_UNAUTHORIZED) would otherwise switch it off.
  const connect = buildConnector({ timeout: CONNECT_TIMEOUT_MS, allowH2: false, rejectUnauthorized: true });
  return (options, callback) => {
    if (options.protocol !== 'https:') {
      connect(options, callback);
      return;
    }
    const { servername: _, ...plain } = options;
    connect({ ...plain, protocol: 'http:', port: options.port || '443' }, (error, tcp) => {
      if (error !== null) {
        callback(error, null);
        return;
      }
      connect({ ...options, httpSocket: tcp }, (failure, tls) => {
        if (failure !== null) {
          tcp.destroy();
          callback(failure, null);
          return;
        }
        below.set(tls, tcp);
        callback(null, tls);
      });
    });
  };
}

/** Closes a connection so that the kernel throws away what it has not delivered, instead of delivering it later. */
function reset(socket: TcpSocket | null): void {
  if (socket !== null) (below.get(socket) ?? socket).resetAndDestroy();
}

/** The exchange whose headers undici is about to write: the channel below tells on which socket. Set and read in one turn. */
let starting: Exchange | null = null;
channel('undici:client:sendHeaders').subscribe((message) => {
  if (starting === null) return;
  starting.socket = (message as { readonly socket: TcpSocket }).socket;
  starting = null;
});

/** One request on its way. undici calls `onRequestStart` right before the first byte is written: the line between unsent and lost. */
class Exchange implements Dispatcher.DispatchHandler {
  socket: TcpSocket | null = null;
  #controller: Dispatcher.DispatchController | null = null;
  #settled = false;
  #status = 0;
  #headers: Record<string, string> = {};
  readonly #chunks: Buffer[] = [];
  #size = 0;
  readonly #maxBytes: number;
  readonly #mayLeave: () => boolean;
  readonly #resolve: (result: HttpResult) => void;

  constructor(maxBytes: number, mayLeave: () => boolean, resolve: (result: HttpResult) => void) {
    this.#maxBytes = maxBytes;
    this.#mayLeave = mayLeave;
    this.#resolve = resolve;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#settled || this.#controller !== null) {
      // Given up while waiting for a connection, or a second try of what has already been written: neither may be sent.
      controller.abort(new errors.RequestAbortedError());
      this.#settle({ kind: 'lost', reason: 'the connection failed and the request was not repeated' });
      return;
    }
    if (!this.#mayLeave()) {
      controller.abort(new errors.RequestAbortedError());
      this.#settle({ kind: 'unsent', reason: 'held back in the moment before it left', held: true });
      return;
    }
    this.#controller = controller;
    starting = this;
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Record<string, unknown>): void {
    if (status < 200) return;
    this.#status = status;
    for (const [name, value] of Object.entries(headers)) {
      this.#headers[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : String(value);
    }
    const encoding = this.#headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity') this.fail(`the answer is encoded (${encoding.slice(0, 40)}) though none was accepted`);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size > this.#maxBytes) this.fail(`the answer is larger than ${this.#maxBytes} bytes`);
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    const body = Buffer.concat(this.#chunks).toString('utf8');
    // Bytes behind the end of the answer are found by the parser after this call, but before the next microtask.
    queueMicrotask(() => {
      const fault = this.socket?.errored ?? null;
      // An informational error is undici closing a connection that the answer said was to be closed.
      if (fault !== null && !(fault instanceof errors.InformationalError)) {
        this.#settle({ kind: 'lost', reason: 'bytes follow the end of the answer' });
      } else {
        this.#settle({ kind: 'answer', status: this.#status, headers: this.#headers, body });
      }
    });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const reason = describe(error);
    if (this.#controller !== null) this.#settle({ kind: 'lost', reason });
    else this.#settle({ kind: 'unsent', reason, ...(isUntrusted(error) ? { untrusted: true } : {}) });
  }

  /** Gives up: the connection is reset, and `reason` is the outcome. */
  fail(reason: string): void {
    this.#settle({ kind: this.#controller === null ? 'unsent' : 'lost', reason });
    reset(this.socket);
    this.#controller?.abort(new errors.RequestAbortedError());
  }

  #settle(result: HttpResult): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#resolve(result);
  }
}

/** The network of a running tower. `clock` times the requests. */
export function systemNetwork(clock: Clock = systemClock): Network {
  const pools = new Map<string, Pool>();
  let closed = false;
  const sockets = new Set<Socket>();

  const poolOf = (origin: string): Pool => {
    const known = pools.get(origin);
    if (known) return known;
    const pool = new Pool(origin, {
      connections: CONNECTIONS,
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      // One total time limit per request stands for these two.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: connector(),
    });
    pools.set(origin, pool);
    return pool;
  };

  return {
    async request({
      method,
      origin,
      path,
      headers,
      body,
      timeoutMs,
      maxBytes,
      mayLeave = () => true,
    }: HttpRequest): Promise<HttpResult> {
      if (closed) return { kind: 'unsent', reason: 'the network is closed' };
      const pool = poolOf(origin);
      let callOff = (): void => {};
      const result = await new Promise<HttpResult>((resolve) => {
        const exchange = new Exchange(maxBytes, mayLeave, resolve);
        callOff = clock.after(timeoutMs, () => exchange.fail(`no whole answer within ${timeoutMs} ms`));
        pool.dispatch(
          {
            method,
            path,
            headers: { ...headers, 'accept-encoding': 'identity' },
            body: body === '' ? null : body,
          },
          exchange,
        );
      });
      callOff();
      return result;
    },

    socket(url: string, handlers: SocketHandlers): Socket {
      const connection = new WebSocket(url, {
        followRedirects: false,
        rejectUnauthorized: true,
        perMessageDeflate: false,
        handshakeTimeout: CONNECT_TIMEOUT_MS,
        maxPayload: MAX_MESSAGE_BYTES,
      });
      let fault: string | null = null;
      connection.on('open', () => handlers.open());
      connection.on('pong', () => handlers.pong());
      connection.on('message', (data) => {
        handlers.message(Array.isArray(data) ? Buffer.concat(data) : new Uint8Array(data as Buffer));
      });
      connection.on('error', (error) => {
        fault = describe(error);
      });
      connection.on('close', (code, reason) => {
        sockets.delete(socket);
        handlers.closed(fault ?? `closed with ${code} ${reason.toString('utf8')}`.trim().slice(0, 300));
      });
      const whenOpen = (run: () => void): void => {
        if (connection.readyState === WebSocket.OPEN) run();
      };
      const socket: Socket = {
        send: (text) => whenOpen(() => connection.send(text)),
        ping: () => whenOpen(() => connection.ping()),
        end: () => connection.terminate(),
      };
      sockets.add(socket);
      return socket;
    },

    async close(): Promise<void> {
      closed = true;
      for (const socket of sockets) socket.end();
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
      pools.clear();
    },
  };
}
