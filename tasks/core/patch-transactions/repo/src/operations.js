import { equal } from './equal.js';
import { PointerError } from './errors.js';
import { isPrefix, parsePointer } from './pointer.js';

function valueOf(operation) {
  if (operation.value === undefined) throw new TypeError('it has no value');
  return operation.value;
}

function move(draft, operation) {
  const from = parsePointer(operation.from);
  const path = parsePointer(operation.path);
  if (isPrefix(from, path)) {
    if (from.length === path.length) {
      draft.get(from);
      return;
    }
    throw new PointerError(operation.path, `lies inside ${operation.from}`);
  }
  draft.add(path, draft.remove(from));
}

const OPERATIONS = {
  add: (draft, operation) => draft.add(parsePointer(operation.path), valueOf(operation)),
  remove: (draft, operation) => draft.remove(parsePointer(operation.path)),
  replace: (draft, operation) => draft.replace(parsePointer(operation.path), valueOf(operation)),
  move,
  copy: (draft, operation) => {
    const value = draft.get(parsePointer(operation.from));
    draft.add(parsePointer(operation.path), value);
  },
  test: (draft, operation) => {
    if (!equal(draft.get(parsePointer(operation.path)), valueOf(operation))) {
      throw new PointerError(operation.path, 'has another value');
    }
  },
};

/** Carries out one operation of a patch. */
export function perform(draft, operation) {
  if (!Object.hasOwn(OPERATIONS, operation?.op)) throw new TypeError('there is no such operation');
  OPERATIONS[operation.op](draft, operation);
}
