import { charWidth, isMark } from './width.js';

const SEQUENCE = /\x1b\[[0-9;]*m/y;

/**
 * Splits text into what must not be cut: `{ kind: 'style', text, width: 0 }` for a style sequence,
 * `{ kind: 'char', text, width }` for a character with its combining marks.
 */
export function* tokens(text) {
  let pending = null;
  let at = 0;
  while (at < text.length) {
    SEQUENCE.lastIndex = at;
    const found = SEQUENCE.exec(text);
    if (found !== null) {
      if (pending !== null) yield pending;
      pending = null;
      yield { kind: 'style', text: found[0], width: 0 };
      at = SEQUENCE.lastIndex;
      continue;
    }
    const char = String.fromCodePoint(text.codePointAt(at));
    at += char.length;
    if (pending !== null && isMark(char)) {
      pending = { ...pending, text: pending.text + char };
      continue;
    }
    if (pending !== null) yield pending;
    pending = { kind: 'char', text: char, width: charWidth(char) };
  }
  if (pending !== null) yield pending;
}

/** The text without its style sequences. */
export function stripStyles(text) {
  return text.replace(/\x1b\[[0-9;]*m/g, '');
}
