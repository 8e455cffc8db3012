/**
 * Bytes to text, for UTF-8 alone: whatever else it is gets named. Must never replace a byte by a character that was not written.
 */

/** Why bytes are no UTF-8 text. */
export interface NotUtf8 {
  readonly wrong: string;
  /** What would be right. */
  readonly hint: string;
  /** The first byte that is wrong, counted from 0. */
  readonly byte: number;
  /** The text with U+FFFD at its end, when nothing is wrong but that the last character is cut off; null otherwise. */
  readonly cut: string | null;
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Never throws. */
export function decodeUtf8(bytes: Uint8Array): { readonly text: string } | NotUtf8 {
  const foreign = foreignEncoding(bytes);
  if (foreign !== null) return { wrong: foreign[0], hint: foreign[1], byte: 0, cut: null };
  try {
    return { text: strict.decode(bytes) };
  } catch {
    return notUtf8(bytes);
  }
}

/** What the first bytes give away: what is wrong, and what would be right. */
function foreignEncoding(bytes: Uint8Array): readonly [wrong: string, hint: string] | null {
  const [a, b, c] = bytes;
  if (a === 0xef && b === 0xbb && c === 0xbf)
    return ['the file starts with a byte order mark', 'write UTF-8 without it'];
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) return ['UTF-16 byte order mark found', 'write UTF-8'];
  if ((a !== undefined && a !== 0 && b === 0) || (a === 0 && b !== undefined && b !== 0)) {
    return ['this looks like UTF-16 without a byte order mark', 'write UTF-8'];
  }
  if (a === 0x1f && b === 0x8b) return ['the file starts with 1f 8b (gzip)', 'write plain JSON text, not compressed'];
  return null;
}

function notUtf8(bytes: Uint8Array): NotUtf8 {
  const decodes = (length: number): boolean => {
    try {
      new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, length), { stream: true });
      return true;
    } catch {
      return false;
    }
  };
  const isCut = decodes(bytes.length);
  // Decodable prefixes form a run from 0, so the first bad byte is found by halving.
  let good = 0;
  let bad = bytes.length;
  while (!isCut && bad - good > 1) {
    const middle = (good + bad) >>> 1;
    if (decodes(middle)) good = middle;
    else bad = middle;
  }
  const byte = isCut ? startOfLast(bytes) : good;
  const cut = isCut ? new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes) : null;
  return { wrong: `byte ${byte} is not UTF-8`, hint: 'write UTF-8 text', byte, cut };
}

/** Where the last character begins. */
function startOfLast(bytes: Uint8Array): number {
  let at = bytes.length - 1;
  while (at > 0 && ((bytes[at] ?? 0) & 0xc0) === 0x80) at -= 1;
  return at;
}
