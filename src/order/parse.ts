/**
 * From bytes to a Request: the only maker of requests. Pure. Every problem of a file is found at once; what is accepted means
 * exactly what the agent wrote, or the file is refused. Must never throw on any input.
 */
import { isoMicros, type Micros } from '../lib/clock.ts';
import { clipped, isJsonObject, type JsonObject, parseLossless, stringifyLossless } from '../lib/json.ts';
import { type ErrorCode, type OrderError, type Problem, problemsError } from './errors.ts';
import { meta, object, repeated, requestOrderId, time } from './fields.ts';
import { form, readForm } from './form.ts';
import { foreignCharacter } from './hint.ts';
import { type JsonProblem, parseStrict } from './json-strict.ts';
import type { OrderName } from './name.ts';
import { PAYLOADS } from './payloads.ts';
import type { Envelope, Request } from './request.ts';
import { splitSignature } from './signature.ts';
import { fromRfc3339 } from './time.ts';

export const FILE_BYTES = 65_536;

export type ParseResult =
  | { readonly ok: true; readonly request: Request }
  | {
      readonly ok: false;
      readonly error: OrderError;
      /** The agent's own reference, where it can be read: the answer to a bad file echoes it, too. */
      readonly requestOrderId: string | null;
    };

export interface ParseInput {
  readonly fileName: OrderName;
  readonly bytes: Uint8Array;
  readonly receivedAt: Micros;
}

export const envelopeForm = form({
  agent_id: repeated('the agent id of the file name'),
  client_order_id: repeated('`{agentid}_{timestamp}_{ordertype}` of the file name'),
  order_type: repeated('the order type of the file name'),
  mode: repeated('the mode of the file name'),
  payload: object,
  request_order_id: requestOrderId.optional(),
  send_by: time('send_by').optional(),
  meta: meta.optional(),
});

/** `fileName` is what `parseName` made; `receivedAt` is the wall clock when the file was taken. */
export function parse({ fileName: name, bytes, receivedAt }: ParseInput): ParseResult {
  const unread = wrongSize(bytes);
  if (unread !== null) return { ok: false, error: unread, requestOrderId: null };
  const json = parseStrict(splitSignature(bytes).body);
  if (!json.ok) return { ok: false, error: jsonError(json.problem), requestOrderId: null };
  const raw = json.value;
  const payload = PAYLOADS[name.type];
  const problems: Problem[] = [];
  const fields = readForm(envelopeForm, raw, '', problems, (field) =>
    Object.hasOwn(payload.form.schema.shape, field) ? `${field} belongs inside payload` : null,
  );
  compareWithName(raw, name, problems);
  checkDeadline(raw, receivedAt, problems);
  const envelope: Envelope = {
    name,
    mode: name.mode,
    agent: name.agent,
    clientOrderId: name.clientOrderId,
    requestOrderId: fields?.request_order_id ?? null,
    sendBy: fields?.send_by?.at ?? null,
    metaJson: fields?.meta ?? null,
  };
  // The payload is read even if the envelope is wrong, so that all problems are told at once.
  const request = isJsonObject(raw['payload']) ? payload.read(raw['payload'], envelope, problems) : null;
  if (request !== null && problems.length === 0) return { ok: true, request };
  return { ok: false, error: problemsError(problems), requestOrderId: referenceOf(raw) };
}

function referenceOf(envelope: JsonObject): string | null {
  const reference = requestOrderId.safeParse(envelope['request_order_id']);
  return reference.success ? reference.data : null;
}

/**
 * Text that is equal for two requests exactly when they ask for the same: spelling of numbers, order of keys and
 * defaults left out make no difference.
 */
export function contentOf(request: Request): string {
  const { name, metaJson, ...content } = request;
  const meta = metaJson === null ? {} : parseLossless(metaJson);
  const sorted = isJsonObject(meta) ? Object.entries(meta).sort(([a], [b]) => (a < b ? -1 : 1)) : [];
  return JSON.stringify({ stem: name.stem, ...content, meta: sorted });
}

/** Whether the bytes are a whole order file, may become one, or can never be one. For the watcher of the folder. */
export function completeness(bytes: Uint8Array, mustBeSigned = false): 'whole' | 'incomplete' | 'wrong' {
  if (bytes.length > FILE_BYTES) return 'wrong';
  const { body, signature } = splitSignature(bytes);
  const json = parseStrict(body);
  if (json.ok) return mustBeSigned && signature === null ? 'incomplete' : 'whole';
  return json.problem.incomplete ? 'incomplete' : 'wrong';
}

function wrongSize(bytes: Uint8Array): OrderError | null {
  const grouped = (value: number): string => value.toLocaleString('en-US');
  if (bytes.length === 0)
    return fileError('file_empty', 'the file is empty', null, 'write one JSON object, then rename into place');
  if (bytes.length <= FILE_BYTES) return null;
  const message = `the file has ${grouped(bytes.length)} bytes; limit ${grouped(FILE_BYTES)}`;
  return fileError('file_too_large', message, null, 'one request per file; keep meta small');
}

/** An error of the file as a whole, in the same shape as errors of its fields. */
function fileError(
  code: ErrorCode,
  message: string,
  field: string | null,
  hint: string,
  more: object = {},
): OrderError {
  return problemsError([{ code, field, message, got: null, allowed: null, hint }], { ...more });
}

const jsonError = ({ code, message, hint, at, field }: JsonProblem): OrderError =>
  fileError(code, message, field, hint, { at });

function compareWithName(envelope: JsonObject, name: OrderName, problems: Problem[]): void {
  const check = (code: Problem['code'], field: string, expected: string): void => {
    const found = envelope[field];
    // Missing or of another type: the form has told.
    if (typeof found !== 'string' || found === expected) return;
    const message = `${field} must be ${expected} as in the file name`;
    problems.push({ code, field, message, got: clipped(found), allowed: expected, hint: foreignCharacter(found) });
  };
  check('mode_mismatch', 'mode', name.mode);
  check('agent_mismatch', 'agent_id', name.agent);
  check('order_type_mismatch', 'order_type', name.type);
  check('client_order_id_mismatch', 'client_order_id', name.clientOrderId);
}

function checkDeadline(envelope: JsonObject, receivedAt: Micros, problems: Problem[]): void {
  const found = envelope['send_by'];
  const at = typeof found === 'string' ? fromRfc3339(found) : null;
  if (typeof found !== 'string' || at === null || at > receivedAt) return;
  const message = `send_by ${found} is past; received ${isoMicros(receivedAt)}`;
  problems.push({ code: 'send_by', field: 'send_by', message, got: found, allowed: 'a later time', hint: null });
}

/** The `meta` of a file that was taken, as JSON text with every digit; null for none. */
export function metaOf(bytes: Uint8Array): string | null {
  const json = parseStrict(splitSignature(bytes).body);
  const given = json.ok ? json.value['meta'] : undefined;
  return given === undefined ? null : stringifyLossless(given);
}
