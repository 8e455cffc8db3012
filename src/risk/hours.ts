/** Times of day in New York. Pure: the moment is passed in. Must never depend on the machine's own zone. */
const NEW_YORK = new Intl.DateTimeFormat('en-US', {
  timeZone: 'America/New_York',
  weekday: 'short',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});

/** Whether `now` (microseconds) lies in `HH:MM-HH:MM` of a weekday; a span that ends before it begins goes over midnight. */
export function isOpenAt(span: string, now: number): boolean {
  const parts = Object.fromEntries(
    NEW_YORK.formatToParts(Math.floor(now / 1000)).map(({ type, value }) => [type, value]),
  );
  if (parts['weekday'] === 'Sat' || parts['weekday'] === 'Sun') return false;
  const time = `${parts['hour']}:${parts['minute']}`;
  const [from = '', to = ''] = span.split('-');
  return from <= to ? time >= from && time < to : time >= from || time < to;
}
