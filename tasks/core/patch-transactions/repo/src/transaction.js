import { Draft } from './draft.js';
import { performAll } from './patch.js';
import { parsePointer } from './pointer.js';

/** Changes to a document that come into force together. */
export class Transaction {
  constructor(document) {
    this.draft = new Draft(document);
    this.savepoints = [];
    this.isOpen = true;
  }

  requireOpen() {
    if (!this.isOpen) throw new Error('the transaction is over');
  }

  /** Applies a patch, or throws PatchError and leaves the transaction as it was. */
  apply(patch) {
    this.requireOpen();
    const before = this.draft.root;
    try {
      performAll(this.draft, patch);
    } catch (error) {
      this.draft.root = before;
      throw error;
    }
  }

  /** The value at a pointer. */
  get(pointer) {
    this.requireOpen();
    return this.draft.get(parsePointer(pointer));
  }

  /** Marks the present state, to come back to. */
  savepoint() {
    this.requireOpen();
    const savepoint = Object.freeze({ document: this.draft.root });
    this.savepoints.push(savepoint);
    return savepoint;
  }

  /** Goes back to a savepoint; those taken after it are gone. */
  rollback(savepoint) {
    this.requireOpen();
    const index = this.savepoints.indexOf(savepoint);
    if (index === -1) throw new Error('no such savepoint in this transaction');
    this.savepoints.length = index + 1;
    this.draft.root = savepoint.document;
  }

  /** Ends the transaction and returns its document. */
  finish() {
    this.requireOpen();
    this.isOpen = false;
    return this.draft.root;
  }
}
