import { PointerError } from './errors.js';
import { arrayIndex, formatPointer } from './pointer.js';

const isContainer = (value) => typeof value === 'object' && value !== null;

function sameTokens(a, b) {
  return a.length === b.length && a.every((token, index) => token === b[index]);
}

function child(node, tokens, depth) {
  const token = tokens[depth];
  if (Array.isArray(node)) return node[arrayIndex(token, node.length - 1, tokens)];
  if (isContainer(node) && Object.hasOwn(node, token)) return node[token];
  throw new PointerError(formatPointer(tokens), 'there is nothing there');
}

/**
 * A document that is being changed. Containers are copied the first time they are written to; the
 * copies are our own, and written to directly from then on.
 */
export class Draft {
  constructor(root) {
    this.own = new WeakSet();
    this.root = root;
  }

  get root() {
    return this.document;
  }

  set root(value) {
    this.document = value;
    this.cursor = null;
  }

  /** The value at a place. */
  get(tokens) {
    let node = this.root;
    tokens.forEach((_, depth) => {
      node = child(node, tokens, depth);
    });
    return node;
  }

  /** The node itself where it is our own, else a copy that is. */
  writable(node) {
    if (this.own.has(node)) return node;
    const copy = Array.isArray(node) ? [...node] : { ...node };
    this.own.add(copy);
    return copy;
  }

  /** The container at a place, ready to be written to. */
  container(tokens) {
    // Patches tend to work on one place for a while, so the walk down to it is kept.
    if (this.cursor !== null && sameTokens(this.cursor.tokens, tokens)) return this.cursor.node;
    if (!isContainer(this.get(tokens))) {
      throw new PointerError(formatPointer(tokens), 'not an object or array');
    }
    let node = this.writable(this.root);
    this.root = node;
    tokens.forEach((token, depth) => {
      const next = this.writable(child(node, tokens, depth));
      node[token] = next;
      node = next;
    });
    this.cursor = { tokens, node };
    return node;
  }

  /** Puts a value where nothing is, or where an object has one already. */
  add(tokens, value) {
    if (tokens.length === 0) {
      this.root = value;
      return;
    }
    const key = tokens.at(-1);
    const node = this.container(tokens.slice(0, -1));
    if (!Array.isArray(node)) node[key] = value;
    else if (key === '-') node.push(value);
    else node.splice(arrayIndex(key, node.length, tokens), 0, value);
  }

  /** Puts a value in the place of another one. */
  replace(tokens, value) {
    this.get(tokens);
    if (tokens.length === 0) this.root = value;
    else this.container(tokens.slice(0, -1))[tokens.at(-1)] = value;
  }

  /** Takes a value out and returns it. */
  remove(tokens) {
    const value = this.get(tokens);
    if (tokens.length === 0) throw new PointerError('', 'cannot be removed');
    const node = this.container(tokens.slice(0, -1));
    if (Array.isArray(node)) node.splice(Number(tokens.at(-1)), 1);
    else delete node[tokens.at(-1)];
    return value;
  }
}
