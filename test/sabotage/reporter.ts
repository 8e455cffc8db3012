/** A reporter for one run: a line for each failed test with what it said, and the number that passed. Must never guess. */
import type { TestEvent } from 'node:test/reporters';

export default async function* reporter(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  let passed = 0;
  for await (const { type, data } of events) {
    if (type === 'test:pass' && data.details.type !== 'suite') passed++;
    if (type !== 'test:fail' || data.details.type === 'suite') continue;
    const { cause, message } = data.details.error;
    const said = cause instanceof Error ? cause.message : message;
    yield `FAILED ${data.name}: ${said.replace(/\s+/g, ' ').slice(0, 300)}\n`;
  }
  yield `PASSED ${passed}\n`;
}
