/** A pointer that is malformed or leads nowhere. */
export class PointerError extends Error {
  constructor(pointer, reason) {
    super(`${pointer === '' ? 'the root' : pointer}: ${reason}`);
    this.name = 'PointerError';
    this.pointer = pointer;
  }
}

/** A patch that cannot be applied; `index` is that of the operation. */
export class PatchError extends Error {
  constructor(index, operation, cause) {
    super(`operation ${index} (${operation?.op}): ${cause.message}`, { cause });
    this.name = 'PatchError';
    this.index = index;
  }
}
