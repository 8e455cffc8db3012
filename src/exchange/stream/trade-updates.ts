/**
 * The trade_updates protocol of one connection, without a socket: frames come in by `receive`, go out by `send`.
 * Must never replay: what happens while nobody listens is lost on this stream, as at Alpaca (docs: websocket streaming).
 */
import { decode, encode } from '@msgpack/msgpack';
import type { StreamFault } from '../faults.ts';

/** What a session needs of the socket that carries it. */
export interface StreamPort {
  /** Bytes go out as a binary frame, text as a text frame. */
  send(frame: Uint8Array | string): void;
  close(how: 'close' | 'reset'): void;
  /** From now on not even a ping is answered. */
  silence(): void;
  /** Bytes that the client has not taken yet. */
  buffered(): number;
}

export interface TradeUpdatesOptions {
  /** `msgpack` when the upgrade request carried `Content-Type: application/msgpack`. */
  readonly codec: 'json' | 'msgpack';
  /** The account of a key pair; null when it is refused. */
  authenticate(key: string, secret: string): string | null;
}

const KNOWN_STREAMS = ['trade_updates'];
/** A client that does not read is let go before it fills the memory. */
const SLOW_CLIENT_BYTES = 16 * 1024 * 1024;

/** Faults hold an event back until so many later ones have gone out. */
interface HeldBack {
  readonly data: unknown;
  behind: number;
}

export class TradeUpdatesSession {
  readonly #port: StreamPort;
  readonly #options: TradeUpdatesOptions;
  #accountId: string | null = null;
  #streams: readonly string[] = [];
  #heldBack: HeldBack[] = [];
  #silent = false;
  #closed = false;

  constructor(port: StreamPort, options: TradeUpdatesOptions) {
    this.#port = port;
    this.#options = options;
  }

  /** The account whose events this session gets; null until it listens to them. */
  get listensTo(): string | null {
    return this.#closed || !this.#streams.includes('trade_updates') ? null : this.#accountId;
  }

  /** One message of the client: JSON as text or bytes, or MessagePack. */
  receive(frame: string | Uint8Array): void {
    if (this.#closed) return;
    const message = readMessage(frame);
    switch (message?.['action']) {
      case 'auth':
        this.#authenticate(message['key'], message['secret']);
        break;
      case 'authenticate': {
        const data = asRecord(message['data']);
        this.#authenticate(data['key_id'] ?? message['key'], data['secret_key'] ?? message['secret']);
        break;
      }
      case 'listen':
        this.#listen(asRecord(message['data'])['streams']);
        break;
      default:
        this.#fatal(message === null ? 'invalid message' : 'unknown action');
    }
  }

  /** Sends one event of the account; `fault` is what happens to it on the way. */
  publish(data: { readonly event: string }, fault: StreamFault | null = null): void {
    if (this.listensTo === null) return;
    switch (fault?.kind) {
      case 'drop':
        return;
      case 'reorder':
        this.#heldBack.push({ data, behind: fault.behind });
        return;
      case 'silence':
        this.#silent = true;
        this.#port.silence();
        return;
      case 'close':
        this.close(fault.how);
        return;
      case 'garbage':
        if (!this.#silent) this.#port.send(new TextEncoder().encode('{"stream":"trade_upd'));
        break;
      case 'repeat':
        for (let i = 0; i <= fault.times; i++) this.#event(data);
        break;
      case undefined:
        this.#event(data);
    }
    this.#releaseHeldBack();
  }

  close(how: 'close' | 'reset' = 'close'): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#port.close(how);
  }

  #releaseHeldBack(): void {
    for (const held of this.#heldBack) held.behind -= 1;
    const due = this.#heldBack.filter((held) => held.behind <= 0);
    this.#heldBack = this.#heldBack.filter((held) => held.behind > 0);
    for (const held of due) this.#event(held.data);
  }

  #event(data: unknown): void {
    this.#send({ stream: 'trade_updates', data });
  }

  #authenticate(key: unknown, secret: unknown): void {
    const pair = typeof key === 'string' && typeof secret === 'string';
    const account = pair ? this.#options.authenticate(key, secret) : null;
    // A wrong pair on a connection that is already authorised changes nothing but its own answer.
    this.#accountId = account ?? this.#accountId;
    const status = account === null ? 'unauthorized' : 'authorized';
    this.#send({ stream: 'authorization', data: { status, action: 'authenticate' } });
  }

  /** The list replaces the former one; unknown names are dropped silently. Saying it twice changes nothing. */
  #listen(streams: unknown): void {
    if (this.#accountId === null) {
      this.#send({ stream: 'authorization', data: { status: 'unauthorized', action: 'listen' } });
      return;
    }
    this.#streams = Array.isArray(streams) ? KNOWN_STREAMS.filter((name) => streams.includes(name)) : [];
    this.#send({ stream: 'listening', data: { streams: this.#streams } });
  }

  #fatal(reason: string): void {
    this.#send({ action: 'error', data: { error_message: reason } });
    this.close();
  }

  #send(message: unknown): void {
    if (this.#closed || this.#silent) return;
    if (this.#port.buffered() > SLOW_CLIENT_BYTES) {
      this.close('reset');
      return;
    }
    this.#port.send(
      this.#options.codec === 'msgpack' ? encode(message) : new TextEncoder().encode(JSON.stringify(message)),
    );
  }
}

const asRecord = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

/** The message in a frame, or null when it is neither a JSON nor a MessagePack object. */
function readMessage(frame: string | Uint8Array): Readonly<Record<string, unknown>> | null {
  try {
    const text = typeof frame === 'string' ? frame : frame[0] === 0x7b ? new TextDecoder().decode(frame) : null;
    const value: unknown = text === null ? decode(frame as Uint8Array) : JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? asRecord(value) : null;
  } catch {
    return null;
  }
}
