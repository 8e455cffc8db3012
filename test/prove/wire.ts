/**
 * The line between tower and exchange: a proxy on the loopback that notes the moment of every request and lets a row hold,
 * lose, change or invent answers and stream frames. Must never alter anything that a row did not ask it to.
 */
import { once } from 'node:events';
import { Agent, createServer, type IncomingHttpHeaders, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

/** One request on its way. */
export interface Passing {
  readonly method: string;
  /** Path with query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Lets the exchange act; the tower hears nothing yet. */
  forward(): Promise<Reply>;
  reply(reply: Reply): void;
  /** Writes bytes as they are; the connection stays open. */
  raw(bytes: string): void;
  end(how: 'close' | 'reset'): void;
}

/** True when the row has dealt with the request. */
export type Hook = (passing: Passing) => boolean | Promise<boolean>;
/** Gets a frame of the exchange's, sends what the tower shall see. */
export type FrameHook = (text: string, send: (data: string | Buffer, binary?: boolean) => void) => void;

export interface Seen {
  /** Monotonic milliseconds of this process. */
  readonly at: number;
  readonly method: string;
  readonly url: string;
}

export class Wire {
  readonly seen: Seen[] = [];
  hook: Hook | null = null;
  frames: FrameHook | null = null;
  /** False refuses to open streams. */
  takesStreams = true;
  /** How often a stream was asked for. */
  openings = 0;
  readonly #target: URL;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  readonly #webSockets = new WebSocketServer({ noServer: true });
  readonly #sockets = new Set<Socket>();
  readonly #streams = new Set<{ client: WebSocket; upstream: WebSocket; socket: Duplex }>();
  #server: Server;
  #port = 0;

  constructor(target: string) {
    this.#target = new URL(target);
    this.#server = this.#make();
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Listens, on the same port as before when there was one. */
  async open(): Promise<void> {
    this.#server = this.#make();
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Refuses connections from now on and cuts those that are open. */
  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.dropStreams('reset');
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }

  async end(): Promise<void> {
    if (this.#server.listening) await this.close();
    this.#agent.destroy();
    this.#webSockets.close();
  }

  calm(): void {
    this.hook = null;
    this.frames = null;
    this.takesStreams = true;
  }

  dropStreams(how: 'close' | 'reset'): void {
    for (const { client, socket } of this.#streams) {
      if (how === 'close') client.close();
      else socket.destroy();
    }
  }

  /** From now on the open streams neither say nor hear anything, and stay open. */
  freezeStreams(): void {
    for (const { upstream, socket } of this.#streams) {
      socket.pause();
      upstream.removeAllListeners('message');
    }
  }

  get openStreams(): number {
    return this.#streams.size;
  }

  #make(): Server {
    const server = createServer({ keepAliveTimeout: 60_000 }, (message, response) => {
      const at = performance.now();
      const chunks: Buffer[] = [];
      message.on('data', (chunk: Buffer) => chunks.push(chunk));
      message.on('error', () => {});
      response.on('error', () => {});
      message.on('end', () => {
        const body = Buffer.concat(chunks).toString('utf8');
        const method = message.method ?? '';
        const url = message.url ?? '/';
        this.seen.push({ at, method, url });
        const reply = ({ status, headers, body: text }: Reply): void => {
          if (response.destroyed || response.headersSent) return;
          response.writeHead(status, { 'content-length': Buffer.byteLength(text), ...headers });
          response.end(text);
        };
        const passing: Passing = {
          method,
          url,
          headers: message.headers,
          body,
          forward: () => this.#forward(method, url, message.headers, body),
          reply,
          raw: (bytes) => void message.socket.write(bytes),
          end: (how) => void (how === 'reset' ? message.socket.resetAndDestroy() : message.socket.destroy()),
        };
        void this.#pass(passing).catch(() => message.socket.destroy());
      });
    });
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.on('upgrade', (message, socket, head) => this.#upgrade(message, socket, head));
    return server;
  }

  async #pass(passing: Passing): Promise<void> {
    if (this.hook !== null && (await this.hook(passing))) return;
    passing.reply(await passing.forward());
  }

  #forward(method: string, url: string, headers: IncomingHttpHeaders, body: string): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const out = request(
        { host: this.#target.hostname, port: this.#target.port, method, path: url, headers, agent: this.#agent },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('error', reject);
          answer.on('end', () => {
            const kept = Object.entries(answer.headers).flatMap(([name, value]) =>
              typeof value === 'string' && !/^(connection|keep-alive|transfer-encoding|content-length)$/.test(name)
                ? [[name, value]]
                : [],
            );
            const text = Buffer.concat(chunks).toString('utf8');
            resolve({ status: answer.statusCode ?? 502, headers: Object.fromEntries(kept), body: text });
          });
        },
      );
      out.on('error', reject);
      out.end(body);
    });
  }

  #upgrade(message: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.openings++;
    socket.on('error', () => {});
    if (!this.takesStreams) {
      socket.destroy();
      return;
    }
    const upstream = new WebSocket(`ws://${this.#target.host}${message.url ?? ''}`);
    const early: [Buffer, boolean][] = [];
    this.#webSockets.handleUpgrade(message, socket, head, (client) => {
      const pair = { client, upstream, socket };
      this.#streams.add(pair);
      client.on('message', (data: Buffer, binary) => {
        if (upstream.readyState === WebSocket.OPEN) upstream.send(data, { binary });
        else early.push([data, binary]);
      });
      upstream.on('open', () => {
        for (const [data, binary] of early) upstream.send(data, { binary });
      });
      upstream.on('message', (data: Buffer, isBinary) => {
        const send = (out: string | Buffer, binary = isBinary): void => client.send(out, { binary });
        if (this.frames === null) send(data);
        else this.frames(data.toString('utf8'), send);
      });
      const end = (): void => {
        this.#streams.delete(pair);
        client.terminate();
        upstream.terminate();
      };
      for (const side of [client, upstream]) {
        side.on('error', end);
        side.on('close', end);
      }
    });
  }
}
