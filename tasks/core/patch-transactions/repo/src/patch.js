import { Draft } from './draft.js';
import { PatchError } from './errors.js';
import { perform } from './operations.js';

/** Carries out a patch on a draft. Throws PatchError. */
export function performAll(draft, patch) {
  patch.forEach((operation, index) => {
    try {
      perform(draft, operation);
    } catch (error) {
      throw new PatchError(index, operation, error);
    }
  });
}

/** The patched document; the given one stays as it is. */
export function applyPatch(document, patch) {
  const draft = new Draft(document);
  performAll(draft, patch);
  return draft.root;
}
