/**
 * Forms: one declarative description of an object in an order file, from which its reading, the hints of its refusals and
 * its documentation come. A form finds every problem at once. It must never change a value to make it fit.
 */
import * as z from 'zod';
import { clipped, isJsonObject, JsonNumber, type JsonObject, type JsonValue, SECRETIVE } from '../lib/json.ts';
import type { ErrorCode, Problem } from './errors.ts';
import { foreignCharacter, nearest } from './hint.ts';

/** Why a value is refused; `says` follows the field's name in the message (`must be > 0`). */
export class Refusal {
  readonly code: ErrorCode;
  readonly says: string;
  readonly hint: string | null;
  constructor(code: ErrorCode, says: string, hint: string | null = null) {
    this.code = code;
    this.says = says;
    this.hint = hint;
  }
}

/** What the documentation says of a field; also its JSON Schema where zod cannot know it. */
export interface FieldMeta {
  /** The rule in a few words: the documentation's and, as `allowed`, the refusal's. */
  readonly description: string;
  readonly [jsonSchema: string]: unknown;
}

/**
 * A field with a value of its own: `read` checks and converts in one step, so nothing unchecked has the checked type.
 * `missing` is the code when a required field is absent.
 */
export function leaf<T>(
  meta: FieldMeta,
  read: (raw: JsonValue) => T | Refusal,
  missing: ErrorCode = 'field_missing',
): z.ZodType<T, unknown> {
  const allowed = meta.description.replaceAll('`', '');
  return z
    .unknown()
    .transform((raw, context): T => {
      const value = raw === undefined ? new Refusal(missing, 'is required') : read(raw as JsonValue);
      if (!(value instanceof Refusal)) return value;
      context.issues.push({ code: 'custom', input: raw, params: { refusal: value, allowed } });
      return z.NEVER;
    })
    .meta(meta);
}

/** An object inside a payload. zod alone would take a number of ours for an object. */
export const nested = <Shape extends z.ZodRawShape>(shape: Shape): NestedObject<Shape> =>
  z.preprocess((raw, context) => {
    if (raw === undefined || isJsonObject(raw as JsonValue)) return raw;
    const refusal = new Refusal('type_of_field', `must be an object, not ${typeName(raw as JsonValue)}`);
    context.issues.push({ code: 'custom', input: raw, params: { refusal, allowed: 'an object' } });
    return z.NEVER;
  }, z.strictObject(shape));
type NestedObject<Shape extends z.ZodRawShape> = z.ZodPreprocess<z.ZodObject<Shape, z.core.$strict>>;

interface RuleContext {
  /** Whether the file has the field at all, valid or not. */
  given(field: string): boolean;
  /** `field` is relative to the object (`take_profit.limit_price`); `says` follows its name in the message. */
  refuse(code: ErrorCode, field: string, says: string, more?: { allowed?: string; hint?: string }): void;
}

/** A rule over several fields. It sees only fields that are valid by themselves, so it adds to their problems, never repeats them. */
export interface Rule<Fields> {
  /** For the documentation. */
  readonly text: string;
  check(fields: Partial<Fields>, context: RuleContext): void;
}

export interface Form<Shape extends z.ZodRawShape = z.ZodRawShape> {
  readonly schema: z.ZodObject<Shape, z.core.$strict>;
  readonly rules: readonly Rule<z.output<z.ZodObject<Shape, z.core.$strict>>>[];
}
export type FieldsOf<F> = F extends Form<infer Shape> ? z.output<z.ZodObject<Shape, z.core.$strict>> : never;

export function form<Shape extends z.ZodRawShape>(
  shape: Shape,
  rules: readonly Rule<z.output<z.ZodObject<Shape, z.core.$strict>>>[] = [],
): Form<Shape> {
  return { schema: z.strictObject(shape), rules };
}

/** A form with its fields' types folded away: what a table of different forms holds. */
export interface AnyForm {
  readonly schema: z.ZodObject<z.ZodRawShape, z.core.$strict>;
  readonly rules: readonly { readonly text: string }[];
}

/** Where fields of other objects belong, for hints: field name → a sentence. */
export type Elsewhere = (field: string) => string | null;

/**
 * Reads `raw` by the form. Every problem is added to `problems`; the result is null if there was one.
 * `path` is the object's place in the file: `''` or `payload`.
 */
export function readForm<Shape extends z.ZodRawShape>(
  { schema, rules }: Form<Shape>,
  raw: JsonObject,
  path: string,
  problems: Problem[],
  elsewhere: Elsewhere = () => null,
): z.output<z.ZodObject<Shape, z.core.$strict>> | null {
  type Fields = z.output<z.ZodObject<Shape, z.core.$strict>>;
  const before = problems.length;
  const parsed = schema.safeParse(raw);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) problems.push(...toProblems(issue, schema, raw, path, elsewhere));
  }
  const fields: Partial<Fields> = parsed.success ? parsed.data : validFields(schema, raw);
  const context: RuleContext = {
    given: (field) => raw[field] !== undefined,
    refuse(code, field, says, more = {}) {
      const found = valueAt(raw, field.split(/[.[\]]+/).filter(Boolean));
      const got = found === undefined ? null : clipped(found);
      problems.push({
        code,
        field: join(path, field),
        message: `${field} ${says}`,
        got,
        allowed: more.allowed ?? null,
        hint: more.hint ?? null,
      });
    },
  };
  for (const rule of rules) rule.check(fields, context);
  return parsed.success && problems.length === before ? parsed.data : null;
}

