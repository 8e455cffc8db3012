/** An order's error in words for a person at a terminal. Must never show a value in a way that commands the terminal. */
import type { OrderError, Problem } from '../order/errors.ts';
import { plain } from './context.ts';

type Shown = Pick<Problem, 'code' | 'field' | 'message' | 'got' | 'allowed' | 'hint'>;

/** One line for every problem of the error: field, what is wrong, what was found, what is allowed, what to do. */
export const errorLines = (error: OrderError): readonly string[] =>
  problemsOf(error).map(({ code, field, message, got, allowed, hint }) => {
    const where = field === null ? '' : `${plain(field)}: `;
    const found = got === null ? '' : `; found ${plain(got)}`;
    const rule = allowed === null ? '' : `; allowed: ${plain(allowed)}`;
    const remedy = hint === null ? '' : `. ${plain(hint)}`;
    return `  ${where}${plain(message)}${found}${rule}${remedy} [${code}]`;
  });

/** The problems of a file, or the error itself where there is only one thing to say. */
export function problemsOf(error: OrderError): readonly Shown[] {
  const listed = error.details['problems'] as readonly Problem[] | undefined;
  if (listed !== undefined && listed.length > 0) return listed;
  const { field, got, allowed, hint } = error.details;
  return [{ code: error.code as Problem['code'], field, message: error.message, got, allowed, hint }];
}
