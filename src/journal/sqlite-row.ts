/**
 * A request of the journal as a row of its table, and back. Must never read anything but what the store itself has written.
 */
import type { Micros } from '../lib/clock.ts';
import type { OrderError } from '../order/errors.ts';
import type { AgentId, ClientOrderId, Mode, OrderType } from '../order/name.ts';
import type { State } from '../order/states.ts';
import type { Answer, Entry, Origin, Stray } from './journal.ts';

export interface Row {
  readonly seq: number;
  readonly rev: number;
  readonly client_order_id: string;
  readonly receipt: string;
  readonly mode: string;
  readonly agent: string;
  readonly type: string;
  readonly timestamp: string;
  readonly raw: Buffer | null;
  readonly sha256: string | null;
  readonly received_at: number;
  readonly request_order_id: string | null;
  readonly send_by: number | null;
  readonly wire: string | null;
  readonly state: string;
  readonly doubted: number;
  readonly attempts: number;
  readonly broker_id: string | null;
  readonly broker_status: string | null;
  readonly filled_qty: string | null;
  readonly broker_updated_at: string | null;
  readonly data: string | null;
  readonly error: string | null;
  readonly as_of: number | null;
  readonly source: string | null;
  readonly version: number;
  readonly answered_at: number | null;
  readonly published: number;
  readonly archived: number;
}

/** What this class wrote may be read back under its own types: the only casts of the journal. */
export const trusted = <T>(value: unknown): T => value as T;

function answerOf(row: Row): Answer | null {
  if (row.data !== null) {
    if (row.as_of === null) return { dataJson: row.data };
    return { dataJson: row.data, origin: trusted<Origin>({ asOf: row.as_of, source: row.source }) };
  }
  return row.error === null ? null : { error: trusted<OrderError>(JSON.parse(row.error)) };
}

export function entryOf(row: Row): Entry {
  const mode = trusted<Mode>(row.mode);
  const agent = trusted<AgentId>(row.agent);
  const type = trusted<OrderType>(row.type);
  const clientOrderId = trusted<ClientOrderId>(row.client_order_id);
  const { timestamp } = row;
  return {
    seq: row.seq,
    rev: row.rev,
    clientOrderId,
    receipt: row.receipt,
    mode,
    agent,
    type,
    name: {
      mode,
      agent,
      type,
      timestamp,
      day: timestamp.slice(0, 8),
      stem: `${mode}_${agent}_${type}_${timestamp}`,
      clientOrderId,
    },
    raw: row.raw,
    sha256: row.sha256,
    receivedAt: trusted<Micros>(row.received_at),
    requestOrderId: row.request_order_id,
    sendBy: trusted<Micros | null>(row.send_by),
    wire: row.wire,
    state: trusted<State>(row.state),
    doubted: row.doubted === 1,
    attempts: row.attempts,
    brokerId: row.broker_id,
    brokerStatus: row.broker_status,
    filledQty: row.filled_qty,
    brokerUpdatedAt: row.broker_updated_at,
    answer: answerOf(row),
    version: row.version,
    answeredAt: trusted<Micros | null>(row.answered_at),
    published: row.published,
    archived: row.archived === 1,
  };
}

type AnswerColumns = Pick<Row, 'data' | 'error' | 'as_of' | 'source'>;

/** An answer as the columns that hold it. */
export const columnsOf = ({ data, error, as_of, source }: Row): AnswerColumns => ({ data, error, as_of, source });

export function answerColumns(answer: Answer | null): AnswerColumns {
  const none = { data: null, error: null, as_of: null, source: null };
  if (answer === null) return none;
  if ('error' in answer) return { ...none, error: JSON.stringify(answer.error) };
  const { dataJson, origin } = answer;
  return { ...none, data: dataJson, as_of: origin?.asOf ?? null, source: origin?.source ?? null };
}

/** The same bytes, not a copy. */
export const bytesOf = (raw: Uint8Array | null): Buffer | null =>
  raw === null || Buffer.isBuffer(raw) ? raw : Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);

export interface StrayRow {
  readonly receipt: string;
  readonly raw: Buffer | null;
  readonly received_at: number;
  readonly claimed_as: string;
  readonly response_path: string;
  readonly response_text: string;
  readonly archive_path: string;
}

export const strayOf = (row: StrayRow): Stray => ({
  receipt: row.receipt,
  raw: row.raw,
  receivedAt: trusted<Micros>(row.received_at),
  claimedAs: row.claimed_as,
  responsePath: row.response_path,
  responseText: row.response_text,
  archivePath: row.archive_path,
});