/** The fields that are valid by themselves, of an object that is not. */
function validFields<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape, z.core.$strict>,
  raw: JsonObject,
): Partial<z.output<z.ZodObject<Shape, z.core.$strict>>> {
  const valid: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(schema.shape)) {
    if (raw[name] === undefined) continue;
    const parsed = z.safeParse(field, raw[name]);
    if (parsed.success) valid[name] = parsed.data;
  }
  return valid as Partial<z.output<z.ZodObject<Shape, z.core.$strict>>>;
}

function toProblems(
  issue: z.core.$ZodIssue,
  schema: z.ZodType,
  raw: JsonObject,
  path: string,
  elsewhere: Elsewhere,
): Problem[] {
  const place = issue.path.reduce<string>(
    (so, step) => (typeof step === 'number' ? `${so}[${step}]` : join(so, String(step))),
    '',
  );
  if (issue.code === 'unrecognized_keys') {
    const object = schemaAt(schema, issue.path);
    const known = object instanceof z.ZodObject ? Object.keys(object.shape) : [];
    return issue.keys.map((key) =>
      unknownField(key, known, valueAt(raw, [...issue.path, key]), join(path, place), elsewhere),
    );
  }
  const found = valueAt(raw, issue.path);
  const problem = (code: ErrorCode, says: string, allowed: string, hint: string | null): Problem[] => {
    const got = found === undefined ? null : clipped(found);
    return [{ code, field: join(path, place), message: `${place} ${says}`, got, allowed, hint }];
  };
  if (issue.code === 'custom' && issue.params?.['refusal'] instanceof Refusal) {
    const { code, says, hint } = issue.params['refusal'];
    return problem(code, says, String(issue.params['allowed']), hint);
  }
  const allowed = issue.code === 'invalid_type' ? `an ${issue.expected}` : issue.message;
  if (found === undefined) return problem('field_missing', 'is required', allowed, null);
  return problem('type_of_field', `must be ${allowed}, not ${typeName(found)}`, allowed, null);
}

/** What would be a secret or point the tower elsewhere (SECRETIVE) is refused as such, and so is this. */
const NOT_ENABLED = 'advanced_instructions';

function unknownField(
  key: string,
  known: readonly string[],
  value: JsonValue | undefined,
  path: string,
  elsewhere: Elsewhere,
): Problem {
  const name = clipped(key);
  const field = join(path, name);
  const allowed = known.length === 0 ? 'no field' : known.join(', ');
  if (SECRETIVE.test(key) || key === NOT_ENABLED) {
    const why =
      key === NOT_ENABLED ? 'not enabled' : 'never read from an order file; its value is not kept in the answer';
    return {
      code: 'field_forbidden',
      field,
      message: `${name} is not allowed: ${why}`,
      got: null,
      allowed,
      hint: 'leave it out',
    };
  }
  const hints = [foreignCharacter(key), nearest(key, known) ?? elsewhere(key)].filter((hint) => hint !== null);
  const got = value === undefined ? null : clipped(value);
  return {
    code: 'field_unknown',
    field,
    message: `unknown field ${name}`,
    got,
    allowed,
    hint: hints.join('; ') || null,
  };
}

/** `payload` and `legs[0].side` make `payload.legs[0].side`. */
const join = (path: string, name: string): string => [path, name].filter((part) => part !== '').join('.');

function valueAt(raw: JsonValue, path: readonly PropertyKey[]): JsonValue | undefined {
  let value: JsonValue | undefined = raw;
  for (const step of path) {
    if (Array.isArray(value)) value = value[Number(step)];
    else if (isJsonObject(value)) value = value[String(step)];
    else return undefined;
  }
  return value;
}

function schemaAt(schema: z.ZodType, path: readonly PropertyKey[]): z.core.$ZodType {
  let at: z.core.$ZodType = schema;
  for (const step of path) {
    const inner = unwrapped(at);
    if (inner instanceof z.ZodObject) at = inner.shape[String(step)] ?? inner;
    else if (inner instanceof z.ZodArray) at = inner.element;
  }
  return unwrapped(at);
}

/** The schema behind `optional` and `nested`. */
export function unwrapped(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodOptional) return unwrapped(schema.unwrap());
  return schema instanceof z.ZodPipe && schema.out instanceof z.ZodObject ? schema.out : schema;
}

/** `a number`, `null`, `an object`: for messages. */
export function typeName(value: JsonValue): string {
  if (value === null) return 'null';
  if (value instanceof JsonNumber) return 'a number';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
