import { PointerError } from './errors.js';

/** The tokens of a JSON Pointer (RFC 6901). */
export function parsePointer(pointer) {
  if (pointer === '') return [];
  if (typeof pointer !== 'string' || pointer[0] !== '/') {
    throw new PointerError(String(pointer), 'a pointer is empty or starts with "/"');
  }
  return pointer
    .slice(1)
    .split('/')
    .map((token) => token.replace(/~1/g, '/').replace(/~0/g, '~'));
}

export function formatPointer(tokens) {
  return tokens.map((token) => `/${String(token).replace(/~/g, '~0').replace(/\//g, '~1')}`).join('');
}

export function isPrefix(prefix, tokens) {
  return prefix.length <= tokens.length && prefix.every((token, index) => token === tokens[index]);
}

/** The index that a token means in an array; `limit` is the largest that is allowed. */
export function arrayIndex(token, limit, tokens) {
  if (!/^(0|[1-9][0-9]*)$/.test(token)) throw new PointerError(formatPointer(tokens), 'not an array index');
  const index = Number(token);
  if (index > limit) throw new PointerError(formatPointer(tokens), 'index out of range');
  return index;
}
