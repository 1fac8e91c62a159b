export { createStore } from './store.js';
export { applyPatch } from './patch.js';
export { PatchError, PointerError } from './errors.js';
export { parsePointer, formatPointer } from './pointer.js';
