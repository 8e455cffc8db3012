/**
 * The network as the Alpaca adapter sees it: one request, one socket. Real traffic goes through undici and ws; a
 * simulation puts its own behind the same two calls. Must never follow a redirect, repeat a request or keep a secret
 * in an error.
 */

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'DELETE' | 'PATCH';
  /** Scheme, host and port. */
  readonly origin: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** Asked in the moment before the first byte is written; after a no nothing is, and the result is `unsent` and `held`. */
  readonly mayLeave?: () => boolean;
}

export type HttpResult =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
    }
  /**
   * No byte of the request left this machine (refused, DNS, TLS, connect time-out). `untrusted`: the other side has shown a
   * certificate that does not prove that it is the host.
   */
  | { readonly kind: 'unsent'; readonly reason: string; readonly untrusted?: true; readonly held?: true }
  /** Bytes left and no whole answer came back (reset, time-out, cut or oversized body). */
  | { readonly kind: 'lost'; readonly reason: string };

export interface SocketHandlers {
  open(): void;
  /** One whole message, binary or text, as bytes. */
  message(data: Uint8Array): void;
  pong(): void;
  closed(reason: string): void;
}

export interface Socket {
  send(text: string): void;
  ping(): void;
  /** Ends it now; `closed` is called once. */
  end(): void;
}

export interface Network {
  /** Never rejects: whatever goes wrong is `unsent` or `lost`. */
  request(request: HttpRequest): Promise<HttpResult>;
  /** Connects; the handlers are called later, never from inside this call. */
  socket(url: string, handlers: SocketHandlers): Socket;
  close(): Promise<void>;
}
